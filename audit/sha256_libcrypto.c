/*
 * SHA-256 by libcrypto. Its older calls: they allocate nothing, and this is done for every record.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "audit/sha256.h"

#include <openssl/sha.h>
#include <stdlib.h>

bool sha256_parts(unsigned char first, const void *a, size_t a_len, const void *b, size_t b_len,
	unsigned char ret_hash[32])
{
	SHA256_CTX sha;

	return SHA256_Init(&sha) == 1 && SHA256_Update(&sha, &first, 1) == 1 &&
	       SHA256_Update(&sha, a, a_len) == 1 && SHA256_Update(&sha, b, b_len) == 1 &&
	       SHA256_Final(ret_hash, &sha) == 1;
}

struct sha_stream {
	bool strong;
	union {
		SHA256_CTX weak;
		SHA512_CTX strong;
	} sha;
};

struct sha_stream *sha_stream_create(unsigned bits)
{
	struct sha_stream *s = malloc(sizeof(*s));

	if (s == NULL) {
		return NULL;
	}
	s->strong = bits == 512;
	if ((s->strong ? SHA512_Init(&s->sha.strong) : SHA256_Init(&s->sha.weak)) != 1) {
		free(s);
		return NULL;
	}
	return s;
}

void sha_stream_destroy(struct sha_stream *s)
{
	free(s);
}

void sha_stream_add(struct sha_stream *s, const void *data, size_t len)
{
	if (s->strong) {
		(void)SHA512_Update(&s->sha.strong, data, len);
	} else {
		(void)SHA256_Update(&s->sha.weak, data, len);
	}
}

size_t sha_stream_end(struct sha_stream *s, unsigned char ret_hash[64])
{
	if (s->strong) {
		(void)SHA512_Final(ret_hash, &s->sha.strong);
		return 64;
	}
	(void)SHA256_Final(ret_hash, &s->sha.weak);
	return 32;
}
