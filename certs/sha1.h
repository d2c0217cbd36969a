/*
 * SHA-1, for the one format that asks for it as a checksum (java_store.c). No signature is made or
 * believed with it. Private to certs/.
 */
#ifndef SALLYPORT_CERTS_SHA1_H
#define SALLYPORT_CERTS_SHA1_H

#include <stddef.h>

struct sha1_piece {
	const void *data;
	size_t n;
};

/* Of all pieces, one behind the other. 0, or another value when the hash is not built in. */
int certs_sha1(const struct sha1_piece *pieces, size_t n, unsigned char ret_digest[20]);

#endif
