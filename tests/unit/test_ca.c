/*
 * The CA: what it is made of, saving without ever overwriting, and everything a load must refuse.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <mbedtls/pem.h>
#include <mbedtls/x509_crt.h>

#include "certs/ca.h"
#include "certs/certs.h"
#include "certs/der.h"
#include "certs/x509.h"
#include "tests/unit/made.h"
#include "tests/unit/system.h"

static char dir[64];

static const char *in_dir(const char *name)
{
	static char path[2][256];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static int empty_dir(void **state)
{
	(void)state;
	unlink(in_dir("ca.pem"));
	unlink(in_dir("ca.key"));
	return 0;
}

static struct certs_ca *make(const char *name)
{
	struct certs_diag diag;
	struct certs_ca *ca = NULL;

	assert_int_equal(certs_ca_create(name, 30, &ca, &diag), CERTS_OK);
	assert_non_null(ca);
	return ca;
}

static void profile(void **state)
{
	struct certs_ca *ca = make("Run, \"one\" #1");
	struct cert c;
	struct der cn;

	(void)state;
	assert_null(x509_read((struct der){ca->crt.raw.p, ca->crt.raw.len}, &c));
	assert_int_equal(c.version, 3);
	assert_true(c.is_ca && c.has_path_len && c.path_len == 0);
	assert_true((c.critical & X509_BASIC) != 0 && (c.critical & X509_KEY_USAGE) != 0);
	assert_true((c.key_usage & X509_USE_CERT_SIGN) != 0);
	assert_true((c.key_usage & X509_USE_SIGN) == 0);
	assert_int_equal(c.serial.n, 20);
	assert_true(c.ski.n == 20 && der_same(c.ski, c.aki));
	assert_true(c.not_after - c.not_before == 30 * 86400);
	assert_true(c.not_before <= time(NULL) - 86399);
	assert_true(x509_common_name(&c, &cn));
	assert_true(der_is(cn, "Run, \"one\" #1", 13));
	assert_int_equal(mbedtls_pk_get_bitlen(&ca->key), 256);
	certs_ca_destroy(ca);
}

static void two_are_different(void **state)
{
	struct certs_ca *a = make("A");
	struct certs_ca *b = make("A");

	(void)state;
	assert_int_equal(strlen(certs_ca_fingerprint(a)), 64);
	assert_string_not_equal(certs_ca_fingerprint(a), certs_ca_fingerprint(b));
	assert_int_not_equal(mbedtls_pk_check_pair(&a->crt.pk, &b->key, certs_random, NULL), 0);
	certs_ca_destroy(a);
	certs_ca_destroy(b);
}

static void bad_names_are_refused(void **state)
{
	struct certs_ca *ca = NULL;
	struct certs_diag diag;
	char longest[66];

	(void)state;
	memset(longest, 'a', 65);
	longest[65] = '\0';
	assert_int_equal(certs_ca_create("", 30, &ca, &diag), CERTS_ENAME);
	assert_int_equal(certs_ca_create("a\nb", 30, &ca, &diag), CERTS_ENAME);
	assert_int_equal(certs_ca_create(longest, 30, &ca, &diag), CERTS_ENAME);
	assert_int_equal(certs_ca_create("a", 0, &ca, &diag), CERTS_ENAME);
	assert_null(ca);
	certs_ca_destroy(NULL);
}

static void saved_and_loaded(void **state)
{
	struct certs_ca *ca = make("Kept, here");
	struct certs_ca *again = NULL;
	struct certs_diag diag;
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(certs_ca_save(ca, dir, &diag), CERTS_OK);
	fd = open(in_dir("ca.key"), O_RDONLY);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(fd);
	assert_int_equal(certs_ca_load(dir, &again, &diag), CERTS_OK);
	assert_string_equal(certs_ca_fingerprint(ca), certs_ca_fingerprint(again));
	assert_string_equal(certs_ca_pem(ca), certs_ca_pem(again));
	certs_ca_destroy(again);
	certs_ca_destroy(ca);
}

static void never_overwritten(void **state)
{
	struct certs_ca *a = make("A");
	struct certs_ca *b = make("B");
	struct certs_ca *again = NULL;
	struct certs_diag diag;

	(void)state;
	assert_int_equal(certs_ca_save(a, dir, &diag), CERTS_OK);
	assert_int_equal(certs_ca_save(b, dir, &diag), CERTS_EFILE);
	assert_non_null(strstr(diag.message, "ca.key"));
	assert_int_equal(certs_ca_load(dir, &again, &diag), CERTS_OK);
	assert_string_equal(certs_ca_fingerprint(a), certs_ca_fingerprint(again));
	certs_ca_destroy(again);
	certs_ca_destroy(a);
	certs_ca_destroy(b);
}

static void refuse_load(const char *words)
{
	struct certs_ca *ca = NULL;
	struct certs_diag diag;

	assert_int_not_equal(certs_ca_load(dir, &ca, &diag), CERTS_OK);
	assert_null(ca);
	if (strstr(diag.message, words) == NULL) {
		fail_msg("\"%s\" is not in \"%s\"", words, diag.message);
	}
}

static void readable_key_is_refused(void **state)
{
	struct certs_ca *ca = make("A");
	struct certs_diag diag;

	(void)state;
	assert_int_equal(certs_ca_save(ca, dir, &diag), CERTS_OK);
	assert_true(system_let_others_read(in_dir("ca.key")));
	refuse_load("lets others in");
	certs_ca_destroy(ca);
}

static void linked_key_is_refused(void **state)
{
	struct certs_ca *ca = make("A");
	struct certs_diag diag;

	(void)state;
	assert_int_equal(certs_ca_save(ca, dir, &diag), CERTS_OK);
	assert_int_equal(rename(in_dir("ca.key"), in_dir("elsewhere")), 0);
	certs_ca_destroy(ca);
	if (!system_make_link(in_dir("elsewhere"), in_dir("ca.key"))) {
		unlink(in_dir("elsewhere"));
		print_message("skipped: no link can be made on this system\n");
		skip();
	}
	refuse_load("ca.key");
	unlink(in_dir("elsewhere"));
}

static void foreign_key_is_refused(void **state)
{
	struct certs_ca *a = make("A");
	struct certs_ca *b = make("A");
	struct certs_diag diag;

	(void)state;
	assert_int_equal(certs_ca_save(a, dir, &diag), CERTS_OK);
	unlink(in_dir("ca.pem"));
	assert_int_equal(rename(in_dir("ca.key"), in_dir("other")), 0);
	assert_int_equal(certs_ca_save(b, dir, &diag), CERTS_OK);
	assert_int_equal(unlink(in_dir("ca.key")), 0);
	assert_int_equal(rename(in_dir("other"), in_dir("ca.key")), 0);
	refuse_load("not the key");
	certs_ca_destroy(a);
	certs_ca_destroy(b);
}

static void leaf_is_no_ca(void **state)
{
	struct certs_ca *ca = make("A");
	struct certs_mint *mint = NULL;
	struct certs_leaf *leaf = NULL;
	struct certs_diag diag;
	struct certs_ca as_ca = {.name = ""};
	unsigned char pem[2048];
	size_t n;

	(void)state;
	assert_int_equal(certs_mint_create(ca, 4, &mint, &diag), CERTS_OK);
	assert_int_equal(certs_mint_leaf(mint, "a.example", &leaf, &diag), CERTS_OK);
	as_ca.key = *certs_leaf_key(leaf);
	assert_int_equal(mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n",
				 "-----END CERTIFICATE-----\n", certs_leaf_chain(leaf)->raw.p,
				 certs_leaf_chain(leaf)->raw.len, pem, sizeof(pem), &n),
		0);
	as_ca.pem = (char *)pem;
	assert_int_equal(certs_ca_save(&as_ca, dir, &diag), CERTS_OK);
	refuse_load("not a CA");
	certs_leaf_release(leaf);
	certs_mint_destroy(mint);
	certs_ca_destroy(ca);
}

/* A company's CA: a longer name in several string types, and issued by another one. */
static void issued_ca_is_taken_and_sent_along(void **state)
{
	static struct made top;
	static struct made issued;
	struct certs_ca saved = {.name = ""};
	struct certs_ca *ca = NULL;
	struct certs_mint *mint = NULL;
	struct certs_leaf *leaf = NULL;
	struct certs_trust *trust;
	struct certs_diag diag;
	unsigned char pem[4096];
	size_t n;

	(void)state;
	made_create(&(struct made_spec){.subject = "CN=Top", .is_ca = true}, NULL, &top);
	made_create(
		&(struct made_spec){.subject = "C=DE,O=Acme\\, Inc.,CN=Acme \\+ 1", .is_ca = true},
		&top, &issued);
	assert_int_equal(
		mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n",
			"-----END CERTIFICATE-----\n", issued.der, issued.n, pem, sizeof(pem), &n),
		0);
	saved.key = issued.key;
	saved.pem = (char *)pem;
	assert_int_equal(certs_ca_save(&saved, dir, &diag), CERTS_OK);
	assert_int_equal(certs_ca_load(dir, &ca, &diag), CERTS_OK);
	assert_int_equal(certs_mint_create(ca, 4, &mint, &diag), CERTS_OK);
	assert_int_equal(certs_mint_leaf(mint, "a.example", &leaf, &diag), CERTS_OK);
	trust = made_trust(&top);
	assert_int_equal(certs_trust_check(trust, certs_leaf_chain(leaf), "a.example", time(NULL),
				 CERTS_RELAX_NONE, &diag),
		CERTS_OK);
	certs_trust_destroy(trust);
	certs_leaf_release(leaf);
	certs_mint_destroy(mint);
	certs_ca_destroy(ca);
	made_finish(&top);
	made_finish(&issued);
}

static void nothing_there_is_refused(void **state)
{
	(void)state;
	refuse_load("cannot open");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profile),
		cmocka_unit_test(two_are_different),
		cmocka_unit_test(bad_names_are_refused),
		cmocka_unit_test_setup(saved_and_loaded, empty_dir),
		cmocka_unit_test_setup(never_overwritten, empty_dir),
		cmocka_unit_test_setup(readable_key_is_refused, empty_dir),
		cmocka_unit_test_setup(linked_key_is_refused, empty_dir),
		cmocka_unit_test_setup(foreign_key_is_refused, empty_dir),
		cmocka_unit_test_setup(leaf_is_no_ca, empty_dir),
		cmocka_unit_test_setup(issued_ca_is_taken_and_sent_along, empty_dir),
		cmocka_unit_test_setup(nothing_there_is_refused, empty_dir),
	};
	struct certs_diag diag;
	int failed;

	if (!system_make_folder(dir, sizeof(dir)) || certs_init(&diag) != CERTS_OK) {
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	failed += !system_remove_folder(dir);
	certs_finish();
	return failed;
}
