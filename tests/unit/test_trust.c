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
#include <time.h>

#include <cmocka.h>
#include <mbedtls/pem.h>
#include <mbedtls/x509_crt.h>

#include "certs/certs.h"
#include "tests/unit/made.h"

static struct made root;
static struct made intermediate;
static struct certs_trust *trust;

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
static enum certs_check leaf_is(const struct made_spec *s, const char *host, unsigned relax)
{
	struct made leaf;
	enum certs_check check;

	made_create(s, &intermediate, &leaf);
	check = ask(trust, &leaf, &intermediate, host, relax);
	made_finish(&leaf);
	return check;
}

/* An intermediate as specified, with a usual leaf under it. */
static enum certs_check issuer_is(const struct made_spec *s, unsigned relax)
{
	const struct made_spec leaf_spec = {.subject = "CN=a.example", MADE_SAN_A_EXAMPLE};
	struct made by;
	struct made leaf;
	enum certs_check check;

	made_create(s, &root, &by);
	made_create(&leaf_spec, &by, &leaf);
	check = ask(trust, &leaf, &by, "a.example", relax);
	made_finish(&by);
	made_finish(&leaf);
	return check;
}

static const struct made_spec usual = {.subject = "CN=a.example", MADE_SAN_A_EXAMPLE};

static void a_good_chain_passes(void **state)
{
	(void)state;
	assert_int_equal(leaf_is(&usual, "a.example", 0), CERTS_CHECK_PASSED);
	assert_int_equal(leaf_is(&usual, "A.EXAMPLE", 0), CERTS_CHECK_PASSED);
	assert_int_equal(issuer_is(&(struct made_spec){.subject = "CN=I", .is_ca = true}, 0),
		CERTS_CHECK_PASSED);
}

static void no_path_is_refused(void **state)
{
	struct certs_trust *other;
	struct made stranger;
	struct made leaf;

	(void)state;
	made_create(&(struct made_spec){.subject = "CN=Root", .is_ca = true}, NULL, &stranger);
	made_create(&usual, &intermediate, &leaf);
	other = made_trust(&stranger); /* same name, another key */
	assert_int_equal(ask(trust, &leaf, NULL, "a.example", 0), CERTS_CHECK_CHAIN);
	assert_int_equal(ask(other, &leaf, &intermediate, "a.example", 0), CERTS_CHECK_CHAIN);
	assert_int_equal(ask(other, &leaf, &intermediate, "a.example", CERTS_RELAX_UNTRUSTED),
		CERTS_CHECK_PASSED);
	assert_int_equal(ask(other, &leaf, &intermediate, "a.example",
				 CERTS_RELAX_EXPIRED | CERTS_RELAX_NAME | CERTS_RELAX_WEAK),
		CERTS_CHECK_CHAIN);
	certs_trust_destroy(other);
	made_finish(&stranger);
	made_finish(&leaf);
}

static void a_changed_octet_is_refused(void **state)
{
	struct made leaf;
	struct made changed;

	(void)state;
	made_create(&usual, &intermediate, &leaf);
	for (size_t i = 0; i < leaf.n; i += 7) {
		changed = leaf;
		changed.der[i] ^= 1;
		assert_int_not_equal(
			ask(trust, &changed, &intermediate, "a.example", 0), CERTS_CHECK_PASSED);
		assert_int_not_equal(ask(trust, &(struct made){.n = i}, NULL, "a.example", 0),
			CERTS_CHECK_PASSED);
	}
	made_finish(&leaf);
}

