/*
 * The run's CA: made fresh for a run, or kept in a folder on purpose. Holds the one key that signs
 * leaves and never serves as the key of one. Must not know hosts or sessions.
 */
#include "certs/ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/ecp.h>
#include <mbedtls/pem.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>

#include "certs/der.h"
#include "certs/diag.h"
#include "certs/leaf.h"
#include "certs/system.h"

#define DAY             86400
#define PEM_FILE_MAX    (1u << 20)
#define PEM_BEGIN       "-----BEGIN CERTIFICATE-----\n"
#define PEM_END         "-----END CERTIFICATE-----\n"
#define KEY_PEM_MAX     4096
#define CRT_DER_MAX     4096
#define LOADED_RSA_BITS 2048

time_t ca_time_of(const mbedtls_x509_time *t)
{
	return (time_t)der_seconds(t->year, t->mon, t->day, t->hour, t->min, t->sec);
}

void ca_time_text(time_t t, char ret_text[16])
{
	struct tm tm;

	mbedtls_platform_gmtime_r(&t, &tm);
	strftime(ret_text, 16, "%Y%m%d%H%M%S", &tm);
}

int ca_serial(unsigned char ret_serial[20])
{
	int ret = certs_random(NULL, ret_serial, 20);

	ret_serial[0] = (ret_serial[0] & 0x7f) | 0x40;
	return ret;
}

void certs_fingerprint(const struct mbedtls_x509_crt *crt, char ret_hex[65])
{
	unsigned char digest[32];

	if (mbedtls_sha256(crt->raw.p, crt->raw.len, digest, 0) != 0) {
		memset(digest, 0, sizeof(digest));
	}
	for (size_t i = 0; i < sizeof(digest); i++) {
		snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
	}
}

/* A name is written the way mbedTLS prints it; RFC 4514 section 2.4 says what must be escaped. */
static int name_text(const char *common_name, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "CN=");
	size_t len = strlen(common_name);

	if (len == 0 || len > 64) {
		return CERTS_ENAME;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)common_name[i];
		bool is_edge = i == 0 || i + 1 == len;

		if (c < 0x20 || c == 0x7f || n + 4 > size) {
			return CERTS_ENAME;
		}
		if (strchr(",+\"\\<>;=#", c) != NULL || (c == ' ' && is_edge)) {
			out[n++] = '\\';
		}
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return CERTS_OK;
}

/* What every CA in memory has, however it came: its text forms. */
static int ca_complete(struct certs_ca *ca, struct certs_diag *diag)
{
	size_t size = 0;
	int ret;

	mbedtls_pem_write_buffer(
		PEM_BEGIN, PEM_END, ca->crt.raw.p, ca->crt.raw.len, NULL, 0, &size);
	ca->pem = malloc(size);
	if (ca->pem == NULL) {
		return CERTS_EMEMORY;
	}
	ret = mbedtls_pem_write_buffer(PEM_BEGIN, PEM_END, ca->crt.raw.p, ca->crt.raw.len,
		(unsigned char *)ca->pem, size, &size);
	if (ret != 0) {
		return certs_fail_crypto(diag, "writing the CA certificate", ret);
	}
	certs_fingerprint(&ca->crt, ca->fingerprint);
	return CERTS_OK;
}

