/*
 * Many records at a time: they are on disk in the journal before their segment is. The machine
 * stops, or a call fails, at every place in turn; what was acknowledged comes back.
 */
#include "audit/journal.h"
#include "tests/unit/audit_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* after what it needs */
#include <cmocka.h>

enum { BURST = 8, BURSTS = 5, CALLS_MAX = 400, ROOM = 64 * 1024 * 1024 };

static struct audit_log *try_open(uint64_t segment_bytes)
{
	struct audit_options options = {.durability = AUDIT_DURABLE,
		.segment_bytes = segment_bytes,
		.run = "run-1",
		.key = &folder_key};
	struct audit_log *log = NULL;
	struct audit_diag diag;

	return audit_open(folder, &options, &log, &diag) == AUDIT_OK ? log : NULL;
}

/* Brought while the disk is at work, so that they come in one batch. Returns how many are there. */
static unsigned burst(struct audit_log *log, unsigned tries)
{
	static const struct timespec moment = {.tv_nsec = 200000};
	uint64_t seq[BURST];
	unsigned appended = 0, committed = 0;

	for (unsigned t = 0; t < tries && audit_failed(log); t++) {
		nanosleep(&moment, NULL); /* it tries again by itself */
	}
	disk_hold();
	while (appended < BURST && folder_append(log, "/somewhere", &seq[appended]) == AUDIT_OK) {
		appended++;
	}
	disk_release();
	for (unsigned i = 0; i < appended; i++) {
		for (unsigned t = 0; t < tries && !audit_is_committed(log, seq[i]); t++) {
			nanosleep(&moment, NULL);
		}
		committed += audit_is_committed(log, seq[i]);
	}
	return committed;
}

/* The numbers of the lines are 0, 1, 2, ...; `ret_back`: what a repair says came from the journal.
 */
static uint64_t count_lines(uint64_t *ret_back)
{
	struct audit_reader *reader;
	struct audit_record r;
	struct audit_diag diag;
	uint64_t n = 0;

	*ret_back = 0;
	if (audit_reader_open(folder, &reader, &diag) != AUDIT_OK) {
		return 0;
	}
	while (audit_reader_next(reader, &r, &diag) == AUDIT_OK) {
		assert_int_equal(r.seq, n);
		n++;
		if (r.kind == AUDIT_REPAIR && strcmp(r.reason, "journalled-tail") == 0) {
			*ret_back += strtoull(r.detail, NULL, 10);
		}
	}
	audit_reader_close(reader);
	return n;
}

static void a_busy_writer_has_one_and_takes_it_away(void **state)
{
	struct audit_log *log = folder_log(AUDIT_DURABLE, ROOM);
	struct audit_diag diag;
	struct stat st;
	char path[128];
	uint64_t back;

	(void)state;
	snprintf(path, sizeof(path), "%s/%s", folder, audit_journal_name);
	disk_set(DISK_ONCE, UINT32_MAX, EIO);
	assert_int_equal(burst(log, 5000), BURST);
	assert_int_equal(burst(log, 5000), BURST);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, JOURNAL_BYTES);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	assert_false(folder_has(audit_journal_name));
	assert_int_equal(count_lines(&back), 2 * BURST);
	assert_int_equal(back, 0);
	assert_int_equal(folder_verdict(NULL).bad, AUDIT_GOOD);
}

static void one_at_a_time_needs_none(void **state)
{
	static const enum audit_durability modes[] = {AUDIT_DURABLE, AUDIT_BUFFERED};

	(void)state;
	for (unsigned m = 0; m < 2; m++) {
		struct audit_log *log = folder_log(modes[m], ROOM);
		struct audit_diag diag;
		uint64_t seq;

		for (int i = 0; i < 20; i++) {
			assert_int_equal(folder_append(log, "/somewhere", &seq), AUDIT_OK);
			folder_wait(log, seq);
			assert_false(folder_has(audit_journal_name));
		}
		assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	}
}

static void print_bad(const char *what, unsigned at, const struct audit_verdict *v)
{
	if (v->bad != AUDIT_GOOD) {
		print_message("%s at %u: %s\n", what, at, v->message);
	}
}

/* The machine stops at one call. True when that call was reached. */
static bool one_stop(unsigned at, uint64_t *brought_back)
{
	struct audit_log *log;
	struct audit_diag diag;
	struct audit_verdict v;
	void *state = NULL;
	uint64_t acknowledged = 0, back;
	bool reached;

	assert_int_equal(folder_setup(&state), 0);
	disk_set(DISK_DEAD, at, EIO);
	log = try_open(ROOM);
	for (int i = 0; log != NULL && i < BURSTS; i++) {
		acknowledged += burst(log, 5);
	}
	(void)audit_close(log, &diag);
	reached = disk_calls() > at;
	disk_power_lost();
	disk_set(DISK_WORKS, 0, 0);
	v = folder_verdict(NULL);
	assert_true(v.bad == AUDIT_GOOD || (v.bad == AUDIT_BAD_UNKNOWN && acknowledged == 0));
	assert_true(v.records + v.journalled >= acknowledged);
	log = folder_log(AUDIT_DURABLE, ROOM);
	assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	assert_false(folder_has(audit_journal_name));
	assert_true(count_lines(&back) >= acknowledged);
	assert_int_equal(back, v.journalled);
	v = folder_verdict(NULL);
	print_bad("stopped", at, &v);
	assert_int_equal(v.bad, AUDIT_GOOD);
	assert_int_equal(v.journalled, 0);
	*brought_back += back;
	assert_int_equal(folder_teardown(&state), 0);
	return reached;
}

