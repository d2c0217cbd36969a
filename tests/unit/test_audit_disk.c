/*
 * Every call that brings the record to the disk fails once, falls short, or is the last that ever
 * works: what was acknowledged is there, nothing is there twice, and the folder verifies.
 */
#include "tests/unit/audit_folder.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* after what it needs */
#include <cmocka.h>

enum {
	RECORDS = 6,
	SEGMENT = 400,
	CALLS_MAX = 400,
	SURELY = 300000 /* moments: a minute, for the slowest of disks */
};

static const struct timespec moment = {.tv_nsec = 200000};

/* Who appends syncs too. */
static bool idle;

static struct audit_log *try_open(enum audit_durability durability)
{
	struct audit_options options = {.durability = durability,
		.segment_bytes = idle ? 0 : SEGMENT,
		.run = "run-1",
		.key = &folder_key};
	struct audit_log *log = NULL;
	struct audit_diag diag;
	int error = audit_open(folder, &options, &log, &diag);

	assert_true(error == AUDIT_OK || error == AUDIT_EIO);
	assert_true((error == AUDIT_OK) == (log != NULL));
	return log;
}

static int append(struct audit_log *log, uint64_t *ret_seq)
{
	struct audit_record r;
	struct audit_diag diag;
	int error;

	if (!idle) {
		return folder_append(log, "/somewhere", ret_seq);
	}
	audit_record_init(&r);
	r.kind = AUDIT_INTENT;
	r.host = "a.test";
	error = audit_gather(log, &r, ret_seq, &diag);
	audit_flush_idle(log);
	return error;
}

/* Appends and waits; false when the record is not, or not surely, on disk. */
static bool append_surely(struct audit_log *log, unsigned tries)
{
	uint64_t seq = 0;
	int error = AUDIT_EIO;

	for (unsigned i = 0; i < tries && error != AUDIT_OK; i++) {
		error = append(log, &seq);
		if (error != AUDIT_OK) {
			nanosleep(&moment, NULL);
		}
	}
	for (unsigned i = 0; error == AUDIT_OK && i < tries; i++) {
		if (audit_is_committed(log, seq)) {
			return true;
		}
		nanosleep(&moment, NULL);
	}
	return false;
}

/* The numbers of the lines are 0, 1, 2, ...: none twice, none left out. Returns how many. */
static uint64_t count_lines(void)
{
	struct audit_reader *reader;
	struct audit_record r;
	struct audit_diag diag;
	uint64_t n = 0;
	int error;

	if (audit_reader_open(folder, &reader, &diag) != AUDIT_OK) {
		return 0;
	}
	while ((error = audit_reader_next(reader, &r, &diag)) == AUDIT_OK) {
		assert_int_equal(r.seq, n);
		n++;
	}
	assert_int_equal(error, AUDIT_END);
	audit_reader_close(reader);
	return n;
}

/* One run over a disk that fails for a moment. True when the fault was reached. */
static bool one_fault(enum audit_durability durability, enum disk_mode mode, unsigned at, int error)
{
	struct audit_log *log;
	struct audit_diag diag;
	struct audit_verdict v;
	void *state = NULL;
	bool reached;

	assert_int_equal(folder_setup(&state), 0);
	disk_set(mode, at, error);
	log = try_open(durability);
	if (log == NULL) {
		log = try_open(durability); /* the fault is over */
		assert_non_null(log);
	}
	for (int i = 0; i < RECORDS; i++) {
		assert_true(append_surely(log, SURELY));
	}
	/* A fault while closing is told; what was acknowledged is there all the same. */
	(void)audit_close(log, &diag);
	reached = disk_calls() > at;
	disk_set(DISK_WORKS, 0, 0);
	assert_true(count_lines() >= RECORDS);
	v = folder_verdict(NULL);
	if (v.bad != AUDIT_GOOD) {
		print_message("mode %d at %u: %s\n", mode, at, v.message);
	}
	assert_int_equal(v.bad, AUDIT_GOOD);
	assert_int_equal(folder_teardown(&state), 0);
	return reached;
}

