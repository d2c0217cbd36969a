/*
 * The Windows jail over a Windows that fails every call once, lies in every answer, and crashes
 * everywhere: the command never runs an instruction then, and nothing is left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jailer/windows/jail_windows.h"
#include "tests/unit/windows_fake.h"

static char *const argv[] = {(char *)"tool", (char *)"a b", NULL};
static char *const envp[] = {
	(char *)"PATH=C:\\bin", (char *)"SystemRoot=C:\\Windows", (char *)"TEMP=C:\\x", NULL};

static const struct jail_view views[] = {
	{.mode = JAIL_WRITE, .target = "C:\\proj"},
	{.mode = JAIL_READ, .target = "c:/tools/"},
	{.mode = JAIL_FILE,
		.target = "C:\\L\\sallyport\\trust\\ca.pem",
		.content = "x",
		.content_len = 1},
	{.mode = JAIL_HIDE, .target = "C:\\secret"},
};

static struct fake *shared(void)
{
	struct fake *f =
		mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(f, MAP_FAILED);
	return f;
}

/* ---- one run from beginning to end ---- */

struct outcome {
	int error; /* of create or start */
	struct jail_diag diag;
	int waited;
	struct jail_result result;
};

static void run_views(const struct jail_view *view, size_t n_view, const struct jail_spec *spec,
	struct outcome *o)
{
	struct jail_spec asked = *spec;
	struct jail_diag ignored;
	struct jail_door door;
	struct jail *jail = NULL;

	memset(o, 0, sizeof(*o));
	asked.view = view;
	asked.n_view = n_view;
	asked.envp = envp;
	o->error = jail_create_with(&fake_os, &asked, &jail, &o->diag);
	if (o->error != 0) {
		assert_null(jail);
		return;
	}
	assert_int_equal(jail_take_door(jail, &door, &ignored), 0);
	assert_int_not_equal(door.tcp[0], -1);
	o->error = jail_start(jail, &o->diag);
	if (o->error == 0) {
		o->waited = jail_wait(jail, -1, &o->result, &ignored);
	}
	jail_destroy(jail);
	/* The listener was taken over: here that is the test. */
	fake_os.socket_close(door.tcp[0]);
}

static const struct jail_spec spec = {.argv = argv,
	.cwd = "C:\\proj",
	.limits = {.memory = 1 << 20, .processes = 5, .cpu = 50, .time = 60},
	.proxy_port = 3128};

static void run(struct outcome *o)
{
	run_views(views, 4, &spec, o);
}

/* With the door that is asked for; an exemption needs an elevated user. */
static void run_door(struct outcome *o, bool exempt)
{
	struct jail_spec asked = spec;

	fake->elevated = exempt;
	asked.exempt_loopback = exempt;
	run_views(views, 4, &asked, o);
}

static const struct fake_process *command(void)
{
	for (unsigned i = 0; i < fake->n_processes; i++) {
		if (!fake->processes[i].is_relay) {
			return &fake->processes[i];
		}
	}
	return NULL;
}

static void assert_never_ran(void)
{
	const struct fake_process *c = command();

	assert_true(c == NULL || (!c->resumed && c->ended));
	for (unsigned i = 0; i < fake->n_processes; i++) {
		assert_true(fake->processes[i].ended && fake->processes[i].closed);
	}
}

static void assert_clean(void)
{
	if (fake_left() != NULL) {
		fail_msg("left behind: %s (call %u failed: %s)", fake_left(), fake->fail_at,
			fake->failed);
	}
	assert_int_equal(fake->disorder, 0);
	assert_int_equal(fake->n_acts, 0);
}

/* ---- it works ---- */

