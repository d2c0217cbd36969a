/*
 * MBEDTLS_CHACHAPOLY_ALT: the context that mbedtls/chachapoly.h wants in place of its own. The name
 * of this file is mbedTLS's choice.
 */
#ifndef SALLYPORT_CRYPTO_CHACHAPOLY_ALT_H
#define SALLYPORT_CRYPTO_CHACHAPOLY_ALT_H

#include "aead.h"

typedef struct mbedtls_chachapoly_context {
	struct aead aead;
} mbedtls_chachapoly_context;

#endif