static void a_fault_anywhere_passes(void **state)
{
	static const struct {
		enum disk_mode mode;
		int error;
	} faults[] = {{DISK_ONCE, EIO}, {DISK_SHORT, ENOSPC}, {DISK_LOSES, EIO}};
	static const enum audit_durability modes[] = {AUDIT_DURABLE, AUDIT_BUFFERED, AUDIT_DURABLE};

	(void)state;
	for (unsigned m = 0; m < 3; m++) {
		idle = m == 2;
		for (unsigned f = 0; f < 3; f++) {
			unsigned at = 0;

			while (one_fault(modes[m], faults[f].mode, at, faults[f].error)) {
				at++;
				assert_true(at < CALLS_MAX);
			}
			assert_true(at > 20); /* there were calls to fail */
		}
	}
	idle = false;
}

/*
 * A record that was gathered could not be written; with the next one it can, but that one cannot,
 * wherever among the calls that strikes: what was refused is not there, and nothing is there twice.
 */
static void a_refused_record_takes_nothing_with_it(void **state)
{
	for (unsigned at = 0; at < 6; at++) {
		struct audit_log *log;
		struct audit_diag diag;
		struct audit_record r;
		uint64_t seq, kept = 0;

		assert_int_equal(folder_setup(state), 0);
		log = folder_log(AUDIT_BUFFERED, 1 << 20);
		audit_record_init(&r);
		r.kind = AUDIT_DNS;
		r.host = "a-long-name-that-was-asked-for.test";
		disk_set(DISK_DEAD, 0, ENOSPC);
		assert_int_equal(audit_gather(log, &r, &seq, &diag), AUDIT_OK);
		audit_flush(log);
		assert_true(audit_failed(log));
		assert_false(audit_is_committed(log, seq));
		disk_set(DISK_ONCE, at, ENOSPC);
		for (int i = 0; i < 3; i++) {
			kept += folder_append(log, "/x", &seq) == AUDIT_OK;
		}
		disk_set(DISK_WORKS, 0, 0);
		assert_true(append_surely(log, SURELY));
		assert_int_equal(audit_close(log, &diag), AUDIT_OK);
		assert_true(kept >= 2);
		assert_int_equal(count_lines(), 1 + kept + 1);
		assert_int_equal(folder_verdict(NULL).bad, AUDIT_GOOD);
		assert_int_equal(folder_teardown(state), 0);
	}
}

/* The disk dies at one call, and the program with it; then another run. */
static bool one_death(enum audit_durability durability, unsigned at)
{
	struct audit_log *log;
	struct audit_diag diag;
	struct audit_verdict v;
	void *state = NULL;
	uint64_t acknowledged = 0, lines;
	bool reached;

	assert_int_equal(folder_setup(&state), 0);
	disk_set(DISK_DEAD, at, EIO);
	log = try_open(durability);
	for (int i = 0; log != NULL && i < RECORDS; i++) {
		acknowledged += append_surely(log, 3);
	}
	(void)audit_close(log, &diag);
	reached = disk_calls() > at;
	disk_set(DISK_WORKS, 0, 0);
	v = folder_verdict(NULL);
	if (v.bad != AUDIT_GOOD && (acknowledged > 0 || v.bad != AUDIT_BAD_UNKNOWN)) {
		print_message("dead at %u: %s\n", at, v.message);
	}
	assert_true(v.bad == AUDIT_GOOD || (acknowledged == 0 && v.bad == AUDIT_BAD_UNKNOWN));
	log = folder_log(durability, SEGMENT);
	assert_true(append_surely(log, SURELY));
	assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	lines = count_lines();
	v = folder_verdict(NULL);
	assert_int_equal(v.bad, AUDIT_GOOD);
	assert_int_equal(v.records, lines);
	assert_int_equal(v.sealed, lines);
	assert_true(lines > acknowledged);
	assert_int_equal(folder_teardown(&state), 0);
	return reached;
}

