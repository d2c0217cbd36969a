/*
 * Clients through the door. Every worker listens on the same sockets; whoever is free takes the
 * next. When connections or descriptors are out it stops asking, or the loop would be haunted by a
 * client it cannot take.
 */
#include "gateway/session.h"
#include "gateway/worker.h"

enum { ACCEPTS_A_TURN = 32 };

static bool full(struct worker *w)
{
	return atomic_load(&w->gateway->connections) >= w->gateway->config.connections;
}

static void pause(struct worker *w)
{
	for (int i = 0; i < 2; i++) {
		if (w->listeners[i] != NULL) {
			event_del(w->listeners[i]);
		}
	}
	w->listening = false;
}

/* What stood in the way may end in another worker, or another process: look again soon. */
static void wait_for_room(struct worker *w)
{
	static const struct timeval soon = {.tv_usec = 100 * 1000};

	pause(w);
	event_add(w->room, &soon);
}

static void on_room(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	listener_resume(w);
	if (!w->listening) {
		wait_for_room(w);
	}
}

static void on_accept(evutil_socket_t listener, short what, void *arg)
{
	struct worker *w = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		bool again;
		evutil_socket_t fd;

		if (full(w)) {
			wait_for_room(w);
			return;
		}
		fd = socket_accept(listener, &again);
		if (fd < 0) {
			if (!again) {
				/* Out of descriptors. */
				wait_for_room(w);
			}
			return;
		}
		if (w->gateway->config.admits != NULL && !w->gateway->config.admits(fd)) {
			evutil_closesocket(fd);
			continue;
		}
		if (w->index == 0) {
			gateway_need_workers(w->gateway);
		}
		session_create(w, fd);
	}
}

int listener_start(struct worker *w)
{
	w->room = evtimer_new(w->base, on_room, w);
	if (w->room == NULL) {
		return -1;
	}
	for (int i = 0; i < 2; i++) {
		evutil_socket_t fd = (evutil_socket_t)w->gateway->door.tcp[i];

		if (fd < 0) {
			continue;
		}
		w->listeners[i] = event_new(w->base, fd, EV_READ | EV_PERSIST, on_accept, w);
		if (w->listeners[i] == NULL) {
			return -1;
		}
	}
	listener_resume(w);
	return 0;
}

void listener_stop(struct worker *w)
{
	pause(w);
	if (w->room != NULL) {
		event_free(w->room);
		w->room = NULL;
	}
	for (int i = 0; i < 2; i++) {
		if (w->listeners[i] != NULL) {
			event_free(w->listeners[i]);
			w->listeners[i] = NULL;
		}
	}
}

void listener_resume(struct worker *w)
{
	if (w->listening || full(w)) {
		return;
	}
	for (int i = 0; i < 2; i++) {
		if (w->listeners[i] != NULL) {
			event_add(w->listeners[i], NULL);
			w->listening = true;
		}
	}
}
