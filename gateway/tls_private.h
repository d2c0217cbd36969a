/*
 * What tls.c, tls_accept.c and tls_connect.c share, and nobody else sees.
 */
#ifndef SALLYPORT_GATEWAY_TLS_PRIVATE_H
#define SALLYPORT_GATEWAY_TLS_PRIVATE_H

#include "certs/certs.h"
#include "gateway/tls.h"

#include <mbedtls/ssl.h>

struct tls {
	mbedtls_ssl_context ssl;
	struct evbuffer *wire_in, *wire_out; /* borrowed */
	bool done;

	struct certs_leaf *leaf; /* owned; to clients */

	const struct certs_trust *trust; /* borrowed; to origins */
	char host[256];
	unsigned relax;

	char peer_sha256[65];
	const char *failure_word;
	char failure[256];
};

/* AEAD with ephemeral key exchange, TLS 1.3 first; 0-terminated. */
extern const int tls_ciphersuites[];

/* What both sides have in common: versions, suites, randomness, ALPN http/1.1. */
int tls_config_init(mbedtls_ssl_config *config, int endpoint) __attribute__((warn_unused_result));
/* Allocates, sets up the ssl context and its buffers. NULL when memory is out. */
struct tls *tls_create(
	const mbedtls_ssl_config *config, struct evbuffer *wire_in, struct evbuffer *wire_out);
enum tls_result tls_fail(struct tls *t, const char *word, int error);

#endif