static void test_it_works(void **state)
{
	struct fake f;
	struct outcome o;

	for (int exempt = 0; exempt < 2; exempt++) {
		fake_reset(&f);
		run_door(&o, exempt);
		assert_int_equal(o.error, 0);
		assert_int_equal(o.waited, 0);
		assert_int_equal(o.result.end, JAIL_END_EXIT);
		assert_int_equal(o.result.value, 7);
		assert_true(command()->resumed);
		assert_string_equal(command()->program, "C:\\bin\\tool.exe");
		assert_string_equal(command()->line, "tool \"a b\"");
		assert_non_null(strstr(command()->folder, "\\view\\C\\proj"));
		assert_int_equal(f.n_processes, exempt ? 1 : 2);
		/* The relay counts: five for the command. */
		assert_int_equal(f.limits.processes, exempt ? 5 : 6);
		assert_int_equal(f.handles, 0);
		/* Folders, junctions and the relay below them are the container's too. */
		assert_int_equal(f.shut, 0);
		assert_clean();
	}
	(void)state;
}

/* An administrator's run takes the same door as everybody's. */
static void test_elevated_takes_the_pipe(void **state)
{
	struct jail_spec asked = spec;
	struct fake f;
	struct outcome o;

	(void)state;
	fake_reset(&f);
	f.elevated = true;
	run(&o);
	assert_int_equal(o.error, 0);
	assert_int_equal(f.n_processes, 2);
	assert_int_equal(f.admitted, 1);
	assert_clean();
	/* Who may not have the other one is told so, and gets none. */
	fake_reset(&f);
	asked.exempt_loopback = true;
	run_views(views, 4, &asked, &o);
	assert_int_equal(o.error, JAIL_EPROTECTION);
	assert_string_equal(o.diag.protection, "loopback exemption");
	assert_int_equal(f.n_processes, 0);
	assert_clean();
}

static void test_ends(void **state)
{
	static const struct {
		enum os_event event;
		const char *limit;
	} rows[] = {{OS_EVENT_TIME, "time"}, {OS_EVENT_MEMORY, "memory"},
		{OS_EVENT_PROCESSES, "processes"}, {OS_EVENT_WAKE, "gateway"},
		{OS_EVENT_RELAY, "gateway"}};
	struct fake f;
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_reset(&f);
		f.event = rows[i].event;
		run(&o);
		assert_int_equal(o.result.end, JAIL_END_LIMIT);
		assert_string_equal(o.result.limit, rows[i].limit);
		assert_clean();
	}
}

/* A relay that does not come up says how it ended, and the command does not run. */
static void test_a_relay_that_ends(void **state)
{
	static const struct {
		uint32_t status;
		const char *words, *cure;
	} rows[] = {{0xc0000142, "status 0xc0000142", ""},
		{125, "status 0x7d", "is another program listening on that port?"}};
	struct fake f;
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_reset(&f);
		f.relay_status = rows[i].status;
		run(&o);
		assert_int_equal(o.error, JAIL_EPROTECTION);
		assert_string_equal(o.diag.protection, "door");
		assert_non_null(strstr(o.diag.message, rows[i].words));
		assert_string_equal(o.diag.cure, rows[i].cure);
		assert_never_ran();
		assert_clean();
	}
}

/* ---- every call fails once ---- */

static unsigned fail_each(bool exempt)
{
	struct fake f;
	struct outcome o;
	unsigned failed = 0;

	for (unsigned k = 1;; k++) {
		unsigned undone, left;
		struct jail_diag diag;

		fake_reset(&f);
		f.fail_at = k;
		run_door(&o, exempt);
		if (f.calls < k) {
			return failed;
		}
		if (o.error != 0) {
			failed++;
			assert_never_ran();
			assert_true(o.error != JAIL_OK && o.diag.message[0] != '\0');
			assert_int_equal(strcmp(f.failed, "process_make") == 0,
				strstr(o.diag.cure, "job of somebody") != NULL);
			if (f.fail_at != 0 && fake_left() == NULL) {
				assert_int_equal(f.disorder, 0);
			}
		}
		/* A failure while taking back stays in the journal, for the next run. */
		f.fail_at = 0;
		assert_int_equal(jail_repair_with(&fake_os, &undone, &left, &diag), 0);
		assert_int_equal(left, 0);
		if (fake_left() != NULL) {
			fail_msg("call %u (%s) failed and left %s", k, f.failed, fake_left());
		}
	}
}

static void test_every_call_fails(void **state)
{
	unsigned pipe = fail_each(false), exempt = fail_each(true);

	(void)state;
	print_message(
		"calls whose failure ended the run: %u with the pipe, %u with the exemption\n",
		pipe, exempt);
	assert_true(pipe > 60 && exempt > 50);
}

