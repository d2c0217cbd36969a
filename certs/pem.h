/*
 * Certificates in a PEM text, one after the other (RFC 7468). They are public, and there are
 * hundreds at each start: what decodes them need not hide its timing, and must not take it.
 */
#ifndef SALLYPORT_CERTS_PEM_H
#define SALLYPORT_CERTS_PEM_H

#include <stddef.h>

enum pem_found { PEM_NONE = 0, PEM_CERTIFICATE, PEM_BROKEN };

struct pem_reader {
	const char *at;     /* borrowed: what is not read yet, NUL-terminated */
	unsigned char *der; /* owned: the last certificate */
	size_t n, size;
};

/*
 * The next one. PEM_BROKEN: it has no end, or is no base64; it was passed over. CERTS_EMEMORY
 * (negative) when there is none for it.
 */
int pem_next(struct pem_reader *r);
void pem_finish(struct pem_reader *r);

/* public_libcrypto.c, public_mbedtls.c: `out` has room for 3/4 of n. -1: no base64. */
long pem_base64(const char *text, size_t n, unsigned char *out);

#endif
