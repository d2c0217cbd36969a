/*
 * Attempts to get out, each in a run of its own, with canaries outside: a TCP and a UDP port, a
 * secret beside the working folder and one in the profile, a folder, a pipe, a process. What a
 * canary heard counts, whatever the attempt says of itself.
 */
#include "cli/doctor/probe_windows.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "probes/probes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <winsock2.h>
#include <windows.h>
#include <iphlpapi.h>

static const char *const outcomes[] = {"ESCAPED", "held", "unknown"};

struct canaries {
	char base[MAX_PATH], project[MAX_PATH + 16], outside[MAX_PATH + 16];
	char secret[MAX_PATH + 16], home_secret[MAX_PATH + 32], pipe_name[64], token[32];
	char server[sizeof(IP_ADDRESS_STRING)]; /* the machine's name server, "" for none */
	char self[MAX_PATH], program[MAX_PATH + 32], rules[MAX_PATH + 16];
	SOCKET tcp, udp;
	int port;
	HANDLE pipe;
	volatile LONG heard;
	pthread_t threads[2];
};

/* ---- canaries ---- */

static bool write_file(const char *path, const char *words)
{
	FILE *file = fopen(path, "wb");
	bool done = file != NULL && fputs(words, file) >= 0;

	return file != NULL && fclose(file) == 0 && done;
}

static void *hear_udp(void *arg)
{
	struct canaries *c = arg;
	char bytes[512];

	for (;;) {
		int n = recv(c->udp, bytes, sizeof(bytes) - 1, 0);

		/* An earlier answer that nobody wanted is no end. */
		if (n < 0 && WSAGetLastError() != WSAECONNRESET) {
			return NULL;
		}
		bytes[n > 0 ? n : 0] = '\0';
		if (strstr(bytes, c->token) != NULL) {
			InterlockedExchange(&c->heard, 1);
		}
	}
}

static void *hear_tcp(void *arg)
{
	struct canaries *c = arg;
	SOCKET s;

	while ((s = accept(c->tcp, NULL, NULL)) != INVALID_SOCKET) {
		InterlockedExchange(&c->heard, 1);
		closesocket(s);
	}
	return NULL;
}

static bool listen_both(struct canaries *c)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int len = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->tcp = socket(AF_INET, SOCK_STREAM, 0);
	c->udp = socket(AF_INET, SOCK_DGRAM, 0);
	if (c->tcp == INVALID_SOCKET || c->udp == INVALID_SOCKET ||
		bind(c->tcp, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		listen(c->tcp, 16) != 0 ||
		getsockname(c->tcp, (struct sockaddr *)&address, &len) != 0 ||
		bind(c->udp, (struct sockaddr *)&address, sizeof(address)) != 0) {
		return false;
	}
	c->port = ntohs(address.sin_port);
	return pthread_create(&c->threads[0], NULL, hear_tcp, c) == 0 &&
	       pthread_create(&c->threads[1], NULL, hear_udp, c) == 0;
}

static bool make_files(struct canaries *c)
{
	const char *home = getenv("USERPROFILE");
	unsigned long id = GetCurrentProcessId();
	char here[MAX_PATH];

	if (home == NULL || GetCurrentDirectoryA(sizeof(here), here) == 0 ||
		GetModuleFileNameA(NULL, c->self, sizeof(c->self)) == 0 ||
		snprintf(c->base, sizeof(c->base), "%s\\sallyport-probe-%lu", here, id) >=
			(int)sizeof(c->base)) {
		return false;
	}
	snprintf(c->project, sizeof(c->project), "%s\\project", c->base);
	snprintf(c->outside, sizeof(c->outside), "%s\\outside", c->base);
	snprintf(c->secret, sizeof(c->secret), "%s\\secret", c->base);
	snprintf(c->rules, sizeof(c->rules), "%s\\none.rules", c->base);
	snprintf(c->home_secret, sizeof(c->home_secret), "%.200s\\sallyport-probe-%lu", home, id);
	snprintf(c->program, sizeof(c->program), "%s\\attempt.exe", c->project);
	return CreateDirectoryA(c->base, NULL) && CreateDirectoryA(c->project, NULL) &&
	       CreateDirectoryA(c->outside, NULL) && write_file(c->secret, "secret\n") &&
	       write_file(c->rules, "# nothing may pass\n") &&
	       write_file(c->home_secret, "secret\n") && CopyFileA(c->self, c->program, TRUE);
}

/* Where the attempts to leave the machine go: it is there and answers, and is asked all the time.
 */
static void find_server(struct canaries *c)
{
	union {
		FIXED_INFO info;
		char bytes[16384];
	} u;
	ULONG size = sizeof(u);

	if (GetNetworkParams(&u.info, &size) == ERROR_SUCCESS) {
		snprintf(c->server, sizeof(c->server), "%s", u.info.DnsServerList.IpAddress.String);
	}
}

static bool make_pipe(struct canaries *c)
{
	snprintf(c->pipe_name, sizeof(c->pipe_name), "\\\\.\\pipe\\canary-%lu",
		(unsigned long)GetCurrentProcessId());
	c->pipe = CreateNamedPipeA(
		c->pipe_name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE, 1, 4096, 4096, 0, NULL);
	return c->pipe != INVALID_HANDLE_VALUE;
}

static void remove_all(struct canaries *c)
{
	char line[MAX_PATH + 64];

	closesocket(c->tcp);
	closesocket(c->udp);
	DeleteFileA(c->home_secret);
	/* A junction or a link in it goes without what it leads to. */
	snprintf(line, sizeof(line), "rd /s /q \"%s\"", c->base);
	if (c->base[0] != '\0' && system(line) != 0) {
		complain("%s stays behind", c->base);
	}
}

/* ---- one attempt ---- */

