/*
 * The Windows of the tests.
 */
#include "tests/unit/windows_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fake *fake;

static const char sid[] = "S-1-15-2-1-2-3-4-5-6-7";
static const char others[] = "S-1-15-2-111 S-1-15-2-222";

/* ---- calls ---- */

static bool call(const char *name)
{
	fake->calls++;
	if (fake->calls == fake->crash_at) {
		_exit(42);
	}
	if (fake->calls == fake->fail_at) {
		snprintf(fake->failed, sizeof(fake->failed), "%s", name);
		return false;
	}
	return true;
}

#define CALL()                             \
	do {                               \
		if (!call(__func__)) {     \
			return OS_EACCESS; \
		}                          \
	} while (0)

static bool lies(enum fake_lie lie)
{
	return fake->lie == lie && fake->asked++ >= fake->lie_after;
}

/* ---- what was changed ---- */

static void act(const char *kind, const char *what)
{
	snprintf(fake->acts[fake->n_acts++], FAKE_PATH, "%.20s %.170s", kind, what);
}

static void unact(const char *kind, const char *what)
{
	char text[FAKE_PATH];

	snprintf(text, sizeof(text), "%.20s %.170s", kind, what);
	fake->undone++;
	if (fake->n_acts > 0 && strcmp(fake->acts[fake->n_acts - 1], text) == 0) {
		fake->n_acts--;
	} else {
		fake->disorder++;
	}
}

static bool is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '\\' || path[len] == '\0');
}

struct fake_file *fake_find(const char *path)
{
	for (size_t i = 0; i < FAKE_FILES; i++) {
		if (fake->files[i].used && strcmp(fake->files[i].path, path) == 0) {
			return &fake->files[i];
		}
	}
	return NULL;
}

struct fake_file *fake_add(const char *path, bool is_folder)
{
	for (size_t i = 0; i < FAKE_FILES; i++) {
		struct fake_file *f = &fake->files[i];

		if (!f->used) {
			memset(f, 0, sizeof(*f));
			f->used = true;
			f->is_folder = is_folder;
			f->number = (unsigned char)(i + 1);
			snprintf(f->path, sizeof(f->path), "%s", path);
			return f;
		}
	}
	abort();
}

/* ---- machine ---- */

static uint32_t fake_random(void *buf, size_t len)
{
	CALL();
	memset(buf, 7, len);
	return 0;
}

static uint32_t processors(uint32_t *ret)
{
	CALL();
	*ret = fake->processors;
	return 0;
}

static uint32_t is_elevated(bool *ret)
{
	CALL();
	*ret = fake->elevated;
	return 0;
}

static uint32_t service_running(const char *name, bool *ret)
{
	CALL();
	*ret = !(strcmp(name, "BFE") == 0 && lies(LIE_BFE)) &&
	       !(strcmp(name, "MpsSvc") == 0 && lies(LIE_FIREWALL));
	return 0;
}

static uint32_t lock_take(const char *name, enum os_lock whose, uintptr_t *ret)
{
	CALL();
	/* Nothing but the machine's own list is the machine's business. */
	if ((whose == OS_LOCK_MACHINE) != (strcmp(name, "exemptions") == 0)) {
		return 87; /* ERROR_INVALID_PARAMETER */
	}
	fake->locks++;
	*ret = 1;
	return 0;
}

static void lock_give(uintptr_t lock)
{
	(void)call("lock_give");
	fake->locks -= lock == 1;
}

static void error_text(uint32_t error, char *text, size_t size)
{
	snprintf(text, size, "error %u", error);
}

/* ---- files ---- */

static uint32_t state_folder(char ret[WINPATH_MAX])
{
	CALL();
	strcpy(ret, "C:\\L");
	return 0;
}

