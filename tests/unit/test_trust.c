/*
 * Whom we believe: a path that holds, and each way in which one must not. The chains are made here,
 * so that one thing at a time is wrong with them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/x509_crt.h>

#include "certs/ca.h"
#include "certs/certs.h"
#include "certs/names.h"

#define DAY 86400

/* How one certificate departs from what is usual at its place. Zero: not at all. */
struct spec {
	const char *subject;
	const char *san; /* the content of the extension, or NULL */
	size_t n_san;
	int from, to;          /* days from now; 0, 0: yesterday to in 30 days */
	int path_len;          /* of a CA; 0: none given, else one more than it */
	unsigned key_usage;    /* 0: the usual */
	const char *eku;       /* content; NULL: serverAuth for leaves, none for CAs; "" none */
	const char *extension; /* OID of one more extension, with the value below */
	const char *value;
	size_t n_value;
	mbedtls_ecp_group_id curve; /* 0: P-256 */
	mbedtls_md_type_t md;       /* 0: SHA-256 */
	int version;                /* 0: 3 */
	bool is_ca;
	bool extension_critical;
	bool no_aki;
};

struct made {
	unsigned char der[2048];
	size_t n;
	mbedtls_pk_context key;
	char name[64];
};

#define SAN(text) .san = (text), .n_san = sizeof(text) - 1
#define SAN_A_EXAMPLE          \
	SAN("\x30\x0b\x82\x09" \
	    "a.example")
#define CRITICAL(oid, text) \
	.extension = (oid), .value = (text), .n_value = sizeof(text) - 1, .extension_critical = true

static struct made root;
static struct made intermediate;
static struct certs_trust *trust;

static void set_extensions(mbedtls_x509write_cert *w, const struct spec *s)
{
	static const char server_auth[] = "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01";
	unsigned usage =
		s->is_ca ? MBEDTLS_X509_KU_KEY_CERT_SIGN : MBEDTLS_X509_KU_DIGITAL_SIGNATURE;
	const char *eku = s->eku != NULL ? s->eku : s->is_ca ? "" : server_auth;

	assert_int_equal(
		mbedtls_x509write_crt_set_basic_constraints(w, s->is_ca, s->path_len - 1), 0);
	assert_int_equal(
		mbedtls_x509write_crt_set_key_usage(w, s->key_usage ? s->key_usage : usage), 0);
	assert_int_equal(mbedtls_x509write_crt_set_subject_key_identifier(w), 0);
	if (!s->no_aki) {
		assert_int_equal(mbedtls_x509write_crt_set_authority_key_identifier(w), 0);
	}
	if (s->san != NULL) {
		assert_int_equal(mbedtls_x509write_crt_set_extension(w, "\x55\x1d\x11", 3, 0,
					 (const unsigned char *)s->san, s->n_san),
			0);
	}
	if (eku[0] != '\0') {
		assert_int_equal(mbedtls_x509write_crt_set_extension(w, "\x55\x1d\x25", 3, 0,
					 (const unsigned char *)eku, (size_t)eku[1] + 2),
			0);
	}
	if (s->extension != NULL) {
		assert_int_equal(
			mbedtls_x509write_crt_set_extension(w, s->extension, strlen(s->extension),
				s->extension_critical, (const unsigned char *)s->value, s->n_value),
			0);
	}
}

/* Makes and signs one; issuer NULL: by itself. */
static void make(const struct spec *s, struct made *issuer, struct made *out)
{
	bool given = s->from != 0 || s->to != 0;
	unsigned char serial[20];
	mbedtls_x509write_cert w;
	char from[16];
	char to[16];
	int n;

	issuer = issuer == NULL ? out : issuer;
	snprintf(out->name, sizeof(out->name), "%s", s->subject);
	mbedtls_pk_init(&out->key);
	assert_int_equal(
		mbedtls_pk_setup(&out->key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)), 0);
	assert_int_equal(mbedtls_ecp_gen_key(s->curve ? s->curve : MBEDTLS_ECP_DP_SECP256R1,
				 mbedtls_pk_ec(out->key), certs_random, NULL),
		0);
	mbedtls_x509write_crt_init(&w);
	mbedtls_x509write_crt_set_md_alg(&w, s->md ? s->md : MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_version(&w, s->version ? s->version - 1 : 2);
	mbedtls_x509write_crt_set_subject_key(&w, &out->key);
	mbedtls_x509write_crt_set_issuer_key(&w, &issuer->key);
	assert_int_equal(ca_serial(serial), 0);
	ca_time_text(time(NULL) + (given ? s->from : -1) * DAY, from);
	ca_time_text(time(NULL) + (given ? s->to : 30) * DAY, to);
	assert_int_equal(mbedtls_x509write_crt_set_serial_raw(&w, serial, sizeof(serial)), 0);
	assert_int_equal(mbedtls_x509write_crt_set_validity(&w, from, to), 0);
	assert_int_equal(mbedtls_x509write_crt_set_subject_name(&w, out->name), 0);
	assert_int_equal(mbedtls_x509write_crt_set_issuer_name(&w, issuer->name), 0);
	if (s->version == 0) {
		set_extensions(&w, s);
	}
	n = mbedtls_x509write_crt_der(&w, out->der, sizeof(out->der), certs_random, NULL);
	assert_true(n > 0);
	memmove(out->der, out->der + sizeof(out->der) - n, (size_t)n);
	out->n = (size_t)n;
	mbedtls_x509write_crt_free(&w);
}

