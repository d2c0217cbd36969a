/*
 * Bytes stay in their order and belong to their buffer, whoever has the thread's memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/buffer.h"

enum { LONG = 3 * BUFFER_ROOM };

/* A byte of the stream number `stream` at a place in it. */
static char byte_at(size_t stream, size_t place)
{
	return (char)(stream * 101 + place % 251);
}

static void add(struct buffer *b, size_t stream, size_t from, size_t len)
{
	char *data = malloc(len);

	for (size_t i = 0; i < len; i++) {
		data[i] = byte_at(stream, from + i);
	}
	assert_true(buffer_add(b, data, len));
	free(data);
}

/* Uses the first `len`, which are the stream's from there. */
static void use(struct buffer *b, size_t stream, size_t from, size_t len)
{
	while (len > 0) {
		size_t piece = 0;
		const char *data = buffer_peek(b, 1, &piece);

		assert_non_null(data);
		assert_true(piece > 0);
		piece = piece < len ? piece : len;
		for (size_t i = 0; i < piece; i++) {
			assert_true(data[i] == byte_at(stream, from + i));
		}
		buffer_drain(b, piece);
		from += piece;
		len -= piece;
	}
}

static void assert_empty(struct buffer *b)
{
	struct buffer_piece pieces[BUFFER_PIECES];
	size_t len = 1;

	assert_int_equal(buffer_length(b), 0);
	assert_null(buffer_peek(b, 1, &len));
	assert_int_equal(buffer_pieces(b, pieces), 0);
}

static void test_what_came_first_is_used_first(void **state)
{
	struct buffer *b = buffer_create(BUFFER_IN);

	(void)state;
	assert_empty(b);
	add(b, 1, 0, 100);
	add(b, 1, 100, 50);
	assert_int_equal(buffer_length(b), 150);
	use(b, 1, 0, 120);
	add(b, 1, 150, LONG); /* more than the thread's memory holds */
	assert_int_equal(buffer_length(b), 30 + LONG);
	use(b, 1, 120, 30 + LONG);
	assert_empty(b);
	buffer_destroy(b);
}

static void test_buffers_by_turns(void **state)
{
	struct buffer *b[3] = {
		buffer_create(BUFFER_OUT), buffer_create(BUFFER_OUT), buffer_create(BUFFER_IN)};
	size_t came[3] = {0}, used[3] = {0};

	(void)state;
	for (size_t turn = 0; turn < 300; turn++) {
		size_t which = turn * 7 % 3, len = 1 + turn * 977 % 20000;

		add(b[which], which, came[which], len);
		came[which] += len;
		which = turn % 3;
		len = (came[which] - used[which]) * (turn % 5) / 4;
		use(b[which], which, used[which], len);
		used[which] += len;
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(buffer_length(b[i]), came[i] - used[i]);
		}
	}
	for (size_t i = 0; i < 3; i++) {
		use(b[i], i, used[i], came[i] - used[i]);
		assert_empty(b[i]);
		buffer_destroy(b[i]);
	}
}

static void test_reserved_counts_when_committed(void **state)
{
	struct buffer *b = buffer_create(BUFFER_IN), *other = buffer_create(BUFFER_IN);
	char *room = buffer_reserve(b, 1000);

	(void)state;
	assert_non_null(room);
	assert_empty(b);
	room[0] = byte_at(1, 0);
	buffer_commit(b, 1);
	assert_int_equal(buffer_length(b), 1);
	assert_non_null(buffer_reserve(other, BUFFER_ROOM)); /* takes the memory, leaves the byte */
	buffer_commit(other, 0);
	assert_empty(other);
	use(b, 1, 0, 1);
	assert_empty(b);
	buffer_destroy(b);
	buffer_destroy(other);
}

static void test_in_one_piece(void **state)
{
	struct buffer *b = buffer_create(BUFFER_IN), *other = buffer_create(BUFFER_IN);
	const char *data;
	size_t len;

	(void)state;
	add(b, 1, 0, 10);
	add(other, 2, 0, 10); /* the first ten wait elsewhere now */
	add(b, 1, 10, 10);
	data = buffer_peek(b, 1, &len);
	assert_int_equal(len, 10);
	data = buffer_peek(b, 20, &len);
	assert_int_equal(len, 20);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(data[i], byte_at(1, i));
	}
	use(b, 1, 0, 20);
	use(other, 2, 0, 10);
	buffer_destroy(b);
	buffer_destroy(other);
}

static void test_pieces_are_all_of_it_in_order(void **state)
{
	struct buffer *b = buffer_create(BUFFER_OUT), *other = buffer_create(BUFFER_OUT);
	struct buffer_piece pieces[BUFFER_PIECES];
	size_t place = 0;
	int n;

	(void)state;
	add(b, 1, 0, 5000);
	add(other, 2, 0, 1);
	add(b, 1, 5000, 5000);
	n = buffer_pieces(b, pieces);
	assert_in_range(n, 1, BUFFER_PIECES);
	for (int i = 0; i < n; i++) {
		for (size_t j = 0; j < pieces[i].len; j++, place++) {
			assert_int_equal(((char *)pieces[i].data)[j], byte_at(1, place));
		}
	}
	assert_int_equal(place, 10000);
	buffer_destroy(b);
	buffer_destroy(other);
}

/* The memory is lent again, to one that begins where it was empty. */
static void test_destroyed_with_bytes(void **state)
{
	struct buffer *b = buffer_create(BUFFER_IN), *other;

	(void)state;
	add(b, 1, 0, 100);
	buffer_destroy(b);
	other = buffer_create(BUFFER_IN);
	assert_empty(other);
	add(other, 2, 0, 100);
	use(other, 2, 0, 100);
	assert_empty(other);
	buffer_destroy(other);
	buffer_destroy(NULL);
	buffer_finish_thread();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_came_first_is_used_first),
		cmocka_unit_test(test_buffers_by_turns),
		cmocka_unit_test(test_reserved_counts_when_committed),
		cmocka_unit_test(test_in_one_piece),
		cmocka_unit_test(test_pieces_are_all_of_it_in_order),
		cmocka_unit_test(test_destroyed_with_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