static uint32_t file_look(const char *path, struct os_file *ret)
{
	struct fake_file *f = fake_find(path);

	CALL();
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->real, sizeof(ret->real), "%s", path);
	if (f != NULL) {
		ret->exists = true;
		ret->is_folder = f->is_folder;
		ret->may_grant = !f->is_others;
		ret->identity.bytes[0] = f->number;
		ret->is_reparse = f->is_junction && !lies(LIE_JUNCTION_PLAIN);
		if (f->is_junction) {
			snprintf(ret->real, sizeof(ret->real), "%s",
				lies(LIE_JUNCTION_REAL) ? "C:\\Users" : f->target);
		}
	}
	return 0;
}

/* What the folder above passes on. */
static enum os_access inherited(const char *path)
{
	char above[FAKE_PATH];
	const struct fake_file *f;

	snprintf(above, sizeof(above), "%s", path);
	*strrchr(above, '\\') = '\0';
	f = fake_find(above);
	return f != NULL ? f->access : OS_ACCESS_NONE;
}

static uint32_t folder_make(const char *path, enum os_folder whose)
{
	CALL();
	if (fake_find(path) != NULL) {
		return OS_EEXISTS;
	}
	fake_add(path, true)->access =
		whose == OS_FOLDER_INHERITS ? inherited(path) : OS_ACCESS_NONE;
	act("made", path);
	return 0;
}

static bool is_empty(const char *path)
{
	for (size_t i = 0; i < FAKE_FILES; i++) {
		if (fake->files[i].used && strcmp(fake->files[i].path, path) != 0 &&
			is_below(fake->files[i].path, path)) {
			return false;
		}
	}
	return true;
}

static uint32_t folder_remove(const char *path)
{
	struct fake_file *f = fake_find(path);

	CALL();
	if (f == NULL) {
		return 0;
	}
	if (!f->is_folder || !is_empty(path)) {
		return 145; /* ERROR_DIR_NOT_EMPTY */
	}
	f->used = false;
	unact("made", path);
	return 0;
}

static uint32_t tree_remove(const char *path)
{
	CALL();
	while (fake->n_acts > 0 &&
		(is_below(fake->acts[fake->n_acts - 1] + 5, path) ||
			(strncmp(fake->acts[fake->n_acts - 1], "grant ", 6) == 0 &&
				is_below(fake->acts[fake->n_acts - 1] + 6, path)))) {
		fake->n_acts--;
	}
	for (size_t i = 0; i < FAKE_FILES; i++) {
		if (fake->files[i].used && is_below(fake->files[i].path, path)) {
			fake->files[i].used = false;
		}
	}
	return 0;
}

static uint32_t folder_list(const char *path, void (*each)(void *, const char *), void *arg)
{
	size_t len = strlen(path);
	char names[FAKE_FILES][FAKE_PATH];
	size_t n = 0;

	CALL();
	for (size_t i = 0; i < FAKE_FILES; i++) {
		const struct fake_file *f = &fake->files[i];

		if (f->used && is_below(f->path, path) && f->path[len] == '\\' &&
			strchr(f->path + len + 1, '\\') == NULL) {
			snprintf(names[n++], FAKE_PATH, "%s", f->path + len + 1);
		}
	}
	for (size_t i = 0; i < n; i++) {
		each(arg, names[i]);
	}
	if (fake->gone != NULL) {
		each(arg, fake->gone);
	}
	return 0;
}

static uint32_t make_file(const char *path)
{
	if (fake_find(path) != NULL) {
		return OS_EEXISTS;
	}
	fake_add(path, false)->access = inherited(path);
	act("made", path);
	return 0;
}

static uint32_t file_write(const char *path, const void *data, size_t len)
{
	CALL();
	(void)data;
	(void)len;
	return make_file(path);
}

static uint32_t file_copy(const char *from, const char *to)
{
	CALL();
	return fake_find(from) != NULL ? make_file(to) : OS_EFILE;
}

static uint32_t file_remove(const char *path)
{
	struct fake_file *f = fake_find(path);

	CALL();
	if (f != NULL) {
		f->used = false;
		unact("made", path);
	}
	return 0;
}