static struct certs_trust *trust_in(const struct made *m)
{
	struct certs_trust *t = NULL;
	struct certs_diag diag;
	char pem[4096];
	size_t n;

	assert_int_equal(certs_trust_create(&t), CERTS_OK);
	assert_int_equal(mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n",
				 "-----END CERTIFICATE-----\n", m->der, m->n, (unsigned char *)pem,
				 sizeof(pem), &n),
		0);
	assert_int_equal(certs_trust_add_pem(t, pem, &n, &diag), CERTS_OK);
	assert_int_equal(n, 1);
	return t;
}

static enum certs_check ask(struct certs_trust *t, const struct made *leaf, const struct made *by,
	const char *host, unsigned relax)
{
	struct certs_der chain[2] = {{leaf->der, leaf->n}, {NULL, 0}};
	struct certs_diag diag = {CERTS_CHECK_NONE, ""};
	int err;

	if (by != NULL) {
		chain[1] = (struct certs_der){by->der, by->n};
	}
	err = certs_trust_check_der(t, chain, by != NULL ? 2 : 1, host, time(NULL), relax, &diag);
	assert_int_equal(err == CERTS_OK, diag.check == CERTS_CHECK_PASSED);
	assert_true(diag.message[0] != '\0');
	return diag.check;
}

/* A leaf as specified under the usual intermediate and root. */
static enum certs_check leaf_is(const struct spec *s, const char *host, unsigned relax)
{
	struct made leaf;
	enum certs_check check;

	make(s, &intermediate, &leaf);
	check = ask(trust, &leaf, &intermediate, host, relax);
	mbedtls_pk_free(&leaf.key);
	return check;
}

/* An intermediate as specified, with a usual leaf under it. */
static enum certs_check issuer_is(const struct spec *s, unsigned relax)
{
	const struct spec leaf_spec = {.subject = "CN=a.example", SAN_A_EXAMPLE};
	struct made by;
	struct made leaf;
	enum certs_check check;

	make(s, &root, &by);
	make(&leaf_spec, &by, &leaf);
	check = ask(trust, &leaf, &by, "a.example", relax);
	mbedtls_pk_free(&by.key);
	mbedtls_pk_free(&leaf.key);
	return check;
}

static const struct spec usual = {.subject = "CN=a.example", SAN_A_EXAMPLE};

static void a_good_chain_passes(void **state)
{
	(void)state;
	assert_int_equal(leaf_is(&usual, "a.example", 0), CERTS_CHECK_PASSED);
	assert_int_equal(leaf_is(&usual, "A.EXAMPLE", 0), CERTS_CHECK_PASSED);
	assert_int_equal(
		issuer_is(&(struct spec){.subject = "CN=I", .is_ca = true}, 0), CERTS_CHECK_PASSED);
}

static void no_path_is_refused(void **state)
{
	struct certs_trust *other;
	struct made stranger;
	struct made leaf;

	(void)state;
	make(&(struct spec){.subject = "CN=Root", .is_ca = true}, NULL, &stranger);
	make(&usual, &intermediate, &leaf);
	other = trust_in(&stranger); /* same name, another key */
	assert_int_equal(ask(trust, &leaf, NULL, "a.example", 0), CERTS_CHECK_CHAIN);
	assert_int_equal(ask(other, &leaf, &intermediate, "a.example", 0), CERTS_CHECK_CHAIN);
	assert_int_equal(ask(other, &leaf, &intermediate, "a.example", CERTS_RELAX_UNTRUSTED),
		CERTS_CHECK_PASSED);
	assert_int_equal(ask(other, &leaf, &intermediate, "a.example",
				 CERTS_RELAX_EXPIRED | CERTS_RELAX_NAME | CERTS_RELAX_WEAK),
		CERTS_CHECK_CHAIN);
	certs_trust_destroy(other);
	mbedtls_pk_free(&stranger.key);
	mbedtls_pk_free(&leaf.key);
}

