/*
 * The calls of the table that Wine carries out faithfully, for real: jobs, pipes, the relay, files,
 * the wait. Where Wine says yes and does nothing, the reading back has to notice; on Windows itself
 * the same line has to read back what was set.
 *
 *   test_os
 */
#include "jailer/windows/os_system.h"
#include "jailer/windows/repair.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sddl.h>

static const char sid[] = "S-1-15-2-1-2-3-4-5-6-7";
static char self[MAX_PATH];

static void require_at(bool held, const char *what, int line)
{
	if (!held) {
		fprintf(stderr, "test_os.c:%d: %s (Windows error %lu)\n", line, what,
			(unsigned long)GetLastError());
		exit(1);
	}
}
#define REQUIRE(what) require_at((what), #what, __LINE__)

static bool is_wine(void)
{
	return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL;
}

/* Ourselves with these words, suspended, in a job when there is one. */
static PROCESS_INFORMATION prepare(const char *words, uintptr_t job)
{
	STARTUPINFOA info = {.cb = sizeof(info)};
	PROCESS_INFORMATION process;
	char line[2 * MAX_PATH];

	snprintf(line, sizeof(line), "\"%s\" %s", self, words);
	REQUIRE(CreateProcessA(
		NULL, line, NULL, NULL, FALSE, CREATE_SUSPENDED, NULL, NULL, &info, &process));
	REQUIRE(job == 0 || AssignProcessToJobObject((HANDLE)job, process.hProcess));
	return process;
}

static PROCESS_INFORMATION start(const char *words, uintptr_t job)
{
	PROCESS_INFORMATION process = prepare(words, job);

	REQUIRE(ResumeThread(process.hThread) == 1);
	return process;
}

static DWORD end_of(HANDLE process)
{
	DWORD status = 0;

	REQUIRE(WaitForSingleObject(process, 20000) == WAIT_OBJECT_0);
	REQUIRE(GetExitCodeProcess(process, &status));
	return status;
}

/* ---- the job ---- */

static void test_job_dies_with_its_last_handle(void)
{
	const struct os_job_limits limits = {.kill_on_close = true};
	PROCESS_INFORMATION child;
	uintptr_t job, port;

	REQUIRE(os_job_make(&job, &port) == OS_OK && os_job_limit(job, &limits) == OS_OK);
	child = start("sleep", job);
	REQUIRE(WaitForSingleObject(child.hProcess, 200) == WAIT_TIMEOUT);
	os_job_close(job, port);
	(void)end_of(child.hProcess);
}

static void test_job_end_ends_grandchildren(void)
{
	const struct os_job_limits limits = {.kill_on_close = true};
	JOBOBJECT_BASIC_ACCOUNTING_INFORMATION count;
	PROCESS_INFORMATION child;
	uintptr_t job, port;

	REQUIRE(os_job_make(&job, &port) == OS_OK && os_job_limit(job, &limits) == OS_OK);
	child = start("spawn", job);
	REQUIRE(end_of(child.hProcess) == 0);
	REQUIRE(QueryInformationJobObject(
		(HANDLE)job, JobObjectBasicAccountingInformation, &count, sizeof(count), NULL));
	REQUIRE(count.ActiveProcesses == 1); /* what the child left running */
	REQUIRE(os_job_end(job) == OS_OK);
	REQUIRE(QueryInformationJobObject(
		(HANDLE)job, JobObjectBasicAccountingInformation, &count, sizeof(count), NULL));
	REQUIRE(count.ActiveProcesses == 0);
	os_job_close(job, port);
}

static void test_job_is_not_broken_away_from(void)
{
	const struct os_job_limits limits = {.kill_on_close = true};
	uintptr_t job, port;

	REQUIRE(os_job_make(&job, &port) == OS_OK && os_job_limit(job, &limits) == OS_OK);
	REQUIRE(end_of(start("breakaway", job).hProcess) == ERROR_ACCESS_DENIED);
	os_job_close(job, port);
	/* Without a job nothing is refused: the attempt is a real one. */
	REQUIRE(end_of(start("breakaway", 0).hProcess) == 0);
}

