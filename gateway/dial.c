/*
 * Attempts under way and the timer that starts the next. Knows addresses and sockets, nothing of
 * names, rules or sessions.
 */
#include "gateway/dial.h"
#include "gateway/socket.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

/* RFC 8305 section 8: "Connection Attempt Delay", recommended. */
enum { NEXT_AFTER_MS = 250 };

struct attempt {
	struct dial *dial;
	evutil_socket_t fd; /* owned; -1: not under way */
	struct event on_write;
	struct resolve_address address;
};

struct dial {
	struct event_base *base;
	dial_fn *fn;
	void *arg;
	uint16_t port;
	struct event next_timer;
	size_t n, n_started, n_pending;
	struct dial_result result;
	struct attempt attempts[RESOLVE_MAX];
};

static void start_next(struct dial *d);

static void drop(struct attempt *a)
{
	if (a->fd >= 0) {
		event_del(&a->on_write);
		evutil_closesocket(a->fd);
		a->fd = -1;
		a->dial->n_pending--;
	}
}

/* Tells, and is no more: nothing of `d` may be touched afterwards. */
static void finish(struct dial *d)
{
	struct dial_result result = d->result;
	dial_fn *fn = d->fn;
	void *arg = d->arg;

	dial_cancel(d);
	fn(arg, &result);
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *a = arg;
	struct dial *d = a->dial;

	(void)what;
	d->result.address = a->address;
	d->result.error = socket_error(fd);
	if (d->result.error != 0) {
		drop(a);
		start_next(d);
		return;
	}
	d->result.fd = fd;
	a->fd = -1;
	finish(d);
}

static void on_next(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;

	(void)fd;
	(void)what;
	if (d->n_started < d->n || d->n_pending > 0) {
		start_next(d);
	} else {
		finish(d);
	}
}

static bool start(struct dial *d, struct attempt *a)
{
	a->fd = socket_connect(&a->address, d->port);
	if (a->fd < 0) {
		d->result.address = a->address;
		d->result.error = socket_last_error();
		return false;
	}
	d->n_pending++;
	event_assign(&a->on_write, d->base, a->fd, EV_WRITE, on_connected, a);
	event_add(&a->on_write, NULL);
	return true;
}

static void start_next(struct dial *d)
{
	static const struct timeval later = {.tv_usec = NEXT_AFTER_MS * 1000};

	event_del(&d->next_timer);
	while (d->n_started < d->n) {
		if (start(d, &d->attempts[d->n_started++])) {
			if (d->n_started < d->n) {
				event_add(&d->next_timer, &later);
			}
			return;
		}
	}
	if (d->n_pending == 0) {
		/* Told from the loop, whoever called. */
		event_active(&d->next_timer, EV_TIMEOUT, 0);
	}
}

struct dial *dial(struct event_base *base, const struct resolve_address *addresses, size_t n,
	uint16_t port, dial_fn *fn, void *arg)
{
	struct dial *d = calloc(1, sizeof(*d));

	if (d == NULL) {
		return NULL;
	}
	d->base = base;
	d->fn = fn;
	d->arg = arg;
	d->port = port;
	d->n = n < RESOLVE_MAX ? n : RESOLVE_MAX;
	d->result.fd = -1;
	evtimer_assign(&d->next_timer, base, on_next, d);
	for (size_t i = 0; i < d->n; i++) {
		d->attempts[i] = (struct attempt){.dial = d, .fd = -1, .address = addresses[i]};
	}
	start_next(d);
	return d;
}

void dial_cancel(struct dial *d)
{
	if (d == NULL) {
		return;
	}
	event_del(&d->next_timer);
	for (size_t i = 0; i < d->n; i++) {
		drop(&d->attempts[i]);
	}
	free(d);
}