static bool is_folder_there(const char *path)
{
	char above[FAKE_PATH];

	snprintf(above, sizeof(above), "%s", path);
	*strrchr(above, '\\') = '\0';
	return fake_find(above) != NULL;
}

static uint32_t journal_open(const char *path, uintptr_t *ret)
{
	struct fake_file *f = fake_find(path);

	CALL();
	if (f != NULL && f->held) {
		return OS_ESHARING;
	}
	if (!is_folder_there(path)) {
		return OS_EPATH;
	}
	if (f == NULL) {
		f = fake_add(path, false);
		act("made", path);
		fake->journal[0] = '\0';
	}
	f->held = true;
	fake->handles++;
	*ret = (uintptr_t)(f - fake->files) + 1;
	return 0;
}

static uint32_t journal_append(uintptr_t journal, const char *line)
{
	CALL();
	(void)journal;
	if (strlen(fake->journal) + strlen(line) >= FAKE_TEXT) {
		abort();
	}
	strcat(fake->journal, line);
	return 0;
}

static uint32_t journal_read(uintptr_t journal, char **ret)
{
	CALL();
	(void)journal;
	*ret = strdup(fake->journal);
	return 0;
}

static void journal_close(uintptr_t journal)
{
	(void)call("journal_close");
	fake->files[journal - 1].held = false;
	fake->handles--;
}

static uint32_t junction_make(const char *path, const char *target)
{
	CALL();
	if (fake_find(path) != NULL) {
		return OS_EEXISTS;
	}
	fake_add(path, true)->is_junction = true;
	fake_find(path)->access = inherited(path);
	snprintf(fake_find(path)->target, FAKE_PATH, "%s", target);
	act("made", path);
	return 0;
}

static uint32_t junction_read(const char *path, char ret[WINPATH_MAX])
{
	struct fake_file *f = fake_find(path);

	CALL();
	if (f == NULL || !f->is_junction) {
		return 4390; /* ERROR_NOT_A_REPARSE_POINT */
	}
	strcpy(ret, lies(LIE_JUNCTION_TARGET) ? "C:\\Users" : f->target);
	return 0;
}

static bool is_another(const struct fake_file *f, const struct os_identity *identity)
{
	return identity != NULL && (identity->bytes[0] != f->number || lies(LIE_IDENTITY));
}

static uint32_t grant_add(
	const char *path, const struct os_identity *identity, const char *to, enum os_access access)
{
	struct fake_file *f = fake_find(path);

	CALL();
	if (f == NULL || strcmp(to, sid) != 0) {
		return OS_EFILE;
	}
	if (is_another(f, identity)) {
		return OS_ECHANGED;
	}
	if (f->is_others) {
		return OS_EACCESS;
	}
	f->access = access;
	act("grant", path);
	return 0;
}

static uint32_t grant_read(
	const char *path, const struct os_identity *identity, const char *to, enum os_access *ret)
{
	struct fake_file *f = fake_find(path);

	CALL();
	(void)to;
	if (f != NULL && is_another(f, identity)) {
		return OS_ECHANGED;
	}
	*ret = f == NULL || lies(LIE_GRANT) ? OS_ACCESS_NONE : f->access;
	return 0;
}

static uint32_t grant_remove(const char *path, const char *to)
{
	struct fake_file *f = fake_find(path);

	CALL();
	(void)to;
	if (f != NULL && f->access != OS_ACCESS_NONE) {
		f->access = OS_ACCESS_NONE;
		unact("grant", path);
	}
	return 0;
}

/* ---- container ---- */

static uint32_t profile_create(const char *name, char ret[OS_SID_MAX])
{
	CALL();
	snprintf(fake->profile, sizeof(fake->profile), "%s", name);
	strcpy(ret, sid);
	act("profile", name);
	return 0;
}