/* Without a repair: one failure on the way up, none on the way down. */
static void test_a_failure_takes_itself_back(void **state)
{
	struct fake f;
	struct outcome o;

	(void)state;
	for (unsigned k = 1;; k++) {
		fake_reset(&f);
		f.fail_at = k;
		run(&o);
		if (o.error == 0) {
			/* From here on it is the waiting and the end that fail. */
			return;
		}
		if (strcmp(f.failed, "lock_give") != 0) {
			assert_clean();
			assert_int_equal(f.handles, 0);
		}
	}
}

/* ---- every answer lies ---- */

static void lie(enum fake_lie which, bool exempt)
{
	struct fake f;
	struct outcome o;
	unsigned told = 0;

	for (unsigned honest = 0;; honest++) {
		fake_reset(&f);
		f.lie = which;
		f.lie_after = honest;
		run_door(&o, exempt);
		if (f.asked <= honest) {
			break;
		}
		if (o.error == 0 && command()->resumed &&
			(which == LIE_GRANT || which == LIE_EXEMPTED ||
				(which == LIE_OTHERS && honest > 0))) {
			break; /* asked again while taking it back; others' later is their own */
		}
		if (o.error == 0) {
			fail_msg("lie %d after %u honest answers was believed", which, honest);
		}
		assert_int_equal(o.error, JAIL_EPROTECTION);
		assert_true(o.diag.protection[0] != '\0');
		assert_never_ran();
		if (which != LIE_EXEMPTED && which != LIE_OTHERS) {
			assert_clean();
		}
		told++;
	}
	if (told == 0) {
		fail_msg("lie %d was never asked for", which);
	}
}

static void test_every_answer_lies(void **state)
{
	(void)state;
	for (int which = 1; which < LIES; which++) {
		if (which != LIE_EXEMPTED && which != LIE_OTHERS) {
			lie((enum fake_lie)which, false);
		}
		if (which != LIE_PIPE && which != LIE_READY) {
			lie((enum fake_lie)which, true);
		}
	}
}

/* ---- a crash at every call ---- */

static void crash_each(struct fake *f, bool exempt)
{
	for (unsigned k = 1;; k++) {
		struct outcome o;
		struct jail_diag diag;
		unsigned undone, left;
		int status;
		pid_t pid;

		fake_reset(f);
		f->crash_at = k;
		pid = fork();
		if (pid == 0) {
			run_door(&o, exempt);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 0) {
			return;
		}
		assert_int_equal(WEXITSTATUS(status), 42);
		/* What Windows does at a process's death. */
		f->crash_at = 0;
		f->locks = f->handles = 0;
		for (unsigned i = 0; i < f->n_processes; i++) {
			f->processes[i].ended = true;
		}
		for (size_t i = 0; i < FAKE_FILES; i++) {
			f->files[i].held = false;
		}
		assert_int_equal(jail_repair_with(&fake_os, &undone, &left, &diag), 0);
		assert_int_equal(left, 0);
		if (fake_left() != NULL) {
			fail_msg("a crash at call %u left %s", k, fake_left());
		}
	}
}

static void test_every_crash_is_repaired(void **state)
{
	struct fake *f = shared();

	(void)state;
	crash_each(f, false);
	crash_each(f, true);
	munmap(f, sizeof(*f));
}

/* A living run's journal is held: neither the next run nor a repair touches it. */
static void test_repair_leaves_the_living_alone(void **state)
{
	struct fake f;
	struct jail_spec asked = spec;
	struct jail_diag diag;
	struct jail *jail;
	struct jail_door door;
	unsigned undone, left;

	(void)state;
	fake_reset(&f);
	asked.view = views;
	asked.n_view = 4;
	asked.envp = envp;
	assert_int_equal(jail_create_with(&fake_os, &asked, &jail, &diag), 0);
	assert_int_equal(jail_take_door(jail, &door, &diag), 0);
	assert_int_equal(jail_start(jail, &diag), 0);
	assert_int_equal(jail_repair_with(&fake_os, &undone, &left, &diag), 0);
	assert_int_equal(undone, 0);
	assert_int_equal(fake_find("C:\\proj")->access, OS_ACCESS_WRITE);
	jail_destroy(jail);
	assert_clean();
}

