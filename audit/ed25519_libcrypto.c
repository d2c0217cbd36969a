/*
 * Ed25519 by OpenSSL's libcrypto, which Debian maintains: EVP_DigestSign(3), EVP_PKEY-ED25519(7).
 */
#include "audit/ed25519.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <pthread.h>
#include <string.h>
#include <sys/random.h>

/*
 * Without its tables of every cipher's names, its error texts and the system's configuration: one
 * algorithm is wanted, at each start of a run.
 */
static void start_libcrypto(void)
{
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
					  OPENSSL_INIT_NO_ADD_ALL_DIGESTS |
					  OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
					  OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT,
		NULL);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static EVP_PKEY *private_key(const unsigned char seed[ED25519_SEED])
{
	(void)pthread_once(&once, start_libcrypto);
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_SEED);
}

static EVP_PKEY *public_key(const unsigned char public[ED25519_PUBLIC])
{
	(void)pthread_once(&once, start_libcrypto);
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public, ED25519_PUBLIC);
}

bool ed25519_works(void)
{
	return true;
}

bool ed25519_random(void *ret_bytes, size_t len)
{
	/* getrandom(2): up to 256 bytes come whole. */
	return len <= 256 && getrandom(ret_bytes, len, 0) == (ssize_t)len;
}

bool ed25519_public(
	const unsigned char seed[ED25519_SEED], unsigned char ret_public[ED25519_PUBLIC])
{
	EVP_PKEY *key = private_key(seed);
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
	EVP_PKEY *key = private_key(seed);
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
	EVP_PKEY *key = public_key(public);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = key != NULL && context != NULL &&
		    EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestVerify(context, signature, ED25519_SIGNATURE, data, len) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return good;
}
