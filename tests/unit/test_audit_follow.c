/*
 * Who reads while the writer writes. A read is no moment: its first page may be from before a write
 * and its second from after it; and what a writer could not finish is cut and written over.
 */
#include "tests/unit/audit_folder.h"
#include "audit/folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* after what it needs */
#include <cmocka.h>

enum { LINES = 8, ROOM = 1000 };

static const char first[] = "000001.jsonl";
static char *lines[LINES]; /* with their newlines; in `text` */
static struct bytes text;

ssize_t __real_read(int fd, void *data, size_t len);
ssize_t __wrap_read(int fd, void *data, size_t len);

/* What the writer puts there once a read has seen zeros. */
static struct {
	const char *line; /* NULL: nothing */
	size_t len;
	off_t at;
} late;

static void put_at(const char *data, size_t len, off_t at)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, first);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, at), len);
	close(fd);
}

/* Until a tree was read the second segment is not begun. */
static const char second[] = "000002.jsonl";
static bool hides_segment;

static void move(const char *from, const char *to)
{
	char before[128], after[128];

	snprintf(before, sizeof(before), "%s/%s", folder, from);
	snprintf(after, sizeof(after), "%s/%s", folder, to);
	assert_int_equal(rename(before, after), 0);
}

ssize_t __wrap_read(int fd, void *data, size_t len)
{
	ssize_t got = __real_read(fd, data, len);

	if (late.line != NULL && got > 0 && *(const char *)data == '\0') {
		put_at(late.line, late.len, late.at);
		late.line = NULL;
	}
	if (hides_segment && got > 0 && memcmp(data, "SPTREE1\n", 8) == 0) {
		hides_segment = false;
		move("hidden", second);
	}
	return got;
}

static size_t length(unsigned n)
{
	return (size_t)((n + 1 < LINES ? lines[n + 1] : text.at + text.len) - lines[n]);
}

static off_t place(unsigned n)
{
	return lines[n] - text.at;
}

static int setup(void **state)
{
	struct audit_log *log;
	struct audit_diag diag;
	uint64_t seq;
	char *at;

	if (folder_setup(state) != 0) {
		return -1;
	}
	log = folder_log(AUDIT_BUFFERED, 0);
	for (int i = 0; i < LINES; i++) {
		assert_int_equal(folder_append(log, "/somewhere", &seq), AUDIT_OK);
	}
	assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	text = folder_load(first);
	at = text.at;
	for (int i = 0; i < LINES; i++) {
		lines[i] = at;
		at = strchr(at, '\n') + 1;
	}
	late.line = NULL;
	return 0;
}

static int teardown(void **state)
{
	free(text.at);
	return folder_teardown(state);
}

/* The lines below `n`, and room. */
static void store(unsigned n)
{
	size_t len = n < LINES ? (size_t)place(n) : text.len;
	char *all = calloc(1, len + ROOM);

	assert_non_null(all);
	memcpy(all, text.at, len);
	folder_store(first, all, len + ROOM);
	free(all);
}

static struct audit_reader *open_reader(void)
{
	struct audit_reader *reader;
	struct audit_diag diag;

	assert_int_equal(audit_reader_open(folder, &reader, &diag), AUDIT_OK);
	return reader;
}

static void assert_next(struct audit_reader *reader, uint64_t seq)
{
	struct audit_record r;
	struct audit_diag diag;

	assert_int_equal(audit_reader_next(reader, &r, &diag), AUDIT_OK);
	assert_int_equal(r.seq, seq);
}

static void assert_end(struct audit_reader *reader)
{
	struct audit_record r;
	struct audit_diag diag;

	assert_int_equal(audit_reader_next(reader, &r, &diag), AUDIT_END);
}

/* As often as it happens: each time the next read has it. */
static void a_page_from_before_is_read_again(void **state)
{
	struct audit_reader *reader;

	(void)state;
	store(1);
	reader = open_reader();
	assert_next(reader, 0);
	assert_end(reader);
	for (unsigned n = 1; n + 1 < LINES; n += 2) {
		put_at(lines[n + 1], length(n + 1), place(n + 1));
		late.line = lines[n];
		late.len = length(n);
		late.at = place(n);
		assert_next(reader, n);
		assert_null(late.line);
		assert_next(reader, n + 1);
		assert_end(reader);
	}
	audit_reader_close(reader);
}

/* The writer was ended in the midst of a line; the next one cuts that and writes its own there. */
static void half_a_line_may_become_another(void **state)
{
	struct audit_reader *reader;

	(void)state;
	for (size_t half = 1; half < length(2); half += 7) {
		store(2);
		put_at("{\"seq\":2,\"kind\":\"event\",\"time\":\"of another line, which is longer "
		       "than"
		       " all that there is; of another line, which is longer than all that there "
		       "is; of another line, which is longer than all that there is",
			half < 190 ? half : 190, place(2));
		reader = open_reader();
		assert_next(reader, 0);
		assert_next(reader, 1);
		assert_end(reader);
		assert_end(reader);
		store(3);
		assert_next(reader, 2);
		assert_end(reader);
		store(4);
		assert_next(reader, 3);
		assert_end(reader);
		audit_reader_close(reader);
	}
}

/* A checkpoint that is read is over segments that are known: verify needs their lines. */
static void a_segment_begun_meanwhile_is_known(void **state)
{
	struct folder f;
	struct audit_diag diag;

	(void)state;
	folder_store(second, "", 0);
	move(second, "hidden");
	hides_segment = true;
	assert_int_equal(folder_open(&f, folder, &diag), AUDIT_OK);
	assert_false(hides_segment);
	assert_true(f.n_checkpoints > 0);
	assert_int_equal(f.n_segments, 2);
	assert_int_equal(f.n_trees, 1);
	assert_true(f.firsts[2] == UINT64_MAX && f.firsts[3] == UINT64_MAX);
	folder_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_page_from_before_is_read_again, setup, teardown),
		cmocka_unit_test_setup_teardown(half_a_line_may_become_another, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_segment_begun_meanwhile_is_known, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