static uint32_t profile_sid(const char *name, char ret[OS_SID_MAX])
{
	CALL();
	(void)name;
	strcpy(ret, lies(LIE_PROFILE_SID) ? "S-1-15-2-9" : sid);
	return 0;
}

static uint32_t profile_delete(const char *name)
{
	CALL();
	if (strcmp(fake->profile, name) == 0) {
		fake->profile[0] = '\0';
		unact("profile", name);
	}
	return 0;
}

static uint32_t exemptions_get(char **ret)
{
	bool is_ours_there = strlen(fake->exemptions) > strlen(others);

	CALL();
	*ret = strdup(fake->exemptions);
	if (is_ours_there && lies(LIE_EXEMPTED)) {
		(*ret)[strlen(others)] = '\0';
	}
	if (is_ours_there && lies(LIE_OTHERS)) {
		memmove(*ret, strchr(*ret, ' ') + 1, strlen(strchr(*ret, ' ')));
	}
	return 0;
}

static uint32_t exemptions_set(const char *sids)
{
	CALL();
	if (strlen(sids) > strlen(fake->exemptions)) {
		act("exempt", sid);
	} else {
		unact("exempt", sid);
	}
	snprintf(fake->exemptions, sizeof(fake->exemptions), "%s", sids);
	return 0;
}

static uint32_t desktop_make(const char *name, const char *to, uintptr_t *ret)
{
	CALL();
	(void)name;
	(void)to;
	fake->handles++;
	*ret = 5;
	return 0;
}

static uint32_t desktop_check(uintptr_t desktop, const char *to, bool *ret)
{
	CALL();
	(void)to;
	*ret = desktop == 5 && !lies(LIE_DESKTOP);
	return 0;
}

static void close_handle(uintptr_t handle)
{
	(void)call("close");
	fake->handles -= handle != 0;
}

/* ---- job ---- */

static uint32_t job_make(uintptr_t *ret_job, uintptr_t *ret_port)
{
	CALL();
	fake->handles++;
	*ret_job = 6;
	*ret_port = 7;
	return 0;
}

static uint32_t job_limit(uintptr_t job, const struct os_job_limits *limits)
{
	CALL();
	(void)job;
	fake->limits = *limits;
	return 0;
}

static uint32_t job_read(uintptr_t job, struct os_job_limits *ret)
{
	CALL();
	(void)job;
	*ret = fake->limits;
	ret->kill_on_close = ret->kill_on_close && !lies(LIE_JOB_KILL);
	ret->may_break_away = lies(LIE_JOB_BREAKAWAY);
	ret->memory = lies(LIE_JOB_MEMORY) ? 0 : ret->memory;
	ret->processes = lies(LIE_JOB_PROCESSES) ? 0 : ret->processes;
	ret->cpu = lies(LIE_JOB_CPU) ? 0 : ret->cpu;
	ret->ui = lies(LIE_JOB_UI) ? 0 : ret->ui;
	return 0;
}

static uint32_t job_end(uintptr_t job)
{
	CALL();
	(void)job;
	for (unsigned i = 0; i < fake->n_processes; i++) {
		fake->processes[i].ended = true;
	}
	return 0;
}

static void job_close(uintptr_t job, uintptr_t port)
{
	(void)port;
	/* Kill on close. */
	for (unsigned i = 0; i < fake->n_processes; i++) {
		fake->processes[i].ended = true;
	}
	close_handle(job);
}

/* ---- processes ---- */

static uint32_t process_make(const struct os_start *start, struct os_process *ret)
{
	struct fake_process *p = &fake->processes[fake->n_processes];

	CALL();
	if (strcmp(start->sid, sid) != 0 || start->job != 6) {
		return 87; /* ERROR_INVALID_PARAMETER */
	}
	p->made = true;
	p->is_relay = strstr(start->line, "__relay") != NULL;
	snprintf(p->program, sizeof(p->program), "%s", start->program);
	snprintf(p->line, sizeof(p->line), "%s", start->line);
	snprintf(p->folder, sizeof(p->folder), "%s", start->folder);
	fake->n_processes++;
	*ret = (struct os_process){fake->n_processes, 100 + fake->n_processes};
	return 0;
}