static void test_job_limits_are_read_back(void)
{
	const struct os_job_limits limits = {
		.kill_on_close = true, .memory = 1 << 30, .processes = 5, .ui = 0xff};
	struct os_job_limits got = {.ui = 0};
	uintptr_t job, port;
	uint32_t error;
	bool same;

	REQUIRE(os_job_make(&job, &port) == OS_OK && os_job_limit(job, &limits) == OS_OK);
	error = os_job_read(job, &got);
	same = error == OS_OK && got.kill_on_close && !got.may_break_away &&
	       got.memory == limits.memory && got.processes == 5 && got.ui == 0xff;
	/* Wine says yes to all of them and holds to none: that must show. */
	REQUIRE(same == !is_wine());
	os_job_close(job, port);
}

/* What the port of os_job_make hears of a process: it came, it went, and nobody is left. */
static void test_job_tells_its_port(void)
{
	bool heard[16] = {false};
	uintptr_t job, port;
	DWORD message = 0;

	REQUIRE(os_job_make(&job, &port) == OS_OK);
	REQUIRE(end_of(start("seven", job).hProcess) == 7);
	while (message != JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO) {
		ULONG_PTR key;
		OVERLAPPED *process;

		REQUIRE(GetQueuedCompletionStatus((HANDLE)port, &message, &key, &process, 20000));
		REQUIRE(message < 16);
		heard[message] = true;
	}
	REQUIRE(heard[JOB_OBJECT_MSG_NEW_PROCESS] && heard[JOB_OBJECT_MSG_EXIT_PROCESS]);
	os_job_close(job, port);
}

/* ---- what a process inherits ---- */

/* Does a process that may inherit one of two handles have the other? 7: it has. */
static DWORD has_handle(HANDLE listed, HANDLE asked)
{
	STARTUPINFOEXA info = {.StartupInfo.cb = sizeof(info)};
	PROCESS_INFORMATION process;
	char line[2 * MAX_PATH];
	SIZE_T size = 0;

	(void)InitializeProcThreadAttributeList(NULL, 1, 0, &size);
	info.lpAttributeList = malloc(size);
	REQUIRE(info.lpAttributeList != NULL);
	REQUIRE(InitializeProcThreadAttributeList(info.lpAttributeList, 1, 0, &size));
	REQUIRE(UpdateProcThreadAttribute(info.lpAttributeList, 0,
		PROC_THREAD_ATTRIBUTE_HANDLE_LIST, &listed, sizeof(listed), NULL, NULL));
	snprintf(line, sizeof(line), "\"%s\" event %llu", self,
		(unsigned long long)(uintptr_t)asked);
	REQUIRE(CreateProcessA(NULL, line, NULL, NULL, TRUE, EXTENDED_STARTUPINFO_PRESENT, NULL,
		NULL, &info.StartupInfo, &process));
	DeleteProcThreadAttributeList(info.lpAttributeList);
	free(info.lpAttributeList);
	return end_of(process.hProcess);
}

/* The list is what os_process_make relies on; that it is asked for is seen in test_recorded.py. */
static void test_a_handle_that_is_not_listed(void)
{
	SECURITY_ATTRIBUTES inherited = {.nLength = sizeof(inherited), .bInheritHandle = TRUE};
	HANDLE one = CreateEventA(&inherited, TRUE, TRUE, NULL);
	HANDLE other = CreateEventA(&inherited, TRUE, TRUE, NULL);

	REQUIRE(one != NULL && other != NULL);
	REQUIRE(has_handle(one, one) == 7);
	REQUIRE(has_handle(one, other) != 7);
	CloseHandle(one);
	CloseHandle(other);
}

/* ---- waiting ---- */