static void expiry(void **state)
{
	struct made_spec old = usual;
	struct made_spec young = usual;
	struct made_spec old_ca = {.subject = "CN=I", .is_ca = true, .from = -9, .to = -2};
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
	struct made_spec wild = {.subject = "CN=x",
		MADE_SAN("\x30\x0d\x82\x0b"
			 "*.b.example")};
	struct made_spec tld = {.subject = "CN=x",
		MADE_SAN("\x30\x0b\x82\x09"
			 "*.example")};
	struct made_spec part = {.subject = "CN=x",
		MADE_SAN("\x30\x0e\x82\x0c"
			 "a*.b.example")};
	struct made_spec ip = {.subject = "CN=x", MADE_SAN("\x30\x06\x87\x04\x7f\x00\x00\x01")};
	struct made_spec nul = {.subject = "CN=x",
		MADE_SAN("\x30\x0d\x82\x0b"
			 "a.example\0b")};
	struct made_spec text = {.subject = "CN=x",
		MADE_SAN("\x30\x0b\x82\x09"
			 "127.0.0.1")};
	struct made_spec cn_only = {.subject = "CN=a.example"};

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
	struct made_spec client = usual;
	struct made_spec old = usual;
	struct made_spec signer = usual;
	struct made_spec ca = usual;
	struct made_spec no_ca = {.subject = "CN=I"};
	struct made_spec no_sign = {
		.subject = "CN=I", .is_ca = true, .key_usage = MBEDTLS_X509_KU_CRL_SIGN};
	struct made_spec ca_client = {.subject = "CN=I", .is_ca = true, .eku = client_auth};

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
	struct made_spec permitted = {.subject = "CN=I",
		.is_ca = true,
		MADE_CRITICAL("\x55\x1d\x1e", "\x30\x0f\xa0\x0d\x30\x0b\x82\x09"
					      "a.example")};
	struct made_spec elsewhere = {.subject = "CN=I",
		.is_ca = true,
		MADE_CRITICAL("\x55\x1d\x1e", "\x30\x0f\xa0\x0d\x30\x0b\x82\x09"
					      "b.example")};
	struct made_spec excluded = {.subject = "CN=I",
		.is_ca = true,
		MADE_CRITICAL("\x55\x1d\x1e", "\x30\x0d\xa1\x0b\x30\x09\x82\x07"
					      "example")};
	struct made_spec malformed = {
		.subject = "CN=I", .is_ca = true, MADE_CRITICAL("\x55\x1d\x1e", "\x30\x00")};
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

/* The subject's organisation is held to a directory subtree, in whatever letters it is written. */
static void directory_constraints(void **state)
{
	static const char org_bmp[] = "\x30\x19\xa1\x17\x30\x15\xa4\x13\x30\x11\x31\x0f\x30\x0d"
				      "\x06\x03\x55\x04\x0a\x1e\x06\x00O\x00r\x00g";
	struct made_spec permitted = {.subject = "CN=I",
		.is_ca = true,
		MADE_CRITICAL("\x55\x1d\x1e",
			"\x30\x16\xa0\x14\x30\x12\xa4\x10\x30\x0e\x31\x0c\x30\x0a"
			"\x06\x03\x55\x04\x0a\x0c\x03Org")};
	struct made_spec excluded = permitted;
	struct made_spec leaves[] = {{.subject = "O=ORG,CN=a.example", MADE_SAN_A_EXAMPLE},
		{.subject = "O=Other,CN=a.example", MADE_SAN_A_EXAMPLE}};
	struct made by[2];
	struct made leaf;

	(void)state;
	excluded.value = org_bmp;
	excluded.n_value = sizeof(org_bmp) - 1;
	made_create(&permitted, &root, &by[0]);
	made_create(&excluded, &root, &by[1]);
	for (int i = 0; i < 2; i++) {
		made_create(&leaves[i], &by[0], &leaf);
		assert_int_equal(ask(trust, &leaf, &by[0], "a.example", 0),
			i == 0 ? CERTS_CHECK_PASSED : CERTS_CHECK_CONSTRAINT);
		made_finish(&leaf);
		/* Excluded in an encoding that is not compared: nobody with an organisation passes.
		 */
		made_create(&leaves[i], &by[1], &leaf);
		assert_int_equal(ask(trust, &leaf, &by[1], "a.example", 0), CERTS_CHECK_CONSTRAINT);
		made_finish(&leaf);
	}
	made_create(&usual, &by[1], &leaf);
	assert_int_equal(ask(trust, &leaf, &by[1], "a.example", 0), CERTS_CHECK_PASSED);
	made_finish(&leaf);
	made_finish(&by[0]);
	made_finish(&by[1]);
}

static void path_length(void **state)
{
	struct made_spec spec = {.subject = "CN=Short root", .is_ca = true, .path_len = 1};
	struct certs_trust *t;
	struct made anchor;
	struct made by;
	struct made leaf;

	(void)state;
	made_create(&spec, NULL, &anchor);
	t = made_trust(&anchor);
	made_create(&usual, &anchor, &leaf);
	assert_int_equal(ask(t, &leaf, NULL, "a.example", 0), CERTS_CHECK_PASSED);
	made_finish(&leaf);
	made_create(&(struct made_spec){.subject = "CN=I", .is_ca = true}, &anchor, &by);
	made_create(&usual, &by, &leaf);
	assert_int_equal(ask(t, &leaf, &by, "a.example", 0), CERTS_CHECK_CONSTRAINT);
	certs_trust_destroy(t);
	made_finish(&anchor);
	made_finish(&by);
	made_finish(&leaf);
}

static void weakness(void **state)
{
	struct made_spec sha1 = usual;
	struct made_spec md5 = usual;
	struct made_spec curve = usual;

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
	struct made_spec unknown = usual;
	struct made_spec harmless = usual;
	struct made_spec staple = usual;
	struct made_spec no_aki = usual;

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

/* A signature once seen to hold must not carry a chain past any check that fails later. */
static void what_is_remembered_is_only_the_signature(void **state)
{
	struct certs_diag diag = {CERTS_CHECK_NONE, ""};
	struct certs_der chain[2];
	struct made leaf;
	struct made changed;

	(void)state;
	made_create(&usual, &intermediate, &leaf);
	chain[0] = (struct certs_der){leaf.der, leaf.n};
	chain[1] = (struct certs_der){intermediate.der, intermediate.n};
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			ask(trust, &leaf, &intermediate, "a.example", 0), CERTS_CHECK_PASSED);
	}
	assert_int_equal(ask(trust, &leaf, &intermediate, "b.example", 0), CERTS_CHECK_NAME);
	assert_int_equal(certs_trust_check_der(
				 trust, chain, 2, "a.example", time(NULL) + 40 * 86400, 0, &diag),
		CERTS_EUNTRUSTED);
	assert_int_equal(diag.check, CERTS_CHECK_EXPIRED);
	changed = leaf;
	changed.der[changed.n - 1] ^= 1; /* in the signature */
	assert_int_equal(ask(trust, &changed, &intermediate, "a.example", 0), CERTS_CHECK_CHAIN);
	made_finish(&leaf);
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

static void pem_of(const struct made *m, char *pem, size_t size)
{
	size_t len;

	assert_int_equal(mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n",
				 "-----END CERTIFICATE-----\n", m->der, m->n, (unsigned char *)pem,
				 size, &len),
		0);
}

