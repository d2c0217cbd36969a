/*
 * The jail as its caller sees it, in the order in which it is put up. Each part is read back before
 * the first instruction of the command: what Windows says it did is not what counts. Whatever fails
 * ends in jail_destroy, which ends the processes and takes back what the journal names.
 *
 * Knows Windows only through the table of os.h.
 */
#include "jailer/windows/door.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	INTEGRITY_LOW = 0x1000,
	UI_LIMITS =
		0xff, /* handles, clipboard both ways, parameters, display, atoms, desktop, exit */
	HANGUP = 1,   /* as on other systems */
};

/* Of the run's own profile, itself first. */
static const char *const home_folders[] = {
	"", "\\Temp", "\\AppData", "\\AppData\\Local", "\\AppData\\Roaming"};
enum { HOME_FOLDERS = sizeof(home_folders) / sizeof(home_folders[0]) };

struct jail {
	const struct jail_os *os;
	struct jail_spec spec; /* argv and cwd are copies; view and envp the caller's */
	char **argv;           /* owned, also its strings */
	char *cwd;             /* owned */
	struct journal journal;
	char name[OS_NAME_MAX], sid[OS_SID_MAX];
	char root[WINPATH_MAX], home[WINPATH_MAX]; /* below the run's folder */
	struct os_job_limits job_limits;
	uintptr_t job, port, desktop; /* owned, like what follows */
	struct door door;
	struct os_process command;
	struct plan plan;
	struct jail_protection reports[JAIL_PROTECTIONS_MAX];
	size_t n_reports;
};

static __attribute__((format(printf, 3, 4))) void report(
	struct jail *jail, const char *name, const char *format, ...)
{
	struct jail_protection *p = &jail->reports[jail->n_reports++];
	va_list args;

	p->name = name;
	p->state = JAIL_UP;
	va_start(args, format);
	vsnprintf(p->detail, sizeof(p->detail), format, args);
	va_end(args);
}

/* ---- before anything is changed ---- */

static int copy_spec(struct jail *jail, const struct jail_spec *spec, struct jail_diag *diag)
{
	size_t n = 0;

	jail->spec = *spec;
	jail->cwd = strdup(spec->cwd);
	while (spec->argv[n] != NULL) {
		n++;
	}
	jail->argv = calloc(n + 1, sizeof(*jail->argv));
	for (size_t i = 0; jail->argv != NULL && i < n; i++) {
		jail->argv[i] = strdup(spec->argv[i]);
		if (jail->argv[i] == NULL) {
			return jail_fail(diag, JAIL_EMEMORY, "", "", "memory is out");
		}
	}
	if (jail->argv == NULL || jail->cwd == NULL) {
		return jail_fail(diag, JAIL_EMEMORY, "", "", "memory is out");
	}
	jail->spec.argv = jail->argv;
	jail->spec.cwd = jail->cwd;
	return 0;
}

/* ---- container, firewall, job ---- */

static int make_container(struct jail *jail, struct jail_diag *diag)
{
	const struct jail_os *os = jail->os;
	char derived[OS_SID_MAX] = "";
	uint32_t number;
	int error = journal_add(&jail->journal, JOURNAL_PROFILE, NULL, jail->name, diag);

	if (error != 0) {
		return error;
	}
	number = os->profile_create(jail->name, jail->sid);
	if (number == OS_EABSENT) {
		return jail_fail(diag, JAIL_EPROTECTION, "AppContainer", "Windows 10 or later",
			"this system has no AppContainer");
	}
	if (number == OS_OK) {
		number = os->profile_sid(jail->name, derived);
	}
	if (number != OS_OK) {
		return jail_fail_os(os, number, diag, JAIL_EPROTECTION, "AppContainer",
			"Windows 10 or later", "its profile cannot be made");
	}
	if (strcmp(jail->sid, derived) != 0 || strncmp(jail->sid, "S-1-15-2-", 9) != 0) {
		return jail_fail(diag, JAIL_EPROTECTION, "AppContainer", "",
			"the profile made is another than the one named");
	}
	report(jail, "AppContainer", "%s, no capability", jail->name);
	return 0;
}

