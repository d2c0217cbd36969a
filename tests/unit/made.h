/*
 * Certificates for tests, made with one thing at a time wrong with them.
 */
#ifndef SALLYPORT_TESTS_MADE_H
#define SALLYPORT_TESTS_MADE_H

#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include "certs/certs.h"

/* How one certificate departs from what is usual at its place. Zero: not at all. */
struct made_spec {
	const char *subject;
	const char *san; /* the content of the extension, or NULL */
	size_t n_san;
	int from, to;          /* days from now; 0, 0: yesterday to in 30 days */
	int path_len;          /* of a CA; 0: none given, else one more than it */
	unsigned key_usage;    /* 0: the usual */
	const char *eku;       /* content; NULL: serverAuth for leaves, none for CAs; "" none */
	const char *extension; /* OID of one more extension, with the value below */
	const char *value;
	size_t n_value;
	mbedtls_ecp_group_id curve; /* 0: P-256 */
	mbedtls_md_type_t md;       /* 0: SHA-256 */
	int version;                /* 0: 3 */
	bool is_ca;
	bool extension_critical;
	bool no_aki;
};

struct made {
	unsigned char der[2048];
	size_t n;
	mbedtls_pk_context key;
	char name[64];
};

#define MADE_SAN(text) .san = (text), .n_san = sizeof(text) - 1
#define MADE_SAN_A_EXAMPLE          \
	MADE_SAN("\x30\x0b\x82\x09" \
		 "a.example")
#define MADE_CRITICAL(oid, text) \
	.extension = (oid), .value = (text), .n_value = sizeof(text) - 1, .extension_critical = true

/* Makes and signs one; issuer NULL: by itself. Ends the program when it cannot. */
void made_create(const struct made_spec *s, struct made *issuer, struct made *out);
void made_finish(struct made *m);
/* A store with this one as its root. */
struct certs_trust *made_trust(const struct made *m);

#endif
