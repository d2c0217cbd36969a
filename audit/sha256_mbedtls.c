/*
 * SHA-256 by mbedTLS, in plain C.
 */
#include "audit/sha256.h"

#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>

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

union state {
	mbedtls_sha256_context weak;
	mbedtls_sha512_context strong;
};
_Static_assert(sizeof(union state) <= sizeof(((struct sha_stream *)0)->state), "there is room");

static union state *state_of(struct sha_stream *s)
{
	return (union state *)s->state;
}

bool sha_stream_begin(struct sha_stream *s, unsigned bits)
{
	s->strong = bits == 512;
	if (s->strong) {
		mbedtls_sha512_init(&state_of(s)->strong);
		return mbedtls_sha512_starts(&state_of(s)->strong, 0) == 0;
	}
	mbedtls_sha256_init(&state_of(s)->weak);
	return mbedtls_sha256_starts(&state_of(s)->weak, 0) == 0;
}

void sha_stream_finish(struct sha_stream *s)
{
	if (s->strong) {
		mbedtls_sha512_free(&state_of(s)->strong);
	} else {
		mbedtls_sha256_free(&state_of(s)->weak);
	}
}

void sha_stream_add(struct sha_stream *s, const void *data, size_t len)
{
	if (s->strong) {
		(void)mbedtls_sha512_update(&state_of(s)->strong, data, len);
	} else {
		(void)mbedtls_sha256_update(&state_of(s)->weak, data, len);
	}
}

size_t sha_stream_end(struct sha_stream *s, unsigned char ret_hash[64])
{
	if (s->strong) {
		(void)mbedtls_sha512_finish(&state_of(s)->strong, ret_hash);
		return 64;
	}
	(void)mbedtls_sha256_finish(&state_of(s)->weak, ret_hash);
	return 32;
}
