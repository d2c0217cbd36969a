/*
 * Minted leaves: the profile strict clients want, a key for each name, and the cache under threads.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <mbedtls/x509_crt.h>

#include "certs/ca.h"
#include "certs/certs.h"
#include "certs/leaf.h"
#include "certs/names.h"
#include "certs/x509.h"

static struct certs_ca *ca;

static struct certs_mint *make(size_t capacity)
{
	struct certs_mint *mint = NULL;
	struct certs_diag diag;

	assert_int_equal(certs_mint_create(ca, capacity, &mint, &diag), CERTS_OK);
	return mint;
}

static struct certs_leaf *get(struct certs_mint *mint, const char *host)
{
	struct certs_leaf *leaf = NULL;
	struct certs_diag diag = {CERTS_CHECK_NONE, ""};

	assert_int_equal(certs_mint_leaf(mint, host, &leaf, &diag), CERTS_OK);
	return leaf;
}

static struct cert read_leaf(struct certs_leaf *leaf)
{
	struct mbedtls_x509_crt *crt = certs_leaf_chain(leaf);
	struct cert c;

	assert_null(x509_read((struct der){crt->raw.p, crt->raw.len}, &c));
	return c;
}

static void profile(void **state)
{
	struct certs_mint *mint = make(4);
	struct certs_leaf *leaf = get(mint, "registry.example");
	struct cert c = read_leaf(leaf);
	struct cert issuer;

	(void)state;
	assert_null(x509_read((struct der){ca->crt.raw.p, ca->crt.raw.len}, &issuer));
	assert_int_equal(c.version, 3);
	assert_int_equal(c.serial.n, 20);
	assert_true(der_same(c.issuer, issuer.subject));
	assert_true(der_same(c.aki, issuer.ski));
	assert_int_equal(c.ski.n, 20);
	assert_true((c.has & X509_BASIC) != 0 && (c.critical & X509_BASIC) != 0 && !c.is_ca);
	assert_int_equal(c.key_usage, X509_USE_SIGN);
	assert_true((c.has & X509_EKU) != 0 && (c.critical & X509_EKU) == 0);
	assert_true((c.critical & X509_SAN) == 0);
	assert_true(c.not_after - c.not_before < 90 * 86400);
	assert_true(c.not_after <= issuer.not_after && c.not_before >= issuer.not_before);
	assert_int_equal(certs_leaf_chain(leaf)->next == NULL, 1);
	assert_int_equal(mbedtls_pk_check_pair(&certs_leaf_chain(leaf)->pk, certs_leaf_key(leaf),
				 certs_random, NULL),
		0);
	certs_leaf_release(leaf);
	certs_mint_destroy(mint);
}

static void assert_trusted(struct certs_leaf *leaf, const char *host)
{
	struct certs_trust *trust = NULL;
	struct certs_diag diag;
	size_t added;

	assert_int_equal(certs_trust_create(&trust), CERTS_OK);
	assert_int_equal(certs_trust_add_pem(trust, certs_ca_pem(ca), &added, &diag), CERTS_OK);
	if (certs_trust_check(trust, certs_leaf_chain(leaf), host, time(NULL), 0, &diag) != 0) {
		fail_msg("%s: %s", host, diag.message);
	}
	certs_trust_destroy(trust);
}

/* Longer than a common name may be. */
static const char no_cn[] =
	"a-label-that-is-long-enough.another-label-that-is-long.so-that-no-cn-holds.example";

static void names_and_addresses(void **state)
{
	static const char *const hosts[] = {"a.example", "localhost", "foo--bar.xn--p1ai",
		"127.0.0.1", "::1", "2001:db8::7", no_cn};
	struct certs_mint *mint = make(16);

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct certs_leaf *leaf = get(mint, hosts[i]);

		assert_trusted(leaf, hosts[i]);
		certs_leaf_release(leaf);
	}
	certs_mint_destroy(mint);
}

static void bad_names_are_refused(void **state)
{
	static const char *const hosts[] = {"", ".", "*.example", "*", "a..example", "-a.example",
		"a b.example", "a.example/", "a\nb.example", "a,CN=b.example", "1.2.3", "256.1.1.1",
		"[::1", "a.example:443", "\xc3\xa4.example"};
	struct certs_mint *mint = make(4);
	struct certs_leaf *leaf = NULL;
	struct certs_diag diag;

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (certs_mint_leaf(mint, hosts[i], &leaf, &diag) != CERTS_ENAME) {
			fail_msg("minted for \"%s\"", hosts[i]);
		}
	}
	assert_null(leaf);
	certs_mint_destroy(mint);
}

