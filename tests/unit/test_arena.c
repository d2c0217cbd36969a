/*
 * Memory of one request: aligned, whole, reused, and not kept when it was large.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "gateway/arena.h"

static void gives_aligned_memory_that_does_not_overlap(void **state)
{
	static char *where[400];
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < 400; i++) {
		where[i] = arena_alloc(&arena, i);
		assert_non_null(where[i]);
		assert_int_equal((uintptr_t)where[i] % _Alignof(max_align_t), 0);
		memset(where[i], (int)(i % 251), i);
	}
	for (size_t i = 0; i < 400; i++) {
		for (size_t k = 0; k < i; k++) {
			assert_int_equal((unsigned char)where[i][k], i % 251);
		}
	}
	arena_release(&arena);
}

static void keeps_its_first_block(void **state)
{
	struct arena arena;
	void *first;

	(void)state;
	arena_init(&arena);
	arena_reset(&arena);
	first = arena_alloc(&arena, 100);
	assert_non_null(arena_alloc(&arena, 100000));
	arena_reset(&arena);
	assert_ptr_equal(arena_alloc(&arena, 8), first);
	arena_release(&arena);
	assert_null(arena.first);
	assert_non_null(arena_alloc(&arena, 8));
	arena_release(&arena);
}

static void does_not_keep_a_large_block(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_non_null(arena_alloc(&arena, 1000000));
	arena_reset(&arena);
	assert_null(arena.first);
	assert_non_null(arena_alloc(&arena, 1));
	arena_release(&arena);
}

/* What one request used is the next one's, of any connection of the thread. */
static void gives_its_blocks_to_the_next(void **state)
{
	struct arena one, other;
	void *first;

	(void)state;
	arena_init(&one);
	arena_init(&other);
	first = arena_alloc(&one, 2000);
	arena_reset(&one);
	assert_null(one.first);
	assert_ptr_equal(arena_alloc(&other, 2000), first);
	assert_ptr_not_equal(arena_alloc(&one, 2000), first);
	arena_release(&one);
	arena_release(&other);
	arena_finish_thread();
}

static void refuses_what_no_memory_holds(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX - 8));
	arena_release(&arena);
}

static void copies_and_prints(void **state)
{
	struct arena arena;
	char *text;

	(void)state;
	arena_init(&arena);
	assert_string_equal(arena_copy(&arena, "hello world", 5), "hello");
	assert_string_equal(arena_copy(&arena, "", 0), "");
	assert_string_equal(arena_printf(&arena, "%s-%d", "a", 7), "a-7");
	text = arena_printf(&arena, "%05000d", 1);
	assert_int_equal(strlen(text), 5000);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_aligned_memory_that_does_not_overlap),
		cmocka_unit_test(keeps_its_first_block),
		cmocka_unit_test(gives_its_blocks_to_the_next),
		cmocka_unit_test(does_not_keep_a_large_block),
		cmocka_unit_test(refuses_what_no_memory_holds),
		cmocka_unit_test(copies_and_prints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
