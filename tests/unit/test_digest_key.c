/*
 * The key for digests: first runs at once agree on the one that its file holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "certs/certs.h"
#include "cli/gateway/digest_key.h"
#include "cli/verbs.h"

enum { RUNS = 8, ROUNDS = 40 };

static char home[] = "/tmp/sallyport-digest-XXXXXX";

int complain(const char *format, ...)
{
	(void)format;
	return 125;
}

/* Begins when `go` has no writer any more. */
static _Noreturn void run(const int go[2], int keys)
{
	unsigned char key[AUDIT_KEY];
	char nothing;
	ssize_t got;

	close(go[1]);
	got = read(go[0], &nothing, 1);
	_exit(got == 0 && digest_key(key) == 0 &&
				write(keys, key, sizeof(key)) == (ssize_t)sizeof(key)
			? 0
			: 1);
}

static void test_first_runs_at_once(void **state)
{
	unsigned char keys[RUNS][AUDIT_KEY], kept[AUDIT_KEY];
	char folder[64], path[96];

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		int go[2], answers[2], status;

		snprintf(folder, sizeof(folder), "%s/%d", home, round);
		assert_int_equal(mkdir(folder, 0700), 0);
		assert_int_equal(setenv("XDG_STATE_HOME", folder, 1), 0);
		snprintf(path, sizeof(path), "%s/sallyport", folder);
		assert_int_equal(mkdir(path, 0700), 0);
		assert_int_equal(pipe(go), 0);
		assert_int_equal(pipe(answers), 0);
		for (int i = 0; i < RUNS; i++) {
			pid_t pid = fork();

			assert_true(pid >= 0);
			if (pid == 0) {
				run(go, answers[1]);
			}
		}
		close(go[0]);
		close(go[1]);
		for (int i = 0; i < RUNS; i++) {
			assert_true(wait(&status) > 0);
			assert_int_equal(status, 0);
		}
		assert_int_equal(read(answers[0], keys, sizeof(keys)), sizeof(keys));
		close(answers[0]);
		close(answers[1]);
		assert_int_equal(digest_key(kept), 0);
		for (int i = 0; i < RUNS; i++) {
			assert_memory_equal(keys[i], kept, AUDIT_KEY);
		}
		strcat(path, "/digest.key");
		assert_int_equal(unlink(path), 0);
		*strrchr(path, '/') = '\0';
		assert_int_equal(rmdir(path), 0); /* nothing else is left */
		assert_int_equal(rmdir(folder), 0);
	}
}

static int begin(void **state)
{
	struct certs_diag diag;

	(void)state;
	return mkdtemp(home) != NULL && certs_init(&diag) == CERTS_OK ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	return rmdir(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_first_runs_at_once)};

	return cmocka_run_group_tests(tests, begin, end);
}
