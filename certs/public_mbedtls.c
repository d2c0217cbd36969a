/*
 * Base64 and SHA-1 of public bytes where there is no libcrypto.
 */
#include "certs/pem.h"
#include "certs/sha1.h"

#include <mbedtls/base64.h>
#include <mbedtls/sha1.h>

long pem_base64(const char *text, size_t n, unsigned char *out)
{
	size_t len;

	return mbedtls_base64_decode(out, n, &len, (const unsigned char *)text, n) == 0 ? (long)len
											: -1;
}

int certs_sha1(const void *data, size_t n, unsigned char ret_digest[20])
{
	return mbedtls_sha1(data, n, ret_digest);
}
