/*
 * mbedtls_user_config.h, and holes for what crypto/ fills by libcrypto. The header of each of
 * mbedTLS's functions says what a replacement has to do.
 */
#include "mbedtls_user_config.h"

/* Deterministic signatures have no hole: with them, signing would be mbedTLS's own. */
#undef MBEDTLS_ECDSA_DETERMINISTIC
#define MBEDTLS_ECDSA_SIGN_ALT
#define MBEDTLS_ECDSA_VERIFY_ALT
#define MBEDTLS_ECDSA_GENKEY_ALT
#define MBEDTLS_ECDH_GEN_PUBLIC_ALT
#define MBEDTLS_ECDH_COMPUTE_SHARED_ALT

/* Whole modules, whose contexts stand in crypto/alt/. */
#define MBEDTLS_GCM_ALT
#define MBEDTLS_CHACHAPOLY_ALT
#define MBEDTLS_SHA256_ALT
#define MBEDTLS_SHA512_ALT
