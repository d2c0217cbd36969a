/*
 * The pump: every direction of a connection is one flow with one call under way, a read or the
 * write of what was read.
 */
#include "jailer/windows/pump.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FLOW_BYTES = 16384 };

struct flow {
	OVERLAPPED overlapped; /* first: a completion leads here */
	struct connection *connection;
	bool to_pipe; /* else from the pipe to the socket */
	bool writing, over;
	DWORD len, done;
	char buf[FLOW_BYTES];
};

struct connection {
	SOCKET socket; /* owned */
	HANDLE pipe;   /* owned */
	struct flow flows[2];
	bool broken;
	struct pump *pump;
	struct connection *next, **back;
};

struct pump {
	HANDLE port; /* owned */
	pthread_t thread;
	bool stopping;
	struct connection *connections;
};

enum { KEY_FLOW = 1, KEY_BEGIN, KEY_STOP };

/* ---- one flow ---- */

static void on_failure(struct flow *f);

static bool is_under_way(BOOL done, DWORD error)
{
	return done || error == ERROR_IO_PENDING;
}

static void start_read(struct flow *f)
{
	struct connection *c = f->connection;
	WSABUF buf = {FLOW_BYTES, f->buf};
	DWORD flags = 0;
	BOOL done;

	memset(&f->overlapped, 0, sizeof(f->overlapped));
	f->writing = false;
	done = f->to_pipe ? WSARecv(c->socket, &buf, 1, NULL, &flags, &f->overlapped, NULL) == 0
			  : ReadFile(c->pipe, f->buf, FLOW_BYTES, NULL, &f->overlapped);
	if (!is_under_way(done, GetLastError())) {
		on_failure(f);
	}
}

static void start_write(struct flow *f)
{
	struct connection *c = f->connection;
	WSABUF buf = {f->len - f->done, f->buf + f->done};
	BOOL done;

	memset(&f->overlapped, 0, sizeof(f->overlapped));
	f->writing = true;
	done = f->to_pipe ? WriteFile(c->pipe, buf.buf, buf.len, NULL, &f->overlapped)
			  : WSASend(c->socket, &buf, 1, NULL, 0, &f->overlapped, NULL) == 0;
	if (!is_under_way(done, GetLastError())) {
		on_failure(f);
	}
}

static void end_flow(struct flow *f)
{
	struct connection *c = f->connection;

	f->over = true;
	if (!c->flows[0].over || !c->flows[1].over) {
		return;
	}
	*c->back = c->next;
	if (c->next != NULL) {
		c->next->back = c->back;
	}
	closesocket(c->socket);
	CloseHandle(c->pipe);
	free(c);
}

/* The other flow's call comes back as failed, and ends it as well. */
static void break_off(struct connection *c)
{
	if (!c->broken) {
		c->broken = true;
		CancelIoEx((HANDLE)c->socket, NULL);
		CancelIoEx(c->pipe, NULL);
	}
}

static void on_failure(struct flow *f)
{
	break_off(f->connection);
	end_flow(f);
}

static void on_read(struct flow *f, DWORD got)
{
	f->len = got;
	f->done = 0;
	if (got > 0 || f->to_pipe) {
		start_write(f);
		return;
	}
	shutdown(f->connection->socket, SD_SEND);
	end_flow(f);
}

static void on_done(struct flow *f, bool fine, DWORD bytes)
{
	if (!fine || f->connection->broken) {
		on_failure(f);
	} else if (!f->writing) {
		on_read(f, bytes);
	} else if (f->len == 0) {
		end_flow(f); /* the message of no bytes is out */
	} else if ((f->done += bytes) < f->len) {
		start_write(f);
	} else {
		start_read(f);
	}
}

/* ---- the thread ---- */

static void begin(struct connection *c)
{
	struct pump *p = c->pump;

	c->next = p->connections;
	c->back = &p->connections;
	if (c->next != NULL) {
		c->next->back = &c->next;
	}
	p->connections = c;
	for (int i = 0; i < 2; i++) {
		c->flows[i].connection = c;
		c->flows[i].to_pipe = i == 0;
	}
	/* The connection lives until both are over: the first may fail at once. */
	start_read(&c->flows[0]);
	start_read(&c->flows[1]);
}

static void stop(struct pump *p)
{
	p->stopping = true;
	for (struct connection *c = p->connections; c != NULL; c = c->next) {
		break_off(c);
	}
}

static void *run(void *arg)
{
	struct pump *p = arg;

	while (!p->stopping || p->connections != NULL) {
		OVERLAPPED *overlapped = NULL;
		ULONG_PTR key = 0;
		DWORD bytes = 0;
		BOOL fine = GetQueuedCompletionStatus(p->port, &bytes, &key, &overlapped, INFINITE);

		if (key == KEY_BEGIN) {
			begin((struct connection *)overlapped);
			if (p->stopping) {
				stop(p);
			}
		} else if (key == KEY_STOP) {
			stop(p);
		} else if (overlapped != NULL) {
			on_done((struct flow *)overlapped, fine, bytes);
		}
	}
	return NULL;
}

/* ---- outside ---- */

uint32_t pump_create(struct pump **ret_pump)
{
	struct pump *p = calloc(1, sizeof(*p));
	uint32_t error = OS_OK;

	if (p == NULL) {
		return OS_EMEMORY;
	}
	p->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	if (p->port == NULL) {
		error = os_last_error();
	} else if (pthread_create(&p->thread, NULL, run, p) != 0) {
		CloseHandle(p->port);
		error = OS_EMEMORY;
	}
	if (error != OS_OK) {
		free(p);
		return error;
	}
	*ret_pump = p;
	return OS_OK;
}

uint32_t pump_add(struct pump *p, SOCKET socket, HANDLE pipe)
{
	struct connection *c = calloc(1, sizeof(*c));
	uint32_t error = OS_EMEMORY;

	if (c != NULL) {
		c->socket = socket;
		c->pipe = pipe;
		c->pump = p;
		if (CreateIoCompletionPort((HANDLE)socket, p->port, KEY_FLOW, 0) != NULL &&
			CreateIoCompletionPort(pipe, p->port, KEY_FLOW, 0) != NULL &&
			PostQueuedCompletionStatus(p->port, 0, KEY_BEGIN, (OVERLAPPED *)c)) {
			return OS_OK;
		}
		error = os_last_error();
	}
	closesocket(socket);
	CloseHandle(pipe);
	free(c);
	return error;
}

void pump_destroy(struct pump *p)
{
	if (p == NULL) {
		return;
	}
	PostQueuedCompletionStatus(p->port, 0, KEY_STOP, NULL);
	pthread_join(p->thread, NULL);
	CloseHandle(p->port);
	free(p);
}