/* A run that ends while another looks at what dead ones left is none of them. */
static void test_repair_of_one_that_ended_meanwhile(void **state)
{
	struct fake f;
	struct jail_diag diag;
	unsigned undone, left;

	(void)state;
	fake_reset(&f);
	f.gone = "run-0123456789abcdef";
	assert_int_equal(jail_repair_with(&fake_os, &undone, &left, &diag), 0);
	assert_int_equal(undone, 0);
	assert_int_equal(left, 0);
}

/* What cannot be read must not be taken for nothing to do. */
static void test_a_broken_journal_stays(void **state)
{
	struct fake f;
	struct jail_diag diag;
	unsigned undone, left;

	(void)state;
	fake_reset(&f);
	fake_add("C:\\L\\sallyport\\runs\\run-1", true);
	fake_add("C:\\L\\sallyport\\runs\\run-1\\journal", false);
	strcpy(f.journal, "grant\tS-1-15-2-1\n");
	assert_int_equal(jail_repair_with(&fake_os, &undone, &left, &diag), 0);
	assert_int_equal(left, 1);
	assert_non_null(fake_find("C:\\L\\sallyport\\runs\\run-1\\journal"));
	/* Torn in the middle of announcing: nothing of it was begun. */
	strcpy(f.journal, "folder\t-\tC:\\x\nfolder\t-\tC:\\pr");
	assert_int_equal(jail_repair_with(&fake_os, &undone, &left, &diag), 0);
	assert_int_equal(left, 0);
	assert_int_equal(undone, 1);
	assert_null(fake_find("C:\\L\\sallyport\\runs\\run-1"));
	assert_non_null(fake_find("C:\\proj"));
}

/* A file of ours whose name is taken: what stands there is somebody's, and stays. */
static void test_what_was_there_stays(void **state)
{
	struct fake f;
	struct outcome o;

	(void)state;
	fake_reset(&f);
	fake_add("C:\\L\\sallyport\\trust", true);
	fake_add("C:\\L\\sallyport\\trust\\ca.pem", false);
	run(&o);
	assert_int_not_equal(o.error, 0);
	assert_never_ran();
	assert_non_null(fake_find("C:\\L\\sallyport\\trust\\ca.pem"));
}

/* ---- views that an AppContainer would not hold to ---- */

