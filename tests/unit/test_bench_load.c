/*
 * The load generator's counting and its options. A histogram that tells latencies better than they
 * were, or an option that is taken for another, makes every figure wrong without a sign.
 */
#include "bench/load/histogram.h"
#include "bench/load/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void quantiles_are_never_better_than_the_truth(void **state)
{
	static struct histogram h;

	(void)state;
	memset(&h, 0, sizeof(h));
	assert_int_equal(histogram_quantile(&h, 500), 0);
	for (uint64_t us = 1; us <= 100000; us++) {
		histogram_add(&h, us);
	}
	for (unsigned per_mille = 1; per_mille <= 1000; per_mille++) {
		uint64_t told = histogram_quantile(&h, per_mille), truth = 100 * per_mille;

		assert_in_range(told, truth, truth + truth / 32 + 1);
	}
	assert_int_equal(histogram_quantile(&h, 1000), 100000);
}

static void one_slow_answer_is_seen(void **state)
{
	static struct histogram h;

	(void)state;
	memset(&h, 0, sizeof(h));
	for (unsigned i = 0; i < 999; i++) {
		histogram_add(&h, 10);
	}
	histogram_add(&h, UINT64_MAX / 2);
	assert_int_equal(histogram_quantile(&h, 999), 10);
	assert_true(histogram_quantile(&h, 1000) > 1000000000);
}

static int parse(struct load_options *o, const char *const *words, const char **ret_wrong)
{
	char *argv[16] = {(char *)"bench_load"};
	int argc = 1;

	for (; words[argc - 1] != NULL; argc++) {
		argv[argc] = (char *)words[argc - 1];
	}
	return load_options_parse(argc, argv, o, ret_wrong);
}

static void options_are_taken(void **state)
{
	static const char *const words[] = {"at=127.0.0.1:8443", "host=localhost:443", "path=/x",
		"proxy", "resume", "rate=200", "connections=32", "upload=1048576", NULL};
	struct load_options o;
	const char *wrong;

	(void)state;
	assert_int_equal(parse(&o, words, &wrong), 0);
	assert_int_equal(ntohs(o.at.sin_port), 8443);
	assert_true(o.proxy && o.resume && !o.plain && !o.wait && !o.hold);
	assert_int_equal(o.rate, 200);
	assert_int_equal(o.connections, 32);
	assert_int_equal(o.upload, 1048576);
}

static void wrong_options_are_named(void **state)
{
	static const char *const wrong_words[] = {"connections=0", "connections=1x", "rate=-1",
		"requests=", "fast", "path=x", "host=nowhere", "at=192.0.2.1:443", "at=127.0.0.1:0",
		"at=127.0.0.1:65536", "per-connection=9999999999"};
	struct load_options o;
	const char *wrong;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong_words) / sizeof(wrong_words[0]); i++) {
		const char *const words[] = {
			"at=127.0.0.1:1", "host=a:1", "path=/", wrong_words[i], NULL};

		assert_int_equal(parse(&o, words, &wrong), -1);
		assert_string_equal(wrong, wrong_words[i]);
	}
	assert_int_equal(parse(&o, (const char *const[]){"host=a:1", "path=/", NULL}, &wrong), -1);
	assert_string_equal(wrong, "at=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_are_never_better_than_the_truth),
		cmocka_unit_test(one_slow_answer_is_seen),
		cmocka_unit_test(options_are_taken),
		cmocka_unit_test(wrong_options_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
