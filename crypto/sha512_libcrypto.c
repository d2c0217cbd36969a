/*
 * MBEDTLS_SHA512_ALT: SHA-384 and SHA-512 by libcrypto, which uses what the processor has for them.
 * Its plain functions, not EVP: a TLS transcript is cloned and finished often, and these neither
 * look for a provider nor take memory.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <mbedtls/sha512.h>

#include <stdlib.h>
#include <string.h>

#include <mbedtls/error.h>
#include <mbedtls/platform_util.h>

int mbedtls_internal_sha512_process(mbedtls_sha512_context *ctx, const unsigned char block[128]);

void mbedtls_sha512_init(mbedtls_sha512_context *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
}

void mbedtls_sha512_free(mbedtls_sha512_context *ctx)
{
	if (ctx != NULL) {
		mbedtls_platform_zeroize(ctx, sizeof(*ctx));
	}
}

void mbedtls_sha512_clone(mbedtls_sha512_context *dst, const mbedtls_sha512_context *src)
{
	*dst = *src;
}

int mbedtls_sha512_starts(mbedtls_sha512_context *ctx, int shorter)
{
	if (shorter != 0 && shorter != 1) {
		return MBEDTLS_ERR_SHA512_BAD_INPUT_DATA;
	}
	ctx->shorter = shorter;
	return (shorter ? SHA384_Init(&ctx->sha) : SHA512_Init(&ctx->sha)) == 1
		       ? 0
		       : MBEDTLS_ERR_ERROR_GENERIC_ERROR;
}

int mbedtls_sha512_update(mbedtls_sha512_context *ctx, const unsigned char *data, size_t len)
{
	return len == 0 || SHA512_Update(&ctx->sha, data, len) == 1
		       ? 0
		       : MBEDTLS_ERR_ERROR_GENERIC_ERROR;
}

/* What came before decides how many octets libcrypto writes. */
int mbedtls_sha512_finish(mbedtls_sha512_context *ctx, unsigned char *output)
{
	int done = ctx->shorter ? SHA384_Final(output, &ctx->sha) : SHA512_Final(output, &ctx->sha);

	mbedtls_platform_zeroize(ctx, sizeof(*ctx));
	return done == 1 ? 0 : MBEDTLS_ERR_ERROR_GENERIC_ERROR;
}

int mbedtls_internal_sha512_process(mbedtls_sha512_context *ctx, const unsigned char block[128])
{
	SHA512_Transform(&ctx->sha, block);
	return 0;
}