static void test_views(void **state)
{
	static const struct {
		struct jail_view first, second;
		int error;
		const char *words;
	} rows[] = {
		{{.mode = JAIL_WRITE, .target = "C:\\proj"},
			{.mode = JAIL_READ, .target = "C:\\tools"}, 0, ""},
		{{.mode = JAIL_WRITE, .target = "C:\\proj"},
			{.mode = JAIL_HIDE, .target = "C:\\proj\\.env"}, JAIL_EVIEW,
			"cannot be hidden inside"},
		{{.mode = JAIL_WRITE, .target = "C:\\proj"},
			{.mode = JAIL_HIDE, .target = "c:\\PROJ"}, JAIL_EVIEW,
			"cannot be hidden inside"},
		{{.mode = JAIL_HIDE, .target = "C:\\"}, {.mode = JAIL_WRITE, .target = "C:\\proj"},
			0, ""},
		{{.mode = JAIL_WRITE, .target = "C:\\proj"},
			{.mode = JAIL_READ, .target = "C:\\proj\\sub"}, JAIL_EVIEW,
			"cannot be kept from writing"},
		{{.mode = JAIL_READ, .target = "C:\\proj"},
			{.mode = JAIL_WRITE, .target = "C:\\proj\\sub"}, 0, ""},
		{{.mode = JAIL_WRITE, .target = "C:\\proj"},
			{.mode = JAIL_READ, .target = "C:\\absent"}, JAIL_EVIEW, "does not exist"},
		{{.mode = JAIL_WRITE, .target = "C:\\proj"},
			{.mode = JAIL_READ, .target = "C:\\absent", .optional = true}, 0, ""},
		{{.mode = JAIL_WRITE, .target = "C:\\proj"},
			{.mode = JAIL_READ, .target = "C:\\bin\\tool.exe"}, JAIL_EVIEW,
			"no folder"},
		{{.mode = JAIL_WRITE, .target = "C:\\proj"},
			{.mode = JAIL_READ, .target = "C:\\a:b"}, JAIL_EVIEW, "stream"},
		{{.mode = JAIL_WRITE, .target = "C:\\proj"},
			{.mode = JAIL_READ, .target = "\\\\s\\x"}, JAIL_EVIEW, "another machine"},
		{{.mode = JAIL_WRITE, .target = "C:\\proj"},
			{.mode = JAIL_FILE,
				.target = "C:\\proj\\ca.pem",
				.content = "",
				.content_len = 0},
			JAIL_EVIEW, "would lie inside"},
		{{.mode = JAIL_WRITE, .target = "C:\\proj"},
			{.mode = JAIL_SYMLINK, .target = "C:\\x"}, JAIL_EVIEW, "no such entry"},
		{{.mode = JAIL_WRITE, .target = "C:\\proj"},
			{.mode = JAIL_WRITE, .target = "c:/proj/"}, 0, ""},
		{{.mode = JAIL_READ, .target = "C:\\proj"},
			{.mode = JAIL_WRITE, .target = "C:\\proj"}, JAIL_EVIEW,
			"two kinds of rights"},
		{{.mode = JAIL_READ, .target = "C:\\tools"},
			{.mode = JAIL_READ, .target = "C:\\tools"}, JAIL_EVIEW,
			"not in the view"}, /* where the command is to begin */
	};
	struct fake f;
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct jail_view pair[] = {rows[i].first, rows[i].second};

		fake_reset(&f);
		run_views(pair, 2, &spec, &o);
		if (o.error != rows[i].error ||
			(o.error != 0 && strstr(o.diag.message, rows[i].words) == NULL)) {
			fail_msg("row %zu: %d %s", i, o.error, o.diag.message);
		}
		if (fake->disorder != 0) {
			fail_msg("row %zu: taken back out of order", i);
		}
		assert_clean();
	}
}

/* A junction in place of a named folder is not followed. */
static void test_a_link_in_place_of_a_folder(void **state)
{
	struct fake f;
	struct outcome o;

	(void)state;
	fake_reset(&f);
	fake_find("C:\\proj")->is_junction = true;
	strcpy(fake_find("C:\\proj")->target, "C:\\Users");
	run(&o);
	assert_int_equal(o.error, JAIL_EVIEW);
	assert_non_null(strstr(o.diag.message, "behind a link, to C:\\Users"));
	assert_never_ran();
}

/* What PATH names and an administrator owns is left out; what the rules name stops the run. */
static void test_folders_of_others(void **state)
{
	struct jail_view pair[] = {{.mode = JAIL_WRITE, .target = "C:\\proj"},
		{.mode = JAIL_READ, .target = "C:\\tools", .optional = true}};
	struct fake f;
	struct outcome o;

	(void)state;
	for (int named = 0; named < 2; named++) {
		fake_reset(&f);
		fake_find("C:\\tools")->is_others = true;
		pair[1].optional = !named;
		run_views(pair, 2, &spec, &o);
		assert_int_equal(o.error, named ? JAIL_EPROTECTION : 0);
		assert_string_equal(o.diag.cure, named ? "own the folder, or leave it out" : "");
		assert_null(strstr(f.journal, named ? "relay" : "tools"));
		assert_clean();
	}
}

/* By whatever name: a link further up does not make a hidden file another one. */
static void test_a_hidden_file_behind_a_link(void **state)
{
	const struct jail_view pair[] = {{.mode = JAIL_WRITE, .target = "C:\\proj"},
		{.mode = JAIL_HIDE, .target = "C:\\keys\\key.pem"}};
	struct fake f;
	struct outcome o;

	(void)state;
	fake_reset(&f);
	fake_add("C:\\keys\\key.pem", false)->is_junction = true;
	strcpy(fake_find("C:\\keys\\key.pem")->target, "C:\\proj\\key.pem");
	run_views(pair, 2, &spec, &o);
	assert_int_equal(o.error, JAIL_EVIEW);
	assert_non_null(strstr(o.diag.message, "cannot be hidden inside"));
	assert_never_ran();
	fake_reset(&f);
	fake_add("C:\\keys\\key.pem", false);
	run_views(pair, 2, &spec, &o);
	assert_int_equal(o.error, 0);
}