/* Without these two an AppContainer's network is open: nothing else says so. */
static int check_firewall(struct jail *jail, struct jail_diag *diag)
{
	static const char *const services[] = {"BFE", "MpsSvc"};

	for (size_t i = 0; i < 2; i++) {
		bool running = false;
		uint32_t number = jail->os->service_running(services[i], &running);

		if (number != OS_OK) {
			return jail_fail_os(jail->os, number, diag, JAIL_EPROTECTION,
				"network isolation", "start the Windows firewall",
				"the service %s cannot be asked", services[i]);
		}
		if (!running) {
			return jail_fail(diag, JAIL_EPROTECTION, "network isolation",
				"start the Windows firewall",
				"the service %s does not run, and without it an AppContainer's "
				"network is not closed",
				services[i]);
		}
	}
	return 0;
}

static int check_job(struct jail *jail, struct jail_diag *diag)
{
	const struct os_job_limits *wanted = &jail->job_limits;
	struct os_job_limits got = {.may_break_away = true};
	uint32_t number = jail->os->job_read(jail->job, &got);

	if (number != OS_OK) {
		return jail_fail_os(jail->os, number, diag, JAIL_EPROTECTION, "job", "",
			"its limits cannot be read back");
	}
	if (got.kill_on_close != wanted->kill_on_close || got.may_break_away ||
		got.memory != wanted->memory || got.processes != wanted->processes ||
		got.cpu != wanted->cpu || got.ui != wanted->ui) {
		return jail_fail(
			diag, JAIL_EPROTECTION, "job", "", "its limits are not what was set");
	}
	return 0;
}

/* From percent of one core to Windows' unit; more than all of them is all of them. */
static uint32_t cpu_rate(uint64_t percent, uint32_t processors)
{
	const uint64_t most = 10000;
	uint64_t rate = percent < 100 * (uint64_t)processors ? percent * 100 / processors : most;

	return percent == 0 ? 0 : rate == 0 ? 1 : (uint32_t)rate;
}

static int make_job(struct jail *jail, struct jail_diag *diag)
{
	const struct jail_limits *limits = &jail->spec.limits;
	uint32_t processors = 1, number = jail->os->processors(&processors);

	if (number == OS_OK) {
		number = jail->os->job_make(&jail->job, &jail->port);
	}
	jail->job_limits = (struct os_job_limits){
		.kill_on_close = true,
		.memory = limits->memory,
		/* The relay is one more. */
		.processes = limits->processes == 0 ? 0
			     : limits->processes < UINT32_MAX - 1
				     ? (uint32_t)limits->processes + !jail->door.exempt
				     : 0,
		.cpu = cpu_rate(limits->cpu, processors),
		.ui = UI_LIMITS,
	};
	if (limits->file_size != 0 || limits->open_files != 0) {
		return jail_fail(diag, JAIL_EPROTECTION, "limits",
			"take file-size and open-files out of the rules",
			"Windows has no limit of a file's size or of open files");
	}
	if (number == OS_OK) {
		number = jail->os->job_limit(jail->job, &jail->job_limits);
	}
	if (number != OS_OK) {
		return jail_fail_os(jail->os, number, diag, JAIL_EPROTECTION, "job", "",
			"its limits cannot be set");
	}
	return check_job(jail, diag);
}

int jail_create_with(const struct jail_os *os, const struct jail_spec *spec, struct jail **ret_jail,
	struct jail_diag *diag)
{
	struct jail *jail = calloc(1, sizeof(*jail));
	int error;

	memset(diag, 0, sizeof(*diag));
	if (jail == NULL) {
		return jail_fail(diag, JAIL_EMEMORY, "", "", "memory is out");
	}
	jail->os = os;
	jail->door.listener = -1;
	error = copy_spec(jail, spec, diag);
	if (error == 0) {
		error = door_choose(&jail->door, os, spec, diag);
	}
	if (error == 0) {
		error = run_folder_begin(
			os, &jail->journal, jail->name, jail->root, jail->home, diag);
	}
	if (error == 0) {
		error = make_container(jail, diag);
	}
	if (error == 0) {
		error = check_firewall(jail, diag);
	}
	if (error == 0) {
		error = make_job(jail, diag);
	}
	if (error == 0) {
		error = door_open(&jail->door, &jail->journal, jail->name, jail->sid, diag);
	}
	if (error != 0) {
		jail_destroy(jail);
		return error;
	}
	*ret_jail = jail;
	return 0;
}

int jail_take_door(struct jail *jail, struct jail_door *ret_door, struct jail_diag *diag)
{
	(void)diag;
	*ret_door = (struct jail_door){{jail->door.listener, -1}, {-1, -1}, {-1, -1}};
	jail->door.taken = true;
	return 0;
}

/* ---- processes ---- */

