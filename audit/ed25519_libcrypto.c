/*
 * Ed25519 by OpenSSL's libcrypto, which Debian maintains: EVP_DigestSign(3), EVP_PKEY-ED25519(7).
 */
#include "audit/ed25519.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <limits.h>
#include <string.h>

bool ed25519_works(void)
{
	return true;
}

bool ed25519_random(void *ret_bytes, size_t len)
{
	return len <= INT_MAX && RAND_bytes(ret_bytes, (int)len) == 1;
}

bool ed25519_public(
	const unsigned char seed[ED25519_SEED], unsigned char ret_public[ED25519_PUBLIC])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_SEED);
	unsigned char public[ED25519_PUBLIC];
	size_t len = sizeof(public);
	bool done = key != NULL && EVP_PKEY_get_raw_public_key(key, public, &len) == 1 &&
		    len == sizeof(public);

	EVP_PKEY_free(key);
	if (done) {
		memcpy(ret_public, public, sizeof(public));
	}
	return done;
}

bool ed25519_sign(const unsigned char seed[ED25519_SEED], const void *data, size_t len,
	unsigned char ret_signature[ED25519_SIGNATURE])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_SEED);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char signature[ED25519_SIGNATURE];
	size_t signature_len = sizeof(signature);
	bool done = key != NULL && context != NULL &&
		    EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestSign(context, signature, &signature_len, data, len) == 1 &&
		    signature_len == sizeof(signature);

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	if (done) {
		memcpy(ret_signature, signature, sizeof(signature));
	}
	return done;
}

bool ed25519_verify(const unsigned char public[ED25519_PUBLIC], const void *data, size_t len,
	const unsigned char signature[ED25519_SIGNATURE])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public, ED25519_PUBLIC);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = key != NULL && context != NULL &&
		    EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestVerify(context, signature, ED25519_SIGNATURE, data, len) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return good;
}
