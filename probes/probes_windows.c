/*
 * Attempts to get out of the jail on Windows: the network, files, processes, and the table of all.
 */
#include "probes/private_windows.h"

#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void probe_say(struct probe_result *result, enum probe_outcome outcome, const char *format, ...)
{
	va_list args;

	result->outcome = outcome;
	va_start(args, format);
	vsnprintf(result->detail, sizeof(result->detail), format, args);
	va_end(args);
}

void probe_judge(struct probe_result *result, bool failed, const char *what, unsigned long error)
{
	if (failed) {
		probe_say(result, PROBE_HELD, "%s: Windows error 0x%lx", what, error);
	} else {
		probe_say(result, PROBE_ESCAPED, "%s: succeeded", what);
	}
}

static bool start(const char *line, DWORD flags, PROCESS_INFORMATION *ret_process)
{
	STARTUPINFOA info = {.cb = sizeof(info)};
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", line);
	return CreateProcessA(NULL, copy, NULL, NULL, FALSE, flags | CREATE_NO_WINDOW, NULL, NULL,
		&info, ret_process);
}

long probe_run_line(const char *line)
{
	PROCESS_INFORMATION process;
	DWORD status = 1;

	if (!start(line, 0, &process)) {
		return -1;
	}
	if (WaitForSingleObject(process.hProcess, 20000) == WAIT_OBJECT_0) {
		GetExitCodeProcess(process.hProcess, &status);
	} else {
		TerminateProcess(process.hProcess, 1);
	}
	return (long)status;
}

/* ---- the network ---- */

static bool to_address(const struct probe_targets *t, const char *text, struct sockaddr_in *ret)
{
	*ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((u_short)t->port)};
	return inet_pton(AF_INET, text, &ret->sin_addr) == 1;
}