static void a_changed_octet_is_refused(void **state)
{
	struct made leaf;
	struct made changed;

	(void)state;
	make(&usual, &intermediate, &leaf);
	for (size_t i = 0; i < leaf.n; i += 7) {
		changed = leaf;
		changed.der[i] ^= 1;
		assert_int_not_equal(
			ask(trust, &changed, &intermediate, "a.example", 0), CERTS_CHECK_PASSED);
		assert_int_not_equal(ask(trust, &(struct made){.n = i}, NULL, "a.example", 0),
			CERTS_CHECK_PASSED);
	}
	mbedtls_pk_free(&leaf.key);
}

static void expiry(void **state)
{
	struct spec old = usual;
	struct spec young = usual;
	struct spec old_ca = {.subject = "CN=I", .is_ca = true, .from = -9, .to = -2};
	unsigned others = CERTS_RELAX_NAME | CERTS_RELAX_WEAK;

	(void)state;
	old.from = -9;
	old.to = -2;
	young.from = 2;
	young.to = 9;
	assert_int_equal(leaf_is(&old, "a.example", 0), CERTS_CHECK_EXPIRED);
	assert_int_equal(leaf_is(&old, "a.example", others), CERTS_CHECK_EXPIRED);
	assert_int_equal(leaf_is(&old, "a.example", CERTS_RELAX_UNTRUSTED), CERTS_CHECK_EXPIRED);
	assert_int_equal(leaf_is(&old, "a.example", CERTS_RELAX_EXPIRED), CERTS_CHECK_PASSED);
	assert_int_equal(leaf_is(&young, "a.example", 0), CERTS_CHECK_EXPIRED);
	assert_int_equal(issuer_is(&old_ca, 0), CERTS_CHECK_EXPIRED);
	assert_int_equal(issuer_is(&old_ca, CERTS_RELAX_EXPIRED), CERTS_CHECK_PASSED);
}

static void names(void **state)
{
	struct spec wild = {.subject = "CN=x",
		SAN("\x30\x0d\x82\x0b"
		    "*.b.example")};
	struct spec tld = {.subject = "CN=x",
		SAN("\x30\x0b\x82\x09"
		    "*.example")};
	struct spec part = {.subject = "CN=x",
		SAN("\x30\x0e\x82\x0c"
		    "a*.b.example")};
	struct spec ip = {.subject = "CN=x", SAN("\x30\x06\x87\x04\x7f\x00\x00\x01")};
	struct spec nul = {.subject = "CN=x",
		SAN("\x30\x0d\x82\x0b"
		    "a.example\0b")};
	struct spec text = {.subject = "CN=x",
		SAN("\x30\x0b\x82\x09"
		    "127.0.0.1")};
	struct spec cn_only = {.subject = "CN=a.example"};

	(void)state;
	assert_int_equal(leaf_is(&usual, "b.example", 0), CERTS_CHECK_NAME);
	assert_int_equal(leaf_is(&usual, "x.a.example", 0), CERTS_CHECK_NAME);
	assert_int_equal(leaf_is(&usual, "b.example", CERTS_RELAX_NAME), CERTS_CHECK_PASSED);
	assert_int_equal(leaf_is(&usual, "b.example", CERTS_RELAX_EXPIRED | CERTS_RELAX_WEAK),
		CERTS_CHECK_NAME);
	assert_int_equal(leaf_is(&usual, "", 0), CERTS_CHECK_NAME);
	assert_int_equal(leaf_is(&usual, "*.example", 0), CERTS_CHECK_NAME);
	assert_int_equal(leaf_is(&cn_only, "a.example", 0), CERTS_CHECK_NAME);
	assert_int_equal(leaf_is(&wild, "a.b.example", 0), CERTS_CHECK_PASSED);
	assert_int_equal(leaf_is(&wild, "b.example", 0), CERTS_CHECK_NAME);
	assert_int_equal(leaf_is(&wild, "x.a.b.example", 0), CERTS_CHECK_NAME);
	assert_int_equal(leaf_is(&tld, "a.example", 0), CERTS_CHECK_NAME);
	assert_int_equal(leaf_is(&part, "ab.b.example", 0), CERTS_CHECK_NAME);
	assert_int_equal(leaf_is(&nul, "a.example", 0), CERTS_CHECK_FORM);
	assert_int_equal(leaf_is(&ip, "127.0.0.1", 0), CERTS_CHECK_PASSED);
	assert_int_equal(leaf_is(&ip, "127.0.0.2", 0), CERTS_CHECK_NAME);
	assert_int_equal(leaf_is(&ip, "::ffff:127.0.0.1", 0), CERTS_CHECK_NAME);
	assert_int_equal(leaf_is(&text, "127.0.0.1", 0), CERTS_CHECK_NAME);
}

