/*
 * One thread and its loop. Three things reach it from outside: the record's progress and a minted
 * leaf, which let waiting sessions go on, and the wish to stop; all by a byte on a socket pair.
 */
#include "gateway/worker.h"
#include "gateway/arena.h"
#include "gateway/dns_door.h"
#include "gateway/leg.h"
#include "gateway/resolve.h"
#include "gateway/session.h"
#include "gateway/socket.h"
#include "gateway/tls.h"

#include <event2/event.h>
#include <string.h>
#include <time.h>

enum { FLUSH_PRIORITY = LEG_PRIORITIES }; /* behind everything else */

int64_t worker_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void worker_wake(void *arg)
{
	struct worker *w = arg;

	/* A full pair means that a wake is already on its way. */
	(void)send(w->wake_pair[1], "", 1, 0);
}

static void stop(struct worker *w)
{
	struct session *s;

	if (w->drained != NULL) {
		event_free(w->drained);
		w->drained = NULL;
	}
	listener_stop(w);
	while ((s = LIST_FIRST(&w->sessions)) != NULL) {
		session_close(s, SESSION_END_STOPPED);
	}
	pool_destroy(w->pool);
	w->pool = NULL;
	dns_door_destroy(w->dns);
	w->dns = NULL;
	/* One more turn frees the sessions. */
	event_base_loopexit(w->base, NULL);
}

static void on_drained(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	if (LIST_EMPTY(&w->sessions)) {
		stop(w);
	}
}

/* Whoever waits for a request waits in vain; the others end by themselves (stage_request.c). */
static void drain(struct worker *w)
{
	static const struct timeval now_and_then = {.tv_usec = 20 * 1000};
	struct session *s, *following;

	if (w->drained != NULL) {
		return;
	}
	listener_stop(w);
	for (int i = 0; i < 2; i++) {
		socket_refuse_clients(w->gateway->door.tcp[i]);
	}
	for (s = LIST_FIRST(&w->sessions); s != NULL; s = following) {
		following = LIST_NEXT(s, all);
		if (!s->freed && !s->request_begun &&
			(s->state == SESSION_OPEN || s->state == SESSION_REQUEST_HEAD) &&
			leg_received(&s->client) == 0) {
			session_close(s, SESSION_END_STOPPED);
		}
	}
	w->drained = event_new(w->base, -1, EV_PERSIST, on_drained, w);
	if (w->drained == NULL || event_add(w->drained, &now_and_then) != 0) {
		stop(w);
	}
}

/* Sessions wait in the order of their records, so the first that must wait ends the walk. */
static void release_committed(struct worker *w)
{
	const struct audit_log *audit = w->gateway->config.audit;
	bool failed = audit_failed(w->gateway->config.audit);
	struct session *s;

	while ((s = TAILQ_FIRST(&w->waiting)) != NULL &&
		(failed || audit_is_committed(audit, s->exchange.intent_seq))) {
		session_wait_no_more(s);
		stage_intent_committed(s, audit_is_committed(audit, s->exchange.intent_seq));
		session_turn(s);
	}
}

/* Behind everything that was due: one write for all that was recorded meanwhile. */
static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	if (w->late != NULL) {
		(void)event_del(w->late);
	}
	audit_flush_idle(w->gateway->config.audit);
	release_committed(w);
}

/* Something else has been due for too long. */
static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	audit_flush(w->gateway->config.audit);
	release_committed(w);
}

void worker_await_record(struct worker *w, struct session *s)
{
	static const struct timeval soon = {.tv_usec = 1000};

	session_wait(s, &w->waiting);
	event_active(w->flush, EV_TIMEOUT, 0);
	if (w->late != NULL && !event_pending(w->late, EV_TIMEOUT, NULL)) {
		(void)event_add(w->late, &soon);
	}
}

