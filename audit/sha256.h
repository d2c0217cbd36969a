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

#endif
