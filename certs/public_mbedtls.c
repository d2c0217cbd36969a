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

int certs_sha1(const struct sha1_piece *pieces, size_t n, unsigned char ret_digest[20])
{
	mbedtls_sha1_context sha;
	int ret;

	mbedtls_sha1_init(&sha);
	ret = mbedtls_sha1_starts(&sha);
	for (size_t i = 0; ret == 0 && i < n; i++) {
		ret = mbedtls_sha1_update(&sha, pieces[i].data, pieces[i].n);
	}
	ret = ret == 0 ? mbedtls_sha1_finish(&sha, ret_digest) : ret;
	mbedtls_sha1_free(&sha);
	return ret;
}
