/*
 * MBEDTLS_GCM_ALT: mbedTLS's AES-GCM module, done by aead_libcrypto.c. mbedtls/gcm.h says what each
 * function has to keep; of ciphers only AES is here, and a nonce of more than libcrypto takes (128
 * octets) is refused.
 */
#include <mbedtls/gcm.h>

#include <string.h>

#include <mbedtls/error.h>
#include <mbedtls/platform_util.h>

void mbedtls_gcm_init(mbedtls_gcm_context *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
}

void mbedtls_gcm_free(mbedtls_gcm_context *ctx)
{
	if (ctx != NULL) {
		aead_finish(&ctx->aead);
	}
}

int mbedtls_gcm_setkey(mbedtls_gcm_context *ctx, mbedtls_cipher_id_t cipher,
	const unsigned char *key, unsigned int keybits)
{
	enum aead_kind kind = keybits == 128   ? AEAD_AES_128
			      : keybits == 192 ? AEAD_AES_192
			      : keybits == 256 ? AEAD_AES_256
					       : AEAD_NONE;

	if (kind == AEAD_NONE) {
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	}
	if (cipher != MBEDTLS_CIPHER_ID_AES) {
		return MBEDTLS_ERR_PLATFORM_FEATURE_UNSUPPORTED;
	}
	return aead_set_key(&ctx->aead, kind, key) == 0 ? 0 : MBEDTLS_ERR_ERROR_GENERIC_ERROR;
}

int mbedtls_gcm_starts(mbedtls_gcm_context *ctx, int mode, const unsigned char *iv, size_t iv_len)
{
	if (iv_len == 0) {
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	}
	if (iv_len > 128) {
		return MBEDTLS_ERR_PLATFORM_FEATURE_UNSUPPORTED;
	}
	return aead_start(&ctx->aead, mode == MBEDTLS_GCM_ENCRYPT, iv, iv_len) == 0
		       ? 0
		       : MBEDTLS_ERR_ERROR_GENERIC_ERROR;
}

int mbedtls_gcm_update_ad(mbedtls_gcm_context *ctx, const unsigned char *add, size_t add_len)
{
	return aead_header(&ctx->aead, add, add_len) == 0 ? 0 : MBEDTLS_ERR_GCM_BAD_INPUT;
}

int mbedtls_gcm_update(mbedtls_gcm_context *ctx, const unsigned char *input, size_t input_length,
	unsigned char *output, size_t output_size, size_t *output_length)
{
	if (output_size < input_length) {
		return MBEDTLS_ERR_GCM_BUFFER_TOO_SMALL;
	}
	if (input_length > 0 && output > input && (size_t)(output - input) < input_length) {
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	}
	*output_length = input_length;
	return aead_body(&ctx->aead, input, input_length, output) == 0 ? 0
								       : MBEDTLS_ERR_GCM_BAD_INPUT;
}

int mbedtls_gcm_finish(mbedtls_gcm_context *ctx, unsigned char *output, size_t output_size,
	size_t *output_length, unsigned char *tag, size_t tag_len)
{
	(void)output; /* nothing is held back */
	(void)output_size;
	*output_length = 0;
	if (tag_len < 4 || tag_len > AEAD_TAG) {
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	}
	return aead_tag(&ctx->aead, tag, tag_len) == 0 ? 0 : MBEDTLS_ERR_GCM_BAD_INPUT;
}

int mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *ctx, int mode, size_t length,
	const unsigned char *iv, size_t iv_len, const unsigned char *add, size_t add_len,
	const unsigned char *input, unsigned char *output, size_t tag_len, unsigned char *tag)
{
	size_t n;
	int ret = mbedtls_gcm_starts(ctx, mode, iv, iv_len);

	if (ret == 0) {
		ret = mbedtls_gcm_update_ad(ctx, add, add_len);
	}
	if (ret == 0) {
		ret = mbedtls_gcm_update(ctx, input, length, output, length, &n);
	}
	if (ret == 0) {
		ret = mbedtls_gcm_finish(ctx, NULL, 0, &n, tag, tag_len);
	}
	return ret;
}

int mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *ctx, size_t length, const unsigned char *iv,
	size_t iv_len, const unsigned char *add, size_t add_len, const unsigned char *tag,
	size_t tag_len, const unsigned char *input, unsigned char *output)
{
	if (iv_len == 0 || tag_len < 4 || tag_len > AEAD_TAG) {
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	}
	if (iv_len > 128) {
		return MBEDTLS_ERR_PLATFORM_FEATURE_UNSUPPORTED;
	}
	switch (aead_open(
		&ctx->aead, iv, iv_len, add, add_len, tag, tag_len, input, length, output)) {
	case 0: return 0;
	case -2: return MBEDTLS_ERR_GCM_AUTH_FAILED;
	default: return MBEDTLS_ERR_ERROR_GENERIC_ERROR;
	}
}
