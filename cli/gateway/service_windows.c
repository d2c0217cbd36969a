/*
 * A service on Windows: the console's events, and two named events. Their access list is the
 * default of the user's own things: the user and the system, no container, nobody less trusted. ^C,
 * ^Break, a console that closes, the user's logging off and the machine's shutting down all mean
 * the end; there is no console event left for reading the rules again.
 */
#include "certs/certs.h"
#include "cli/gateway/service.h"
#include "cli/verbs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

enum { WISHES = 2, HANDLER_MS = 3600 * 1000 };

const char service_help[] =
	"--reload PID reads the rules again; when they are wrong the old ones stay, and it is said "
	"here and in\n"
	"the record. ^C, ^Break, closing the console, or --end PID, take no more clients, answer "
	"what was asked,\n"
	"and end. PID is the number that the gateway says when it starts.\n";

/* One service a program. By enum service_wish. */
static HANDLE events[WISHES];

static void name_event(DWORD process, enum service_wish wish, wchar_t name[64])
{
	swprintf(name, 64, L"Local\\sallyport-gateway-%lu-%ls", (unsigned long)process,
		wish == SERVICE_RELOAD ? L"reload" : L"end");
}

static BOOL WINAPI on_console(DWORD event)
{
	SetEvent(events[SERVICE_END]);
	if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT) {
		/* Windows ends the process when this returns, or when its patience ends. */
		Sleep(HANDLER_MS);
	}
	return TRUE;
}

int service_hear(void)
{
	int status = 0;

	/* What is said is said now, into a file too. */
	(void)setvbuf(stderr, NULL, _IONBF, 0);
	for (int i = 0; status == 0 && i < WISHES; i++) {
		wchar_t name[64];

		name_event(GetCurrentProcessId(), (enum service_wish)i, name);
		events[i] = CreateEventW(NULL, FALSE, FALSE, name);
		if (events[i] == NULL || GetLastError() == ERROR_ALREADY_EXISTS) {
			status = complain("the event %ls cannot be made: Windows error %lu", name,
				(unsigned long)GetLastError());
		}
	}
	if (status == 0 && !SetConsoleCtrlHandler(on_console, TRUE)) {
		status = complain("the console's events cannot be heard: Windows error %lu",
			(unsigned long)GetLastError());
	}
	if (status == 0) {
		fprintf(stderr, "sallyport: process %lu\n", (unsigned long)GetCurrentProcessId());
	}
	return status;
}

enum service_wish service_wait(int gateway)
{
	WSAEVENT closed = WSACreateEvent();
	HANDLE all[WISHES + 1] = {events[SERVICE_END], events[SERVICE_RELOAD], closed};
	u_long blocking = 0;
	DWORD signalled = WAIT_FAILED;

	if (closed != WSA_INVALID_EVENT && WSAEventSelect((SOCKET)gateway, closed, FD_CLOSE) == 0) {
		signalled = WaitForMultipleObjects(WISHES + 1, all, FALSE, INFINITE);
	}
	/* Whoever reads from it reads as before. */
	WSAEventSelect((SOCKET)gateway, NULL, 0);
	ioctlsocket((SOCKET)gateway, FIONBIO, &blocking);
	WSACloseEvent(closed);
	switch (signalled) {
	case WAIT_OBJECT_0 + SERVICE_RELOAD: return SERVICE_RELOAD;
	case WAIT_OBJECT_0 + WISHES: return SERVICE_GONE;
	default: return SERVICE_END;
	}
}

int service_ask(const char *process, enum service_wish wish)
{
	char *end;
	unsigned long id = strtoul(process, &end, 10);
	wchar_t name[64];
	HANDLE event;
	bool done;

	if (process[0] < '1' || process[0] > '9' || *end != '\0') {
		return complain("expected the number of a process: %s", process);
	}
	name_event((DWORD)id, wish, name);
	event = OpenEventW(EVENT_MODIFY_STATE, FALSE, name);
	done = event != NULL && SetEvent(event);
	if (event != NULL) {
		CloseHandle(event);
	}
	return done ? 0
		    : complain("process %s is no gateway of yours: Windows error %lu", process,
			      (unsigned long)GetLastError());
}

int service_listen(const struct sockaddr_storage *address, intptr_t *ret_socket)
{
	const int len = address->ss_family == AF_INET ? (int)sizeof(struct sockaddr_in)
						      : (int)sizeof(struct sockaddr_in6);
	SOCKET s = INVALID_SOCKET;
	u_long unblocked = 1;
	BOOL on = TRUE;
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data) == 0) {
		s = socket(address->ss_family, SOCK_STREAM, IPPROTO_TCP);
	}
	if (s == INVALID_SOCKET ||
		/* Without it another program can listen there too, and take clients. */
		setsockopt(s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&on, sizeof(on)) !=
			0 ||
		(address->ss_family == AF_INET6 && setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY,
							   (const char *)&on, sizeof(on)) != 0) ||
		bind(s, (const struct sockaddr *)address, len) != 0 || listen(s, SOMAXCONN) != 0 ||
		ioctlsocket(s, FIONBIO, &unblocked) != 0 ||
		!SetHandleInformation((HANDLE)s, HANDLE_FLAG_INHERIT, 0)) {
		int error = WSAGetLastError();

		if (s != INVALID_SOCKET) {
			closesocket(s);
		}
		return complain("--listen: Windows error %d", error);
	}
	*ret_socket = (intptr_t)s;
	return 0;
}

int service_read_private(const char *option, const char *path, struct text *ret_text)
{
	struct certs_diag diag = {0};
	char *text;

	if (certs_text_read(path, true, &text, &diag) != CERTS_OK) {
		return complain("%s: %s", option, diag.message);
	}
	text_add(ret_text, text, strlen(text));
	certs_text_free(text);
	return 0;
}
