/*
 * MBEDTLS_GCM_ALT: the context that mbedtls/gcm.h wants in place of its own. The name of this file
 * is mbedTLS's choice.
 */
#ifndef SALLYPORT_CRYPTO_GCM_ALT_H
#define SALLYPORT_CRYPTO_GCM_ALT_H

#include "aead.h"

typedef struct mbedtls_gcm_context {
	struct aead aead;
} mbedtls_gcm_context;

#endif
