/*
 * Synthetic addresses: given once, found again, and nothing found where nothing was given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gateway/names.h"

static int setup(void **state)
{
	return names_create((struct names **)state);
}

static int teardown(void **state)
{
	names_destroy(*state);
	return 0;
}

static void a_name_keeps_its_address(void **state)
{
	struct names *n = *state;
	uint8_t v4[4], v6[16], again4[4], again6[16], other4[4], other6[16];

	assert_int_equal(names_address(n, "a.test", v4, v6), 0);
	assert_int_equal(names_address(n, "b.test", other4, other6), 0);
	assert_int_equal(names_address(n, "a.test", again4, again6), 0);
	assert_memory_equal(v4, again4, 4);
	assert_memory_equal(v6, again6, 16);
	assert_memory_not_equal(v4, other4, 4);
	assert_memory_not_equal(v6, other6, 16);
	assert_string_equal(names_lookup(n, v4, 4), "a.test");
	assert_string_equal(names_lookup(n, v6, 16), "a.test");
	assert_string_equal(names_lookup(n, other6, 16), "b.test");
	assert_string_equal(names_behind(n, "198.18.0.1"), "a.test");
	assert_string_equal(names_behind(n, "fd53:616c:6c79::c612:2"), "b.test");
	assert_null(names_behind(n, "198.18.0.3"));
	assert_null(names_behind(n, "192.0.2.1"));
	assert_null(names_behind(n, "a.test"));
}

static void thousands_come_back(void **state)
{
	struct names *n = *state;
	uint8_t v4[4], v6[16];
	char name[32];

	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		assert_int_equal(names_address(n, name, v4, v6), 0);
		assert_int_equal(v4[0], 198);
		assert_true(v4[3] != 0 && v4[3] != 255);
		assert_string_equal(names_lookup(n, v4, 4), name);
		assert_string_equal(names_lookup(n, v6, 16), name);
	}
}

static void what_was_never_given_has_no_name(void **state)
{
	static const uint8_t v4[][4] = {{198, 18, 0, 2}, {198, 18, 0, 0}, {198, 18, 0, 255},
		{198, 20, 0, 1}, {198, 17, 255, 1}, {127, 0, 0, 1}, {198, 19, 255, 254}};
	struct names *n = *state;
	uint8_t given4[4], given6[16], near[16];

	assert_int_equal(names_address(n, "a.test", given4, given6), 0);
	for (size_t i = 0; i < sizeof(v4) / sizeof(v4[0]); i++) {
		assert_null(names_lookup(n, v4[i], 4));
	}
	/* One octet of the prefix or of the zeroes in the middle away. */
	for (size_t at = 0; at < 12; at++) {
		memcpy(near, given6, 16);
		near[at] ^= 1;
		assert_null(names_lookup(n, near, 16));
	}
	assert_null(names_lookup(n, given4, 3));
	assert_true(names_is_synthetic(given4, 4));
	assert_false(names_is_synthetic(v4[5], 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_name_keeps_its_address, setup, teardown),
		cmocka_unit_test_setup_teardown(thousands_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_never_given_has_no_name, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
