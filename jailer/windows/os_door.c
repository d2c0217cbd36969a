/*
 * The outer half of the door: a listener for the gateway, and a pipe whose clients are led to it.
 * The pipe lets in the user and the one container, nobody from another machine.
 */
#include "jailer/windows/ports.h"
#include "jailer/windows/pump.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ws2tcpip.h>

/* To read and write, not to make further instances of the pipe, which is how it could be posed as.
 */
#define CLIENT_RIGHTS 0x0012019b

enum { PIPE_BYTES = 65536, HELLO = 5 };

struct door {
	wchar_t name[96];
	PSECURITY_DESCRIPTOR descriptor; /* owned */
	uint16_t port;
	struct pump *pump;      /* owned */
	HANDLE next;            /* owned: the instance that waits for a client */
	HANDLE hello;           /* owned: the relay's first connection, held while it lives */
	HANDLE stop, ready;     /* owned: events */
	volatile LONG admitted; /* process id of the relay; 0: nobody yet */
	pthread_t thread;
	bool has_thread;
};

/* ---- the listener ---- */

uint32_t os_listen(uint16_t port, intptr_t *ret_socket, uint16_t *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int len = sizeof(address);
	u_long unblocked = 1;
	BOOL alone = TRUE;
	WSADATA data;
	SOCKET s;

	if (WSAStartup(MAKEWORD(2, 2), &data) != 0) {
		return ERROR_GEN_FAILURE;
	}
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	if (s == INVALID_SOCKET) {
		return (uint32_t)WSAGetLastError();
	}
	if (setsockopt(s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&alone, sizeof(alone)) !=
			0 ||
		bind(s, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
		listen(s, SOMAXCONN) != 0 ||
		getsockname(s, (struct sockaddr *)&address, &len) != 0 ||
		ioctlsocket(s, FIONBIO, &unblocked) != 0 ||
		!SetHandleInformation((HANDLE)s, HANDLE_FLAG_INHERIT, 0)) {
		uint32_t error = (uint32_t)WSAGetLastError();

		closesocket(s);
		return error != 0 ? error : (uint32_t)ERROR_GEN_FAILURE;
	}
	*ret_socket = (intptr_t)s;
	*ret_port = ntohs(address.sin_port);
	return OS_OK;
}

void os_socket_close(intptr_t socket)
{
	closesocket((SOCKET)socket);
}

/* ---- the pipe ---- */

static uint32_t make_instance(struct door *d, bool first)
{
	SECURITY_ATTRIBUTES security = {
		.nLength = sizeof(security), .lpSecurityDescriptor = d->descriptor};

	d->next = CreateNamedPipeW(d->name,
		PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED |
			(first ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0),
		PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
		PIPE_UNLIMITED_INSTANCES, PIPE_BYTES, PIPE_BYTES, 0, &security);
	if (d->next == INVALID_HANDLE_VALUE) {
		d->next = NULL;
		return os_last_error();
	}
	return OS_OK;
}

/* A socket with a port of its own, which nobody else can have meanwhile. */
static SOCKET bound_socket(struct sockaddr_in *ret_own)
{
	SOCKET s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	int len = sizeof(*ret_own);
	BOOL alone = TRUE;

	*ret_own = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (s != INVALID_SOCKET && (!SetHandleInformation((HANDLE)s, HANDLE_FLAG_INHERIT, 0) ||
					   setsockopt(s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE,
						   (const char *)&alone, sizeof(alone)) != 0 ||
					   bind(s, (const struct sockaddr *)ret_own, len) != 0 ||
					   getsockname(s, (struct sockaddr *)ret_own, &len) != 0)) {
		closesocket(s);
		s = INVALID_SOCKET;
	}
	return s;
}

static SOCKET connect_gateway(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				   .sin_port = htons(port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
			   own;
	SOCKET s = bound_socket(&own);

	if (s == INVALID_SOCKET) {
		return s;
	}
	ports_add(ntohs(own.sin_port));
	if (connect(s, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		(void)ports_take(ntohs(own.sin_port));
		closesocket(s);
		return INVALID_SOCKET;
	}
	return s;
}

/* Waits for an overlapped call, or for the wish to stop. */
static bool wait_call(struct door *d, HANDLE pipe, OVERLAPPED *o, DWORD *ret_bytes)
{
	HANDLE both[] = {o->hEvent, d->stop};

	if (WaitForMultipleObjects(2, both, FALSE, INFINITE) != WAIT_OBJECT_0) {
		CancelIoEx(pipe, o);
		(void)GetOverlappedResult(pipe, o, ret_bytes, TRUE);
		return false;
	}
	return GetOverlappedResult(pipe, o, ret_bytes, FALSE);
}

/* The relay listens: that is its first message. */
static void hear_hello(struct door *d, HANDLE pipe, OVERLAPPED *o)
{
	char text[HELLO + 1];
	DWORD got = 0;
	BOOL done = ReadFile(pipe, text, sizeof(text), NULL, o);

	if ((done || GetLastError() == ERROR_IO_PENDING) && wait_call(d, pipe, o, &got) &&
		got == HELLO && memcmp(text, "ready", HELLO) == 0) {
		d->hello = pipe;
		SetEvent(d->ready);
	} else {
		CloseHandle(pipe);
	}
}

/* The relay's own, not any other's of the same user or container. The run holds the relay's
 * process, so that its number is nobody else's. */
static bool is_admitted(struct door *d, HANDLE pipe)
{
	ULONG client = 0;
	LONG admitted = InterlockedCompareExchange(&d->admitted, 0, 0);

	return admitted != 0 && GetNamedPipeClientProcessId(pipe, &client) &&
	       client == (ULONG)admitted;
}

static void take_client(struct door *d, HANDLE pipe, OVERLAPPED *o)
{
	SOCKET s;

	if (!is_admitted(d, pipe)) {
		CloseHandle(pipe);
		return;
	}
	if (d->hello == NULL) {
		hear_hello(d, pipe, o);
		return;
	}
	s = connect_gateway(d->port);
	if (s == INVALID_SOCKET) {
		CloseHandle(pipe);
		return;
	}
	(void)pump_add(d->pump, s, pipe);
}

/* Until somebody has connected to the instance that waits; false when the run is over. */
static bool await_client(struct door *d, OVERLAPPED *o)
{
	while (WaitForSingleObject(d->stop, 0) == WAIT_TIMEOUT) {
		DWORD error = ERROR_PIPE_CONNECTED, bytes;

		ResetEvent(o->hEvent);
		if (!ConnectNamedPipe(d->next, o)) {
			error = GetLastError();
		}
		if (error == ERROR_IO_PENDING) {
			error = wait_call(d, d->next, o, &bytes) ? ERROR_PIPE_CONNECTED
								 : GetLastError();
		}
		if (error == ERROR_PIPE_CONNECTED) {
			return true;
		}
		/* It came and went at once: the instance waits for the next. */
		if ((error != ERROR_NO_DATA && error != ERROR_BROKEN_PIPE &&
			    error != ERROR_PIPE_NOT_CONNECTED) ||
			!DisconnectNamedPipe(d->next)) {
			return false;
		}
	}
	return false;
}

static void *serve(void *arg)
{
	struct door *d = arg;
	OVERLAPPED o = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};

	while (o.hEvent != NULL && await_client(d, &o)) {
		HANDLE pipe = d->next;

		if (make_instance(d, false) != OS_OK) {
			/* No room for one more: this client goes, the door stays. */
			d->next = pipe;
			if (!DisconnectNamedPipe(pipe)) {
				break;
			}
			continue;
		}
		ResetEvent(o.hEvent);
		take_client(d, pipe, &o);
	}
	if (o.hEvent != NULL) {
		CloseHandle(o.hEvent);
	}
	return NULL;
}

/* ---- outside ---- */

uint32_t os_pipe_make(const char *name, const char *sid, uint16_t port, uintptr_t *ret_pipe)
{
	struct door *d = calloc(1, sizeof(*d));
	uint32_t error;

	if (d == NULL) {
		return OS_EMEMORY;
	}
	swprintf(d->name, 96, L"\\\\.\\pipe\\%hs", name);
	ports_use();
	d->port = port;
	d->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
	d->ready = CreateEventW(NULL, TRUE, FALSE, NULL);
	error = d->stop != NULL && d->ready != NULL
			? os_descriptor(FILE_ALL_ACCESS, sid, CLIENT_RIGHTS, &d->descriptor)
			: os_last_error();
	if (error == OS_OK) {
		error = pump_create(&d->pump);
	}
	if (error == OS_OK) {
		error = make_instance(d, true);
	}
	if (error == OS_OK) {
		d->has_thread = pthread_create(&d->thread, NULL, serve, d) == 0;
		error = d->has_thread ? OS_OK : OS_EMEMORY;
	}
	if (error != OS_OK) {
		os_pipe_close((uintptr_t)d);
		return error;
	}
	*ret_pipe = (uintptr_t)d;
	return OS_OK;
}

uint32_t os_pipe_admit(uintptr_t pipe, uintptr_t process)
{
	DWORD id = GetProcessId((HANDLE)process);

	if (id == 0) {
		return os_last_error();
	}
	InterlockedExchange(&((struct door *)pipe)->admitted, (LONG)id);
	return OS_OK;
}

/* ---- reading back ---- */

uint32_t os_pipe_check(uintptr_t pipe, const char *sid, bool *ret_exact)
{
	struct door *d = (struct door *)pipe;
	/* Of whichever instance there is: they share one list. */
	HANDLE instance = d->hello != NULL ? d->hello : d->next;

	return instance != NULL ? os_descriptor_is(instance, SE_KERNEL_OBJECT, FILE_ALL_ACCESS, sid,
					  CLIENT_RIGHTS, ret_exact)
				: (uint32_t)ERROR_INVALID_HANDLE;
}

uint32_t os_pipe_ready(uintptr_t pipe, uintptr_t relay, uint32_t timeout_ms,
	enum os_relay *ret_relay, uint32_t *ret_status)
{
	HANDLE both[] = {((struct door *)pipe)->ready, (HANDLE)relay};
	DWORD waited = WaitForMultipleObjects(2, both, FALSE, timeout_ms), status = 0;

	if (waited == WAIT_FAILED ||
		(waited == WAIT_OBJECT_0 + 1 && !GetExitCodeProcess((HANDLE)relay, &status))) {
		return os_last_error();
	}
	*ret_relay = waited == WAIT_OBJECT_0       ? OS_RELAY_READY
		     : waited == WAIT_OBJECT_0 + 1 ? OS_RELAY_ENDED
						   : OS_RELAY_SILENT;
	*ret_status = status;
	return OS_OK;
}

void os_pipe_close(uintptr_t pipe)
{
	struct door *d = (struct door *)pipe;

	if (d->has_thread) {
		SetEvent(d->stop);
		pthread_join(d->thread, NULL);
	}
	pump_destroy(d->pump);
	if (d->next != NULL) {
		CloseHandle(d->next);
	}
	if (d->hello != NULL) {
		CloseHandle(d->hello);
	}
	if (d->descriptor != NULL) {
		LocalFree(d->descriptor);
	}
	if (d->stop != NULL) {
		CloseHandle(d->stop);
	}
	if (d->ready != NULL) {
		CloseHandle(d->ready);
	}
	free(d);
}
