/*
 * No Ed25519 here yet: mbedTLS has none, and libcrypto is not built for this system. Every call
 * refuses, so nothing is sealed and no seal is believed.
 */
#include "audit/ed25519.h"

bool ed25519_works(void)
{
	return false;
}

bool ed25519_random(void *ret_bytes, size_t len)
{
	(void)ret_bytes;
	(void)len;
	return false;
}

bool ed25519_public(
	const unsigned char seed[ED25519_SEED], unsigned char ret_public[ED25519_PUBLIC])
{
	(void)seed;
	(void)ret_public;
	return false;
}

bool ed25519_sign(const unsigned char seed[ED25519_SEED], const void *data, size_t len,
	unsigned char ret_signature[ED25519_SIGNATURE])
{
	(void)seed;
	(void)data;
	(void)len;
	(void)ret_signature;
	return false;
}

bool ed25519_verify(const unsigned char public[ED25519_PUBLIC], const void *data, size_t len,
	const unsigned char signature[ED25519_SIGNATURE])
{
	(void)public;
	(void)data;
	(void)len;
	(void)signature;
	return false;
}
