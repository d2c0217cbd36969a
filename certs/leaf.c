/*
 * Mints one leaf: a fresh P-256 or RSA key, and a certificate that the strictest clients take (RFC
 * 5280, the Baseline Requirements' profile, Python's VERIFY_X509_STRICT). Must not know the cache.
 */
#include "certs/leaf.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/rsa.h>

#include "certs/ca.h"
#include "certs/diag.h"
#include "certs/names.h"

#define DAY             86400
#define LEAF_DAYS       89
#define RSA_BITS        2048
#define RSA_EXPONENT    65537
#define CRT_DER_MAX     4096
#define COMMON_NAME_MAX 64 /* ub-common-name, RFC 5280 appendix A.1 */

static int set_san(mbedtls_x509write_cert *w, struct peer *peer)
{
	mbedtls_x509_san_list san = {0};

	if (peer->n_ip != 0) {
		san.node.type = MBEDTLS_X509_SAN_IP_ADDRESS;
		san.node.san.unstructured_name.p = peer->ip;
		san.node.san.unstructured_name.len = peer->n_ip;
	} else {
		san.node.type = MBEDTLS_X509_SAN_DNS_NAME;
		san.node.san.unstructured_name.p = (unsigned char *)peer->name;
		san.node.san.unstructured_name.len = peer->n_name;
	}
	return mbedtls_x509write_crt_set_subject_alternative_name(w, &san);
}

static int set_subject(mbedtls_x509write_cert *w, const struct peer *peer)
{
	char subject[3 + COMMON_NAME_MAX + 1] = "CN=";

	/* A name too long for a CN stands in the SAN alone, which then need not be critical. */
	if (peer->n_name > COMMON_NAME_MAX) {
		return mbedtls_x509write_crt_set_subject_name(w, "O=Sallyport");
	}
	memcpy(subject + 3, peer->name, peer->n_name);
	return mbedtls_x509write_crt_set_subject_name(w, subject);
}