static void bounded_by_the_ca(void **state)
{
	struct certs_leaf *leaf = NULL;
	struct certs_diag diag;
	struct cert c;
	time_t late = time(NULL) + 55 * 86400; /* the CA ends on day 59 */

	(void)state;
	assert_int_equal(leaf_mint(ca, "a.example", LEAF_EC, late, &leaf, &diag), CERTS_OK);
	c = read_leaf(leaf);
	assert_true(c.not_after <= time(NULL) + 59 * 86400);
	assert_true(leaf->renew_at > late && leaf->renew_at < c.not_after);
	certs_leaf_release(leaf);
	leaf = NULL;
	assert_int_equal(
		leaf_mint(ca, "a.example", LEAF_EC, late + 5 * 86400, &leaf, &diag), CERTS_EFORMAT);
	assert_null(leaf);
}

static void same_name_same_leaf(void **state)
{
	struct certs_mint *mint = make(4);
	struct certs_leaf *a = get(mint, "a.example");
	struct certs_leaf *b = get(mint, "A.Example.");

	(void)state;
	assert_ptr_equal(a, b);
	certs_leaf_release(a);
	certs_leaf_release(b);
	certs_mint_destroy(mint);
}

static void every_name_its_own_key(void **state)
{
	struct certs_mint *mint = make(4);
	struct certs_leaf *a = get(mint, "a.example");
	struct certs_leaf *b = get(mint, "b.example");
	struct cert ca_cert;
	struct cert ca_a = read_leaf(a);
	struct cert ca_b = read_leaf(b);

	(void)state;
	assert_null(x509_read((struct der){ca->crt.raw.p, ca->crt.raw.len}, &ca_cert));
	assert_false(der_same(ca_a.spki, ca_b.spki));
	assert_false(der_same(ca_a.spki, ca_cert.spki));
	assert_false(der_same(ca_a.serial, ca_b.serial));
	certs_leaf_release(a);
	certs_leaf_release(b);
	certs_mint_destroy(mint);
}

static void least_recently_used_is_dropped(void **state)
{
	struct certs_mint *mint = make(2);
	struct certs_leaf *a = get(mint, "a.example");
	struct certs_leaf *b = get(mint, "b.example");
	struct certs_leaf *again;
	char fp[65];
	char fp_again[65];

	(void)state;
	certs_leaf_release(get(mint, "a.example"));
	certs_leaf_release(get(mint, "c.example")); /* b goes */
	again = get(mint, "a.example");
	assert_ptr_equal(a, again);
	certs_leaf_release(again);
	/* Dropped, but held here: it lives on, and another is minted for the next. */
	certs_fingerprint(certs_leaf_chain(b), fp);
	again = get(mint, "b.example");
	certs_fingerprint(certs_leaf_chain(again), fp_again);
	assert_string_not_equal(fp, fp_again);
	certs_leaf_release(again);
	certs_mint_destroy(mint);
	assert_trusted(b, "b.example");
	certs_leaf_release(a);
	certs_leaf_release(b);
}

#define THREADS 4

struct job {
	struct certs_mint *mint;
	struct certs_leaf *leaf;
};

static void *ask(void *arg)
{
	struct job *job = arg;
	struct certs_leaf *other = NULL;

	if (certs_mint_leaf(job->mint, "one.example", &job->leaf, NULL) != CERTS_OK) {
		return NULL;
	}
	for (int i = 0; i < 12; i++) {
		char host[32];

		snprintf(host, sizeof(host), "h%d.example", i % 5);
		if (certs_mint_leaf(job->mint, host, &other, NULL) != CERTS_OK) {
			return NULL;
		}
		certs_leaf_release(other);
	}
	return job;
}

static void threads_share_one_minting(void **state)
{
	struct certs_mint *mint = make(3);
	struct job jobs[THREADS];
	pthread_t threads[THREADS];
	struct certs_leaf *held = NULL;

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){mint, NULL};
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &jobs[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		void *result;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_ptr_equal(result, &jobs[i]);
		assert_non_null(jobs[i].leaf);
		held = held == NULL ? jobs[i].leaf : held;
	}
	assert_trusted(held, "one.example");
	for (int i = 0; i < THREADS; i++) {
		certs_leaf_release(jobs[i].leaf);
	}
	certs_mint_destroy(mint);
}

static void *ask_once(void *arg)
{
	struct job *job = arg;

	return certs_mint_leaf(job->mint, "one.example", &job->leaf, NULL) == CERTS_OK ? job : NULL;
}