static uint32_t process_token(uintptr_t process, struct os_token *ret)
{
	CALL();
	(void)process;
	ret->is_container = !lies(LIE_CONTAINER);
	ret->is_restricted = !lies(LIE_RESTRICTED);
	ret->capabilities = lies(LIE_CAPABILITIES) ? 1 : 0;
	ret->integrity = lies(LIE_INTEGRITY) ? 0x2000 : 0x1000;
	strcpy(ret->sid, lies(LIE_TOKEN_SID) ? "S-1-15-2-9" : sid);
	return 0;
}

static uint32_t process_in_job(uintptr_t process, uintptr_t job, bool *ret)
{
	CALL();
	(void)process;
	(void)job;
	*ret = !lies(LIE_IN_JOB);
	return 0;
}

static uint32_t process_mitigations(uintptr_t process, uint32_t *ret)
{
	CALL();
	(void)process;
	*ret = lies(LIE_MITIGATIONS) ? OS_MITIGATIONS & ~OS_MITIGATION_REMOTE : OS_MITIGATIONS;
	return 0;
}

static void count_shut(const char *folder)
{
	for (size_t i = 0; i < FAKE_FILES; i++) {
		const struct fake_file *f = &fake->files[i];

		fake->shut +=
			f->used && strstr(f->path, folder) != NULL && f->access == OS_ACCESS_NONE;
	}
}

static uint32_t process_resume(const struct os_process *process)
{
	CALL();
	count_shut("\\home");
	count_shut("\\view");
	fake->processes[process->process - 1].resumed = true;
	return 0;
}

static uint32_t process_end(const struct os_process *process)
{
	CALL();
	fake->processes[process->process - 1].ended = true;
	return 0;
}

static void process_close(struct os_process *process)
{
	(void)call("process_close");
	fake->processes[process->process - 1].closed = true;
	memset(process, 0, sizeof(*process));
}

static uint32_t standard_handles(uintptr_t ret[3])
{
	CALL();
	ret[0] = ret[1] = ret[2] = 9;
	return 0;
}

static uint32_t own_program(char ret[WINPATH_MAX])
{
	CALL();
	strcpy(ret, "C:\\bin\\tool.exe");
	return 0;
}

static uint32_t fake_wait(
	const struct os_wait *wait, enum os_event *ret_event, uint32_t *ret_status)
{
	CALL();
	(void)wait;
	*ret_event = fake->event;
	*ret_status = 7;
	return 0;
}

/* ---- door ---- */

static uint32_t fake_listen(uint16_t port, intptr_t *ret_socket, uint16_t *ret_port)
{
	CALL();
	fake->handles++;
	*ret_socket = 50;
	*ret_port = port != 0 ? port : 40000;
	return 0;
}

static void socket_close(intptr_t socket)
{
	close_handle((uintptr_t)socket);
}

static uint32_t pipe_make(const char *name, const char *to, uint16_t port, uintptr_t *ret)
{
	CALL();
	(void)name;
	(void)to;
	(void)port;
	fake->handles++;
	*ret = 8;
	return 0;
}

static uint32_t pipe_admit(uintptr_t pipe, uintptr_t process)
{
	CALL();
	(void)pipe;
	fake->admitted = process;
	return 0;
}

static uint32_t pipe_check(uintptr_t pipe, const char *to, bool *ret)
{
	CALL();
	(void)pipe;
	(void)to;
	*ret = !lies(LIE_PIPE);
	return 0;
}