static int set_usage(mbedtls_x509write_cert *w)
{
	/* Written here because mbedTLS's setters make the EKU critical (the Baseline Requirements,
	 * 7.1.2.7.6, forbid it) and basicConstraints of a leaf not (7.1.2.7.8 lets it). */
	static const unsigned char server_auth[] = {
		0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
	static const unsigned char not_ca[] = {0x30, 0x00};
	int ret = mbedtls_x509write_crt_set_extension(w, MBEDTLS_OID_BASIC_CONSTRAINTS,
		MBEDTLS_OID_SIZE(MBEDTLS_OID_BASIC_CONSTRAINTS), 1, not_ca, sizeof(not_ca));

	if (ret == 0) {
		ret = mbedtls_x509write_crt_set_key_usage(w, MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
	}
	if (ret == 0) {
		ret = mbedtls_x509write_crt_set_extension(w, MBEDTLS_OID_EXTENDED_KEY_USAGE,
			MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0, server_auth,
			sizeof(server_auth));
	}
	return ret;
}

static int set_validity(
	mbedtls_x509write_cert *w, const struct certs_ca *ca, time_t now, struct certs_leaf *leaf)
{
	time_t from = now - DAY;
	time_t to = from + (time_t)LEAF_DAYS * DAY - 1;
	time_t ca_from = ca_time_of(&ca->crt.valid_from);
	time_t ca_to = ca_time_of(&ca->crt.valid_to);
	char from_text[16];
	char to_text[16];

	from = from < ca_from ? ca_from : from;
	to = to > ca_to ? ca_to : to;
	leaf->renew_at = now + (to - now) / 2;
	ca_time_text(from, from_text);
	ca_time_text(to, to_text);
	return mbedtls_x509write_crt_set_validity(w, from_text, to_text);
}

static int write_leaf(mbedtls_x509write_cert *w, struct certs_ca *ca, struct peer *peer, time_t now,
	struct certs_leaf *leaf)
{
	unsigned char der[CRT_DER_MAX];
	unsigned char serial[20];
	int ret;

	mbedtls_x509write_crt_set_md_alg(w, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(w, &leaf->key);
	mbedtls_x509write_crt_set_issuer_key(w, &ca->key);
	if ((ret = ca_serial(serial)) != 0 ||
		(ret = mbedtls_x509write_crt_set_serial_raw(w, serial, sizeof(serial))) != 0 ||
		(ret = set_validity(w, ca, now, leaf)) != 0 || (ret = set_subject(w, peer)) != 0 ||
		(ret = mbedtls_x509write_crt_set_issuer_name(w, ca->name)) != 0 ||
		(ret = set_usage(w)) != 0 || (ret = set_san(w, peer)) != 0 ||
		(ret = mbedtls_x509write_crt_set_subject_key_identifier(w)) != 0 ||
		(ret = mbedtls_x509write_crt_set_authority_key_identifier(w)) != 0) {
		return ret;
	}
	ret = mbedtls_x509write_crt_der(w, der, sizeof(der), certs_random, NULL);
	if (ret < 0) {
		return ret;
	}
	return mbedtls_x509_crt_parse_der(&leaf->crt, der + sizeof(der) - ret, (size_t)ret);
}

static bool names_its_issuer(const struct certs_leaf *leaf, const struct certs_ca *ca)
{
	return leaf->crt.issuer_raw.len == ca->crt.subject_raw.len &&
	       memcmp(leaf->crt.issuer_raw.p, ca->crt.subject_raw.p, ca->crt.subject_raw.len) == 0;
}

/* Clients know only the root: a CA that another one issued is sent along. */
static int add_issuer(struct certs_leaf *leaf, const struct certs_ca *ca)
{
	if (ca->crt.issuer_raw.len == ca->crt.subject_raw.len &&
		memcmp(ca->crt.issuer_raw.p, ca->crt.subject_raw.p, ca->crt.subject_raw.len) == 0) {
		return 0;
	}
	return mbedtls_x509_crt_parse_der(&leaf->crt, ca->crt.raw.p, ca->crt.raw.len);
}

static int make_key(mbedtls_pk_context *key, enum leaf_kind kind)
{
	bool is_rsa = kind == LEAF_RSA;
	int ret = mbedtls_pk_setup(
		key, mbedtls_pk_info_from_type(is_rsa ? MBEDTLS_PK_RSA : MBEDTLS_PK_ECKEY));

	if (ret != 0) {
		return ret;
	}
	if (is_rsa) {
		return mbedtls_rsa_gen_key(
			mbedtls_pk_rsa(*key), certs_random, NULL, RSA_BITS, RSA_EXPONENT);
	}
	return mbedtls_ecdsa_genkey(
		mbedtls_pk_ec(*key), MBEDTLS_ECP_DP_SECP256R1, certs_random, NULL);
}

int leaf_mint(struct certs_ca *ca, const char *host, enum leaf_kind kind, time_t now,
	struct certs_leaf **ret_leaf, struct certs_diag *diag)
{
	mbedtls_x509write_cert w;
	struct certs_leaf *leaf;
	struct peer peer;
	int err = CERTS_OK;
	int ret;

	if (!peer_from_host(host, &peer)) {
		return certs_fail(diag, CERTS_ENAME, CERTS_CHECK_NONE,
			"not a host name or address: %.200s", host);
	}
	if (now >= ca_time_of(&ca->crt.valid_to)) {
		return certs_fail(diag, CERTS_EFORMAT, CERTS_CHECK_NONE, "the CA has expired");
	}
	leaf = calloc(1, sizeof(*leaf));
	if (leaf == NULL) {
		return CERTS_EMEMORY;
	}
	atomic_init(&leaf->holders, 1);
	mbedtls_pk_init(&leaf->key);
	mbedtls_x509_crt_init(&leaf->crt);
	mbedtls_x509write_crt_init(&w);
	if ((ret = make_key(&leaf->key, kind)) != 0 ||
		(ret = write_leaf(&w, ca, &peer, now, leaf)) != 0 ||
		(ret = add_issuer(leaf, ca)) != 0) {
		err = certs_fail_crypto(diag, "minting a leaf", ret);
	} else if (!names_its_issuer(leaf, ca)) {
		err = certs_fail(diag, CERTS_EFORMAT, CERTS_CHECK_NONE,
			"the CA's subject has an encoding that cannot be repeated in leaves");
	}
	mbedtls_x509write_crt_free(&w);
	if (err != CERTS_OK) {
		certs_leaf_release(leaf);
		return err;
	}
	*ret_leaf = leaf;
	return CERTS_OK;
}

void leaf_hold(struct certs_leaf *leaf)
{
	atomic_fetch_add_explicit(&leaf->holders, 1, memory_order_relaxed);
}

void certs_leaf_release(struct certs_leaf *leaf)
{
	if (leaf == NULL ||
		atomic_fetch_sub_explicit(&leaf->holders, 1, memory_order_acq_rel) != 1) {
		return;
	}
	mbedtls_x509_crt_free(&leaf->crt);
	mbedtls_pk_free(&leaf->key);
	free(leaf);
}

struct mbedtls_x509_crt *certs_leaf_chain(struct certs_leaf *leaf)
{
	return &leaf->crt;
}

struct mbedtls_pk_context *certs_leaf_key(struct certs_leaf *leaf)
{
	return &leaf->key;
}