static void one_name_is_minted_once(void **state)
{
	struct certs_mint *mint = make(3);
	struct job jobs[THREADS];
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){mint, NULL};
		assert_int_equal(pthread_create(&threads[i], NULL, ask_once, &jobs[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_non_null(jobs[i].leaf);
		assert_ptr_equal(jobs[i].leaf, jobs[0].leaf);
	}
	for (int i = 0; i < THREADS; i++) {
		certs_leaf_release(jobs[i].leaf);
	}
	certs_mint_destroy(mint);
}

struct waiting {
	pthread_mutex_t lock;
	pthread_cond_t said;
	unsigned n;
};

static void on_ready(void *arg)
{
	struct waiting *w = arg;

	pthread_mutex_lock(&w->lock);
	w->n++;
	pthread_cond_signal(&w->said);
	pthread_mutex_unlock(&w->lock);
}

static void wait_for(struct waiting *w, unsigned n)
{
	pthread_mutex_lock(&w->lock);
	while (w->n < n) {
		pthread_cond_wait(&w->said, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
}

/* Made elsewhere, told when ready; each name its own key, beside the name's P-256 one. */
static void rsa_on_request(void **state)
{
	struct waiting w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
	struct certs_mint *mint = make(8);
	struct certs_leaf *ec = get(mint, "a.example"), *a = NULL, *again = NULL, *b = NULL;
	struct certs_diag diag;

	(void)state;
	certs_mint_on_ready(mint, on_ready, &w);
	assert_int_equal(certs_mint_leaf_rsa(mint, "a.example", &a, &diag), CERTS_EPENDING);
	assert_int_equal(certs_mint_leaf_rsa(mint, "b.example", &b, &diag), CERTS_EPENDING);
	assert_int_equal(certs_mint_leaf_rsa(mint, "*", &b, &diag), CERTS_ENAME);
	wait_for(&w, 2);
	assert_int_equal(certs_mint_leaf_rsa(mint, "a.example", &a, &diag), CERTS_OK);
	assert_int_equal(certs_mint_leaf_rsa(mint, "a.example", &again, &diag), CERTS_OK);
	assert_int_equal(certs_mint_leaf_rsa(mint, "b.example", &b, &diag), CERTS_OK);
	assert_ptr_equal(a, again);
	assert_ptr_not_equal(a, ec);
	assert_int_equal(mbedtls_pk_get_type(certs_leaf_key(a)), MBEDTLS_PK_RSA);
	assert_int_equal(mbedtls_pk_get_bitlen(certs_leaf_key(a)), 2048);
	assert_int_not_equal(mbedtls_pk_check_pair(&certs_leaf_chain(a)->pk, certs_leaf_key(b),
				     certs_random, NULL),
		0);
	assert_trusted(a, "a.example");
	assert_int_equal(read_leaf(a).key_usage, X509_USE_SIGN);
	certs_leaf_release(ec);
	certs_leaf_release(a);
	certs_leaf_release(again);
	certs_leaf_release(b);
	certs_mint_destroy(mint);
}

/* One that is still being made, and one that waits behind it. */
static void rsa_under_way_at_the_end(void **state)
{
	struct certs_mint *mint = make(8);
	struct certs_leaf *leaf = NULL;
	struct certs_diag diag;

	(void)state;
	assert_int_equal(certs_mint_leaf_rsa(mint, "a.example", &leaf, &diag), CERTS_EPENDING);
	assert_int_equal(certs_mint_leaf_rsa(mint, "b.example", &leaf, &diag), CERTS_EPENDING);
	certs_mint_destroy(mint);
}

static void random_differs(void **state)
{
	unsigned char a[5000] = {0};
	unsigned char b[5000] = {0};

	(void)state;
	assert_int_equal(certs_random(NULL, a, sizeof(a)), 0);
	assert_int_equal(certs_random(NULL, b, sizeof(b)), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, a + 2500, 2500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profile),
		cmocka_unit_test(names_and_addresses),
		cmocka_unit_test(bad_names_are_refused),
		cmocka_unit_test(bounded_by_the_ca),
		cmocka_unit_test(same_name_same_leaf),
		cmocka_unit_test(every_name_its_own_key),
		cmocka_unit_test(least_recently_used_is_dropped),
		cmocka_unit_test(threads_share_one_minting),
		cmocka_unit_test(one_name_is_minted_once),
		cmocka_unit_test(rsa_on_request),
		cmocka_unit_test(rsa_under_way_at_the_end),
		cmocka_unit_test(random_differs),
	};
	struct certs_diag diag;
	int failed;

	if (certs_init(&diag) != CERTS_OK ||
		certs_ca_create("Sallyport test", 60, &ca, &diag) != CERTS_OK) {
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	certs_ca_destroy(ca);
	certs_finish();
	return failed;
}
