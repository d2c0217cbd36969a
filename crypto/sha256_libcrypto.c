/*
 * MBEDTLS_SHA256_ALT: SHA-224 and SHA-256 by libcrypto, which uses what the processor has for them.
 * Its plain functions, not EVP: a TLS transcript is cloned and finished often, and these neither
 * look for a provider nor take memory.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <mbedtls/sha256.h>

#include <stdlib.h>
#include <string.h>

#include <mbedtls/error.h>
#include <mbedtls/platform_util.h>

int mbedtls_internal_sha256_process(mbedtls_sha256_context *ctx, const unsigned char block[64]);

void mbedtls_sha256_init(mbedtls_sha256_context *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
}

void mbedtls_sha256_free(mbedtls_sha256_context *ctx)
{
	if (ctx != NULL) {
		mbedtls_platform_zeroize(ctx, sizeof(*ctx));
	}
}

void mbedtls_sha256_clone(mbedtls_sha256_context *dst, const mbedtls_sha256_context *src)
{
	*dst = *src;
}

int mbedtls_sha256_starts(mbedtls_sha256_context *ctx, int shorter)
{
	if (shorter != 0 && shorter != 1) {
		return MBEDTLS_ERR_SHA256_BAD_INPUT_DATA;
	}
	ctx->shorter = shorter;
	return (shorter ? SHA224_Init(&ctx->sha) : SHA256_Init(&ctx->sha)) == 1
		       ? 0
		       : MBEDTLS_ERR_ERROR_GENERIC_ERROR;
}

int mbedtls_sha256_update(mbedtls_sha256_context *ctx, const unsigned char *data, size_t len)
{
	return len == 0 || SHA256_Update(&ctx->sha, data, len) == 1
		       ? 0
		       : MBEDTLS_ERR_ERROR_GENERIC_ERROR;
}

/* What came before decides how many octets libcrypto writes. */
int mbedtls_sha256_finish(mbedtls_sha256_context *ctx, unsigned char *output)
{
	int done = ctx->shorter ? SHA224_Final(output, &ctx->sha) : SHA256_Final(output, &ctx->sha);

	mbedtls_platform_zeroize(ctx, sizeof(*ctx));
	return done == 1 ? 0 : MBEDTLS_ERR_ERROR_GENERIC_ERROR;
}

int mbedtls_internal_sha256_process(mbedtls_sha256_context *ctx, const unsigned char block[64])
{
	SHA256_Transform(&ctx->sha, block);
	return 0;
}