static void test_wait(void)
{
	struct os_wait wait = {.wake = -1};
	enum os_event event = OS_EVENT_NONE;
	uint32_t status = 0;
	uintptr_t job;
	PROCESS_INFORMATION child;

	REQUIRE(os_job_make(&job, &wait.port) == OS_OK);
	child = start("seven", job);
	wait.process = (uintptr_t)child.hProcess;
	REQUIRE(os_wait_end(&wait, &event, &status) == OS_OK);
	REQUIRE(event == OS_EVENT_EXIT && status == 7);
	child = start("sleep", job);
	wait.process = (uintptr_t)child.hProcess;
	wait.timeout_ms = 300;
	REQUIRE(os_wait_end(&wait, &event, &status) == OS_OK && event == OS_EVENT_TIME);
	wait.timeout_ms = 0;
	wait.relay = (uintptr_t)start("seven", 0).hProcess;
	REQUIRE(os_wait_end(&wait, &event, &status) == OS_OK && event == OS_EVENT_RELAY);
	REQUIRE(os_job_end(job) == OS_OK);
	os_job_close(job, wait.port);
}

/* Wine holds no job to a limit: here its messages are ours. */
static void test_wait_for_limits(void)
{
	static const struct {
		DWORD message;
		enum os_event event;
	} rows[] = {{JOB_OBJECT_MSG_ACTIVE_PROCESS_LIMIT, OS_EVENT_PROCESSES},
		{JOB_OBJECT_MSG_JOB_MEMORY_LIMIT, OS_EVENT_MEMORY},
		{JOB_OBJECT_MSG_PROCESS_MEMORY_LIMIT, OS_EVENT_MEMORY},
		{JOB_OBJECT_MSG_NEW_PROCESS, OS_EVENT_TIME}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct os_wait wait = {.wake = -1, .timeout_ms = 500};
		enum os_event event = OS_EVENT_NONE;
		uint32_t status;
		uintptr_t job;

		REQUIRE(os_job_make(&job, &wait.port) == OS_OK);
		wait.process = (uintptr_t)start("sleep", job).hProcess;
		REQUIRE(PostQueuedCompletionStatus((HANDLE)wait.port, rows[i].message, 0, NULL));
		REQUIRE(os_wait_end(&wait, &event, &status) == OS_OK);
		REQUIRE(event == rows[i].event);
		REQUIRE(os_job_end(job) == OS_OK);
		os_job_close(job, wait.port);
	}
}

/* ---- locks ---- */

static void hold_against_another(const char *name, enum os_lock whose, const char *words)
{
	PROCESS_INFORMATION other;
	uintptr_t lock;

	REQUIRE(os_lock_take(name, whose, &lock) == OS_OK);
	other = start(words, 0);
	REQUIRE(WaitForSingleObject(other.hProcess, 500) == WAIT_TIMEOUT);
	os_lock_give(lock);
	REQUIRE(end_of(other.hProcess) == 7);
	/* One that died with it holds nobody up. */
	REQUIRE(os_lock_take(name, whose, &lock) == OS_OK);
	os_lock_give(lock);
}

static void test_locks(void)
{
	char state[WINPATH_MAX], folder[WINPATH_MAX + 16];
	uint32_t error;

	REQUIRE(os_state_folder(state) == OS_OK);
	snprintf(folder, sizeof(folder), "%s\\sallyport", state);
	error = os_folder_make(folder, OS_FOLDER_PRIVATE);
	REQUIRE(error == OS_OK || error == OS_EEXISTS);
	hold_against_another("test", OS_LOCK_USER, "lock-user");
	hold_against_another("test", OS_LOCK_MACHINE, "lock-machine");
}

