/*
 * Ed25519 by libsodium: crypto_sign_detached(3) of its documentation. Its own verification also
 * refuses public keys and signatures of small order, as RFC 8032 lets it.
 */
#include "audit/ed25519.h"

#include <sodium.h>

#include <string.h>

_Static_assert(crypto_sign_SEEDBYTES == ED25519_SEED &&
		       crypto_sign_PUBLICKEYBYTES == ED25519_PUBLIC &&
		       crypto_sign_BYTES == ED25519_SIGNATURE,
	"both speak of the same signatures");

bool ed25519_works(void)
{
	return sodium_init() >= 0; /* 1: it was ready already */
}

bool ed25519_random(void *ret_bytes, size_t len)
{
	if (!ed25519_works()) {
		return false;
	}
	randombytes_buf(ret_bytes, len); /* the system's; ends the process when it fails */
	return true;
}

/* libsodium's secret key is the seed with the public key behind it. */
static bool expand(const unsigned char seed[ED25519_SEED],
	unsigned char public[crypto_sign_PUBLICKEYBYTES],
	unsigned char secret[crypto_sign_SECRETKEYBYTES])
{
	return ed25519_works() && crypto_sign_seed_keypair(public, secret, seed) == 0;
}

bool ed25519_public(
	const unsigned char seed[ED25519_SEED], unsigned char ret_public[ED25519_PUBLIC])
{
	unsigned char public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
	bool done = expand(seed, public, secret);

	sodium_memzero(secret, sizeof(secret));
	if (done) {
		memcpy(ret_public, public, sizeof(public));
	}
	return done;
}

bool ed25519_sign(const unsigned char seed[ED25519_SEED], const void *data, size_t len,
	unsigned char ret_signature[ED25519_SIGNATURE])
{
	unsigned char public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
	unsigned char signature[crypto_sign_BYTES];
	bool done = expand(seed, public, secret) &&
		    crypto_sign_detached(signature, NULL, data, len, secret) == 0;

	sodium_memzero(secret, sizeof(secret));
	if (done) {
		memcpy(ret_signature, signature, sizeof(signature));
	}
	return done;
}

bool ed25519_verify(const unsigned char public[ED25519_PUBLIC], const void *data, size_t len,
	const unsigned char signature[ED25519_SIGNATURE])
{
	return ed25519_works() && crypto_sign_verify_detached(signature, data, len, public) == 0;
}