static int write_profile(mbedtls_x509write_cert *w, struct certs_ca *ca, unsigned days)
{
	unsigned char serial[20];
	char from[16];
	char to[16];
	time_t now = time(NULL);
	int ret;

	ca_time_text(now - DAY, from);
	ca_time_text(now - DAY + (time_t)days * DAY, to);
	mbedtls_x509write_crt_set_md_alg(w, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(w, &ca->key);
	mbedtls_x509write_crt_set_issuer_key(w, &ca->key);
	if ((ret = ca_serial(serial)) != 0 ||
		(ret = mbedtls_x509write_crt_set_serial_raw(w, serial, sizeof(serial))) != 0 ||
		(ret = mbedtls_x509write_crt_set_validity(w, from, to)) != 0 ||
		(ret = mbedtls_x509write_crt_set_subject_name(w, ca->name)) != 0 ||
		(ret = mbedtls_x509write_crt_set_issuer_name(w, ca->name)) != 0 ||
		(ret = mbedtls_x509write_crt_set_basic_constraints(w, 1, 0)) != 0 ||
		(ret = mbedtls_x509write_crt_set_key_usage(
			 w, MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN)) != 0 ||
		(ret = mbedtls_x509write_crt_set_subject_key_identifier(w)) != 0) {
		return ret;
	}
	return mbedtls_x509write_crt_set_authority_key_identifier(w);
}

static int write_certificate(struct certs_ca *ca, unsigned days)
{
	unsigned char der[CRT_DER_MAX];
	mbedtls_x509write_cert w;
	int ret;

	mbedtls_x509write_crt_init(&w);
	ret = write_profile(&w, ca, days);
	if (ret == 0) {
		ret = mbedtls_x509write_crt_der(&w, der, sizeof(der), certs_random, NULL);
	}
	if (ret > 0) {
		ret = mbedtls_x509_crt_parse_der(&ca->crt, der + sizeof(der) - ret, (size_t)ret);
	}
	mbedtls_x509write_crt_free(&w);
	return ret;
}

static struct certs_ca *ca_new(void)
{
	struct certs_ca *ca = calloc(1, sizeof(*ca));

	if (ca != NULL) {
		mbedtls_pk_init(&ca->key);
		mbedtls_x509_crt_init(&ca->crt);
	}
	return ca;
}

int certs_ca_create(
	const char *common_name, unsigned days, struct certs_ca **ret_ca, struct certs_diag *diag)
{
	struct certs_ca *ca = ca_new();
	int err = CERTS_EMEMORY;
	int ret;

	if (ca == NULL) {
		return err;
	}
	if (days < 1 || days > 36500 || name_text(common_name, ca->name, sizeof(ca->name)) != 0) {
		err = certs_fail(diag, CERTS_ENAME, CERTS_CHECK_NONE,
			"a CA needs a name of 1 to 64 printable octets and 1 to 36500 days");
		goto out;
	}
	if ((ret = mbedtls_pk_setup(&ca->key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY))) != 0 ||
		(ret = mbedtls_ecdsa_genkey(mbedtls_pk_ec(ca->key), MBEDTLS_ECP_DP_SECP256R1,
			 certs_random, NULL)) != 0 ||
		(ret = write_certificate(ca, days)) != 0) {
		err = certs_fail_crypto(diag, "making the CA", ret);
		goto out;
	}
	err = ca_complete(ca, diag);
	if (err == CERTS_OK) {
		*ret_ca = ca;
		ca = NULL;
	}
out:
	certs_ca_destroy(ca);
	return err;
}

void certs_ca_destroy(struct certs_ca *ca)
{
	if (ca == NULL) {
		return;
	}
	mbedtls_pk_free(&ca->key);
	mbedtls_x509_crt_free(&ca->crt);
	free(ca->pem);
	free(ca);
}

const char *certs_ca_pem(const struct certs_ca *ca)
{
	return ca->pem;
}

const char *certs_ca_fingerprint(const struct certs_ca *ca)
{
	return ca->fingerprint;
}

static int paths_of(const char *dir, char pem[4096], char key[4096], struct certs_diag *diag)
{
	if (snprintf(pem, 4096, "%s/ca.pem", dir) >= 4096 ||
		snprintf(key, 4096, "%s/ca.key", dir) >= 4096) {
		return certs_fail(
			diag, CERTS_EFILE, CERTS_CHECK_NONE, "the folder's name is too long");
	}
	return CERTS_OK;
}

int certs_ca_save(const struct certs_ca *ca, const char *dir, struct certs_diag *diag)
{
	unsigned char key[KEY_PEM_MAX];
	char pem_path[4096];
	char key_path[4096];
	int err = paths_of(dir, pem_path, key_path, diag);
	int ret;

	if (err != CERTS_OK) {
		return err;
	}
	ret = mbedtls_pk_write_key_pem(&ca->key, key, sizeof(key));
	if (ret != 0) {
		return certs_fail_crypto(diag, "writing the CA key", ret);
	}
	/* The key first: a certificate without its key would look complete to a reader of the
	 * folder. */
	err = certs_system_write_new(key_path, (const char *)key, strlen((char *)key), true, diag);
	mbedtls_platform_zeroize(key, sizeof(key));
	if (err != CERTS_OK) {
		return err;
	}
	err = certs_system_write_new(pem_path, ca->pem, strlen(ca->pem), false, diag);
	if (err != CERTS_OK) {
		certs_system_remove(key_path);
	}
	return err;
}

