/*
 * Many records at a time: the writer makes room, zeros, behind its lines. The machine stops, or a
 * call fails, at every place in turn; what was acknowledged is there. Whoever reads sees lines
 * alone, and zeros where no room can be are told.
 */
#include "tests/unit/audit_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* after what it needs */
#include <cmocka.h>

enum { BURST = 8, BURSTS = 5, CALLS_MAX = 400, SEGMENT = 64 * 1024 * 1024, SURELY = 300000 };

static const struct timespec moment = {.tv_nsec = 200000};
static const char first[] = "000001.jsonl";

static uint64_t segment_bytes = SEGMENT;

static struct audit_log *try_open(void)
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

struct read {
	uint64_t records, repairs, corrupt;
};

/* The numbers of the lines are 0, 1, 2, ... where none is corrupt. */
static struct read read_all(void)
{
	struct audit_reader *reader;
	struct audit_record r;
	struct audit_diag diag;
	struct read all = {0};
	int error;

	if (audit_reader_open(folder, &reader, &diag) != AUDIT_OK) {
		return all;
	}
	while ((error = audit_reader_next(reader, &r, &diag)) != AUDIT_END) {
		if (error == AUDIT_EFORMAT) {
			all.corrupt++;
			continue;
		}
		assert_int_equal(error, AUDIT_OK);
		assert_true(all.corrupt > 0 || r.seq == all.records);
		all.records++;
		all.repairs += r.kind == AUDIT_REPAIR && strcmp(r.reason, "torn-tail") == 0;
	}
	audit_reader_close(reader);
	return all;
}

static size_t room_of(const char *name)
{
	struct bytes b = folder_load(name);
	size_t lines = b.len;

	while (lines > 0 && b.at[lines - 1] == '\0') {
		lines--;
	}
	assert_true(lines == 0 || b.at[lines - 1] == '\n');
	assert_null(memchr(b.at, '\0', lines));
	free(b.at);
	return b.len - lines;
}

static void a_busy_writer_has_room_and_takes_it_away(void **state)
{
	struct audit_log *log = folder_log(AUDIT_DURABLE, SEGMENT);
	struct audit_diag diag;
	struct audit_verdict v;
	uint64_t seq;

	(void)state;
	disk_set(DISK_ONCE, UINT32_MAX, EIO);
	for (unsigned n = 1; n < 4; n++) {
		assert_int_equal(burst(log, SURELY), BURST);
		assert_true(read_all().records >= n * BURST);
	}
	/* At rest, and at its end, it has none. */
	assert_int_equal(folder_append(log, "/somewhere", &seq), AUDIT_OK);
	for (unsigned t = 0; t < SURELY && room_of(first) > 0; t++) {
		nanosleep(&moment, NULL);
	}
	assert_int_equal(room_of(first), 0);
	assert_int_equal(burst(log, SURELY), BURST);
	assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	assert_int_equal(room_of(first), 0);
	assert_int_equal(read_all().records, 4 * BURST + 1);
	v = folder_verdict(NULL);
	assert_int_equal(v.bad, AUDIT_GOOD);
	assert_int_equal(v.torn, 0);
}

/* What a writer that was killed leaves. */
static void leave_room(void)
{
	struct audit_log *log = folder_log(AUDIT_DURABLE, SEGMENT);
	struct audit_diag diag;

	disk_set(DISK_ONCE, UINT32_MAX, EIO);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(burst(log, SURELY), BURST);
	}
	disk_set(DISK_DEAD, 0, EIO);
	(void)audit_close(log, &diag);
	disk_set(DISK_WORKS, 0, 0);
}