/* A mutex of that name that is not the administrators' is not waited for. */
static void test_a_planted_mutex(void)
{
	HANDLE planted = CreateMutexW(NULL, TRUE, L"Global\\sallyport-planted");
	PSECURITY_DESCRIPTOR descriptor = NULL;
	char sddl[128], user[OS_SID_MAX];
	uintptr_t lock;
	ULONGLONG begin;
	uint32_t error;

	REQUIRE(planted != NULL && os_own_sid(user));
	snprintf(sddl, sizeof(sddl), "O:%s", user);
	REQUIRE(ConvertStringSecurityDescriptorToSecurityDescriptorA(
		sddl, SDDL_REVISION_1, &descriptor, NULL));
	REQUIRE(SetKernelObjectSecurity(planted, OWNER_SECURITY_INFORMATION, descriptor));
	LocalFree(descriptor);
	begin = GetTickCount64();
	error = os_lock_take("planted", OS_LOCK_MACHINE, &lock);
	REQUIRE(error == OS_EACCESS && GetTickCount64() - begin < 10000);
	CloseHandle(planted);
}

/* ---- the door ---- */

static void *echo_one(void *arg)
{
	SOCKET s = (SOCKET)(intptr_t)arg;
	char bytes[16384];
	int n;

	while ((n = recv(s, bytes, sizeof(bytes), 0)) > 0) {
		for (int put = 0; put < n;) {
			int more = send(s, bytes + put, n - put, 0);

			if (more <= 0) {
				break;
			}
			put += more;
		}
	}
	shutdown(s, SD_SEND);
	closesocket(s);
	return NULL;
}

static void *echo(void *arg)
{
	SOCKET listener = (SOCKET)(intptr_t)arg, s;
	u_long blocking = 0;
	pthread_t thread;

	ioctlsocket(listener, FIONBIO, &blocking);
	while ((s = accept(listener, NULL, NULL)) != INVALID_SOCKET) {
		if (!jail_admits((intptr_t)s)) {
			closesocket(s);
			continue;
		}
		REQUIRE(pthread_create(&thread, NULL, echo_one, (void *)(intptr_t)s) == 0);
		pthread_detach(thread);
	}
	return NULL;
}

static SOCKET connect_to(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	SOCKET s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	REQUIRE(connect(s, (const struct sockaddr *)&address, sizeof(address)) == 0);
	return s;
}

struct sending {
	SOCKET socket;
	size_t bytes;
};

static char byte_at(size_t at)
{
	return (char)(at * 31 + at / 4096);
}

static void *send_all(void *arg)
{
	const struct sending *sending = arg;
	char bytes[4096];

	for (size_t at = 0; at < sending->bytes; at += sizeof(bytes)) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			bytes[i] = byte_at(at + i);
		}
		REQUIRE(send(sending->socket, bytes, sizeof(bytes), 0) == (int)sizeof(bytes));
	}
	shutdown(sending->socket, SD_SEND);
	return NULL;
}

/* Everything comes back as it went, and the end after it. */
static void carry(uint16_t port, size_t bytes)
{
	struct sending sending = {connect_to(port), bytes};
	char got[8192];
	pthread_t thread;
	size_t at = 0;
	int n;

	REQUIRE(pthread_create(&thread, NULL, send_all, &sending) == 0);
	while ((n = recv(sending.socket, got, sizeof(got), 0)) > 0) {
		for (int i = 0; i < n; i++) {
			REQUIRE(got[i] == byte_at(at + (size_t)i));
		}
		at += (size_t)n;
	}
	REQUIRE(n == 0 && at == bytes);
	pthread_join(thread, NULL);
	closesocket(sending.socket);
}

static HANDLE open_pipe(const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "\\\\.\\pipe\\%s", name);
	for (int turn = 0; turn < 1000; turn++) {
		HANDLE pipe = CreateFileA(
			path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);

		if (pipe != INVALID_HANDLE_VALUE) {
			return pipe;
		}
		REQUIRE(GetLastError() == ERROR_PIPE_BUSY ||
			GetLastError() == ERROR_FILE_NOT_FOUND);
		Sleep(2);
	}
	REQUIRE(!"there is no pipe any more");
	return NULL;
}

/* What the relay says, from a process that is not the relay. */
static void say_ready(const char *name)
{
	HANDLE pipe = open_pipe(name);
	DWORD put;

	(void)WriteFile(pipe, "ready", 5, &put, NULL);
	Sleep(50);
	CloseHandle(pipe);
}

