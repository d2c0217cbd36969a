/*
 * SHA-256 by libcrypto. Its older calls: they allocate nothing, and this is done for every record.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "audit/sha256.h"

#include <openssl/sha.h>

bool sha256_parts(unsigned char first, const void *a, size_t a_len, const void *b, size_t b_len,
	unsigned char ret_hash[32])
{
	SHA256_CTX sha;

	return SHA256_Init(&sha) == 1 && SHA256_Update(&sha, &first, 1) == 1 &&
	       SHA256_Update(&sha, a, a_len) == 1 && SHA256_Update(&sha, b, b_len) == 1 &&
	       SHA256_Final(ret_hash, &sha) == 1;
}