/* Ourselves with that line; what it said, in `out`. */
static bool run_line(const char *line, const char *folder, struct text *out)
{
	SECURITY_ATTRIBUTES inherit = {.nLength = sizeof(inherit), .bInheritHandle = TRUE};
	STARTUPINFOA info = {.cb = sizeof(info), .dwFlags = STARTF_USESTDHANDLES};
	PROCESS_INFORMATION process;
	char copy[8192], chunk[1024];
	HANDLE ours;
	DWORD n;
	bool started;

	if (!CreatePipe(&ours, &info.hStdOutput, &inherit, 0)) {
		return false;
	}
	SetHandleInformation(ours, HANDLE_FLAG_INHERIT, 0);
	info.hStdError = info.hStdOutput;
	info.hStdInput = INVALID_HANDLE_VALUE;
	snprintf(copy, sizeof(copy), "%s", line);
	started = CreateProcessA(NULL, copy, NULL, NULL, TRUE, 0, NULL, folder, &info, &process);
	CloseHandle(info.hStdOutput);
	while (started && ReadFile(ours, chunk, sizeof(chunk), &n, NULL) && n > 0) {
		text_add(out, chunk, n);
	}
	text_add(out, "", 1);
	if (started) {
		WaitForSingleObject(process.hProcess, INFINITE);
		CloseHandle(process.hThread);
		CloseHandle(process.hProcess);
	}
	CloseHandle(ours);
	return started;
}

static void read_answer(const char *said, struct probe_result *result)
{
	for (const char *line = said; line != NULL;
		line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL) {
		for (int i = 0; i < 3; i++) {
			size_t len = strlen(outcomes[i]);

			if (strncmp(line, outcomes[i], len) == 0 && line[len] == '\t') {
				result->outcome = (enum probe_outcome)i;
				snprintf(result->detail, sizeof(result->detail), "%.*s",
					(int)strcspn(line + len + 1, "\r\n"), line + len + 1);
				return;
			}
		}
	}
	result->outcome = PROBE_UNKNOWN;
	snprintf(result->detail, sizeof(result->detail), "it did not answer: %.*s",
		(int)strcspn(said, "\r\n"), said);
}

static void try_one(struct canaries *c, const char *name, bool jailed, struct probe_result *result)
{
	char line[8192], start[2048] = "";
	struct text out = {0};

	if (jailed) {
		snprintf(start, sizeof(start),
			"\"%s\" run --quiet --rules \"%s\" --record \"%s\\record-%s\" -- ", c->self,
			c->rules, c->base, name);
	}
	/* Nothing is inherited inside: the targets come as arguments. */
	snprintf(line, sizeof(line),
		"%s\"%s\" probe %s TOKEN=%s PORT=%d \"SECRET=%s\" \"HOME_SECRET=%s\" "
		"\"OUTSIDE=%s\" ABSTRACT=%s VICTIM=%lu ADDRESS=%s",
		start, c->program, name, c->token, c->port, c->secret, c->home_secret, c->outside,
		c->pipe_name, (unsigned long)GetCurrentProcessId(), c->server);
	InterlockedExchange(&c->heard, 0);
	if (!run_line(line, c->project, &out)) {
		snprintf(result->detail, sizeof(result->detail), "it cannot be started");
		result->outcome = PROBE_UNKNOWN;
	} else {
		read_answer(out.data, result);
	}
	Sleep(50); /* what was sent last may still be on its way */
	if (c->heard) {
		result->outcome = PROBE_ESCAPED;
		snprintf(result->detail, sizeof(result->detail), "a canary heard it");
	}
	text_finish(&out);
}

static bool is_wanted(const char *name, char **names)
{
	for (char **one = names; *one != NULL; one++) {
		if (strcmp(*one, name) == 0) {
			return true;
		}
	}
	return names[0] == NULL;
}

int probe_all(bool jailed, char **names)
{
	struct canaries c = {.tcp = INVALID_SOCKET, .udp = INVALID_SOCKET};
	unsigned count[3] = {0};
	WSADATA data;

	snprintf(c.token, sizeof(c.token), "token%lu", (unsigned long)GetTickCount());
	if (WSAStartup(MAKEWORD(2, 2), &data) != 0 || !make_files(&c) || !make_pipe(&c) ||
		!listen_both(&c)) {
		int status = complain("the canaries cannot be put up here: Windows error %lu",
			(unsigned long)GetLastError());

		remove_all(&c);
		return status;
	}
	find_server(&c);
	for (size_t i = 0; i < n_probes; i++) {
		struct probe_result result = {0};

		if (!is_wanted(probes[i].name, names)) {
			continue;
		}
		try_one(&c, probes[i].name, jailed, &result);
		count[result.outcome]++;
		printf("%-8s %-14s %s (%s)\n", outcomes[result.outcome], probes[i].name,
			probes[i].sentence, result.detail);
		fflush(stdout);
	}
	remove_all(&c);
	printf("\n%u held, %u escaped, %u could not be tried\n", count[PROBE_HELD],
		count[PROBE_ESCAPED], count[PROBE_UNKNOWN]);
	return count[PROBE_ESCAPED] > 0 || count[PROBE_HELD] == 0;
}

/* One probe, in this process: "OUTCOME<TAB>detail". Started by doctor. */
int verb_probe(int argc, char **argv)
{
	struct probe_result result;
	char variable[1024];

	for (int i = 2; i < argc; i++) {
		snprintf(variable, sizeof(variable), "PROBE_%s", argv[i]);
		_putenv(variable);
	}
	if (argc < 2 || probe_run(argv[1], &result) != 0) {
		return complain("probe NAME is what sallyport doctor --probe runs");
	}
	printf("%s\t%s\n", outcomes[result.outcome], result.detail);
	return 0;
}