static const char *why_not_ca(struct certs_ca *ca, time_t now)
{
	if (mbedtls_x509_crt_get_ca_istrue(&ca->crt) != 1) {
		return "not a CA certificate";
	}
	if (mbedtls_x509_crt_check_key_usage(&ca->crt, MBEDTLS_X509_KU_KEY_CERT_SIGN) != 0) {
		return "keyUsage without keyCertSign";
	}
	if (ca_time_of(&ca->crt.valid_from) > now || ca_time_of(&ca->crt.valid_to) < now) {
		return "not valid now";
	}
	if (mbedtls_pk_get_type(&ca->key) == MBEDTLS_PK_RSA &&
		mbedtls_pk_get_bitlen(&ca->key) < LOADED_RSA_BITS) {
		return "an RSA key under 2048 bits";
	}
	if (mbedtls_pk_check_pair(&ca->crt.pk, &ca->key, certs_random, NULL) != 0) {
		return "ca.key is not the key of ca.pem";
	}
	return NULL;
}

static int load_key(struct certs_ca *ca, const char *path, struct certs_diag *diag)
{
	unsigned char *data;
	size_t len;
	int err = certs_system_read(path, PEM_FILE_MAX, true, &data, &len, diag);
	int ret;

	if (err != CERTS_OK) {
		return err;
	}
	ret = mbedtls_pk_parse_key(&ca->key, data, len + 1, NULL, 0, certs_random, NULL);
	mbedtls_platform_zeroize(data, len);
	free(data);
	if (ret != 0) {
		return certs_fail(
			diag, CERTS_EFORMAT, CERTS_CHECK_NONE, "%s: not a private key", path);
	}
	return CERTS_OK;
}

static int load_certificate(struct certs_ca *ca, const char *path, struct certs_diag *diag)
{
	unsigned char *data;
	size_t len;
	int err = certs_system_read(path, PEM_FILE_MAX, false, &data, &len, diag);
	int ret;

	if (err != CERTS_OK) {
		return err;
	}
	ret = mbedtls_x509_crt_parse(&ca->crt, data, len + 1);
	free(data);
	if (ret != 0 || ca->crt.next != NULL) {
		return certs_fail(diag, CERTS_EFORMAT, CERTS_CHECK_NONE,
			"%s: must hold exactly one certificate", path);
	}
	return CERTS_OK;
}

int certs_ca_load(const char *dir, struct certs_ca **ret_ca, struct certs_diag *diag)
{
	char pem_path[4096];
	char key_path[4096];
	const char *why;
	struct certs_leaf *trial = NULL;
	struct certs_ca *ca = ca_new();
	int err = CERTS_EMEMORY;

	if (ca == NULL) {
		return err;
	}
	if ((err = paths_of(dir, pem_path, key_path, diag)) != CERTS_OK ||
		(err = load_certificate(ca, pem_path, diag)) != CERTS_OK ||
		(err = load_key(ca, key_path, diag)) != CERTS_OK) {
		goto out;
	}
	why = why_not_ca(ca, time(NULL));
	if (why != NULL) {
		err = certs_fail(diag, CERTS_EFORMAT, CERTS_CHECK_NONE, "%s: %s", pem_path, why);
		goto out;
	}
	/* One leaf on trial: the key signs, and the CA's name can be repeated octet for octet. */
	if (mbedtls_x509_dn_gets(ca->name, sizeof(ca->name), &ca->crt.subject) <= 0) {
		err = certs_fail(diag, CERTS_EFORMAT, CERTS_CHECK_NONE, "%s: no subject", pem_path);
		goto out;
	}
	err = leaf_mint(ca, "trial.invalid", LEAF_EC, time(NULL), &trial, diag);
	certs_leaf_release(trial);
	if (err == CERTS_OK && (err = ca_complete(ca, diag)) == CERTS_OK) {
		*ret_ca = ca;
		ca = NULL;
	}
out:
	certs_ca_destroy(ca);
	return err;
}