static void come_and_go(const char *name, int times)
{
	for (int i = 0; i < times; i++) {
		CloseHandle(open_pipe(name));
	}
}

/* Nothing is read, nothing led to the gateway: the other end closes. */
static bool is_turned_away(const char *name)
{
	HANDLE pipe = open_pipe(name);
	char byte;
	DWORD got;
	bool closed = !ReadFile(pipe, &byte, 1, &got, NULL) &&
		      (GetLastError() == ERROR_BROKEN_PIPE || GetLastError() == ERROR_NO_DATA ||
			      GetLastError() == ERROR_PIPE_NOT_CONNECTED);

	CloseHandle(pipe);
	return closed;
}

/* What the relay has said within that time. */
static enum os_relay said(uintptr_t pipe, HANDLE relay, uint32_t timeout_ms)
{
	enum os_relay state = OS_RELAY_SILENT;
	uint32_t status = 0;

	REQUIRE(os_pipe_ready(pipe, (uintptr_t)relay, timeout_ms, &state, &status) == OS_OK);
	REQUIRE(state != OS_RELAY_ENDED || status == RELAY_FAILED);
	return state;
}

/* Nothing comes back: whoever listens hears nobody who did not come by the relay. */
static bool is_unheard(uint16_t port)
{
	SOCKET s = connect_to(port);
	char byte = 'x';
	bool unheard;

	(void)send(s, &byte, 1, 0);
	unheard = recv(s, &byte, 1, 0) <= 0;
	closesocket(s);
	return unheard;
}

static void test_door(void)
{
	char name[64], words[96];
	intptr_t listener, other;
	uint16_t port, inside;
	uintptr_t pipe, second, job, job_port;
	PROCESS_INFORMATION relay;
	pthread_t thread;

	snprintf(name, sizeof(name), "sallyport-test-%lu", (unsigned long)GetCurrentProcessId());
	REQUIRE(os_listen(0, &listener, &port) == OS_OK);
	REQUIRE(os_listen(port, &other, &inside) != OS_OK); /* it is ours alone */
	REQUIRE(os_listen(0, &other, &inside) == OS_OK);
	os_socket_close(other);
	REQUIRE(pthread_create(&thread, NULL, echo, (void *)listener) == 0);
	carry(port, 4096); /* without a pipe it is anybody's */
	REQUIRE(os_pipe_make(name, sid, port, &pipe) == OS_OK);
	REQUIRE(is_unheard(port));
	/* Nobody poses as it; Wine 8 does not know FILE_FLAG_FIRST_PIPE_INSTANCE. */
	REQUIRE(is_wine() || os_pipe_make(name, sid, port, &second) != OS_OK);
	/* Its port is taken: it says so by ending. */
	snprintf(words, sizeof(words), "relay %u %s", port, name);
	REQUIRE(said(pipe, start(words, 0).hProcess, 10000) == OS_RELAY_ENDED);
	snprintf(words, sizeof(words), "relay %u %s", inside, name);
	relay = prepare(words, 0);
	REQUIRE(said(pipe, relay.hProcess, 50) == OS_RELAY_SILENT);
	/* Nobody is admitted yet, whatever it says; and one that comes and goes does not end it. */
	say_ready(name);
	REQUIRE(said(pipe, relay.hProcess, 200) == OS_RELAY_SILENT);
	come_and_go(name, 50);
	REQUIRE(os_job_make(&job, &job_port) == OS_OK);
	REQUIRE(AssignProcessToJobObject((HANDLE)job, relay.hProcess));
	REQUIRE(os_pipe_admit(pipe, (uintptr_t)relay.hProcess) == OS_OK);
	say_ready(name); /* admitted is another */
	REQUIRE(said(pipe, relay.hProcess, 200) == OS_RELAY_SILENT);
	REQUIRE(ResumeThread(relay.hThread) == 1);
	REQUIRE(said(pipe, relay.hProcess, 10000) == OS_RELAY_READY);
	REQUIRE(is_turned_away(name));
	come_and_go(name, 50);
	carry(inside, 4096);
	carry(inside, 4 << 20);
	for (int i = 0; i < 40; i++) {
		carry(inside, 8192);
	}
	REQUIRE(is_unheard(port));
	/* When the run's half goes, so does the relay. */
	os_pipe_close(pipe);
	(void)end_of(relay.hProcess);
	os_job_close(job, job_port);
}

