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

union state {
	SHA256_CTX weak;
	SHA512_CTX strong;
};
_Static_assert(sizeof(union state) <= sizeof(((struct sha_stream *)0)->state), "there is room");

static union state *state_of(struct sha_stream *s)
{
	return (union state *)s->state;
}

bool sha_stream_begin(struct sha_stream *s, unsigned bits)
{
	s->strong = bits == 512;
	return (s->strong ? SHA512_Init(&state_of(s)->strong) : SHA256_Init(&state_of(s)->weak)) ==
	       1;
}

void sha_stream_finish(struct sha_stream *s)
{
	(void)s;
}

void sha_stream_add(struct sha_stream *s, const void *data, size_t len)
{
	if (s->strong) {
		(void)SHA512_Update(&state_of(s)->strong, data, len);
	} else {
		(void)SHA256_Update(&state_of(s)->weak, data, len);
	}
}

size_t sha_stream_end(struct sha_stream *s, unsigned char ret_hash[64])
{
	if (s->strong) {
		(void)SHA512_Final(ret_hash, &state_of(s)->strong);
		return 64;
	}
	(void)SHA256_Final(ret_hash, &state_of(s)->weak);
	return 32;
}
