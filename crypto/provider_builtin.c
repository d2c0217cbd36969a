/*
 * Nothing is replaced.
 */
#include "crypto/crypto.h"

#include <mbedtls/version.h>

const char *crypto_provider(void)
{
	return "mbedtls built-in " MBEDTLS_VERSION_STRING;
}
