/*
 * SHA-256 piece by piece by libcrypto, which uses what the processor has for it. Fails only when
 * the hash is not built in.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "certs/certs.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/sha.h>

struct certs_hash {
	SHA256_CTX sha;
};

struct certs_hash *certs_hash_create(void)
{
	struct certs_hash *hash = malloc(sizeof(*hash));

	if (hash != NULL) {
		if (SHA256_Init(&hash->sha) != 1) {
			abort();
		}
	}
	return hash;
}

void certs_hash_add(struct certs_hash *hash, const void *data, size_t len)
{
	if (SHA256_Update(&hash->sha, data, len) != 1) {
		abort();
	}
}

void certs_hash_finish(struct certs_hash *hash, char ret_hex[65])
{
	unsigned char digest[32];

	if (SHA256_Final(digest, &hash->sha) != 1) {
		abort();
	}
	for (size_t i = 0; i < sizeof(digest); i++) {
		snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
	}
	free(hash);
}