static void a_machine_that_stops_loses_nothing_acknowledged(void **state)
{
	uint64_t brought_back = 0;
	unsigned at = 0;

	(void)state;
	while (one_stop(at, &brought_back)) {
		/* The journal's zeros are a hundred calls that are all alike. */
		at += at > 30 && at < 120 ? 15 : 1;
		assert_true(at < CALLS_MAX);
	}
	assert_true(at > 140);
	assert_true(brought_back > BURST); /* it was the journal that had them */
}

static bool one_fault(enum disk_mode mode, unsigned at)
{
	struct audit_log *log;
	struct audit_diag diag;
	struct audit_verdict v;
	void *state = NULL;
	uint64_t back, acknowledged = 0;
	bool reached;

	assert_int_equal(folder_setup(&state), 0);
	disk_set(mode, at, mode == DISK_SHORT ? ENOSPC : EIO);
	log = try_open(ROOM);
	if (log == NULL) {
		log = try_open(ROOM); /* the fault is over */
		assert_non_null(log);
	}
	for (int i = 0; i < BURSTS; i++) {
		acknowledged += burst(log, 5000);
	}
	assert_true(acknowledged >= (BURSTS - 1) * BURST); /* others were refused, and told so */
	(void)audit_close(log, &diag);
	reached = disk_calls() > at;
	disk_set(DISK_WORKS, 0, 0);
	assert_true(count_lines(&back) >= acknowledged);
	v = folder_verdict(NULL);
	print_bad("failed", at, &v);
	assert_int_equal(v.bad, AUDIT_GOOD);
	assert_int_equal(folder_teardown(&state), 0);
	return reached;
}

static void a_fault_anywhere_passes(void **state)
{
	static const enum disk_mode modes[] = {DISK_ONCE, DISK_SHORT, DISK_LOSES};

	(void)state;
	for (unsigned m = 0; m < 3; m++) {
		unsigned at = 0;

		while (one_fault(modes[m], at)) {
			at += at > 30 && at < 120 ? 15 : 1;
			assert_true(at < CALLS_MAX);
		}
		assert_true(at > 140);
	}
}

/* What a machine that stopped leaves. */
static void leave_journal(void)
{
	struct audit_log *log = folder_log(AUDIT_DURABLE, ROOM);
	struct audit_diag diag;
	struct audit_verdict v;

	disk_set(DISK_ONCE, UINT32_MAX, EIO);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(burst(log, 5000), BURST);
	}
	disk_set(DISK_DEAD, 0, EIO);
	(void)audit_close(log, &diag);
	assert_true(folder_has(audit_journal_name));
	disk_set(DISK_WORKS, 0, 0);
	v = folder_verdict(NULL);
	assert_int_equal(v.journalled, 0); /* the segment has them all, still */
	assert_int_equal(v.records, 3 * BURST);
}

static void cut_segment(uint64_t lines)
{
	struct bytes b = folder_load("000001.jsonl");
	size_t len = 0;

	for (uint64_t n = 0; n < lines; n++) {
		len = (size_t)((char *)memchr(b.at + len, '\n', b.len - len) - b.at) + 1;
	}
	folder_store("000001.jsonl", b.at, len);
	free(b.at);
}

static void store_journal(const char *data, size_t len)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, audit_journal_name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

/* The files of a folder whose segment has lost what only the journal still has. */
struct left {
	struct bytes journal, segment, tree;
	uint64_t kept; /* lines of the segment that were synced */
};

static uint64_t brought_back(const struct left *l, uint64_t lines, size_t flipped)
{
	struct audit_log *log;
	struct audit_diag diag;
	uint64_t back;

	folder_store("000001.jsonl", l->segment.at, l->segment.len);
	cut_segment(lines);
	folder_store("000001.tree", l->tree.at, l->tree.len);
	folder_remove("checkpoints");
	l->journal.at[flipped] ^= 1;
	store_journal(l->journal.at, l->journal.len);
	l->journal.at[flipped] ^= 1;
	log = folder_log(AUDIT_DURABLE, ROOM);
	assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	assert_false(folder_has(audit_journal_name));
	assert_int_equal(folder_verdict(NULL).bad, AUDIT_GOOD);
	assert_true(count_lines(&back) >= lines);
	return back;
}