static void test_pipe_list_is_read_back(void)
{
	intptr_t listener;
	uintptr_t pipe;
	uint16_t port;
	char name[64];
	bool exact = false;

	snprintf(name, sizeof(name), "sallyport-list-%lu", (unsigned long)GetCurrentProcessId());
	REQUIRE(os_listen(0, &listener, &port) == OS_OK);
	REQUIRE(os_pipe_make(name, sid, port, &pipe) == OS_OK);
	REQUIRE(os_pipe_check(pipe, sid, &exact) == OS_OK);
	REQUIRE(exact);
	/* Of another container it is not. */
	REQUIRE(os_pipe_check(pipe, "S-1-15-2-7-6-5-4-3-2-1", &exact) == OS_OK && !exact);
	os_pipe_close(pipe);
	os_socket_close(listener);
}

/* ---- files ---- */

static void count(void *arg, const char *name)
{
	REQUIRE(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
	++*(unsigned *)arg;
}

static void test_folder(char folder[WINPATH_MAX], const char *name)
{
	char plain[WINPATH_MAX], temp[MAX_PATH];

	/* Where the user's name is long, what Windows says first is an 8.3 name. */
	REQUIRE(GetTempPathA(sizeof(temp), temp) > 0);
	REQUIRE(GetLongPathNameA(temp, temp, sizeof(temp)) > 0);
	snprintf(plain, sizeof(plain), "%ssallyport-%s-%lu", temp, name,
		(unsigned long)GetCurrentProcessId());
	REQUIRE(winpath_canonical(plain, folder) == WINPATH_OK);
	REQUIRE(os_folder_make(folder, OS_FOLDER_PRIVATE) == OS_OK);
}

static void test_files(void)
{
	char folder[WINPATH_MAX], path[WINPATH_MAX + 32], *text = NULL;
	uintptr_t journal, second;
	struct os_file file;
	unsigned n = 0;

	test_folder(folder, "files");
	REQUIRE(os_folder_make(folder, OS_FOLDER_PRIVATE) == OS_EEXISTS);
	snprintf(path, sizeof(path), "%s\\one", folder);
	REQUIRE(os_file_write(path, "1\n", 2) == OS_OK);
	REQUIRE(os_file_write(path, "2\n", 2) == OS_EEXISTS); /* what is there stays */
	REQUIRE(os_file_look(path, &file) == OS_OK && file.exists && !file.is_folder);
	REQUIRE(file.may_grant);
	/* Windows' own are nobody's to give; Wine's are. */
	REQUIRE(os_file_look("C:\\Windows\\System32", &file) == OS_OK &&
		file.may_grant == is_wine());
	snprintf(path, sizeof(path), "%s\\journal", folder);
	REQUIRE(os_journal_open(path, &journal) == OS_OK);
	REQUIRE(os_journal_open(path, &second) == OS_ESHARING); /* its holder lives */
	REQUIRE(os_journal_append(journal, "a\n") == OS_OK);
	REQUIRE(os_journal_append(journal, "b\n") == OS_OK);
	REQUIRE(os_journal_read(journal, &text) == OS_OK && strcmp(text, "a\nb\n") == 0);
	free(text);
	os_journal_close(journal);
	REQUIRE(os_folder_list(folder, count, &n) == OS_OK && n == 2);
	REQUIRE(os_folder_remove(folder) != OS_OK); /* not while something is in it */
	REQUIRE(os_tree_remove(folder) == OS_OK);
	REQUIRE(os_file_look(folder, &file) == OS_OK && !file.exists);
	REQUIRE(os_tree_remove(folder) == OS_OK);
}

static void test_junctions(void)
{
	char folder[WINPATH_MAX], target[WINPATH_MAX], link[WINPATH_MAX + 32], kept[WINPATH_MAX];
	char path[WINPATH_MAX + 32];
	struct os_file file;
	uint32_t error;

	test_folder(folder, "junctions");
	test_folder(target, "target");
	snprintf(path, sizeof(path), "%s\\keep", target);
	REQUIRE(os_file_write(path, "k\n", 2) == OS_OK);
	snprintf(link, sizeof(link), "%s\\link", folder);
	error = os_junction_make(link, target);
	if (is_wine()) {
		REQUIRE(error != OS_OK); /* it has none, and that is not passed over */
	} else {
		REQUIRE(error == OS_OK && os_junction_read(link, kept) == OS_OK);
		REQUIRE(winpath_relate(kept, target) == WINPATH_SAME);
	}
	/* What it leads to stays. */
	REQUIRE(os_tree_remove(folder) == OS_OK);
	REQUIRE(os_file_look(path, &file) == OS_OK && file.exists);
	REQUIRE(os_tree_remove(target) == OS_OK);
}

static void test_grants_are_read_back(void)
{
	enum os_access access = OS_ACCESS_NONE;
	char folder[WINPATH_MAX], below[WINPATH_MAX + 8];
	struct os_file file;
	uint32_t error;

	test_folder(folder, "grants");
	REQUIRE(os_file_look(folder, &file) == OS_OK);
	error = os_grant_add(folder, &file.identity, sid, OS_ACCESS_WRITE);
	if (error == OS_OK) {
		error = os_grant_read(folder, &file.identity, sid, &access);
	}
	REQUIRE((error == OS_OK && access == OS_ACCESS_WRITE) == !is_wine());
	snprintf(below, sizeof(below), "%s\\inherits", folder);
	REQUIRE(os_folder_make(below, OS_FOLDER_INHERITS) == OS_OK);
	if (!is_wine()) {
		REQUIRE(os_grant_read(below, NULL, sid, &access) == OS_OK &&
			access == OS_ACCESS_WRITE);
		snprintf(below, sizeof(below), "%s\\private", folder);
		REQUIRE(os_folder_make(below, OS_FOLDER_PRIVATE) == OS_OK);
		REQUIRE(os_grant_read(below, NULL, sid, &access) == OS_OK &&
			access == OS_ACCESS_NONE);
		REQUIRE(os_grant_remove(folder, sid) == OS_OK);
		REQUIRE(os_grant_read(folder, NULL, sid, &access) == OS_OK &&
			access == OS_ACCESS_NONE);
	}
	REQUIRE(os_tree_remove(folder) == OS_OK);
}

/* A folder that took the place of the one that was looked at gets nothing. */
static void test_a_swapped_folder(void)
{
	char folder[WINPATH_MAX], other[WINPATH_MAX + 8];
	enum os_access access = OS_ACCESS_WRITE;
	struct os_file before, after;

	test_folder(folder, "swapped");
	snprintf(other, sizeof(other), "%s-2", folder);
	REQUIRE(os_file_look(folder, &before) == OS_OK);
	REQUIRE(os_file_look(folder, &after) == OS_OK);
	REQUIRE(memcmp(&before.identity, &after.identity, sizeof(before.identity)) == 0);
	REQUIRE(MoveFileA(folder, other) && os_folder_make(folder, OS_FOLDER_PRIVATE) == OS_OK);
	REQUIRE(os_file_look(folder, &after) == OS_OK);
	REQUIRE(memcmp(&before.identity, &after.identity, sizeof(before.identity)) != 0);
	REQUIRE(os_grant_add(folder, &before.identity, sid, OS_ACCESS_WRITE) == OS_ECHANGED);
	REQUIRE(os_grant_read(folder, &before.identity, sid, &access) == OS_ECHANGED);
	REQUIRE(os_grant_read(folder, &after.identity, sid, &access) == OS_OK &&
		access == OS_ACCESS_NONE);
	REQUIRE(os_tree_remove(folder) == OS_OK && os_tree_remove(other) == OS_OK);
}

/* ---- what Wine has not ---- */

static void test_no_process_without_its_container(void)
{
	const struct os_start wanted = {.program = self,
		.line = "self seven",
		.folder = "C:\\",
		.environment = "A=b\0",
		.sid = sid};
	struct os_process process = {0, 0};
	struct os_start with_job = wanted;
	uintptr_t port;

	REQUIRE(os_job_make(&with_job.job, &port) == OS_OK);
	if (is_wine()) {
		REQUIRE(os_process_make(&with_job, &process) != OS_OK && process.process == 0);
	}
	os_job_close(with_job.job, port);
}

/* ---- what is started ---- */

static int as_child(int argc, char **argv)
{
	STARTUPINFOA info = {.cb = sizeof(info)};
	PROCESS_INFORMATION process;
	char line[2 * MAX_PATH];

	snprintf(line, sizeof(line), "\"%s\" sleep", self);
	if (strcmp(argv[1], "seven") == 0) {
		return 7;
	}
	if (strcmp(argv[1], "sleep") == 0) {
		Sleep(30000);
		return 0;
	}
	if (strcmp(argv[1], "event") == 0 && argc > 2) {
		HANDLE event = (HANDLE)(uintptr_t)strtoull(argv[2], NULL, 10);

		return WaitForSingleObject(event, 0) == WAIT_OBJECT_0 ? 7 : 1;
	}
	if (strncmp(argv[1], "lock-", 5) == 0) {
		uintptr_t lock;

		/* Ends with it in its hand. */
		return os_lock_take("test", argv[1][5] == 'u' ? OS_LOCK_USER : OS_LOCK_MACHINE,
			       &lock) == OS_OK
			       ? 7
			       : 1;
	}
	if (strcmp(argv[1], "spawn") == 0) {
		return !CreateProcessA(
			NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &info, &process);
	}
	if (strcmp(argv[1], "breakaway") == 0) {
		if (!CreateProcessA(NULL, line, NULL, NULL, FALSE, CREATE_BREAKAWAY_FROM_JOB, NULL,
			    NULL, &info, &process)) {
			return (int)GetLastError();
		}
		TerminateProcess(process.hProcess, 0);
		return 0;
	}
	return strcmp(argv[1], "relay") == 0 ? jail_relay(argc - 1, argv + 1) : -1;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} tests[] = {
		{"job_dies_with_its_last_handle", test_job_dies_with_its_last_handle},
		{"job_end_ends_grandchildren", test_job_end_ends_grandchildren},
		{"job_is_not_broken_away_from", test_job_is_not_broken_away_from},
		{"job_limits_are_read_back", test_job_limits_are_read_back},
		{"job_tells_its_port", test_job_tells_its_port},
		{"a_handle_that_is_not_listed", test_a_handle_that_is_not_listed},
		{"wait", test_wait},
		{"wait_for_limits", test_wait_for_limits},
		{"locks", test_locks},
		{"a_planted_mutex", test_a_planted_mutex},
		{"door", test_door},
		{"pipe_list_is_read_back", test_pipe_list_is_read_back},
		{"files", test_files},
		{"junctions", test_junctions},
		{"grants_are_read_back", test_grants_are_read_back},
		{"a_swapped_folder", test_a_swapped_folder},
		{"no_process_without_its_container", test_no_process_without_its_container},
	};
	WSADATA data;

	GetModuleFileNameA(NULL, self, sizeof(self));
	REQUIRE(WSAStartup(MAKEWORD(2, 2), &data) == 0);
	if (argc > 1) {
		return as_child(argc, argv);
	}
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		printf("%s\n", tests[i].name);
		fflush(stdout);
		tests[i].fn();
	}
	puts("all held");
	return 0;
}
