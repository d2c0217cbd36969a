/*
 * TLS for legs: mbedTLS between bytes that came and a buffer of bytes to go, no socket. tls.c and
 * tls_*.c are the only files of the gateway that know mbedTLS.
 *
 * To clients we are a server with minted leaves (tls_accept.c), to origins a client that believes
 * certs_trust_check alone (tls_connect.c). TLS 1.2 and 1.3, AEAD suites with forward secrecy only.
 * Sources: RFC 8446, RFC 5246, RFC 7301 (ALPN), RFC 6066 (SNI).
 */
#ifndef SALLYPORT_GATEWAY_TLS_H
#define SALLYPORT_GATEWAY_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct certs_identity;
struct certs_leaf;
struct certs_trust;
struct buffer;
struct tls;
struct tls_tickets; /* keys of the tickets given to clients: one a gateway */
struct tls_server;  /* settings of the client side: one a worker */
struct tls_client;  /* settings and remembered sessions of the upstream side: one a worker */

/*
 * Fresh keys, in memory alone, replaced every hour; tickets live as long (RFC 5077, RFC 8446
 * 4.6.1). Shared by all workers, thread-safe.
 */
int tls_tickets_create(struct tls_tickets **ret_tickets) __attribute__((warn_unused_result));
void tls_tickets_destroy(struct tls_tickets *tickets);
/* Borrows the tickets. */
int tls_server_create(struct tls_tickets *tickets, struct tls_server **ret_server)
	__attribute__((warn_unused_result));
void tls_server_destroy(struct tls_server *s);
int tls_client_create(const struct certs_trust *trust, struct tls_client **ret_client)
	__attribute__((warn_unused_result));
void tls_client_destroy(struct tls_client *c);

/*
 * wire_out is borrowed for the life of the connection. The leaf is released with it. `host` is the
 * one that was judged, copied: a ticket given for another is no ticket here.
 */
struct tls *tls_accept(
	struct tls_server *s, const char *host, struct certs_leaf *leaf, struct buffer *wire_out);
struct tls_origin {
	const char *host; /* copied; an address literal sends no SNI */
	uint16_t port;
	unsigned relax;                  /* enum certs_relax bits */
	const struct certs_trust *trust; /* NULL: the client's own */
	struct certs_identity *identity; /* shown when asked for, to an origin that was believed */
};
/*
 * A session remembered for the same origin, all of it, is resumed when the chain it began with
 * still passes. Trust and identity are borrowed for the life of the client.
 */
struct tls *tls_connect(
	struct tls_client *c, const struct tls_origin *origin, struct buffer *wire_out);
void tls_destroy(struct tls *t);

enum tls_result {
	TLS_FAILED = 0, /* tls_failure says why */
	TLS_WANT,       /* more bytes of the peer are needed: all that were fed are used */
	TLS_DONE,
	TLS_CLOSED, /* close_notify */
};
/* Bytes of the peer, borrowed until tls_handshake or tls_read says TLS_WANT, or the end. */
void tls_feed(struct tls *t, const void *data, size_t len);
/* One step of the handshake. For origins TLS_DONE means: and certs_trust_check passed. */
enum tls_result tls_handshake(struct tls *t);
/* Decrypts into buf; TLS_DONE with *ret_len > 0, TLS_WANT, TLS_CLOSED or TLS_FAILED. */
enum tls_result tls_read(struct tls *t, void *buf, size_t size, size_t *ret_len);
/* Nothing that was fed is left, encrypted or decrypted, but for the beginning of a record. */
bool tls_is_dry(const struct tls *t);
/* Encrypts all of it into wire_out. */
enum tls_result tls_write(struct tls *t, const void *data, size_t len);
void tls_close_notify(struct tls *t);

struct tls_facts {
	const char *version, *cipher, *alpn; /* NULL when there is none */
	char peer_sha256[65];                /* "" when there is none */
	bool resumed; /* without a certificate: peer_sha256 is of the full handshake */
};
void tls_facts(const struct tls *t, struct tls_facts *ret_facts);
bool tls_was_resumed(const struct tls *t);
/* Why it failed: a word for the record ("expired", "alert", "protocol") and a sentence. */
const char *tls_failure_word(const struct tls *t);
const char *tls_failure(const struct tls *t);

#endif
