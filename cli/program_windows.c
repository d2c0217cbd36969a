/*
 * Runs a program and listens. It is looked for in the absolute folders of PATH only: Windows' own
 * search begins in the working folder, where a hostile project lies.
 */
#include "cli/program.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

enum { SECONDS = 30, PATH_WIDE = 4096, LINE_WIDE = 32768 };

/* A job, so that a wrapper's children end with it. */
struct child {
	HANDLE process, job, output;
};

static bool find_below(const wchar_t *folder, const char *name, wchar_t path[PATH_WIDE])
{
	static const wchar_t *const endings[] = {L".exe", L".cmd"};

	for (size_t i = 0; i < 2; i++) {
		DWORD attributes;
		int n = swprintf(path, PATH_WIDE, L"%ls\\%hs%ls", folder, name, endings[i]);

		if (n < 0) {
			return false;
		}
		attributes = GetFileAttributesW(path);
		if (attributes != INVALID_FILE_ATTRIBUTES &&
			(attributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
			return true;
		}
	}
	return false;
}

static bool find(const char *name, wchar_t path[PATH_WIDE])
{
	static wchar_t folders[LINE_WIDE];
	DWORD n = GetEnvironmentVariableW(L"PATH", folders, LINE_WIDE);
	wchar_t *folder, *rest = NULL;

	if (n == 0 || n >= LINE_WIDE || strpbrk(name, "\\/:") != NULL) {
		return false;
	}
	for (folder = wcstok_s(folders, L";", &rest); folder != NULL;
		folder = wcstok_s(NULL, L";", &rest)) {
		if (folder[0] != L'\0' && folder[1] == L':' && folder[2] == L'\\' &&
			find_below(folder, name, path)) {
			return true;
		}
	}
	return false;
}

/* Arguments are ours and plain; what would have to be quoted for two readers is refused. */
static bool command_line(
	const wchar_t *path, const char *const *argv, wchar_t line[LINE_WIDE], bool is_script)
{
	int n = swprintf(
		line, LINE_WIDE, is_script ? L"cmd.exe /d /s /c \"\"%ls\"" : L"\"%ls\"", path);

	for (argv++; n > 0 && *argv != NULL; argv++) {
		int more;

		if (strpbrk(*argv, is_script ? "\"%&|<>^!()\r\n" : "\"\\") != NULL) {
			return false;
		}
		more = swprintf(line + n, (size_t)(LINE_WIDE - n), L" \"%hs\"", *argv);
		n = more > 0 ? n + more : -1;
	}
	if (n > 0 && is_script && n + 2 < LINE_WIDE) {
		wcscpy(line + n, L"\"");
	}
	return n > 0;
}

static bool start(struct child *child, wchar_t *program, wchar_t *line, HANDLE output,
	HANDLE nothing, bool errors_too)
{
	STARTUPINFOW startup = {.cb = sizeof(startup),
		.dwFlags = STARTF_USESTDHANDLES,
		.hStdInput = nothing,
		.hStdOutput = output,
		.hStdError = errors_too ? output : nothing};
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION limit = {
		.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE};
	PROCESS_INFORMATION info;
	wchar_t root[MAX_PATH];

	child->job = CreateJobObjectW(NULL, NULL);
	if (child->job == NULL || GetSystemDirectoryW(root, MAX_PATH) == 0 ||
		!SetInformationJobObject(
			child->job, JobObjectExtendedLimitInformation, &limit, sizeof(limit)) ||
		!CreateProcessW(program, line, NULL, NULL, TRUE,
			CREATE_SUSPENDED | CREATE_NO_WINDOW, NULL, root, &startup, &info)) {
		return false;
	}
	child->process = info.hProcess;
	if (AssignProcessToJobObject(child->job, info.hProcess)) {
		ResumeThread(info.hThread);
		CloseHandle(info.hThread);
		return true;
	}
	TerminateProcess(info.hProcess, 1);
	CloseHandle(info.hThread);
	return false;
}

static void listen_to(HANDLE output, struct text *text)
{
	ULONGLONG deadline = GetTickCount64() + SECONDS * 1000;

	while (GetTickCount64() < deadline) {
		char chunk[4096];
		DWORD ready = 0, got = 0;

		if (!PeekNamedPipe(output, NULL, 0, NULL, &ready, NULL)) {
			return; /* the other end is closed */
		}
		if (ready == 0) {
			Sleep(5);
			continue;
		}
		if (!ReadFile(output, chunk, sizeof(chunk), &got, NULL) || got == 0) {
			return;
		}
		text_add(text, chunk, got);
	}
}

static void finish(struct child *child)
{
	if (child->job != NULL) {
		CloseHandle(child->job);
	}
	if (child->process != NULL) {
		CloseHandle(child->process);
	}
	if (child->output != NULL) {
		CloseHandle(child->output);
	}
}

static int run(const char *const *argv, struct text *output, bool errors_too, DWORD *ret_status)
{
	static wchar_t line[LINE_WIDE];
	wchar_t path[PATH_WIDE], shell[PATH_WIDE];
	SECURITY_ATTRIBUTES inherit = {.nLength = sizeof(inherit), .bInheritHandle = TRUE};
	HANDLE writing = NULL, nothing;
	struct child child = {0};
	bool is_script, started = false;

	text_add(output, "", 0);
	if (!find(argv[0], path) || GetSystemDirectoryW(shell, PATH_WIDE - 16) == 0) {
		return -1;
	}
	wcscat(shell, L"\\cmd.exe");
	is_script = wcscmp(path + wcslen(path) - 4, L".cmd") == 0;
	nothing = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE,
		FILE_SHARE_READ | FILE_SHARE_WRITE, &inherit, OPEN_EXISTING, 0, NULL);
	if (nothing != INVALID_HANDLE_VALUE && command_line(path, argv, line, is_script) &&
		CreatePipe(&child.output, &writing, &inherit, 0)) {
		SetHandleInformation(child.output, HANDLE_FLAG_INHERIT, 0);
		started =
			start(&child, is_script ? shell : path, line, writing, nothing, errors_too);
		CloseHandle(writing);
	}
	if (nothing != INVALID_HANDLE_VALUE) {
		CloseHandle(nothing);
	}
	if (started) {
		listen_to(child.output, output);
		WaitForSingleObject(child.process, 1000);
		GetExitCodeProcess(child.process, ret_status);
	}
	finish(&child);
	return started ? 0 : -1;
}

int program_output(const char *const *argv, struct text *ret_output)
{
	DWORD status = 1;

	return run(argv, ret_output, false, &status) == 0 && status == 0 ? 0 : -1;
}

int program_output_all(const char *const *argv, struct text *ret_output)
{
	DWORD status;

	return run(argv, ret_output, true, &status);
}