static uint32_t pipe_ready(uintptr_t pipe, uintptr_t relay, uint32_t timeout_ms, enum os_relay *ret,
	uint32_t *ret_status)
{
	const struct fake_process *p = &fake->processes[relay - 1];

	CALL();
	(void)pipe;
	(void)timeout_ms;
	*ret_status = fake->relay_status;
	if (fake->relay_status != 0) {
		*ret = OS_RELAY_ENDED;
		return 0;
	}
	/* Only the relay's word counts, and only once it runs. */
	*ret = !lies(LIE_READY) && fake->admitted == relay && p->is_relay && p->resumed
		       ? OS_RELAY_READY
		       : OS_RELAY_SILENT;
	return 0;
}

const struct jail_os fake_os = {
	.random = fake_random,
	.processors = processors,
	.is_elevated = is_elevated,
	.service_running = service_running,
	.lock_take = lock_take,
	.lock_give = lock_give,
	.error_text = error_text,
	.state_folder = state_folder,
	.file_look = file_look,
	.folder_make = folder_make,
	.folder_remove = folder_remove,
	.tree_remove = tree_remove,
	.folder_list = folder_list,
	.file_write = file_write,
	.file_copy = file_copy,
	.file_remove = file_remove,
	.journal_open = journal_open,
	.journal_append = journal_append,
	.journal_read = journal_read,
	.journal_close = journal_close,
	.junction_make = junction_make,
	.junction_read = junction_read,
	.grant_add = grant_add,
	.grant_read = grant_read,
	.grant_remove = grant_remove,
	.profile_create = profile_create,
	.profile_sid = profile_sid,
	.profile_delete = profile_delete,
	.exemptions_get = exemptions_get,
	.exemptions_set = exemptions_set,
	.desktop_make = desktop_make,
	.desktop_check = desktop_check,
	.desktop_close = close_handle,
	.job_make = job_make,
	.job_limit = job_limit,
	.job_read = job_read,
	.job_end = job_end,
	.job_close = job_close,
	.process_make = process_make,
	.process_token = process_token,
	.process_in_job = process_in_job,
	.process_mitigations = process_mitigations,
	.process_resume = process_resume,
	.process_end = process_end,
	.process_close = process_close,
	.standard_handles = standard_handles,
	.own_program = own_program,
	.wait = fake_wait,
	.listen = fake_listen,
	.socket_close = socket_close,
	.pipe_make = pipe_make,
	.pipe_admit = pipe_admit,
	.pipe_check = pipe_check,
	.pipe_ready = pipe_ready,
	.pipe_close = close_handle,
};

/* ---- before and after ---- */

static const char *const folders[] = {"C:\\L\\sallyport", "C:\\L\\sallyport\\runs", "C:\\proj",
	"C:\\proj\\sub", "C:\\tools", "C:\\bin"};
static const char *const programs[] = {
	"C:\\bin\\tool.exe", "C:\\bin\\script.cmd", "C:\\Windows\\System32\\cmd.exe"};

void fake_reset(struct fake *f)
{
	fake = f;
	memset(f, 0, sizeof(*f));
	f->event = OS_EVENT_EXIT;
	f->processors = 2;
	strcpy(f->exemptions, others);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		fake_add(folders[i], true);
	}
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		fake_add(programs[i], false);
	}
}

const char *fake_left(void)
{
	static char text[FAKE_PATH + 64];
	size_t known =
		sizeof(folders) / sizeof(folders[0]) + sizeof(programs) / sizeof(programs[0]);

	for (size_t i = 0; i < FAKE_FILES; i++) {
		const struct fake_file *f = &fake->files[i];

		if (f->used && (i >= known || f->access != OS_ACCESS_NONE || f->held)) {
			snprintf(text, sizeof(text), "%s (access %d%s)", f->path, (int)f->access,
				f->held ? ", held" : "");
			return text;
		}
	}
	for (unsigned i = 0; i < fake->n_processes; i++) {
		if (!fake->processes[i].ended) {
			return "a living process";
		}
	}
	return fake->profile[0] != '\0'                ? "the profile"
	       : strcmp(fake->exemptions, others) != 0 ? "the list of exemptions"
	       : fake->locks != 0                      ? "a lock"
						       : NULL;
}