static int check_token(struct jail *jail, uintptr_t process, struct jail_diag *diag)
{
	struct os_token token = {0};
	uint32_t number = jail->os->process_token(process, &token);

	if (number != OS_OK) {
		return jail_fail_os(jail->os, number, diag, JAIL_EPROTECTION, "AppContainer", "",
			"the process's token cannot be read");
	}
	if (!token.is_container || strcmp(token.sid, jail->sid) != 0) {
		return jail_fail(diag, JAIL_EPROTECTION, "AppContainer", "",
			"the process that was started is not in the container");
	}
	if (!token.is_restricted || token.capabilities != 0 || token.integrity > INTEGRITY_LOW) {
		return jail_fail(diag, JAIL_EPROTECTION, "AppContainer", "",
			"the process that was started has more rights than a less privileged "
			"AppContainer without capabilities");
	}
	return 0;
}

static int check_process(struct jail *jail, uintptr_t process, struct jail_diag *diag)
{
	uint32_t mitigations = 0, number;
	bool in_job = false;
	int error = check_token(jail, process, diag);

	if (error != 0) {
		return error;
	}
	number = jail->os->process_in_job(process, jail->job, &in_job);
	if (number != OS_OK || !in_job) {
		return jail_fail_os(jail->os, number, diag, JAIL_EPROTECTION, "job", "",
			"the process that was started is not in it");
	}
	number = jail->os->process_mitigations(process, &mitigations);
	if (number != OS_OK || mitigations != OS_MITIGATIONS) {
		return jail_fail_os(jail->os, number, diag, JAIL_EPROTECTION, "mitigations", "",
			"the process that was started does not have them all (0x%lx of 0x%x)",
			(unsigned long)mitigations, OS_MITIGATIONS);
	}
	return 0;
}

static int check_files(struct jail *jail, struct jail_diag *diag)
{
	for (size_t i = 0; i < HOME_FOLDERS; i++) {
		char path[WINPATH_MAX + 32];
		enum os_access access = OS_ACCESS_NONE;
		uint32_t number;

		snprintf(path, sizeof(path), "%s%s", jail->home, home_folders[i]);
		number = jail->os->grant_read(path, NULL, jail->sid, &access);
		if (number != OS_OK || access != OS_ACCESS_WRITE) {
			return jail_fail_os(jail->os, number, diag, JAIL_EPROTECTION, "file view",
				"", "the access list of %.200s is not what was written", path);
		}
	}
	return files_check(jail->os, &jail->plan, jail->root, jail->sid, diag);
}

static int check_desktop(struct jail *jail, struct jail_diag *diag)
{
	bool exact = false;
	uint32_t number = jail->os->desktop_check(jail->desktop, jail->sid, &exact);

	if (number != OS_OK) {
		return jail_fail_os(jail->os, number, diag, JAIL_EPROTECTION, "desktop", "",
			"its access list cannot be read back");
	}
	return exact ? 0
		     : jail_fail(diag, JAIL_EPROTECTION, "desktop", "",
			       "its access list is not what was set");
}

/* Everything once more, from the system's mouth, while the process stands still. */
static int check_all(struct jail *jail, uintptr_t process, struct jail_diag *diag)
{
	int error = check_process(jail, process, diag);

	if (error == 0) {
		error = check_job(jail, diag);
	}
	if (error == 0) {
		error = check_firewall(jail, diag);
	}
	if (error == 0) {
		error = check_desktop(jail, diag);
	}
	if (error == 0) {
		error = door_check(&jail->door, jail->sid, diag);
	}
	return error == 0 ? check_files(jail, diag) : error;
}

/* What goes before the first instruction. */
static int set_going(struct jail *jail, const struct os_start *start, struct os_process *process,
	struct jail_diag *diag)
{
	uint32_t number = OS_OK;
	int error = check_all(jail, process->process, diag);

	if (error != 0) {
		return error;
	}
	/* The relay, and nobody else, speaks through the pipe. */
	if (process == &jail->door.relay) {
		number = door_relay_admit(&jail->door, process->process);
	}
	if (number == OS_OK) {
		number = jail->os->process_resume(process);
	}
	return number == OS_OK ? 0
			       : jail_fail_os(jail->os, number, diag, JAIL_ESYSTEM, "", "",
					 "%.200s cannot be set going", start->program);
}

static int start_process(struct jail *jail, const struct os_start *start,
	struct os_process *process, struct jail_diag *diag)
{
	uint32_t number = jail->os->process_make(start, process);