/* Decoded at the first check, also below another store; then the text may go. */
static void a_bundle_can_wait(void **state)
{
	struct certs_trust *t, *over, *none;
	struct certs_diag diag;
	struct made leaf;
	char pem[4096];

	(void)state;
	made_create(&usual, &intermediate, &leaf);
	pem_of(&root, pem, sizeof(pem));
	assert_int_equal(certs_trust_create(&t), CERTS_OK);
	assert_int_equal(certs_trust_create_over(t, &over), CERTS_OK);
	assert_int_equal(certs_trust_add_pem_later(t, "no certificates", &diag), CERTS_EFORMAT);
	assert_int_equal(certs_trust_add_pem_later(t, pem, &diag), CERTS_OK);
	assert_int_equal(certs_trust_add_pem_later(t, pem, &diag), CERTS_EFORMAT);
	assert_int_equal(ask(over, &leaf, &intermediate, "a.example", 0), CERTS_CHECK_PASSED);
	memset(pem, 0, sizeof(pem));
	assert_int_equal(ask(t, &leaf, &intermediate, "a.example", 0), CERTS_CHECK_PASSED);
	assert_int_equal(certs_trust_create(&none), CERTS_OK);
	assert_int_equal(
		certs_trust_add_pem_later(none,
			"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &diag),
		CERTS_OK);
	assert_int_equal(ask(none, &leaf, &intermediate, "a.example", 0), CERTS_CHECK_CHAIN);
	certs_trust_destroy(over);
	certs_trust_destroy(t);
	certs_trust_destroy(none);
	made_finish(&leaf);
}

static void write_text(const char *path, const char *before, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(before, f) >= 0 && fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static struct certs_trust *file_later(const char *path)
{
	struct certs_trust *t;
	struct certs_diag diag;

	assert_int_equal(certs_trust_create(&t), CERTS_OK);
	assert_int_equal(certs_trust_add_file_later(t, path, &diag), CERTS_OK);
	return t;
}

/* Judged when it is opened, read at the first check; what cannot be read then refuses for good. */
static void a_file_can_wait(void **state)
{
	static const char path[] = "test_trust.later.pem";
	char pem[4096], *words = calloc(1, 20001);
	struct certs_trust *t, *far, *emptied, *spoilt, *none;
	struct certs_diag diag;
	struct made leaf;

	(void)state;
	assert_non_null(words);
	memset(words, '\n', 20000);
	made_create(&usual, &intermediate, &leaf);
	pem_of(&root, pem, sizeof(pem));
	write_text(path, "", pem);
	t = file_later(path);
	spoilt = file_later(path);
	assert_int_equal(remove(path), 0); /* by its descriptor, whatever has the name now */
	assert_int_equal(ask(t, &leaf, &intermediate, "a.example", 0), CERTS_CHECK_PASSED);
	assert_int_equal(ask(t, &leaf, &intermediate, "a.example", 0), CERTS_CHECK_PASSED);
	assert_int_equal(ask(t, &leaf, &intermediate, "b.example", 0), CERTS_CHECK_NAME);
	certs_trust_destroy(spoilt); /* never asked */

	write_text(path, words, pem);
	far = file_later(path);
	assert_int_equal(ask(far, &leaf, &intermediate, "a.example", 0), CERTS_CHECK_PASSED);
	write_text(path, "", pem);
	emptied = file_later(path);
	spoilt = file_later(path);
	write_text(path, "", "");
	assert_int_equal(ask(emptied, &leaf, &intermediate, "a.example", 0), CERTS_CHECK_NONE);
	assert_int_equal(ask(emptied, &leaf, &intermediate, "a.example", 0), CERTS_CHECK_NONE);
	write_text(path, "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	assert_int_equal(ask(spoilt, &leaf, &intermediate, "a.example", 0), CERTS_CHECK_NONE);

	assert_int_equal(certs_trust_create(&none), CERTS_OK);
	write_text(path, "", "no certificates");
	assert_int_equal(certs_trust_add_file_later(none, path, &diag), CERTS_EFORMAT);
	assert_int_equal(remove(path), 0);
	assert_int_equal(certs_trust_add_file_later(none, path, &diag), CERTS_EFILE);
	assert_int_equal(certs_trust_add_file_later(none, ".", &diag), CERTS_EFILE);
	certs_trust_destroy(t);
	certs_trust_destroy(far);
	certs_trust_destroy(emptied);
	certs_trust_destroy(spoilt);
	certs_trust_destroy(none);
	made_finish(&leaf);
	free(words);
}

/* Whatever lies there, and wherever it begins and ends. */
static void populating_changes_nothing(void **state)
{
	enum { SIZE = 5 * 4096 };
	unsigned char *memory = malloc(SIZE);

	(void)state;
	assert_non_null(memory);
	for (size_t i = 0; i < SIZE; i++) {
		memory[i] = (unsigned char)(i * 7);
	}
	certs_system_populate(memory, SIZE);
	certs_system_populate(memory + 1, SIZE - 1);
	certs_system_populate(memory + 5, 0);
	for (size_t i = 0; i < SIZE; i++) {
		assert_int_equal(memory[i], (unsigned char)(i * 7));
	}
	free(memory);
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
		cmocka_unit_test(directory_constraints),
		cmocka_unit_test(path_length),
		cmocka_unit_test(weakness),
		cmocka_unit_test(extensions),
		cmocka_unit_test(what_is_remembered_is_only_the_signature),
		cmocka_unit_test(nothing_presented_is_refused),
		cmocka_unit_test(bundles),
		cmocka_unit_test(a_bundle_can_wait),
		cmocka_unit_test(a_file_can_wait),
		cmocka_unit_test(populating_changes_nothing),
	};
	struct certs_diag diag;
	int failed;

	if (certs_init(&diag) != CERTS_OK) {
		return 1;
	}
	made_create(&(struct made_spec){.subject = "CN=Root", .is_ca = true}, NULL, &root);
	made_create(&(struct made_spec){.subject = "CN=Intermediate", .is_ca = true}, &root,
		&intermediate);
	trust = made_trust(&root);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	certs_trust_destroy(trust);
	made_finish(&root);
	made_finish(&intermediate);
	certs_finish();
	return failed;
}
