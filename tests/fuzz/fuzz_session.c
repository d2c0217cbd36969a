/*
 * Any bytes as all that a client says in one session, and what the origin answers, through the
 * whole gateway: rules, record, loop, a dialled origin. Input: the client's bytes, "\0\0", the
 * origin's;
 * "@@@@@" stands for the origin's port. The session comes to an end, and what reaches the origin
 * begins with a request that the rules allow.
 */
#include "tests/one_worker.h"

#include <assert.h>
#include <event2/event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ORIGINS = 16, CLIENT_MAX = 64 * 1024, SECONDS = 20 };

struct origin {
	int fd; /* -1: none */
	char head[16];
	size_t n_head;
};

static struct {
	struct one_worker gateway;
	int listener;
	uint16_t port;
	struct origin origins[ORIGINS];
	const uint8_t *answer;
	size_t answer_len;
} all;

static void clean_up(void)
{
	one_worker_finish(&all.gateway);
	close(all.listener);
}

static void listen_as_origin(void)
{
	/* A port of five digits stands for five characters. */
	while ((all.listener = one_worker_listen(&all.port)) >= 0 && all.port < 10000) {
		close(all.listener);
	}
	for (int i = 0; i < ORIGINS; i++) {
		all.origins[i].fd = -1;
	}
}

static void set_up(void)
{
	char rules[256];

	listen_as_origin();
	snprintf(rules, sizeof(rules),
		"allow GET,POST http://127.0.0.1:%u/ok/** private websocket\n"
		"allow GET https://127.0.0.1:%u/ok/** private\n"
		"allow GET http://name.test/** private\n",
		all.port, all.port);
	one_worker_create(&all.gateway, &(struct one_worker_options){.name = "fuzz",
						.rules = rules,
						.deadline = 1,
						.segment_bytes = 1 << 20,
						.record_bytes = 2 << 20});
	atexit(clean_up);
}

/* ---- the origin ---- */

/* What the rules let below /ok lets /ok itself. TLS: ours, which believes nobody here. */
static void check_head(const struct origin *o)
{
	const char *path = o->head[0] == 'P' ? "POST /ok" : "GET /ok";
	size_t len = strlen(path);

	if (o->n_head >= 9 && o->head[0] != 0x16) {
		assert(strncmp(o->head, path, len) == 0 && strchr("/? ", o->head[len]) != NULL);
	}
}

static void serve(struct origin *o)
{
	char data[4096];
	ssize_t got = recv(o->fd, data, sizeof(data), MSG_DONTWAIT);

	for (ssize_t i = 0; i < got && o->n_head < sizeof(o->head) - 1; i++) {
		o->head[o->n_head++] = data[i];
	}
	if (o->n_head > 0) {
		check_head(o);
	}
	if (got > 0 && o->n_head >= 9 && all.answer_len > 0) {
		(void)send(o->fd, all.answer, all.answer_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	if (got >= 0) {
		close(o->fd);
		o->fd = -1;
	}
}

static void serve_all(void)
{
	for (int i = 0; i < ORIGINS; i++) {
		struct origin *o = &all.origins[i];

		if (o->fd < 0) {
			*o = (struct origin){.fd = accept4(all.listener, NULL, NULL,
						     SOCK_NONBLOCK | SOCK_CLOEXEC)};
		}
		if (o->fd >= 0) {
			serve(o);
		}
	}
}

/* ---- the client ---- */

static size_t put_port(const uint8_t *data, size_t size, uint8_t *out)
{
	char port[8];

	snprintf(port, sizeof(port), "%05u", all.port);
	memcpy(out, data, size);
	for (size_t i = 0; i + 5 <= size; i++) {
		if (memcmp(out + i, "@@@@@", 5) == 0) {
			memcpy(out + i, port, 5);
		}
	}
	return size;
}

static void turn(void)
{
	static const struct timeval soon = {.tv_usec = 200};

	event_base_loopexit(all.gateway.worker->base, &soon);
	event_base_loop(all.gateway.worker->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
	serve_all();
}

static void converse(int fd, const uint8_t *data, size_t len)
{
	time_t began = time(NULL);
	bool shut = false;

	while (!LIST_EMPTY(&all.gateway.worker->sessions)) {
		char answer[4096];
		ssize_t put = len > 0 ? send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

		if (put > 0) {
			data += put;
			len -= (size_t)put;
		}
		if (len == 0 && !shut) {
			shutdown(fd, SHUT_WR);
			shut = true;
		}
		turn();
		while (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0) {
		}
		assert(time(NULL) - began < SECONDS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t client[CLIENT_MAX];
	const uint8_t *split;
	size_t len;
	int pair[2];

	if (all.gateway.worker == NULL) {
		set_up();
	}
	if (size > CLIENT_MAX) {
		return 0;
	}
	split = memmem(data, size, "\0\0", 2);
	len = put_port(data, split != NULL ? (size_t)(split - data) : size, client);
	all.answer = split != NULL ? split + 2 : data;
	all.answer_len = split != NULL ? size - len - 2 : 0;
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	session_create(all.gateway.worker, pair[0]);
	converse(pair[1], client, len);
	turn();
	close(pair[1]);
	for (int i = 0; i < ORIGINS; i++) {
		if (all.origins[i].fd >= 0) {
			close(all.origins[i].fd);
			all.origins[i].fd = -1;
		}
	}
	return 0;
}
