/*
 * SHA-256 by mbedTLS, in plain C.
 */
#include "audit/sha256.h"

#include <mbedtls/sha256.h>

bool sha256_parts(unsigned char first, const void *a, size_t a_len, const void *b, size_t b_len,
	unsigned char ret_hash[32])
{
	mbedtls_sha256_context sha;
	bool done;

	mbedtls_sha256_init(&sha);
	done = mbedtls_sha256_starts(&sha, 0) == 0 && mbedtls_sha256_update(&sha, &first, 1) == 0 &&
	       mbedtls_sha256_update(&sha, a, a_len) == 0 &&
	       mbedtls_sha256_update(&sha, b, b_len) == 0 &&
	       mbedtls_sha256_finish(&sha, ret_hash) == 0;
	mbedtls_sha256_free(&sha);
	return done;
}
