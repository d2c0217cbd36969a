/*
 * Rotation, compression and retention by a thread of their own while others append: the record
 * verifies afterwards, and nothing is taken that was not told of. Under ThreadSanitizer, too.
 */
#include "tests/unit/audit_folder.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* after what it needs */
#include <cmocka.h>

enum { THREADS = 3, RECORDS = 400, SEGMENT = 8 * 1024 };

static void *append_many(void *arg)
{
	char path[32];
	uint64_t seq = 0;

	for (int i = 0; i < RECORDS; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		if (folder_append(arg, path, &seq) != AUDIT_OK) {
			return arg;
		}
	}
	return NULL;
}

static struct audit_log *open_log(enum audit_durability durability, bool compress, uint64_t keep)
{
	struct audit_options options = {.durability = durability,
		.segment_bytes = SEGMENT,
		.run = "run-1",
		.key = &folder_key,
		.keep_bytes = keep,
		.compress = compress};
	struct audit_log *log = NULL;
	struct audit_diag diag;

	assert_int_equal(audit_open(folder, &options, &log, &diag), AUDIT_OK);
	return log;
}

static void append_from_all(struct audit_log *log)
{
	pthread_t threads[THREADS];
	void *failed;

	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, append_many, log), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
}

static unsigned count(const char *suffix)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	unsigned n = 0;

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		size_t len = strlen(entry->d_name);

		n += len > strlen(suffix) &&
		     strcmp(entry->d_name + len - strlen(suffix), suffix) == 0;
	}
	closedir(d);
	return n;
}

/* The thread works behind the writer: what it has to do is done sooner or later. */
static void wait_for(bool (*done)(void))
{
	static const struct timespec moment = {.tv_nsec = 2000000};

	for (int i = 0; i < 10000 && !done(); i++) {
		nanosleep(&moment, NULL);
	}
	assert_true(done());
}

static void wait_until_written(struct audit_log *log)
{
	uint64_t seq = 0;

	assert_int_equal(folder_append(log, "/last", &seq), AUDIT_OK);
	assert_true(audit_wait(log, seq));
}

static bool is_packed(void)
{
	return count(".jsonl") == 1 && count(".jsonl.zst") >= 3;
}

static bool is_taken(void)
{
	return !folder_has("000001.jsonl");
}

static void segments_are_packed_behind_the_writers(void **state)
{
	struct audit_log *log = open_log(AUDIT_BUFFERED, true, 0);
	struct audit_verdict verdict;
	struct audit_diag diag;

	(void)state;
	append_from_all(log);
	wait_for(is_packed);
	assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	verdict = folder_verdict(NULL);
	assert_int_equal(verdict.bad, AUDIT_GOOD);
	assert_int_equal(verdict.records, THREADS * RECORDS);
	assert_int_equal(verdict.retired, 0);
}

static void segments_are_taken_behind_the_writers(void **state)
{
	struct audit_log *log = open_log(AUDIT_DURABLE, false, 3 * SEGMENT);
	struct audit_verdict verdict;
	struct audit_diag diag;

	(void)state;
	/* A segment ends between two batches, and all of a round may have come into one. */
	for (int i = 0; i < 8; i++) {
		append_from_all(log);
		wait_until_written(log);
	}
	wait_for(is_taken);
	assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	verdict = folder_verdict(NULL);
	assert_int_equal(verdict.bad, AUDIT_GOOD);
	assert_true(verdict.records > THREADS * RECORDS); /* and the events that tell of it */
	assert_true(verdict.retired > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			segments_are_packed_behind_the_writers, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(
			segments_are_taken_behind_the_writers, folder_setup, folder_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