static void usage(void **state)
{
	static const char client_auth[] = "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02";
	struct spec client = usual;
	struct spec old = usual;
	struct spec signer = usual;
	struct spec ca = usual;
	struct spec no_ca = {.subject = "CN=I"};
	struct spec no_sign = {
		.subject = "CN=I", .is_ca = true, .key_usage = MBEDTLS_X509_KU_CRL_SIGN};
	struct spec ca_client = {.subject = "CN=I", .is_ca = true, .eku = client_auth};

	(void)state;
	client.eku = client_auth;
	old.version = 1;
	signer.key_usage = MBEDTLS_X509_KU_KEY_CERT_SIGN;
	ca.is_ca = true;
	assert_int_equal(leaf_is(&client, "a.example", 0), CERTS_CHECK_USAGE);
	assert_int_equal(leaf_is(&client, "a.example", CERTS_RELAX_UNTRUSTED), CERTS_CHECK_USAGE);
	assert_int_equal(leaf_is(&old, "a.example", 0), CERTS_CHECK_USAGE);
	assert_int_equal(leaf_is(&signer, "a.example", 0), CERTS_CHECK_USAGE);
	assert_int_equal(leaf_is(&ca, "a.example", 0), CERTS_CHECK_USAGE);
	assert_int_equal(issuer_is(&no_ca, 0), CERTS_CHECK_USAGE);
	assert_int_equal(issuer_is(&no_sign, 0), CERTS_CHECK_USAGE);
	assert_int_equal(issuer_is(&ca_client, 0), CERTS_CHECK_USAGE);
}

static void constraints(void **state)
{
	struct spec permitted = {.subject = "CN=I",
		.is_ca = true,
		CRITICAL("\x55\x1d\x1e", "\x30\x0f\xa0\x0d\x30\x0b\x82\x09"
					 "a.example")};
	struct spec elsewhere = {.subject = "CN=I",
		.is_ca = true,
		CRITICAL("\x55\x1d\x1e", "\x30\x0f\xa0\x0d\x30\x0b\x82\x09"
					 "b.example")};
	struct spec excluded = {.subject = "CN=I",
		.is_ca = true,
		CRITICAL("\x55\x1d\x1e", "\x30\x0d\xa1\x0b\x30\x09\x82\x07"
					 "example")};
	struct spec malformed = {
		.subject = "CN=I", .is_ca = true, CRITICAL("\x55\x1d\x1e", "\x30\x00")};
	unsigned all = CERTS_RELAX_EXPIRED | CERTS_RELAX_NAME | CERTS_RELAX_WEAK;

	(void)state;
	assert_int_equal(issuer_is(&permitted, 0), CERTS_CHECK_PASSED);
	assert_int_equal(issuer_is(&elsewhere, 0), CERTS_CHECK_CONSTRAINT);
	assert_int_equal(issuer_is(&elsewhere, all), CERTS_CHECK_CONSTRAINT);
	assert_int_equal(issuer_is(&excluded, 0), CERTS_CHECK_CONSTRAINT);
	assert_int_equal(issuer_is(&malformed, 0), CERTS_CHECK_CONSTRAINT);
	elsewhere.extension_critical = false;
	assert_int_equal(issuer_is(&elsewhere, 0), CERTS_CHECK_CONSTRAINT);
}

static void path_length(void **state)
{
	struct spec spec = {.subject = "CN=Short root", .is_ca = true, .path_len = 1};
	struct certs_trust *t;
	struct made anchor;
	struct made by;
	struct made leaf;

	(void)state;
	make(&spec, NULL, &anchor);
	t = trust_in(&anchor);
	make(&usual, &anchor, &leaf);
	assert_int_equal(ask(t, &leaf, NULL, "a.example", 0), CERTS_CHECK_PASSED);
	mbedtls_pk_free(&leaf.key);
	make(&(struct spec){.subject = "CN=I", .is_ca = true}, &anchor, &by);
	make(&usual, &by, &leaf);
	assert_int_equal(ask(t, &leaf, &by, "a.example", 0), CERTS_CHECK_CONSTRAINT);
	certs_trust_destroy(t);
	mbedtls_pk_free(&anchor.key);
	mbedtls_pk_free(&by.key);
	mbedtls_pk_free(&leaf.key);
}

