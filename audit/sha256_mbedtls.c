/*
 * SHA-256 by mbedTLS, in plain C.
 */
#include "audit/sha256.h"

#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <stdlib.h>

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

struct sha_stream {
	bool strong;
	union {
		mbedtls_sha256_context weak;
		mbedtls_sha512_context strong;
	} sha;
};

struct sha_stream *sha_stream_create(unsigned bits)
{
	struct sha_stream *s = malloc(sizeof(*s));
	int error;

	if (s == NULL) {
		return NULL;
	}
	s->strong = bits == 512;
	if (s->strong) {
		mbedtls_sha512_init(&s->sha.strong);
		error = mbedtls_sha512_starts(&s->sha.strong, 0);
	} else {
		mbedtls_sha256_init(&s->sha.weak);
		error = mbedtls_sha256_starts(&s->sha.weak, 0);
	}
	if (error != 0) {
		sha_stream_destroy(s);
		return NULL;
	}
	return s;
}

void sha_stream_destroy(struct sha_stream *s)
{
	if (s == NULL) {
		return;
	}
	if (s->strong) {
		mbedtls_sha512_free(&s->sha.strong);
	} else {
		mbedtls_sha256_free(&s->sha.weak);
	}
	free(s);
}

void sha_stream_add(struct sha_stream *s, const void *data, size_t len)
{
	if (s->strong) {
		(void)mbedtls_sha512_update(&s->sha.strong, data, len);
	} else {
		(void)mbedtls_sha256_update(&s->sha.weak, data, len);
	}
}

size_t sha_stream_end(struct sha_stream *s, unsigned char ret_hash[64])
{
	if (s->strong) {
		(void)mbedtls_sha512_finish(&s->sha.strong, ret_hash);
		return 64;
	}
	(void)mbedtls_sha256_finish(&s->sha.weak, ret_hash);
	return 32;
}
