/*
 * What tls.c, tls_accept.c and tls_connect.c share, and nobody else sees.
 */
#ifndef SALLYPORT_GATEWAY_TLS_PRIVATE_H
#define SALLYPORT_GATEWAY_TLS_PRIVATE_H

#include "certs/certs.h"
#include "gateway/tls.h"

#include <mbedtls/ssl.h>
#include <time.h>

struct tls_presented;
struct tls_sessions;

enum { TLS_MASTER_TAG = 8 };

struct tls {
	mbedtls_ssl_context ssl;
	const unsigned char *fed; /* borrowed: what came and is not yet read, */
	size_t n_fed;             /* which mbedTLS takes piece by piece */
	bool starved;             /* it asked for more than there was */
	struct buffer *wire_out;  /* borrowed */
	bool done;

	/* to clients */
	struct certs_leaf *leaf;   /* owned */
	struct tls_server *server; /* borrowed */

	/* to origins */
	const struct certs_trust *trust; /* borrowed */
	struct certs_identity *identity; /* borrowed */
	unsigned relax;
	uint16_t port;
	struct tls_sessions *sessions;   /* borrowed */
	struct tls_presented *presented; /* one hold; NULL until a session is offered or kept */
	time_t judged;                   /* when the full handshake's certificate was; 0: not yet */
	bool master_known;
	unsigned char master[TLS_MASTER_TAG], offered_master[TLS_MASTER_TAG]; /* TLS 1.2 */
	unsigned kept;

	char host[256]; /* the one that was judged */
	bool resumed;
	char peer_sha256[65];
	const char *failure_word;
	char failure[256];
};

/* AEAD with ephemeral key exchange, TLS 1.3 first; 0-terminated. */
extern const int tls_ciphersuites[];

/* What both sides have in common: versions, suites, randomness, ALPN http/1.1. */
int tls_config_init(mbedtls_ssl_config *config, int endpoint) __attribute__((warn_unused_result));
/* Allocates, sets up the ssl context and its buffers. NULL when memory is out. */
struct tls *tls_create(const mbedtls_ssl_config *config, struct buffer *wire_out);
enum tls_result tls_fail(struct tls *t, const char *word, int error);
/* The origin's chain, judged. Anything but TLS_DONE is a failure that is told. */
enum tls_result tls_judge(struct tls *t, const mbedtls_x509_crt *chain);
/* tls_accept.c: whose handshake goes on, for callbacks that are told no more than the settings. */
void tls_server_turn(struct tls_server *s, struct tls *t);

/* ---- tls_tickets.c: tickets that hold for one host and version alone ---- */

int tls_ticket_write(struct tls_tickets *tickets, const struct tls *t,
	const mbedtls_ssl_session *session, unsigned char *start, const unsigned char *end,
	size_t *ret_len, uint32_t *ret_lifetime);
int tls_ticket_parse(struct tls_tickets *tickets, const struct tls *t, mbedtls_ssl_session *session,
	unsigned char *buf, size_t len);

/* ---- tls_sessions.c: sessions with origins, remembered with the chain they began with ---- */

struct tls_sessions *tls_sessions_create(void);
void tls_sessions_destroy(struct tls_sessions *s);
/*
 * Offers the newest session of the same host, port, trust and relaxed checks to the handshake that
 * begins, if the chain that was believed then passes now too. No session is offered twice.
 */
void tls_sessions_offer(struct tls_sessions *s, struct tls *t);
/* Is the handshake that ended one of the offered session? Else what was offered is forgotten. */
bool tls_sessions_was_resumed(struct tls *t);
/* Remembers the session as it is now: after a handshake (TLS 1.2) or a ticket (1.3). */
void tls_sessions_keep(struct tls *t);
void tls_presented_release(struct tls_presented *p);

#endif
