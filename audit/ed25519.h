/*
 * Ed25519 signatures, RFC 8032, by libsodium. mbedTLS has none; OpenSSL's libcrypto has them behind
 * what it fetches at first, which each start of a run would pay. Private to audit/.
 */
#ifndef SALLYPORT_AUDIT_ED25519_H
#define SALLYPORT_AUDIT_ED25519_H

#include <stdbool.h>
#include <stddef.h>

enum { ED25519_SEED = 32, ED25519_PUBLIC = 32, ED25519_SIGNATURE = 64 };

bool ed25519_works(void);

/* All: false when the library refuses; outputs are then untouched. */
bool ed25519_random(void *ret_bytes, size_t len) __attribute__((warn_unused_result));
bool ed25519_public(const unsigned char seed[ED25519_SEED],
	unsigned char ret_public[ED25519_PUBLIC]) __attribute__((warn_unused_result));
bool ed25519_sign(const unsigned char seed[ED25519_SEED], const void *data, size_t len,
	unsigned char ret_signature[ED25519_SIGNATURE]) __attribute__((warn_unused_result));
bool ed25519_verify(const unsigned char public[ED25519_PUBLIC], const void *data, size_t len,
	const unsigned char signature[ED25519_SIGNATURE]) __attribute__((warn_unused_result));

#endif