static void weakness(void **state)
{
	struct spec sha1 = usual;
	struct spec md5 = usual;
	struct spec curve = usual;

	(void)state;
	sha1.md = MBEDTLS_MD_SHA1;
	curve.curve = MBEDTLS_ECP_DP_SECP256K1;
	md5.curve = MBEDTLS_ECP_DP_SECP384R1;
	assert_int_equal(leaf_is(&md5, "a.example", 0), CERTS_CHECK_PASSED);
	assert_int_equal(leaf_is(&sha1, "a.example", 0), CERTS_CHECK_WEAK);
	assert_int_equal(leaf_is(&sha1, "a.example", CERTS_RELAX_EXPIRED | CERTS_RELAX_NAME),
		CERTS_CHECK_WEAK);
	assert_int_equal(leaf_is(&sha1, "a.example", CERTS_RELAX_WEAK), CERTS_CHECK_PASSED);
	assert_int_equal(leaf_is(&curve, "a.example", 0), CERTS_CHECK_WEAK);
	assert_int_equal(leaf_is(&curve, "a.example", CERTS_RELAX_WEAK), CERTS_CHECK_WEAK);
}

static void extensions(void **state)
{
	struct spec unknown = usual;
	struct spec harmless = usual;
	struct spec staple = usual;
	struct spec no_aki = usual;

	(void)state;
	unknown.extension = harmless.extension = "\x2b\x06\x01\x04\x01\x83\xb3\x3a\x01";
	unknown.value = harmless.value = "\x05";
	unknown.n_value = harmless.n_value = 2;
	unknown.extension_critical = true;
	staple.extension = "\x2b\x06\x01\x05\x05\x07\x01\x18";
	staple.value = "\x30\x03\x02\x01\x05";
	staple.n_value = 5;
	no_aki.no_aki = true;
	assert_int_equal(leaf_is(&harmless, "a.example", 0), CERTS_CHECK_PASSED);
	assert_int_equal(leaf_is(&unknown, "a.example", 0), CERTS_CHECK_FORM);
	assert_int_equal(leaf_is(&staple, "a.example", 0), CERTS_CHECK_STAPLE);
	assert_int_equal(leaf_is(&staple, "a.example", 0xf), CERTS_CHECK_STAPLE);
	assert_int_equal(leaf_is(&no_aki, "a.example", 0), CERTS_CHECK_FORM);
}

static void nothing_presented_is_refused(void **state)
{
	struct certs_diag diag = {CERTS_CHECK_PASSED, ""};

	(void)state;
	assert_int_equal(certs_trust_check(trust, NULL, "a.example", time(NULL), 0xf, &diag),
		CERTS_EUNTRUSTED);
	assert_int_equal(diag.check, CERTS_CHECK_FORM);
}

static void bundles(void **state)
{
	struct certs_trust *t = NULL;
	struct certs_diag diag;
	size_t n = 7;

	(void)state;
	assert_int_equal(certs_trust_create(&t), CERTS_OK);
	assert_int_equal(certs_trust_add_pem(t, "no certificates", &n, &diag), CERTS_EFORMAT);
	assert_int_equal(certs_trust_add_pem(t,
				 "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
				 &n, &diag),
		CERTS_EFORMAT);
	assert_int_equal(certs_trust_add_file(t, "/nowhere/at/all", &n, &diag), CERTS_EFILE);
	assert_int_equal(certs_trust_add_file(t, "/", &n, &diag), CERTS_EFILE);
	assert_int_equal(n, 7);
	certs_trust_destroy(t);
	certs_trust_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_chain_passes),
		cmocka_unit_test(no_path_is_refused),
		cmocka_unit_test(a_changed_octet_is_refused),
		cmocka_unit_test(expiry),
		cmocka_unit_test(names),
		cmocka_unit_test(usage),
		cmocka_unit_test(constraints),
		cmocka_unit_test(path_length),
		cmocka_unit_test(weakness),
		cmocka_unit_test(extensions),
		cmocka_unit_test(nothing_presented_is_refused),
		cmocka_unit_test(bundles),
	};
	struct certs_diag diag;
	int failed;

	if (certs_init(&diag) != CERTS_OK) {
		return 1;
	}
	make(&(struct spec){.subject = "CN=Root", .is_ca = true}, NULL, &root);
	make(&(struct spec){.subject = "CN=Intermediate", .is_ca = true}, &root, &intermediate);
	trust = trust_in(&root);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	certs_trust_destroy(trust);
	mbedtls_pk_free(&root.key);
	mbedtls_pk_free(&intermediate.key);
	certs_finish();
	return failed;
}
