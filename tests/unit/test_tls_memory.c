/*
 * certs/memory_posix.c: record buffers that take no more of the machine's memory than was written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include <mbedtls/platform.h>

#include "certs/certs.h"

enum { RECORD = 16 * 1024 + 360, MANY = 600 };

static bool is_zero(const unsigned char *memory, size_t len)
{
	return memory[0] == 0 && memcmp(memory, memory + 1, len - 1) == 0;
}

static size_t resident(void *memory, size_t len)
{
	unsigned char pages[16];
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0;

	assert_int_equal((uintptr_t)memory % page, 0);
	assert_true(len <= sizeof(pages) * page);
	assert_int_equal(mincore(memory, len, pages), 0);
	for (size_t i = 0; i < (len + page - 1) / page; i++) {
		n += pages[i] & 1;
	}
	return n;
}

static void is_zero_each_time(void **state)
{
	unsigned char *memory[MANY];

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < MANY; i++) {
			memory[i] = mbedtls_calloc(1, RECORD);
			assert_non_null(memory[i]);
			assert_true(is_zero(memory[i], RECORD));
			memset(memory[i], (int)(i % 256), RECORD);
		}
		for (size_t i = 0; i < MANY; i++) {
			assert_int_equal(memory[i][0], i % 256);
			assert_memory_equal(memory[i], memory[i] + 1, RECORD - 1);
			mbedtls_free(memory[i]);
		}
	}
}

static void many_are_there_when_written_and_gone_when_freed(void **state)
{
	unsigned char *memory[MANY], *last;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		memory[i] = mbedtls_calloc(RECORD, 1);
		assert_non_null(memory[i]);
	}
	last = memory[MANY - 1];
	assert_int_equal(resident(last, RECORD), 0);
	last[0] = 1;
	assert_int_equal(resident(last, RECORD), 1);
	memset(last, 7, RECORD);
	mbedtls_free(last);
	assert_int_equal(resident(last, RECORD), 0);
	for (size_t i = 0; i < MANY - 1; i++) {
		mbedtls_free(memory[i]);
	}
}

static void other_sizes_are_mallocs(void **state)
{
	static const size_t sizes[] = {1, 4096, 100 * 1000};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *memory = mbedtls_calloc(1, sizes[i]);

		assert_true(is_zero(memory, sizes[i]));
		memset(memory, 7, sizes[i]);
		mbedtls_free(memory);
	}
	mbedtls_free(NULL);
	assert_null(mbedtls_calloc(SIZE_MAX / 16, RECORD));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_zero_each_time),
		cmocka_unit_test(many_are_there_when_written_and_gone_when_freed),
		cmocka_unit_test(other_sizes_are_mallocs),
	};

	if (certs_init(NULL) != CERTS_OK) {
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
