/*
 * A client certificate with its key, for origins that ask who connects. Whom it may be shown to is
 * the caller's to know.
 */
#include "certs/certs.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/x509_crt.h>

#include "certs/diag.h"
#include "certs/system.h"

#define TEXT_MAX (16u << 20)

struct certs_identity {
	mbedtls_x509_crt chain;
	mbedtls_pk_context key;
};

/* mbedTLS counts what it could not read; half a chain is another chain. */
static int read_chain(struct certs_identity *identity, const char *pem, struct certs_diag *diag)
{
	int ret = mbedtls_x509_crt_parse(
		&identity->chain, (const unsigned char *)pem, strlen(pem) + 1);

	if (ret < 0) {
		return certs_fail(diag, CERTS_EFORMAT, CERTS_CHECK_NONE, "no certificate in it");
	}
	if (ret > 0) {
		return certs_fail(diag, CERTS_EFORMAT, CERTS_CHECK_NONE,
			"%d of its certificates cannot be read", ret);
	}
	return CERTS_OK;
}

static int read_key(struct certs_identity *identity, const char *pem, struct certs_diag *diag)
{
	int ret = mbedtls_pk_parse_key(&identity->key, (const unsigned char *)pem, strlen(pem) + 1,
		NULL, 0, certs_random, NULL);

	if (ret == MBEDTLS_ERR_PK_PASSWORD_REQUIRED || ret == MBEDTLS_ERR_PK_PASSWORD_MISMATCH) {
		return certs_fail(diag, CERTS_EFORMAT, CERTS_CHECK_NONE,
			"a key with a password: there is nobody to ask for it");
	}
	if (ret != 0) {
		return certs_fail(diag, CERTS_EFORMAT, CERTS_CHECK_NONE, "no private key in it");
	}
	if (mbedtls_pk_check_pair(&identity->chain.pk, &identity->key, certs_random, NULL) != 0) {
		return certs_fail(diag, CERTS_EFORMAT, CERTS_CHECK_NONE,
			"not the key of the certificate (the first of its file)");
	}
	return CERTS_OK;
}

int certs_identity_create(const char *chain_pem, const char *key_pem,
	struct certs_identity **ret_identity, struct certs_diag *diag)
{
	struct certs_identity *identity = calloc(1, sizeof(*identity));
	int err;

	if (identity == NULL) {
		return certs_fail(diag, CERTS_EMEMORY, CERTS_CHECK_NONE, "out of memory");
	}
	mbedtls_x509_crt_init(&identity->chain);
	mbedtls_pk_init(&identity->key);
	err = read_chain(identity, chain_pem, diag);
	if (err == CERTS_OK) {
		err = read_key(identity, key_pem, diag);
	}
	if (err != CERTS_OK) {
		certs_identity_destroy(identity);
		return err;
	}
	*ret_identity = identity;
	return CERTS_OK;
}

void certs_identity_destroy(struct certs_identity *identity)
{
	if (identity == NULL) {
		return;
	}
	mbedtls_x509_crt_free(&identity->chain);
	mbedtls_pk_free(&identity->key);
	free(identity);
}

struct mbedtls_x509_crt *certs_identity_chain(struct certs_identity *identity)
{
	return &identity->chain;
}

struct mbedtls_pk_context *certs_identity_key(struct certs_identity *identity)
{
	return &identity->key;
}

int certs_text_read(const char *path, bool is_private, char **ret_text, struct certs_diag *diag)
{
	unsigned char *data;
	size_t len;
	int err = certs_system_read(path, TEXT_MAX, is_private, &data, &len, diag);

	if (err != CERTS_OK) {
		return err;
	}
	if (memchr(data, '\0', len) != NULL) {
		mbedtls_platform_zeroize(data, len);
		free(data);
		return certs_fail(diag, CERTS_EFORMAT, CERTS_CHECK_NONE, "%.200s: not PEM", path);
	}
	*ret_text = (char *)data;
	return CERTS_OK;
}

void certs_text_free(char *text)
{
	if (text != NULL) {
		mbedtls_platform_zeroize(text, strlen(text));
		free(text);
	}
}