/* Whose leaf is not there yet waits anew. */
static void release_minted(struct worker *w)
{
	struct session *last = TAILQ_LAST(&w->minting, session_queue), *s = NULL;

	while (last != NULL && s != last) {
		s = TAILQ_FIRST(&w->minting);
		session_wait_no_more(s);
		stage_tls_accept_minted(s);
		session_turn(s);
	}
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	char bytes[256];

	(void)what;
	(void)recv(fd, bytes, sizeof(bytes), 0);
	release_committed(w);
	release_minted(w);
	who_release(w);
	if (atomic_load(&w->gateway->stopping)) {
		stop(w);
	} else if (atomic_load(&w->gateway->draining)) {
		drain(w);
	}
}

/* A write costs little, a sync much: as many as can share it, and nobody waits in vain meanwhile.
 */
bool worker_use_record(struct worker *w, const struct audit_log *audit)
{
	if (!audit_is_durable(audit)) {
		return true;
	}
	w->late = event_new(w->base, -1, 0, on_late, w);
	return w->late != NULL && event_priority_set(w->flush, FLUSH_PRIORITY) == 0;
}

int worker_init(struct worker *w, struct gateway *g, unsigned index)
{
	struct event_config *config = event_config_new();

	memset(w, 0, sizeof(*w));
	w->gateway = g;
	w->index = index;
	w->wake_pair[0] = w->wake_pair[1] = -1;
	LIST_INIT(&w->sessions);
	TAILQ_INIT(&w->waiting);
	TAILQ_INIT(&w->minting);
	TAILQ_INIT(&w->asking);
	if (config == NULL) {
		return -1;
	}
	/* Sessions never leave their thread: no locks. Interest that comes and goes in a turn is
	 * folded. */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	w->base = event_base_new_with_config(config);
	event_config_free(config);
	if (w->base == NULL || event_base_priority_init(w->base, FLUSH_PRIORITY + 1) != 0 ||
		evutil_socketpair(socket_pair_family, SOCK_STREAM, 0, w->wake_pair) != 0) {
		return -1;
	}
	evutil_make_socket_nonblocking(w->wake_pair[0]);
	evutil_make_socket_nonblocking(w->wake_pair[1]);
	evutil_make_socket_closeonexec(w->wake_pair[0]);
	evutil_make_socket_closeonexec(w->wake_pair[1]);
	w->wake = event_new(w->base, w->wake_pair[0], EV_READ | EV_PERSIST, on_wake, w);
	w->flush = event_new(w->base, -1, 0, on_flush, w);
	w->pool = pool_create(w->base);
	if (w->wake == NULL || w->flush == NULL || w->pool == NULL ||
		event_add(w->wake, NULL) != 0 ||
		tls_server_create(g->tickets, &w->tls_server) != 0 ||
		tls_client_create(g->config.trust, &w->tls_client) != 0 ||
		resolver_create_with(w->base, g->config.nameserver, &w->resolver) != 0) {
		return -1;
	}
	resolver_count(w->resolver, &g->egress);
	return 0;
}

void worker_finish(struct worker *w)
{
	dns_door_destroy(w->dns);
	resolver_destroy(w->resolver);
	pool_destroy(w->pool);
	listener_stop(w);
	for (int i = 0; i < 2; i++) {
		if (w->wake_pair[i] >= 0) {
			evutil_closesocket(w->wake_pair[i]);
		}
	}
	if (w->drained != NULL) {
		event_free(w->drained);
	}
	if (w->flush != NULL) {
		event_free(w->flush);
	}
	if (w->late != NULL) {
		event_free(w->late);
	}
	if (w->wake != NULL) {
		event_free(w->wake);
	}
	tls_server_destroy(w->tls_server);
	tls_client_destroy(w->tls_client);
	if (w->base != NULL) {
		event_base_free(w->base);
	}
}

void *worker_run(void *arg)
{
	struct worker *w = arg;

	event_base_loop(w->base, EVLOOP_NO_EXIT_ON_EMPTY);
	arena_finish_thread();
	leg_finish_thread();
	return NULL;
}