/* Wherever a bit of the first frame turns, nothing of it is believed. */
static void a_damaged_journal_brings_nothing(void **state)
{
	struct left l = {.kept = 0};
	unsigned number;
	uint64_t offset;
	size_t len;
	char *copy;

	(void)state;
	leave_journal();
	l.journal = folder_load(audit_journal_name);
	l.segment = folder_load("000001.jsonl");
	l.tree = folder_load("000001.tree");
	copy = malloc(l.journal.len);
	assert_non_null(copy);
	memcpy(copy, l.journal.at, l.journal.len);
	len = audit_journal_join(copy, l.journal.len, &number, &offset);
	assert_int_equal(number, 1);
	assert_true(len > 0 && offset + len == l.segment.len);
	assert_memory_equal(copy, l.segment.at + offset, len);
	free(copy);
	for (uint64_t i = 0; i < offset; i++) {
		l.kept += l.segment.at[i] == '\n';
	}
	for (size_t at = 0; at < JOURNAL_HEADER + 40; at++) {
		assert_int_equal(brought_back(&l, l.kept, at), 0);
	}
	/* The bit behind the frames does no harm; what the segment has already is not counted. */
	assert_int_equal(brought_back(&l, l.kept, l.journal.len - 1), 3 * BURST - l.kept);
	assert_int_equal(brought_back(&l, l.kept + 2, l.journal.len - 1), 3 * BURST - l.kept - 2);
	/* A segment that is shorter than when it was synced is not patched from the middle on. */
	assert_int_equal(brought_back(&l, l.kept - 1, l.journal.len - 1), 0);
	free(l.journal.at);
	free(l.segment.at);
	free(l.tree.at);
}

/* By itself: 0 when the frame was taken. */
static int add(struct journal *j, uint64_t offset, const char *text)
{
	char frame[JOURNAL_HEADER + 64];

	memcpy(frame + JOURNAL_HEADER, text, strlen(text));
	return audit_journal_add(j, 1, offset, frame, strlen(text)) ? 0 : -1;
}

static void assert_joined(const char *text, uint64_t offset)
{
	struct bytes b = folder_load(audit_journal_name);
	unsigned segment;
	uint64_t at;
	size_t len = audit_journal_join(b.at, b.len, &segment, &at);

	assert_int_equal(len, strlen(text));
	assert_memory_equal(b.at, text, len);
	assert_true(len == 0 || (segment == 1 && at == offset));
	free(b.at);
}

static void only_what_was_added_since_it_began_counts(void **state)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY);
	struct journal *j = NULL;
	struct bytes segment;
	struct audit_diag diag;

	(void)state;
	assert_true(dir >= 0);
	folder_store("000001.jsonl", "a\nb\nc\n", 6);
	audit_journal_begin(&j, dir, 1, 0);
	assert_non_null(j);
	assert_int_equal(add(j, 0, "a\n"), 0);
	assert_int_equal(add(j, 2, "b\n"), 0);
	assert_int_equal(add(j, 2, "b\n"), -1); /* it does not continue */
	assert_joined("a\nb\n", 0);
	/* Anew, however soon: the frame behind the new one is whole, continues it, and is old. */
	audit_journal_begin(&j, dir, 1, 0);
	assert_int_equal(add(j, 0, "A\n"), 0);
	assert_joined("A\n", 0);
	/* A frame that is there and whose sync failed is not written back: its lines may go
	 * elsewhere. */
	disk_set(DISK_ONCE, 1, EIO);
	assert_int_equal(add(j, 2, "B\n"), -1);
	disk_set(DISK_WORKS, 0, 0);
	assert_joined("A\nB\n", 0);
	assert_int_equal(add(j, 2, "B\n"), -1); /* not before it begins again */
	assert_int_equal(audit_journal_write_back(j, dir, &diag), AUDIT_OK);
	segment = folder_load("000001.jsonl");
	assert_int_equal(segment.len, 6);
	assert_memory_equal(segment.at, "A\nb\nc\n", 6);
	free(segment.at);
	/* A segment that was closed since then was synced; it may be compressed or gone. */
	folder_remove("000001.jsonl");
	assert_int_equal(audit_journal_write_back(j, dir, &diag), AUDIT_OK);
	assert_false(folder_has("000001.jsonl"));
	audit_journal_end(j, dir, true);
	assert_false(folder_has(audit_journal_name));
	close(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_busy_writer_has_one_and_takes_it_away, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(
			one_at_a_time_needs_none, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(
			only_what_was_added_since_it_began_counts, folder_setup, folder_teardown),
		cmocka_unit_test(a_machine_that_stops_loses_nothing_acknowledged),
		cmocka_unit_test(a_fault_anywhere_passes),
		cmocka_unit_test_setup_teardown(
			a_damaged_journal_brings_nothing, folder_setup, folder_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