static void say_token(
	const struct probe_targets *t, const char *to, int type, struct probe_result *result)
{
	struct sockaddr_in address;
	SOCKET s = socket(AF_INET, type, 0);
	bool failed;

	if (!to_address(t, to, &address)) {
		probe_say(result, PROBE_UNKNOWN, "there is no such address here");
		return;
	}
	failed = s == INVALID_SOCKET ||
		 connect(s, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
		 send(s, t->token, (int)strlen(t->token), 0) < 0;
	if (!failed && type == SOCK_DGRAM) {
		/* Sent is not arrived: that is the canary's to say. */
		probe_say(result, PROBE_HELD, "nobody heard it");
	} else {
		probe_judge(result, failed, to, (unsigned long)WSAGetLastError());
	}
	closesocket(s);
}

static PROBE(tcp_loopback)
{
	say_token(t, "127.0.0.1", SOCK_STREAM, result);
}

static PROBE(udp)
{
	say_token(t, "127.0.0.1", SOCK_DGRAM, result);
}

/* Any answer has been out and in again, a refusal too. */
static void say_answer(struct probe_result *result, const char *from, bool answered, int error)
{
	if (answered || error == WSAECONNREFUSED || error == WSAECONNRESET) {
		probe_say(result, PROBE_ESCAPED, "%s answered", from);
	} else if (error == 0 || error == WSAETIMEDOUT) {
		probe_say(result, PROBE_HELD, "nothing came back from %s", from);
	} else {
		probe_judge(result, true, from, (unsigned long)error);
	}
}

static bool to_server(
	const struct probe_targets *t, struct sockaddr_in *ret, struct probe_result *result)
{
	if (t->address[0] == '\0' || !to_address(t, t->address, ret)) {
		probe_say(result, PROBE_UNKNOWN, "this machine names no name server");
		return false;
	}
	ret->sin_port = htons(53);
	return true;
}

static PROBE(tcp_outside)
{
	struct timeval patience = {.tv_sec = 5};
	SOCKET s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	struct sockaddr_in address;
	int error = 0, len = sizeof(error);
	u_long unblocked = 1;
	fd_set written, failed;

	if (!to_server(t, &address, result)) {
		closesocket(s);
		return;
	}
	FD_ZERO(&written);
	FD_ZERO(&failed);
	if (s == INVALID_SOCKET || ioctlsocket(s, FIONBIO, &unblocked) != 0 ||
		(connect(s, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
			WSAGetLastError() != WSAEWOULDBLOCK)) {
		say_answer(result, t->address, false, WSAGetLastError());
		closesocket(s);
		return;
	}
	FD_SET(s, &written);
	FD_SET(s, &failed);
	if (select(0, NULL, &written, &failed, &patience) > 0) {
		(void)getsockopt(s, SOL_SOCKET, SO_ERROR, (char *)&error, &len);
		say_answer(result, t->address, FD_ISSET(s, &written), error);
	} else {
		say_answer(result, t->address, false, 0);
	}
	closesocket(s);
}

static PROBE(udp_outside)
{
	/* RFC 1035: a question for the addresses of example.com. */
	static const char question[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1";
	DWORD patience_ms = 3000;
	SOCKET s = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	struct sockaddr_in address;
	char answer[512];
	bool answered;

	if (!to_server(t, &address, result)) {
		closesocket(s);
		return;
	}
	answered = s != INVALID_SOCKET &&
		   setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (const char *)&patience_ms,
			   sizeof(patience_ms)) == 0 &&
		   connect(s, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
		   send(s, question, sizeof(question) - 1, 0) > 0 &&
		   recv(s, answer, sizeof(answer), 0) > 0;
	say_answer(result, t->address, answered, WSAGetLastError());
	closesocket(s);
}

static PROBE(dns)
{
	struct addrinfo *found = NULL;
	int error = getaddrinfo("sallyport-probe.example.com", "80", NULL, &found);

	(void)t;
	/* "There is no such name" is an answer, too: the question went out. */
	probe_judge(result, error != 0 && error != WSAHOST_NOT_FOUND && error != WSANO_DATA,
		"a name server's answer", (unsigned long)error);
}

/* ---- files ---- */

static void try_read(const char *path, struct probe_result *result)
{
	HANDLE file = CreateFileA(path, GENERIC_READ,
		FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0,
		NULL);

	probe_judge(result, file == INVALID_HANDLE_VALUE, "reading it", GetLastError());
	if (file != INVALID_HANDLE_VALUE) {
		CloseHandle(file);
	}
}

static PROBE(other_project)
{
	try_read(t->secret, result);
}

static PROBE(home)
{
	try_read(t->home_secret, result);
}

static PROBE(write_outside)
{
	char path[MAX_PATH];
	HANDLE file;

	snprintf(path, sizeof(path), "%s\\probe", t->outside);
	file = CreateFileA(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
	probe_judge(result, file == INVALID_HANDLE_VALUE, "writing there", GetLastError());
	if (file != INVALID_HANDLE_VALUE) {
		CloseHandle(file);
	}
}

static PROBE(hardlink)
{
	bool failed = !CreateHardLinkA("probe-link", t->secret, NULL);

	probe_judge(result, failed, "a hard link", GetLastError());
}

static PROBE(junction)
{
	char line[MAX_PATH * 2], folder[MAX_PATH];
	const char *name = strrchr(t->secret, '\\');

	if (name == NULL) {
		probe_say(result, PROBE_UNKNOWN, "no secret to be led to");
		return;
	}
	snprintf(folder, sizeof(folder), "%.*s", (int)(name - t->secret), t->secret);
	snprintf(line, sizeof(line), "cmd.exe /d /c mklink /J probe-junction \"%s\"", folder);
	if (probe_run_line(line) != 0) {
		probe_say(result, PROBE_HELD, "no junction can be made");
		return;
	}
	snprintf(line, sizeof(line), "probe-junction%s", name);
	try_read(line, result);
}

/* ---- processes ---- */

static PROBE(kill_victim)
{
	HANDLE process = OpenProcess(PROCESS_TERMINATE, FALSE, (DWORD)t->victim);

	probe_judge(result, process == NULL, "a handle that may end it", GetLastError());
}

static PROBE(memory)
{
	HANDLE process = OpenProcess(PROCESS_VM_READ | PROCESS_VM_WRITE | PROCESS_CREATE_THREAD,
		FALSE, (DWORD)t->victim);

	probe_judge(result, process == NULL, "a handle to its memory", GetLastError());
}

static PROBE(token)
{
	HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, (DWORD)t->victim);
	HANDLE handle;

	probe_judge(result,
		process == NULL ||
			!OpenProcessToken(process, TOKEN_DUPLICATE | TOKEN_QUERY, &handle),
		"its token", GetLastError());
}

static PROBE(breakaway)
{
	PROCESS_INFORMATION process;
	bool failed;

	(void)t;
	failed = !start(
		"cmd.exe /d /c exit 0", CREATE_BREAKAWAY_FROM_JOB | CREATE_SUSPENDED, &process);

	probe_judge(result, failed, "a process outside the job", GetLastError());
	if (!failed) {
		TerminateProcess(process.hProcess, 0);
	}
}

static PROBE(pipe)
{
	HANDLE handle = CreateFileA(t->abstract, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);

	probe_judge(result, handle == INVALID_HANDLE_VALUE, "the pipe", GetLastError());
}

static PROBE(container)
{
	DWORD is = 0, len;
	HANDLE own;
	bool held = OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &own) &&
		    GetTokenInformation(own, TokenIsAppContainer, &is, sizeof(is), &len) && is != 0;

	(void)t;
	probe_say(result, held ? PROBE_HELD : PROBE_ESCAPED, "%s AppContainer",
		held ? "inside an" : "in no");
}

const struct probe probes[] = {
	{"container", "the command is in an AppContainer", container, true},
	{"tcp-loopback", "the host's own loopback is not reached", tcp_loopback, true},
	{"udp", "nor by UDP", udp, true},
	{"tcp-outside", "TCP does not leave the machine", tcp_outside, false},
	{"udp-outside", "UDP does not leave the machine", udp_outside, false},
	{"dns", "no name server answers", dns, false},
	{"winrm", "remote management is not reached", probe_winrm, false},
	{"other-project", "other projects are not read", other_project, true},
	{"home", "the profile is not read", home, true},
	{"write-outside", "nothing outside the view is written", write_outside, true},
	{"hardlink", "a hard link cannot be made to it", hardlink, true},
	{"junction", "a junction leads nowhere", junction, false},
	{"kill", "other processes cannot be ended", kill_victim, true},
	{"memory", "nor their memory touched", memory, true},
	{"token", "nor their token taken", token, true},
	{"breakaway", "nothing leaves the job", breakaway, true},
	{"pipe", "pipes of others are not opened", pipe, true},
	{"com", "no COM server outside works for it", probe_com, false},
	{"bits", "no background transfers", probe_bits, false},
	{"tasks", "the Task Scheduler does not answer", probe_tasks, false},
	{"clipboard", "the clipboard is not read", probe_clipboard, false},
	{"desktop", "the user's desktop is not opened", probe_desktop, false},
};
const size_t n_probes = sizeof(probes) / sizeof(probes[0]);

static const char *text(const char *name)
{
	const char *value = getenv(name);

	return value != NULL ? value : "";
}

int probe_run(const char *name, struct probe_result *ret_result)
{
	const struct probe_targets t = {
		.token = text("PROBE_TOKEN"),
		.address = text("PROBE_ADDRESS"),
		.port = atoi(text("PROBE_PORT")),
		.secret = text("PROBE_SECRET"),
		.home_secret = text("PROBE_HOME_SECRET"),
		.outside = text("PROBE_OUTSIDE"),
		.abstract = text("PROBE_ABSTRACT"),
		.victim = atoi(text("PROBE_VICTIM")),
	};
	WSADATA data;

	for (size_t i = 0; i < n_probes; i++) {
		if (strcmp(probes[i].name, name) == 0 && WSAStartup(MAKEWORD(2, 2), &data) == 0) {
			memset(ret_result, 0, sizeof(*ret_result));
			probes[i].fn(&t, ret_result);
			return 0;
		}
	}
	return -1;
}