/* A letter of which no table here says whether it is another's small one: taken for any. */
static void test_names_that_may_be_one(void **state)
{
	static const char kelvin[] = "C:\\\xe2\x84\xaa";
	static const struct {
		enum jail_mode mode;
		const char *words;
	} rows[] = {
		{JAIL_READ, "may be one folder or two"},
		{JAIL_WRITE, "may be one folder or two"},
		{JAIL_HIDE, "cannot be hidden inside"},
	};
	struct fake f;
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct jail_view pair[] = {{.mode = JAIL_WRITE, .target = "C:\\proj"},
			{.mode = rows[i].mode, .target = kelvin}};

		fake_reset(&f);
		fake_add(kelvin, true);
		run_views(pair, 2, &spec, &o);
		assert_int_equal(o.error, JAIL_EVIEW);
		assert_non_null(strstr(o.diag.message, rows[i].words));
		assert_never_ran();
	}
}

/* Whoever writes there has the next run remove what it likes. */
static void test_journals_are_not_shown(void **state)
{
	static const char *const refused[] = {"C:\\L", "C:\\L\\sallyport", "c:/L/sallyport/runs/",
		"C:\\L\\sallyport\\runs\\other"};
	struct jail_view pair[] = {
		{.mode = JAIL_WRITE, .target = "C:\\proj"}, {.mode = JAIL_WRITE}};
	struct fake f;
	struct outcome o;

	(void)state;
	for (size_t i = 0; i <= sizeof(refused) / sizeof(refused[0]); i++) {
		bool beside = i == sizeof(refused) / sizeof(refused[0]);

		pair[1].target = beside ? "C:\\L\\sallyport\\runs2" : refused[i];
		fake_reset(&f);
		if (i != 2) {
			fake_add(pair[1].target, true);
		}
		run_views(pair, 2, &spec, &o);
		if (beside) {
			assert_int_equal(o.error, 0);
			continue;
		}
		assert_int_equal(o.error, JAIL_EVIEW);
		assert_non_null(strstr(o.diag.message, "where the journals of runs lie"));
		assert_never_ran();
	}
}

/* Percent of one core become Windows' hundredths of a percent of them all, and are read back so. */
static void test_cpu_limit(void **state)
{
	static const struct {
		uint64_t percent;
		unsigned processors, rate;
	} rows[] = {{50, 2, 2500}, {150, 2, 7500}, {200, 2, 10000}, {400, 2, 10000}, {0, 2, 0},
		{7, 64, 10}, {1, 200, 1}, {UINT64_MAX, 3, 10000}, {50, 3, 1666}};
	struct fake f;
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct jail_spec other = spec;

		other.limits.cpu = rows[i].percent;
		fake_reset(&f);
		f.processors = rows[i].processors;
		run_views(views, 4, &other, &o);
		assert_int_equal(o.error, 0);
		assert_int_equal(f.limits.cpu, rows[i].rate);
	}
}

static void test_limits_that_windows_lacks(void **state)
{
	struct jail_spec other = spec;
	struct fake f;
	struct outcome o;

	(void)state;
	other.limits.file_size = 1;
	fake_reset(&f);
	run_views(views, 4, &other, &o);
	assert_int_equal(o.error, JAIL_EPROTECTION);
	assert_string_equal(o.diag.protection, "limits");
	assert_clean();
}

/* ---- the command line ---- */

