/*
 * Waiting for the end of a run: the command's, the relay's, the gateway's, a limit's, the
 * console's.
 */
#include "jailer/windows/os_system.h"

enum { TURN_MS = 100 }; /* the job's messages come by a port that cannot be waited for */

/* The console's wish, for the one run of this process. */
static volatile LONG closing;

/* ^C is for the command, which shares the console; a console that closes ends the run. */
static BOOL WINAPI on_console(DWORD event)
{
	if (event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT) {
		return TRUE;
	}
	InterlockedExchange(&closing, 1);
	Sleep(10000); /* Windows ends the process when this returns */
	return TRUE;
}

static enum os_event job_event(HANDLE port)
{
	OVERLAPPED *process;
	ULONG_PTR key;
	DWORD message;

	while (GetQueuedCompletionStatus(port, &message, &key, &process, 0)) {
		if (message == JOB_OBJECT_MSG_JOB_MEMORY_LIMIT ||
			message == JOB_OBJECT_MSG_PROCESS_MEMORY_LIMIT) {
			return OS_EVENT_MEMORY;
		}
		if (message == JOB_OBJECT_MSG_ACTIVE_PROCESS_LIMIT) {
			return OS_EVENT_PROCESSES;
		}
	}
	return OS_EVENT_NONE;
}

struct waiting {
	HANDLE handles[3];
	enum os_event events[3];
	DWORD n;
};

static void add(struct waiting *w, HANDLE handle, enum os_event event)
{
	w->handles[w->n] = handle;
	w->events[w->n++] = event;
}

static uint32_t turn(
	const struct waiting *w, const struct os_wait *wait, ULONGLONG begin, enum os_event *event)
{
	DWORD signalled = WaitForMultipleObjects(w->n, w->handles, FALSE, TURN_MS);

	if (signalled == WAIT_FAILED) {
		return os_last_error();
	}
	*event = job_event((HANDLE)wait->port);
	if (*event == OS_EVENT_NONE && signalled < WAIT_OBJECT_0 + w->n) {
		*event = w->events[signalled - WAIT_OBJECT_0];
	}
	if (*event == OS_EVENT_NONE && closing) {
		*event = OS_EVENT_CLOSE;
	}
	if (*event == OS_EVENT_NONE && wait->timeout_ms != 0 &&
		GetTickCount64() - begin >= wait->timeout_ms) {
		*event = OS_EVENT_TIME;
	}
	return OS_OK;
}

uint32_t os_wait_end(const struct os_wait *wait, enum os_event *ret_event, uint32_t *ret_status)
{
	struct waiting w = {.n = 0};
	ULONGLONG begin = GetTickCount64();
	WSAEVENT wake = WSA_INVALID_EVENT;
	enum os_event event = OS_EVENT_NONE;
	uint32_t error = OS_OK;
	DWORD status = 0;
	u_long blocking = 0;

	add(&w, (HANDLE)wait->process, OS_EVENT_EXIT);
	if (wait->relay != 0) {
		add(&w, (HANDLE)wait->relay, OS_EVENT_RELAY);
	}
	if (wait->wake != -1) {
		wake = WSACreateEvent();
		if (wake == WSA_INVALID_EVENT ||
			WSAEventSelect((SOCKET)wait->wake, wake, FD_READ | FD_CLOSE) != 0) {
			return (uint32_t)WSAGetLastError();
		}
		add(&w, wake, OS_EVENT_WAKE);
	}
	SetConsoleCtrlHandler(on_console, TRUE);
	while (error == OS_OK && event == OS_EVENT_NONE) {
		error = turn(&w, wait, begin, &event);
	}
	SetConsoleCtrlHandler(on_console, FALSE);
	if (wait->wake != -1) {
		/* The caller reads from it as before. */
		WSAEventSelect((SOCKET)wait->wake, NULL, 0);
		ioctlsocket((SOCKET)wait->wake, FIONBIO, &blocking);
		WSACloseEvent(wake);
	}
	if (error == OS_OK && event == OS_EVENT_EXIT &&
		!GetExitCodeProcess((HANDLE)wait->process, &status)) {
		error = os_last_error();
	}
	if (error == OS_OK) {
		*ret_event = event;
		*ret_status = status;
	}
	return error;
}