	if (number == OS_EFILE || number == OS_EPATH || number == OS_ENOFORMAT) {
		return jail_fail_os(jail->os, number, diag, JAIL_ENOEXEC, "", "",
			"%.200s cannot be started", start->program);
	}
	if (number != OS_OK) {
		/* Microsoft, "Nested Jobs": none is nested that has UI limits. */
		return jail_fail_os(jail->os, number, diag, JAIL_EPROTECTION, "AppContainer",
			number == OS_EACCESS ? "start it from outside any job of somebody else's"
					     : "",
			"%.200s cannot be started in it", start->program);
	}
	return set_going(jail, start, process, diag);
}

static int start_relay(struct jail *jail, const char *environment, struct jail_diag *diag)
{
	char program[WINPATH_MAX];
	struct os_start start = {.program = program,
		.folder = jail->root,
		.environment = environment,
		.sid = jail->sid,
		.desktop = jail->name, /* the command may reach into it: no way to the user's
					  windows */
		.job = jail->job};
	char *line;
	int error;

	if (jail->door.exempt) {
		return 0;
	}
	error = door_relay_copy(&jail->door, &jail->journal, jail->root, program, diag);
	if (error != 0) {
		return error;
	}
	line = door_relay_line(&jail->door, program, jail->name);
	start.line = line;
	error = line != NULL ? start_process(jail, &start, &jail->door.relay, diag)
			     : jail_fail(diag, JAIL_EMEMORY, "", "", "memory is out");
	free(line);
	return error == 0 ? door_relay_wait(&jail->door, diag) : error;
}

/* ---- the command ---- */

static int start_command(struct jail *jail, const struct command *c, struct jail_diag *diag)
{
	char folder[WINPATH_MAX];
	struct os_start start = {.program = c->program,
		.line = c->line,
		.folder = folder,
		.environment = c->environment,
		.sid = jail->sid,
		.desktop = jail->name,
		.job = jail->job,
		.n_handles = 3};
	uint32_t number = jail->os->standard_handles(start.handles);
	int error = plan_place(&jail->plan, jail->root, jail->cwd, folder, diag);

	if (error != 0) {
		return error;
	}
	if (number != OS_OK) {
		return jail_fail_os(jail->os, number, diag, JAIL_ESYSTEM, "", "",
			"the standard handles cannot be handed on");
	}
	return start_process(jail, &start, &jail->command, diag);
}

/* A profile of the run's own, gone with it. */
static int make_home(struct jail *jail, struct jail_diag *diag)
{
	const struct jail_os *os = jail->os;
	uint32_t number;
	int error = journal_add(&jail->journal, JOURNAL_TREE, NULL, jail->home, diag);

	if (error != 0) {
		return error;
	}
	number = os->folder_make(jail->home, OS_FOLDER_PRIVATE);
	/* The folder goes with all that is in it: no entry of its own for the grant. */
	if (number == OS_OK) {
		number = os->grant_add(jail->home, NULL, jail->sid, OS_ACCESS_WRITE);
	}
	/* These inherit it. */
	for (size_t i = 1; number == OS_OK && i < HOME_FOLDERS; i++) {
		char path[WINPATH_MAX + 32];

		snprintf(path, sizeof(path), "%s%s", jail->home, home_folders[i]);
		number = os->folder_make(path, OS_FOLDER_INHERITS);
	}
	if (number != OS_OK) {
		return jail_fail_os(os, number, diag, JAIL_EPROTECTION, "file view", "",
			"the run's own profile %.200s cannot be made", jail->home);
	}
	return 0;
}

static int keep_journals_out(struct jail *jail, struct jail_diag *diag)
{
	char runs[WINPATH_MAX];

	snprintf(runs, sizeof(runs), "%s", jail->journal.folder);
	*strrchr(runs, '\\') = '\0';
	return plan_keep_out(&jail->plan, runs, diag);
}

static int put_up_files(struct jail *jail, struct jail_diag *diag)
{
	int error = plan_make(&jail->plan, jail->os, jail->spec.view, jail->spec.n_view, diag);

	/* Whoever writes a journal has the next run remove what it names. */
	if (error == 0) {
		error = keep_journals_out(jail, diag);
	}
	if (error == 0) {
		error = make_home(jail, diag);
	}
	if (error == 0) {
		error = files_put_up(
			jail->os, &jail->journal, &jail->plan, jail->root, jail->sid, diag);
	}
	return error == 0 ? check_files(jail, diag) : error;
}

