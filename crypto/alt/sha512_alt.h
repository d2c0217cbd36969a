/*
 * MBEDTLS_SHA512_ALT: the context that mbedtls/sha512.h wants in place of its own. The name of this
 * file is mbedTLS's choice.
 */
#ifndef SALLYPORT_CRYPTO_SHA512_ALT_H
#define SALLYPORT_CRYPTO_SHA512_ALT_H

#include <openssl/sha.h>

typedef struct mbedtls_sha512_context {
	SHA512_CTX sha;
	int shorter; /* SHA-384 */
} mbedtls_sha512_context;

#endif
