/*
 * The thread that answers. Questions come from the gateway's process, which strangers speak to:
 * their size and form are checked, and what can be asked is which program has a connection.
 */
#include "cli/run/who.h"
#include "cli/cures.h"
#include "cli/verbs.h"
#include "gateway/who_message.h"
#include "jailer/who.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const bool who_is_known = true;

static enum who_doubt doubt_of(enum jail_doubt doubt)
{
	switch (doubt) {
	case JAIL_DOUBT_UNKNOWN: return WHO_UNKNOWN;
	case JAIL_DOUBT_HIDDEN: return WHO_HIDDEN;
	case JAIL_DOUBT_SHARED: return WHO_SHARED;
	case JAIL_DOUBT_WRITABLE: return WHO_WRITABLE;
	case JAIL_DOUBT_REPLACED: return WHO_REPLACED;
	case JAIL_DOUBT_NONE: return WHO_SURE;
	}
	return WHO_UNKNOWN;
}

static void fill(const struct jail_program *p, uint64_t id, struct who_answer *a)
{
	_Static_assert(sizeof(a->program) == sizeof(p->program) &&
			       sizeof(a->parent) == sizeof(p->parent) &&
			       sizeof(a->words) == sizeof(p->words),
		"one shape of texts");

	memset(a, 0, sizeof(*a));
	a->id = id;
	a->doubt = doubt_of(p->doubt);
	a->pid = p->pid;
	a->parent_pid = p->parent_pid;
	a->words_len = (uint32_t)p->words_len;
	memcpy(a->program, p->program, sizeof(a->program));
	memcpy(a->parent, p->parent, sizeof(a->parent));
	memcpy(a->words, p->words, sizeof(a->words));
}

/* Waits for one, and takes those that are there besides. 0: nobody asks any more. */
static size_t receive(int socket, uint64_t *ids, struct jail_connection *connections)
{
	size_t n = 0;

	while (n < JAIL_WHO_MAX) {
		char packet[sizeof(struct who_question) + 1];
		ssize_t got = recv(socket, packet, sizeof(packet), n > 0 ? MSG_DONTWAIT : 0);
		struct who_question q;

		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			break;
		}
		if (!who_question_read(packet, (size_t)got, &q)) {
			continue;
		}
		ids[n] = q.id;
		connections[n].n_bytes = q.n_bytes;
		memcpy(connections[n].from, q.from, sizeof(q.from));
		memcpy(connections[n].to, q.to, sizeof(q.to));
		connections[n].from_port = q.from_port;
		connections[n].to_port = q.to_port;
		n++;
	}
	return n;
}

static void *answer(void *arg)
{
	static struct jail_connection connections[JAIL_WHO_MAX]; /* one thread, one run */
	static struct jail_program programs[JAIL_WHO_MAX];
	uint64_t ids[JAIL_WHO_MAX];
	struct who_desk *desk = arg;
	int socket = (int)desk->socket;
	size_t n;

	while ((n = receive(socket, ids, connections)) > 0) {
		jail_who(desk->jail, connections, n, programs);
		for (size_t i = 0; i < n; i++) {
			struct who_answer a;

			fill(&programs[i], ids[i], &a);
			if (send(socket, &a, sizeof(a), MSG_NOSIGNAL) != (ssize_t)sizeof(a)) {
				return NULL;
			}
		}
	}
	return NULL;
}

int who_open(struct who_desk *desk, intptr_t *ret_gateway_end)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		return complain("no pair of sockets: %s: " CURE_FILES, strerror(errno));
	}
	desk->socket = pair[0];
	*ret_gateway_end = pair[1];
	return 0;
}

int who_start(struct who_desk *desk, struct jail *jail)
{
	desk->jail = jail;
	if (pthread_create(&desk->thread, NULL, answer, desk) != 0) {
		return complain("a thread cannot be started: " CURE_PROCESSES);
	}
	desk->runs = true;
	return 0;
}

void who_stop(struct who_desk *desk)
{
	if (desk->socket > 0) {
		shutdown((int)desk->socket, SHUT_RDWR);
	}
	if (desk->runs) {
		pthread_join(desk->thread, NULL);
	}
	if (desk->socket > 0) {
		close((int)desk->socket);
	}
	memset(desk, 0, sizeof(*desk));
}
