/*
 * MBEDTLS_CHACHAPOLY_ALT: mbedTLS's ChaCha20-Poly1305 module (RFC 8439), done by aead_libcrypto.c.
 */
#include <mbedtls/chachapoly.h>

#include <string.h>

#include <mbedtls/error.h>

enum { NONCE = 12 };

void mbedtls_chachapoly_init(mbedtls_chachapoly_context *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
}

void mbedtls_chachapoly_free(mbedtls_chachapoly_context *ctx)
{
	if (ctx != NULL) {
		aead_finish(&ctx->aead);
	}
}

int mbedtls_chachapoly_setkey(mbedtls_chachapoly_context *ctx, const unsigned char key[32])
{
	return aead_set_key(&ctx->aead, AEAD_CHACHA, key) == 0 ? 0
							       : MBEDTLS_ERR_ERROR_GENERIC_ERROR;
}

int mbedtls_chachapoly_starts(mbedtls_chachapoly_context *ctx, const unsigned char nonce[12],
	mbedtls_chachapoly_mode_t mode)
{
	return aead_start(&ctx->aead, mode == MBEDTLS_CHACHAPOLY_ENCRYPT, nonce, NONCE) == 0
		       ? 0
		       : MBEDTLS_ERR_ERROR_GENERIC_ERROR;
}

int mbedtls_chachapoly_update_aad(
	mbedtls_chachapoly_context *ctx, const unsigned char *aad, size_t aad_len)
{
	return aead_header(&ctx->aead, aad, aad_len) == 0 ? 0 : MBEDTLS_ERR_CHACHAPOLY_BAD_STATE;
}

int mbedtls_chachapoly_update(mbedtls_chachapoly_context *ctx, size_t len,
	const unsigned char *input, unsigned char *output)
{
	return aead_body(&ctx->aead, input, len, output) == 0 ? 0
							      : MBEDTLS_ERR_CHACHAPOLY_BAD_STATE;
}

int mbedtls_chachapoly_finish(mbedtls_chachapoly_context *ctx, unsigned char mac[16])
{
	return aead_tag(&ctx->aead, mac, AEAD_TAG) == 0 ? 0 : MBEDTLS_ERR_CHACHAPOLY_BAD_STATE;
}

int mbedtls_chachapoly_encrypt_and_tag(mbedtls_chachapoly_context *ctx, size_t length,
	const unsigned char nonce[12], const unsigned char *aad, size_t aad_len,
	const unsigned char *input, unsigned char *output, unsigned char tag[16])
{
	int ret = mbedtls_chachapoly_starts(ctx, nonce, MBEDTLS_CHACHAPOLY_ENCRYPT);

	if (ret == 0) {
		ret = mbedtls_chachapoly_update_aad(ctx, aad, aad_len);
	}
	if (ret == 0) {
		ret = mbedtls_chachapoly_update(ctx, length, input, output);
	}
	if (ret == 0) {
		ret = mbedtls_chachapoly_finish(ctx, tag);
	}
	return ret;
}

int mbedtls_chachapoly_auth_decrypt(mbedtls_chachapoly_context *ctx, size_t length,
	const unsigned char nonce[12], const unsigned char *aad, size_t aad_len,
	const unsigned char tag[16], const unsigned char *input, unsigned char *output)
{
	switch (aead_open(
		&ctx->aead, nonce, NONCE, aad, aad_len, tag, AEAD_TAG, input, length, output)) {
	case 0: return 0;
	case -2: return MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED;
	default: return MBEDTLS_ERR_ERROR_GENERIC_ERROR;
	}
}