static void one_at_a_time_needs_none(void **state)
{
	static const enum audit_durability modes[] = {AUDIT_DURABLE, AUDIT_BUFFERED};

	(void)state;
	for (unsigned m = 0; m < 2; m++) {
		struct audit_log *log = folder_log(modes[m], SEGMENT);
		struct audit_diag diag;
		uint64_t seq;

		for (int i = 0; i < 20; i++) {
			assert_int_equal(folder_append(log, "/somewhere", &seq), AUDIT_OK);
			folder_wait(log, seq);
			assert_int_equal(room_of(first), 0);
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

static void assert_goes_on(unsigned at, uint64_t acknowledged)
{
	struct audit_verdict v = folder_verdict(NULL);
	struct audit_log *log;
	struct audit_diag diag;
	struct read all;
	uint64_t torn = v.torn;

	assert_true(v.bad == AUDIT_GOOD || (v.bad == AUDIT_BAD_UNKNOWN && acknowledged == 0));
	assert_true(v.records >= acknowledged);
	assert_true(read_all().records >= acknowledged);
	log = folder_log(AUDIT_DURABLE, segment_bytes);
	assert_int_equal(burst(log, SURELY), BURST);
	assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	assert_int_equal(room_of(first), 0);
	all = read_all();
	assert_true(all.records >= acknowledged + BURST);
	assert_int_equal(all.corrupt, 0);
	assert_int_equal(all.repairs, torn > 0); /* room that was left is none */
	v = folder_verdict(NULL);
	print_bad("stopped", at, &v);
	assert_int_equal(v.bad, AUDIT_GOOD);
	assert_int_equal(v.torn, 0);
}

/* The machine stops at one call. True when that call was reached. */
static bool one_stop(unsigned at, unsigned chance)
{
	struct audit_log *log;
	struct audit_diag diag;
	void *state = NULL;
	uint64_t acknowledged = 0;
	bool reached;

	assert_int_equal(folder_setup(&state), 0);
	disk_set(DISK_DEAD, at, EIO);
	log = try_open();
	for (int i = 0; log != NULL && i < BURSTS; i++) {
		acknowledged += burst(log, 5);
	}
	(void)audit_close(log, &diag);
	reached = disk_calls() > at;
	disk_power_lost(chance);
	disk_set(DISK_WORKS, 0, 0);
	assert_goes_on(at, acknowledged);
	assert_int_equal(folder_teardown(&state), 0);
	return reached;
}

static void stop_at_each_call(unsigned chance)
{
	unsigned at = 0;

	while (one_stop(at, chance)) {
		at++;
		assert_true(at < CALLS_MAX);
	}
	assert_true(at > 20);
}

static void a_machine_that_stops_loses_nothing_acknowledged(void **state)
{
	/* Nothing of what is not synced, its begin, its end, holes in it, all of it. */
	static const unsigned chances[] = {0, 0x01, 0xfe, 0x55, 0xaa, 0x0c, 0xff};

	(void)state;
	for (unsigned c = 0; c < sizeof(chances) / sizeof(chances[0]); c++) {
		stop_at_each_call(chances[c]);
	}
}

/* A segment is full after each burst. */
static int small_segments(void **state)
{
	(void)state;
	segment_bytes = 1000;
	return 0;
}

static int large_segments(void **state)
{
	(void)state;
	segment_bytes = SEGMENT;
	return 0;
}

static bool one_fault(enum disk_mode mode, unsigned at)
{
	struct audit_log *log;
	struct audit_diag diag;
	struct audit_verdict v;
	void *state = NULL;
	uint64_t acknowledged = 0;
	bool reached;

	assert_int_equal(folder_setup(&state), 0);
	disk_set(mode, at, mode == DISK_SHORT ? ENOSPC : EIO);
	log = try_open();
	if (log == NULL) {
		log = try_open(); /* the fault is over */
		assert_non_null(log);
	}
	for (int i = 0; i < BURSTS; i++) {
		acknowledged += burst(log, SURELY);
	}
	assert_true(acknowledged >= (BURSTS - 1) * BURST); /* others were refused, and told so */
	(void)audit_close(log, &diag);
	reached = disk_calls() > at;
	disk_set(DISK_WORKS, 0, 0);
	assert_true(read_all().records >= acknowledged);
	v = folder_verdict(NULL);
	print_bad("failed", at, &v);
	assert_int_equal(v.bad, AUDIT_GOOD);
	assert_int_equal(folder_teardown(&state), 0);
	return reached;
}

static void fault_at_each_call(enum disk_mode mode)
{
	unsigned at = 0;

	while (one_fault(mode, at)) {
		at++;
		assert_true(at < CALLS_MAX);
	}
	assert_true(at > 20);
}

static void a_fault_anywhere_passes(void **state)
{
	(void)state;
	fault_at_each_call(DISK_ONCE);
	fault_at_each_call(DISK_SHORT);
	fault_at_each_call(DISK_LOSES);
}

static void between_two_segments_likewise(void **state)
{
	(void)state;
	stop_at_each_call(0x55);
	fault_at_each_call(DISK_LOSES);
}

static void zeros_hide_no_line(void **state)
{
	struct bytes b;
	struct audit_verdict v;
	size_t lines;

	(void)state;
	leave_room();
	assert_true(room_of(first) > 0);
	assert_int_equal(read_all().records, 3 * BURST);
	b = folder_load(first);
	lines = b.len - room_of(first);
	/* In the midst of a line of the last segment: it is told, and those behind it are read. */
	b.at[lines / 2] = '\0';
	folder_store(first, b.at, b.len);
	assert_int_equal(read_all().corrupt, 1);
	assert_int_equal(read_all().records, 3 * BURST - 1);
	/* Behind the lines, and something behind that: likewise. */
	folder_store(first, b.at, lines);
	b.at[lines / 2] = '{';
	b.at[lines + 1] = 'x';
	b.at[lines + 2] = '\n';
	folder_store(first, b.at, lines + 3);
	assert_int_equal(read_all().corrupt, 2);
	assert_int_equal(read_all().records, 3 * BURST - 1);
	free(b.at);
	v = folder_verdict(NULL);
	assert_int_equal(v.torn > 0 || v.bad != AUDIT_GOOD, true);
}

/* Behind a crash: room, and a torn line in it. The next writer is stopped at every call, too. */
static void a_writer_that_mends_may_be_stopped(void **state)
{
	unsigned at = 0;
	bool reached = true;

	(void)state;
	for (; reached; at++) {
		struct audit_log *log;
		struct audit_diag diag;
		struct bytes b;
		void *fresh = NULL;

		assert_int_equal(folder_setup(&fresh), 0);
		leave_room();
		b = folder_load(first);
		assert_true(room_of(first) > BURST);
		b.at[b.len - BURST] = '{';
		folder_store(first, b.at, b.len);
		free(b.at);
		disk_set(DISK_DEAD, at, EIO);
		log = try_open();
		(void)audit_close(log, &diag);
		reached = disk_calls() > at;
		disk_set(DISK_WORKS, 0, 0);
		log = try_open();
		assert_non_null(log);
		assert_int_equal(audit_close(log, &diag), AUDIT_OK);
		assert_int_equal(room_of(first), 0);
		assert_true(read_all().records >= 3 * BURST);
		assert_int_equal(folder_verdict(NULL).bad, AUDIT_GOOD);
		assert_int_equal(folder_verdict(NULL).torn, 0);
		assert_int_equal(folder_teardown(&fresh), 0);
		assert_true(at < CALLS_MAX);
	}
	assert_true(at > 5);
}

/* The disk lost a byte of what is sealed: what stands behind it is not cut away. */
static void nothing_sealed_is_cut(void **state)
{
	struct audit_log *log = folder_log(AUDIT_DURABLE, SEGMENT);
	struct audit_diag diag;
	struct bytes before, after;

	(void)state;
	disk_set(DISK_ONCE, UINT32_MAX, EIO);
	assert_int_equal(burst(log, SURELY), BURST);
	assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	disk_set(DISK_WORKS, 0, 0);
	before = folder_load(first);
	before.at[before.len / 2] = '\0';
	folder_store(first, before.at, before.len);
	assert_null(try_open());
	after = folder_load(first);
	assert_int_equal(after.len, before.len);
	assert_memory_equal(after.at, before.at, before.len);
	assert_int_equal(folder_verdict(NULL).bad, AUDIT_BAD_RECORD);
	free(before.at);
	free(after.at);
}

/* A segment with one behind it has no room: what the writer left was cut before that was made. */
static void a_closed_segment_has_none(void **state)
{
	struct audit_log *log = folder_log(AUDIT_DURABLE, 2000);
	struct audit_diag diag;
	struct audit_verdict v;
	struct bytes b;
	char *longer;

	(void)state;
	disk_set(DISK_ONCE, UINT32_MAX, EIO);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(burst(log, SURELY), BURST);
	}
	assert_true(folder_has("000002.jsonl"));
	assert_int_equal(room_of(first), 0);
	assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	disk_set(DISK_WORKS, 0, 0);
	assert_int_equal(folder_verdict(NULL).bad, AUDIT_GOOD);
	b = folder_load(first);
	longer = calloc(1, b.len + 100);
	assert_non_null(longer);
	memcpy(longer, b.at, b.len);
	folder_store(first, longer, b.len + 100);
	v = folder_verdict(NULL);
	assert_int_equal(v.bad, AUDIT_BAD_RECORD);
	assert_true(v.exact);
	assert_string_equal(v.path, first);
	/* Not even before a line. */
	longer[b.len + 98] = 'x';
	longer[b.len + 99] = '\n';
	folder_store(first, longer, b.len + 100);
	assert_int_equal(read_all().corrupt, 1);
	assert_int_equal(read_all().records, 6 * BURST);
	free(longer);
	free(b.at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_busy_writer_has_room_and_takes_it_away, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(
			one_at_a_time_needs_none, folder_setup, folder_teardown),
		cmocka_unit_test(a_machine_that_stops_loses_nothing_acknowledged),
		cmocka_unit_test(a_fault_anywhere_passes),
		cmocka_unit_test_setup_teardown(
			between_two_segments_likewise, small_segments, large_segments),
		cmocka_unit_test_setup_teardown(zeros_hide_no_line, folder_setup, folder_teardown),
		cmocka_unit_test(a_writer_that_mends_may_be_stopped),
		cmocka_unit_test_setup_teardown(
			nothing_sealed_is_cut, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(
			a_closed_segment_has_none, folder_setup, folder_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