static void a_death_anywhere_leaves_what_was_acknowledged(void **state)
{
	static const enum audit_durability modes[] = {AUDIT_DURABLE, AUDIT_BUFFERED, AUDIT_DURABLE};

	(void)state;
	for (unsigned m = 0; m < 3; m++) {
		idle = m == 2;
		unsigned at = 0;

		while (one_death(modes[m], at)) {
			at++;
			assert_true(at < CALLS_MAX);
		}
		assert_true(at > 20);
	}
	idle = false;
}

enum { THREADS = 4, EACH = 300 };

static void *append_many(void *arg)
{
	struct audit_log *log = arg;
	struct audit_record r;
	struct audit_diag diag;
	uint64_t seq, done = 0;

	audit_record_init(&r);
	r.kind = AUDIT_INTENT;
	r.host = "a.test";
	for (unsigned i = 0; i < EACH; i++) {
		if (audit_gather(log, &r, &seq, &diag) == AUDIT_OK) {
			audit_flush_idle(log);
			done += audit_wait(log, seq);
		}
	}
	return (void *)(uintptr_t)done;
}

static void threads_that_sync_themselves_take_turns(void **state)
{
	pthread_t threads[THREADS];
	struct audit_log *log;
	struct audit_diag diag;

	(void)state;
	log = folder_log(AUDIT_DURABLE, 64 * 1024);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, append_many, log), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		void *done = NULL;

		assert_int_equal(pthread_join(threads[i], &done), 0);
		assert_int_equal((uintptr_t)done, EACH);
	}
	assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	assert_int_equal(count_lines(), THREADS * EACH);
	assert_int_equal(folder_verdict(NULL).bad, AUDIT_GOOD);
}

static unsigned long random_state = 20260101;

static unsigned pick(unsigned below)
{
	random_state = random_state * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(random_state >> 33) % below;
}

/* Any order of runs, faults and deaths: the folder verifies after each. */
static void what_the_writer_can_produce_verifies(void **state)
{
	static const enum disk_mode modes[] = {DISK_WORKS, DISK_ONCE, DISK_SHORT, DISK_DEAD};
	uint64_t least = 0;

	(void)state;
	for (int round = 0; round < 60; round++) {
		struct audit_log *log;
		struct audit_diag diag;
		struct audit_verdict v;

		disk_set(modes[pick(4)], pick(60), pick(2) ? EIO : ENOSPC);
		log = try_open(pick(2) ? AUDIT_DURABLE : AUDIT_BUFFERED);
		for (unsigned i = log != NULL ? pick(30) : 0; i > 0; i--) {
			least += append_surely(log, 3);
		}
		(void)audit_close(log, &diag);
		disk_set(DISK_WORKS, 0, 0);
		v = folder_verdict(NULL);
		if (v.bad != AUDIT_GOOD && (least > 0 || v.bad != AUDIT_BAD_UNKNOWN)) {
			print_message("round %d: %s\n", round, v.message);
		}
		assert_true(v.bad == AUDIT_GOOD || (least == 0 && v.bad == AUDIT_BAD_UNKNOWN));
		assert_true(v.records >= least);
		assert_true(count_lines() >= least);
		least = v.records;
	}
	assert_true(least > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fault_anywhere_passes),
		cmocka_unit_test(a_refused_record_takes_nothing_with_it),
		cmocka_unit_test_setup_teardown(
			threads_that_sync_themselves_take_turns, folder_setup, folder_teardown),
		cmocka_unit_test(a_death_anywhere_leaves_what_was_acknowledged),
		cmocka_unit_test_setup_teardown(
			what_the_writer_can_produce_verifies, folder_setup, folder_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
