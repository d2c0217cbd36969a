/*
 * The count of `limit egress`: exact, shared by threads, over for good once something was refused.
 */
#include "gateway/egress.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void note(void *arg)
{
	++*(int *)arg;
}

static void takes_up_to_the_limit(void **state)
{
	struct egress e;
	int told = 0;

	(void)state;
	egress_init(&e, 100, note, &told);
	assert_true(egress_take(&e, 60));
	assert_true(egress_take(&e, 40));
	assert_true(egress_take(&e, 0));
	assert_int_equal(egress_spent(&e), 100);
	assert_false(egress_is_reached(&e));
	assert_int_equal(told, 0);
	assert_false(egress_take(&e, 1));
	assert_int_equal(egress_spent(&e), 100);
}

static void is_over_after_the_first_refusal(void **state)
{
	struct egress e;
	int told = 0;

	(void)state;
	egress_init(&e, 100, note, &told);
	assert_false(egress_take(&e, 101));
	assert_true(egress_is_reached(&e));
	assert_false(egress_take(&e, 1));
	assert_false(egress_take(&e, SIZE_MAX));
	assert_int_equal(told, 1);
	assert_int_equal(egress_spent(&e), 0);
}

static void without_a_limit_it_counts(void **state)
{
	struct egress e;

	(void)state;
	egress_init(&e, 0, NULL, NULL);
	assert_true(egress_take(&e, 1u << 30));
	assert_true(egress_take(&e, 5));
	assert_int_equal(egress_spent(&e), (1u << 30) + 5);
	assert_true(egress_take(NULL, 5));
}

static void *take_sevens(void *arg)
{
	while (egress_take(arg, 7)) {
	}
	return NULL;
}

static void threads_never_go_over(void **state)
{
	struct egress e;
	pthread_t threads[4];
	int told = 0;

	(void)state;
	egress_init(&e, 100001, note, &told);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, take_sevens, &e), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(egress_spent(&e), 99995);
	assert_int_equal(told, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_up_to_the_limit),
		cmocka_unit_test(is_over_after_the_first_refusal),
		cmocka_unit_test(without_a_limit_it_counts),
		cmocka_unit_test(threads_never_go_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