static int make_desktop(struct jail *jail, struct jail_diag *diag)
{
	uint32_t number = jail->os->desktop_make(jail->name, jail->sid, &jail->desktop);

	return number == OS_OK ? 0
			       : jail_fail_os(jail->os, number, diag, JAIL_EPROTECTION, "desktop",
					 "", "a desktop of its own cannot be made");
}

static void report_all(struct jail *jail)
{
	report(jail, "network isolation", "the firewall's services run");
	report(jail, "door",
		jail->door.exempt ? "loopback exemption of this container alone"
				  : "relay inside, pipe for this container alone");
	report(jail, "job", "dies with the run, no breakaway, UI limits");
	report(jail, "file view", "%lu entries, granted to this container alone",
		(unsigned long)jail->plan.n);
	report(jail, "desktop", "its own");
	report(jail, "mitigations", "no extension points, no remote images, ASLR");
}

int jail_start(struct jail *jail, struct jail_diag *diag)
{
	struct command command = {.line = NULL};
	int error =
		command_make(&command, jail->os, &jail->spec, jail->spec.envp, jail->home, diag);

	if (error == 0) {
		error = put_up_files(jail, diag);
	}
	if (error == 0) {
		error = make_desktop(jail, diag);
	}
	if (error == 0) {
		error = start_relay(jail, command.environment, diag);
	}
	if (error == 0) {
		error = start_command(jail, &command, diag);
	}
	if (error == 0) {
		report_all(jail);
	}
	command_finish(&command);
	return error;
}

/* ---- waiting ---- */

static void end_by(struct jail_result *result, const char *limit)
{
	memset(result, 0, sizeof(*result));
	result->end = JAIL_END_LIMIT;
	snprintf(result->limit, sizeof(result->limit), "%s", limit);
}

static void tell_end(struct jail_result *result, enum os_event event, uint32_t status)
{
	switch (event) {
	case OS_EVENT_EXIT:
		*result = (struct jail_result){.end = JAIL_END_EXIT, .value = (int)status};
		break;
	case OS_EVENT_TIME: end_by(result, "time"); break;
	case OS_EVENT_MEMORY: end_by(result, "memory"); break;
	case OS_EVENT_PROCESSES: end_by(result, "processes"); break;
	case OS_EVENT_CLOSE:
		*result = (struct jail_result){.end = JAIL_END_SIGNAL, .value = HANGUP};
		break;
	case OS_EVENT_RELAY:
	case OS_EVENT_WAKE: end_by(result, "gateway"); break;
	case OS_EVENT_NONE: memset(result, 0, sizeof(*result)); break;
	}
}

int jail_wait(
	struct jail *jail, intptr_t wake_fd, struct jail_result *ret_result, struct jail_diag *diag)
{
	struct os_wait wait = {.process = jail->command.process,
		.relay = jail->door.relay.process,
		.port = jail->port,
		.wake = wake_fd,
		.timeout_ms = jail->spec.limits.time * 1000};
	enum os_event event = OS_EVENT_NONE;
	uint32_t status = 0, number = jail->os->wait(&wait, &event, &status), ended;

	/* Everything is dead before anybody hears of the end. */
	ended = jail->os->job_end(jail->job);
	if (number != OS_OK || ended != OS_OK) {
		return jail_fail_os(jail->os, number != OS_OK ? number : ended, diag, JAIL_ESYSTEM,
			"", "", "waiting for the command");
	}
	tell_end(ret_result, event, status);
	return 0;
}

const struct jail_protection *jail_report(const struct jail *jail, size_t *ret_n)
{
	*ret_n = jail->n_reports;
	return jail->reports;
}

/* ---- the end ---- */

static void end_process(struct jail *jail, struct os_process *process)
{
	if (process->process != 0) {
		(void)jail->os->process_end(process);
		jail->os->process_close(process);
	}
}

void jail_destroy(struct jail *jail)
{
	if (jail == NULL) {
		return;
	}
	end_process(jail, &jail->command);
	end_process(jail, &jail->door.relay);
	if (jail->job != 0) {
		(void)jail->os->job_end(jail->job);
		jail->os->job_close(jail->job, jail->port);
	}
	door_close(&jail->door);
	if (jail->desktop != 0) {
		jail->os->desktop_close(jail->desktop);
	}
	/* What stays is written down for the next run. */
	(void)journal_undo(&jail->journal);
	plan_finish(&jail->plan);
	for (size_t i = 0; jail->argv != NULL && jail->argv[i] != NULL; i++) {
		free(jail->argv[i]);
	}
	free(jail->argv);
	free(jail->cwd);
	free(jail);
}
