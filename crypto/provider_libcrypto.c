/*
 * libcrypto made ready, and its name.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/crypto.h"
#include "crypto/libcrypto.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <mbedtls/version.h>
#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <openssl/rand.h>

static int fill_plain(unsigned char *out, int len)
{
	while (len > 0) {
		ssize_t got = getrandom(out, (size_t)len, 0);

		if (got < 0 && errno != EINTR) {
			return 0;
		}
		out += got > 0 ? got : 0;
		len -= got > 0 ? (int)got : 0;
	}
	return 1;
}

static _Thread_local const SHA512_CTX *hedge;

void libcrypto_hedge(const SHA512_CTX *state)
{
	hedge = state;
}

static int fill(unsigned char *out, int len)
{
	unsigned char block[SHA512_DIGEST_LENGTH];
	int done = hedge != NULL || fill_plain(out, len);

	while (hedge != NULL && done && len > 0) {
		int n = len < (int)sizeof(block) ? len : (int)sizeof(block);
		SHA512_CTX mixed = *hedge;

		done = fill_plain(block, sizeof(block)) &&
		       SHA512_Update(&mixed, block, sizeof(block)) == 1 &&
		       SHA512_Final(block, &mixed) == 1;
		memcpy(out, block, (size_t)n);
		OPENSSL_cleanse(&mixed, sizeof(mixed));
		out += n;
		len -= n;
	}
	OPENSSL_cleanse(block, sizeof(block));
	return done;
}

static int status(void)
{
	return 1;
}

/*
 * Its own generator would be built of fetched parts at each start of a process, for a few nonces.
 * The kernel's survives a fork(2), too.
 */
static void start(void)
{
	static const RAND_METHOD kernel = {.bytes = fill, .pseudorand = fill, .status = status};

	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS |
					OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
					OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT,
		    NULL) != 1 ||
		RAND_set_rand_method(&kernel) != 1) {
		abort(); /* memory is out, before anything was served */
	}
}

void libcrypto_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, start);
}

const char *crypto_provider(void)
{
	return "libcrypto " OPENSSL_VERSION_STR
	       " for AES-GCM, ChaCha20-Poly1305, SHA-2, ECDSA, ECDH, X25519 and RSA verification, "
	       "mbedtls " MBEDTLS_VERSION_STRING " for the rest";
}
