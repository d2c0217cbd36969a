/*
 * SHA-256 of a byte and two texts: what a hash tree is made of. sha256_libcrypto.c uses the
 * processor's own instructions where there are some, sha256_mbedtls.c is for where libcrypto is
 * not. Private to audit/.
 */
#ifndef SALLYPORT_AUDIT_SHA256_H
#define SALLYPORT_AUDIT_SHA256_H

#include <stdbool.h>
#include <stddef.h>

bool sha256_parts(unsigned char first, const void *a, size_t a_len, const void *b, size_t b_len,
	unsigned char ret_hash[32]) __attribute__((warn_unused_result));

/* The same of bytes that come piece by piece, and SHA-512. */
struct sha_stream {
	bool strong;
	max_align_t state[16]; /* the implementation's own */
};
bool sha_stream_begin(struct sha_stream *s, unsigned bits) /* 256 or 512 */
	__attribute__((warn_unused_result));
void sha_stream_add(struct sha_stream *s, const void *data, size_t len);
/* Once; returns the hash's length. */
size_t sha_stream_end(struct sha_stream *s, unsigned char ret_hash[64]);
/* Begun, ended or not. */
void sha_stream_finish(struct sha_stream *s);

#endif