static void test_command_lines(void **state)
{
	char *const plain[] = {(char *)"a", (char *)"b c", (char *)"", (char *)"d\"e",
		(char *)"f\\", (char *)"g h\\", (char *)"i\\\"j", NULL};
	char *const script[] = {(char *)"npm", (char *)"run", (char *)"a&b|c", NULL};
	char *line = command_line(plain);

	(void)state;
	assert_string_equal(line, "a \"b c\" \"\" \"d\\\"e\" f\\ \"g h\\\\\" \"i\\\\\\\"j\"");
	free(line);
	line = command_line_script("C:\\W\\cmd.exe", "C:\\n\\npm.cmd", script);
	assert_string_equal(line, "\"C:\\W\\cmd.exe\" /d /v:off /s /c \"\"C:\\n\\npm.cmd\" \"run\" "
				  "\"a&b|c\"\"");
	free(line);
}

static void test_script_arguments_that_are_refused(void **state)
{
	static const char *const bad[] = {"a\"b", "%PATH%", "a!b", "a\nb", "c\\"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *const list[] = {(char *)"npm", (char *)bad[i], NULL};

		assert_null(command_line_script("C:\\W\\cmd.exe", "C:\\n\\npm.cmd", list));
	}
}

static int make(const char *program, const char *path, struct command *c)
{
	struct jail_diag diag;
	char *const list[] = {(char *)program, NULL};
	char variable[256];
	char *const environment[] = {
		variable, (char *)"SystemRoot=C:\\Windows", (char *)"temp=C:\\x", NULL};
	struct jail_spec other = spec;

	other.argv = list;
	snprintf(variable, sizeof(variable), "PATH=%s", path);
	return command_make(c, &fake_os, &other, environment, "C:\\R\\home", &diag);
}

static bool holds(const char *environment, const char *wanted)
{
	for (; *environment != '\0'; environment += strlen(environment) + 1) {
		if (strcmp(environment, wanted) == 0) {
			return true;
		}
	}
	return false;
}

static void test_programs(void **state)
{
	struct command c;
	struct fake f;

	(void)state;
	fake_reset(&f);
	fake_add("C:\\proj\\planted.exe", false);
	assert_int_equal(make("tool", "C:\\none;C:\\bin", &c), 0);
	assert_string_equal(c.program, "C:\\bin\\tool.exe");
	assert_true(holds(c.environment, "TEMP=C:\\R\\home\\Temp"));
	assert_false(holds(c.environment, "temp=C:\\x"));
	command_finish(&c);
	assert_int_equal(make("script", "C:\\bin", &c), 0);
	assert_string_equal(c.program, "C:\\Windows\\System32\\cmd.exe");
	command_finish(&c);
	assert_int_equal(make("C:/bin/tool.exe", "", &c), 0);
	command_finish(&c);
	assert_int_equal(make(".\\planted.exe", "", &c), 0);
	command_finish(&c);
	/* The working folder is searched only when it is written. */
	assert_int_equal(make("planted", "C:\\bin;.;;\\", &c), JAIL_ENOTFOUND);
	assert_int_equal(make("planted.exe", ".", &c), JAIL_ENOTFOUND);
	assert_int_equal(make("C:planted.exe", "", &c), JAIL_ENOTFOUND);
	assert_int_equal(make("tool.exe:x", "C:\\bin", &c), JAIL_ENOTFOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_works),
		cmocka_unit_test(test_elevated_takes_the_pipe),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_a_relay_that_ends),
		cmocka_unit_test(test_every_call_fails),
		cmocka_unit_test(test_a_failure_takes_itself_back),
		cmocka_unit_test(test_every_answer_lies),
		cmocka_unit_test(test_every_crash_is_repaired),
		cmocka_unit_test(test_repair_leaves_the_living_alone),
		cmocka_unit_test(test_repair_of_one_that_ended_meanwhile),
		cmocka_unit_test(test_a_broken_journal_stays),
		cmocka_unit_test(test_what_was_there_stays),
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_a_link_in_place_of_a_folder),
		cmocka_unit_test(test_folders_of_others),
		cmocka_unit_test(test_a_hidden_file_behind_a_link),
		cmocka_unit_test(test_names_that_may_be_one),
		cmocka_unit_test(test_journals_are_not_shown),
		cmocka_unit_test(test_cpu_limit),
		cmocka_unit_test(test_limits_that_windows_lacks),
		cmocka_unit_test(test_command_lines),
		cmocka_unit_test(test_script_arguments_that_are_refused),
		cmocka_unit_test(test_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
