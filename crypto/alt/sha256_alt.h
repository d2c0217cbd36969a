/*
 * MBEDTLS_SHA256_ALT: the context that mbedtls/sha256.h wants in place of its own. The name of this
 * file is mbedTLS's choice.
 */
#ifndef SALLYPORT_CRYPTO_SHA256_ALT_H
#define SALLYPORT_CRYPTO_SHA256_ALT_H

#include <openssl/sha.h>

typedef struct mbedtls_sha256_context {
	SHA256_CTX sha;
	int shorter; /* SHA-224 */
} mbedtls_sha256_context;

#endif
