/*
 * The inner half of the door: listens on 127.0.0.1 inside the container, where only its own
 * processes may connect, and carries every connection over the pipe. Has no rights but the
 * command's; what it is told it passes on unread.
 */
#include "jailer/windows/pump.h"
#include "jailer/windows/repair.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPEN_MS = 5000, CLIENT_RIGHTS = 0x0012019b };

static HANDLE open_pipe(const wchar_t *name, DWORD flags)
{
	ULONGLONG deadline = GetTickCount64() + OPEN_MS;

	/* One instance waits at a time: between two there is none for a moment. */
	while (GetTickCount64() < deadline) {
		DWORD mode = PIPE_READMODE_MESSAGE;
		HANDLE pipe = CreateFileW(name, CLIENT_RIGHTS, 0, NULL, OPEN_EXISTING,
			flags | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);

		if (pipe != INVALID_HANDLE_VALUE) {
			if (SetNamedPipeHandleState(pipe, &mode, NULL, NULL)) {
				return pipe;
			}
			CloseHandle(pipe);
			return INVALID_HANDLE_VALUE;
		}
		if (GetLastError() != ERROR_PIPE_BUSY && GetLastError() != ERROR_FILE_NOT_FOUND) {
			return INVALID_HANDLE_VALUE;
		}
		if (!WaitNamedPipeW(name, 100)) {
			Sleep(1);
		}
	}
	return INVALID_HANDLE_VALUE;
}

/* The other end goes when the run does: then there is nothing to relay. */
static void *watch(void *arg)
{
	char byte;
	DWORD got;

	while (ReadFile((HANDLE)arg, &byte, 1, &got, NULL)) {
	}
	ExitProcess(0);
	return NULL;
}

static bool say_ready(const wchar_t *name)
{
	HANDLE pipe = open_pipe(name, 0);
	pthread_t thread;
	DWORD put;

	return pipe != INVALID_HANDLE_VALUE && WriteFile(pipe, "ready", 5, &put, NULL) &&
	       put == 5 && pthread_create(&thread, NULL, watch, pipe) == 0;
}

static SOCKET blocking_listener(uint16_t port)
{
	u_long blocking = 0;
	intptr_t listener;

	if (os_listen(port, &listener, &port) != OS_OK) {
		return INVALID_SOCKET;
	}
	ioctlsocket((SOCKET)listener, FIONBIO, &blocking);
	return (SOCKET)listener;
}

int jail_relay(int argc, char **argv)
{
	struct pump *pump;
	wchar_t name[96];
	SOCKET listener;

	if (argc != 3) {
		return RELAY_FAILED;
	}
	swprintf(name, 96, L"\\\\.\\pipe\\%hs", argv[2]);
	listener = blocking_listener((uint16_t)strtoul(argv[1], NULL, 10));
	if (listener == INVALID_SOCKET || pump_create(&pump) != OS_OK || !say_ready(name)) {
		return RELAY_FAILED;
	}
	for (;;) {
		SOCKET client = accept(listener, NULL, NULL);
		HANDLE pipe;

		if (client == INVALID_SOCKET) {
			if (WSAGetLastError() == WSAECONNRESET) {
				continue;
			}
			return RELAY_FAILED;
		}
		pipe = open_pipe(name, FILE_FLAG_OVERLAPPED);
		if (pipe == INVALID_HANDLE_VALUE) {
			closesocket(client);
			continue;
		}
		(void)pump_add(pump, client, pipe);
	}
}
