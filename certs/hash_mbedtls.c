/*
 * SHA-256 piece by piece. Fails only when the hash is not built in.
 */
#include "certs/certs.h"

#include <stdio.h>
#include <stdlib.h>

#include <mbedtls/sha256.h>

struct certs_hash {
	mbedtls_sha256_context sha;
};

struct certs_hash *certs_hash_create(void)
{
	struct certs_hash *hash = malloc(sizeof(*hash));

	if (hash != NULL) {
		mbedtls_sha256_init(&hash->sha);
		if (mbedtls_sha256_starts(&hash->sha, 0) != 0) {
			abort();
		}
	}
	return hash;
}

void certs_hash_add(struct certs_hash *hash, const void *data, size_t len)
{
	if (mbedtls_sha256_update(&hash->sha, data, len) != 0) {
		abort();
	}
}

void certs_hash_finish(struct certs_hash *hash, char ret_hex[65])
{
	unsigned char digest[32];

	if (mbedtls_sha256_finish(&hash->sha, digest) != 0) {
		abort();
	}
	for (size_t i = 0; i < sizeof(digest); i++) {
		snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
	}
	mbedtls_sha256_free(&hash->sha);
	free(hash);
}
