/*
 * Java's trust store: as it is made, and made out of one that is there. Its digest is computed here
 * a second time, by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certs/ca.h"
#include "certs/certs.h"
#include "certs/java_store.h"
#include "certs/sha1.h"

static struct certs_ca *cas[2];

struct octets {
	unsigned char *p;
	size_t n;
};

static struct octets make(const char *first, const char *second)
{
	const char *const pems[] = {first, second, NULL};
	struct octets store;
	struct certs_diag diag;

	assert_int_equal(certs_java_store(pems, &store.p, &store.n, &diag), CERTS_OK);
	return store;
}

/* The whole new store. */
static int extend(struct octets old, const char *pem, struct octets *ret_new)
{
	const char *const pems[] = {pem, NULL};
	struct certs_diag diag;
	unsigned char *tail;
	size_t kept, tail_len;
	int ret = certs_java_store_extend(old.p, old.n, pems, &kept, &tail, &tail_len, &diag);

	if (ret == CERTS_OK) {
		assert_true(kept < old.n);
		ret_new->n = kept + tail_len;
		ret_new->p = malloc(ret_new->n);
		assert_non_null(ret_new->p);
		memcpy(ret_new->p, old.p, kept);
		memcpy(ret_new->p + kept, tail, tail_len);
		free(tail);
	}
	return ret;
}

static void holds(struct octets store, uint32_t wanted)
{
	static const char before[] = "\0c\0h\0a\0n\0g\0e\0i\0tMighty Aphrodite";
	const struct sha1_piece pieces[] = {
		{before, sizeof(before) - 1}, {store.p, store.n - JKS_DIGEST}};
	unsigned char digest[JKS_DIGEST];
	uint32_t count = 0;

	assert_true(java_store_read(store.p, store.n, &count));
	assert_int_equal(count, wanted);
	assert_int_equal(certs_sha1(pieces, 2, digest), 0);
	assert_memory_equal(digest, store.p + store.n - JKS_DIGEST, JKS_DIGEST);
}

static void a_store_is_made(void **state)
{
	struct octets one = make(certs_ca_pem(cas[0]), "no certificate\n"),
		      two = make(certs_ca_pem(cas[0]), certs_ca_pem(cas[1])), none = make("", "");

	(void)state;
	holds(one, 1);
	holds(two, 2);
	holds(none, 0);
	free(one.p);
	free(two.p);
	free(none.p);
}

static void one_that_is_there_is_extended(void **state)
{
	struct octets old = make(certs_ca_pem(cas[0]), ""),
		      whole = make(certs_ca_pem(cas[0]), certs_ca_pem(cas[1])), new, again;

	(void)state;
	assert_int_equal(extend(old, certs_ca_pem(cas[1]), &new), CERTS_OK);
	holds(new, 2);
	assert_int_equal(new.n, whole.n);
	assert_memory_equal(new.p, whole.p, whole.n);
	assert_int_equal(extend(new, "", &again), CERTS_OK);
	assert_int_equal(again.n, whole.n);
	assert_memory_equal(again.p, whole.p, whole.n);
	free(old.p);
	free(whole.p);
	free(new.p);
	free(again.p);
}

static void refused(struct octets store)
{
	unsigned char *before = malloc(store.n + 1);
	struct octets none;

	assert_non_null(before);
	memcpy(before, store.p, store.n);
	assert_int_equal(extend(store, certs_ca_pem(cas[1]), &none), CERTS_EFORMAT);
	assert_memory_equal(before, store.p, store.n);
	free(before);
}

static void what_is_no_store_of_certificates_is_not(void **state)
{
	/* The octet to change, and its value. */
	static const struct {
		size_t at;
		unsigned char value;
	} changes[] = {
		{0, 0x30},          /* PKCS12 */
		{7, 1},             /* another version */
		{JKS_COUNT_AT, 1},  /* more entries than there are */
		{JKS_HEAD - 1, 0},  /* fewer */
		{JKS_HEAD - 1, 2},  /* one more */
		{JKS_HEAD + 3, 1},  /* a key */
		{JKS_HEAD + 4, 255} /* an alias beyond the end */
	};
	struct octets store = make(certs_ca_pem(cas[0]), ""), none = make("", "");

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		unsigned char was = store.p[changes[i].at];

		store.p[changes[i].at] = changes[i].value;
		refused(store);
		store.p[changes[i].at] = was;
	}
	for (size_t n = 0; n < store.n; n++) {
		/* Of its own size, so that a reader beyond the end is seen. */
		struct octets cut = {malloc(n + (n == 0)), n};

		assert_non_null(cut.p);
		memcpy(cut.p, store.p, n);
		refused(cut);
		free(cut.p);
	}
	refused(none); /* a JDK without a root believes nobody: that is no store to build on */
	free(store.p);
	free(none.p);
}

static int set_up(void **state)
{
	struct certs_diag diag;

	(void)state;
	return certs_init(&diag) != CERTS_OK ||
	       certs_ca_create("One", 1, &cas[0], &diag) != CERTS_OK ||
	       certs_ca_create("Two", 1, &cas[1], &diag) != CERTS_OK;
}

static int tear_down(void **state)
{
	(void)state;
	certs_ca_destroy(cas[0]);
	certs_ca_destroy(cas[1]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_is_made),
		cmocka_unit_test(one_that_is_there_is_extended),
		cmocka_unit_test(what_is_no_store_of_certificates_is_not),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
