/*
 * The state machine: who may follow whom, how a state is changed, how a session begins and ends.
 * What happens inside a state is in its stage_*.c; this file reads no byte and judges nothing.
 */
#include "gateway/session.h"
#include "gateway/dial.h"
#include "gateway/metrics.h"
#include "gateway/worker.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t second = 1000000000;

#define TO(name) (1u << SESSION_##name) |
static const struct row {
	const char *name;
	session_enter_fn *enter;
	session_leg_fn *on_client, *on_upstream;
	size_t deadline; /* offset in struct gateway_deadlines */
	unsigned next;   /* bits of enum session_state */
} rows[SESSION_STATES] = {
#define STATE(name, prefix, deadline, next)                                                  \
	[SESSION_##name] = {#name, prefix##_enter, prefix##_on_client, prefix##_on_upstream, \
		offsetof(struct gateway_deadlines, deadline), next 0},
#include "gateway/session_states.def"
#undef STATE
};
#undef TO

static const struct {
	const char *word, *sentence;
} reasons[] = {
#define REASON(name, word, sentence) {word, sentence},
#include "gateway/session_reasons.def"
#undef REASON
};

const char *session_reason_word(enum session_reason reason)
{
	return reasons[reason].word;
}

const char *session_state_name(enum session_state state)
{
	return state == SESSION_CLOSED ? "CLOSED" : rows[state].name;
}

void session_log(struct session *s, enum gateway_log_level level, const char *format, ...)
{
	const struct gateway_config *config = &s->worker->gateway->config;
	char line[512];
	va_list args;
	int n;

	if (config->log == NULL || level > config->log_level) {
		return;
	}
	n = snprintf(line, sizeof(line), "sid=%llu stage=%s ", (unsigned long long)s->id,
		session_state_name(s->state));
	va_start(args, format);
	vsnprintf(line + n, sizeof(line) - (size_t)n, format, args);
	va_end(args);
	config->log(config->log_arg, level, line);
}

/*
 * Nearly every deadline is replaced by a later one long before it comes. So the timer stays where
 * it is and, when it goes off, looks whether it is time; it is set anew only for an earlier one.
 */
static void set_timer(struct session *s, int64_t now)
{
	int64_t left = s->due - now;
	struct timeval after = {.tv_sec = left / second, .tv_usec = left % second / 1000 + 1};

	s->timer = s->due;
	event_add(&s->deadline, &after);
}

void session_deadline(struct session *s, unsigned seconds)
{
	int64_t now = worker_now();

	s->due = now + seconds * second;
	if (s->due < s->timer) {
		set_timer(s, now);
	}
}

void session_go(struct session *s, enum session_state next)
{
	assert(s->state == SESSION_CLOSED || (rows[s->state].next & (1u << next)) != 0);
	s->next = next;
}

/* Enters what session_go named until a state rests. A loop, so that pipelining cannot dig the
 * stack. */
static void settle(struct session *s)
{
	s->turning = true;
	while (!s->freed && s->next != SESSION_CLOSED) {
		enum session_state state = s->next;
		const struct gateway_deadlines *deadlines = &s->worker->gateway->config.deadlines;

		session_log(s, GATEWAY_LOG_DEBUG, "state=%s", rows[state].name);
		s->state = state;
		s->next = SESSION_CLOSED;
		session_deadline(
			s, *(const unsigned *)((const char *)deadlines + rows[state].deadline));
		rows[state].enter(s);
	}
	s->turning = false;
}

/* What the upstream leg had to send was not let out. Whoever still waits for an answer hears it. */
static bool is_over_egress(struct session *s)
{
	struct exchange *x = &s->exchange;

	if (s->freed || x->refused || s->upstream.failure != egress_word) {
		return false;
	}
	if (x->recorded && !x->refused && !x->response_head && s->state != SESSION_TUNNEL) {
		session_refuse(
			s, 403, egress_word, true, "no more bytes may leave (`limit egress`)");
	} else {
		session_close(s, SESSION_END_EGRESS);
	}
	return true;
}

void session_turn(struct session *s)
{
	if (s->turning || s->freed) {
		return;
	}
	settle(s);
	if (!s->freed) {
		/* A leg that fails here says so from the loop. */
		(void)leg_flush(&s->client);
		(void)leg_flush(&s->upstream);
	}
	if (is_over_egress(s)) {
		settle(s);
		(void)leg_flush(&s->client);
	}
}

/* Until it is known who asks, what the client sends waits in its leg. */
static bool waits_for_asker(struct session *s, enum leg_event event)
{
	if (s->waits_in != &s->worker->asking) {
		return false;
	}
	if (event == LEG_FAILED) {
		session_close(s, SESSION_END_CLIENT_LOST);
	}
	return true;
}

static void on_client(void *arg, struct leg *leg, enum leg_event event)
{
	struct session *s = arg;

	(void)leg;
	if (!s->freed) {
		if (!waits_for_asker(s, event) && !is_over_egress(s)) {
			rows[s->state].on_client(s, event);
		}
		session_turn(s);
	}
}

static void on_upstream(void *arg, struct leg *leg, enum leg_event event)
{
	struct session *s = arg;

	(void)leg;
	if (!s->freed) {
		if (!is_over_egress(s)) {
			rows[s->state].on_upstream(s, event);
		}
		session_turn(s);
	}
}

void session_again(struct session *s)
{
	s->next = s->state;
	session_turn(s);
}

void session_wait(struct session *s, struct session_queue *queue)
{
	TAILQ_INSERT_TAIL(queue, s, waiting);
	s->waits_in = queue;
}

void session_wait_no_more(struct session *s)
{
	if (s->waits_in != NULL) {
		TAILQ_REMOVE(s->waits_in, s, waiting);
		s->waits_in = NULL;
	}
}

const struct gateway_upstream *session_upstream(const struct session *s)
{
	const struct rules_upstream *upstream = s->exchange.decision.upstream;

	return upstream != NULL ? upstream->attached : NULL;
}

static struct pool_key pool_key(const struct session *s)
{
	const struct exchange *x = &s->exchange;

	return (struct pool_key){x->target.scheme, x->target.host, x->target.port,
		x->decision.private_ok, x->decision.relax, session_upstream(s)};
}

bool session_is_repeatable(const struct session *s)
{
	const struct http_head *request = s->exchange.request;

	return request->framing == HTTP_FRAMING_NONE &&
	       (strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0 ||
		       strcmp(request->method, "OPTIONS") == 0);
}

bool session_take_pooled(struct session *s)
{
	struct pool_key key = pool_key(s);

	bool hit = pool_take(s->worker->pool, &key, session_is_repeatable(s), &s->upstream,
		on_upstream, s, s->exchange.address);

	metrics_pool(s->worker->gateway->metrics, hit);
	return hit;
}

void session_give_pooled(struct session *s)
{
	struct pool_key key = pool_key(s);

	pool_give(s->worker->pool, &key, &s->upstream, s->exchange.address);
}

bool session_connected_upstream(struct session *s, evutil_socket_t fd)
{
	leg_finish(&s->upstream);
	if (leg_init(&s->upstream, s->worker->base, fd, on_upstream, s) != 0) {
		evutil_closesocket(fd);
		return false;
	}
	s->upstream.egress = &s->worker->gateway->egress;
	return true;
}

void session_stop_asking(struct session *s)
{
	if (s->query != NULL) {
		resolve_cancel(s->query);
		s->query = NULL;
	}
	dial_cancel(s->dial);
	s->dial = NULL;
}

void session_unexpected(struct session *s, enum leg_event event)
{
	session_log(s, GATEWAY_LOG_ERROR, "event %d has no place here", (int)event);
	session_close(s, SESSION_END_UNEXPECTED);
}

/* Who began to say something and does not come to its end: on record, as one of many perhaps. */
static bool is_slow(const struct session *s)
{
	switch (s->state) {
	case SESSION_OPEN:
	case SESSION_SOCKS: return leg_received(&s->client) > 0;
	case SESSION_REQUEST_HEAD: return s->request_begun;
	case SESSION_TLS_ACCEPT: return s->waits_in == NULL;
	default: return false;
	}
}

/* The origin took all there was and would take more; what does not come is the client's. */
static bool owes_body(const struct session *s)
{
	const struct exchange *x = &s->exchange;

	return s->state == SESSION_RELAY && !x->request_sent && leg_pending(&s->upstream) == 0 &&
	       (!x->request->expect_continue || x->interims > 0);
}

/* Too late. Whoever still waits for a first answer gets one; everything else just ends. */
static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	struct exchange *x = &s->exchange;
	int64_t now = worker_now();

	(void)fd;
	(void)what;
	if (s->freed) {
		return;
	}
	s->timer = INT64_MAX;
	if (now < s->due) {
		set_timer(s, now);
		return;
	}
	if (s->waits_in == &s->worker->asking) {
		session_wait_no_more(s);
		who_give_up(s);
		session_again(s);
		return;
	}
	if (s->waits_in == &s->worker->waiting) {
		session_wait_no_more(s);
		stage_intent_committed(s, false);
		session_turn(s);
		return;
	}
	if (x->recorded && !x->refused && !x->response_head && s->state != SESSION_TUNNEL &&
		s->state != SESSION_REFUSE && s->state != SESSION_LINGER) {
		if (owes_body(s)) {
			session_refuse(s, 408, "slow", true,
				"what the client began to say (the body of a request) did not go "
				"on in time");
			session_turn(s);
			return;
		}
		session_refuse(s, 504, "timeout", true, "the origin did not answer in time (%s)",
			s->state == SESSION_RELAY ? "response" : "connection");
		session_turn(s);
		return;
	}
	if (is_slow(s)) {
		session_refuse(s, s->state == SESSION_REQUEST_HEAD ? 408 : 0, "slow", true,
			"what the client began to say (%s) did not arrive whole in time",
			s->state == SESSION_REQUEST_HEAD ? "the head of a request"
			: s->state == SESSION_SOCKS      ? "SOCKS"
							 : "TLS");
		session_turn(s);
		return;
	}
	if (s->state == SESSION_OPEN) {
		stage_open_too_late(s);
		session_turn(s);
		return;
	}
	session_close(s, SESSION_END_DEADLINE);
}

static void on_free(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	leg_finish(&s->client);
	leg_finish(&s->upstream);
	http_parser_destroy(s->requests);
	http_parser_destroy(s->responses);
	audit_body_finish(s->exchange.request_body);
	audit_body_finish(s->exchange.response_body);
	arena_release(&s->exchange.arena);
	arena_release(&s->arena);
	free(s);
}

void session_create(struct worker *w, evutil_socket_t fd)
{
	struct session *s = calloc(1, sizeof(*s));
	struct socket_name peer;

	if (s == NULL || leg_init(&s->client, w->base, fd, on_client, s) != 0) {
		free(s);
		evutil_closesocket(fd);
		return;
	}
	s->upstream.fd = -1;
	s->timer = INT64_MAX;
	s->worker = w;
	s->id = atomic_fetch_add(&w->gateway->next_session, 1) + 1;
	atomic_fetch_add(&w->gateway->connections, 1);
	LIST_INSERT_HEAD(&w->sessions, s, all);
	evtimer_assign(&s->deadline, w->base, on_deadline, s);
	evtimer_assign(&s->free_event, w->base, on_free, s);
	arena_init(&s->arena);
	arena_init(&s->exchange.arena);
	if (socket_peer(fd, &peer)) {
		snprintf(s->client_name, sizeof(s->client_name), "%s", peer.text);
	}
	s->captured = socket_original(fd, &s->wanted);
	s->way = s->captured ? AUDIT_WAY_TRANSPARENT : AUDIT_WAY_PROXY;
	socket_no_delay(fd);
	who_ask(s);
	session_new_exchange(s);
	leg_start(&s->client);
	session_go(s, SESSION_OPEN);
	session_turn(s);
}

void session_close(struct session *s, enum session_reason reason)
{
	if (s->freed) {
		return;
	}
	session_log(
		s, GATEWAY_LOG_DEBUG, "end=%s: %s", reasons[reason].word, reasons[reason].sentence);
	if (s->exchange.outcome_due) {
		record_outcome(s, reasons[reason].word);
	}
	s->freed = true;
	session_stop_asking(s);
	session_wait_no_more(s);
	who_give_up(s);
	leg_close(&s->client);
	leg_close(&s->upstream);
	event_del(&s->deadline);
	LIST_REMOVE(s, all);
	atomic_fetch_sub(&s->worker->gateway->connections, 1);
	listener_resume(s->worker);
	/* Someone up the stack may still hold the session: the loop frees it. */
	event_active(&s->free_event, EV_TIMEOUT, 0);
}

void session_new_exchange(struct session *s)
{
	struct exchange *x = &s->exchange;
	struct arena arena = x->arena;

	audit_body_finish(x->request_body);
	audit_body_finish(x->response_body);
	arena_reset(&arena);
	memset(x, 0, sizeof(*x));
	x->arena = arena;
	x->decision.body_max = -1;
	s->request_begun = false;
}

void session_refuse(
	struct session *s, int status, const char *reason, bool close, const char *format, ...)
{
	struct exchange *x = &s->exchange;
	char message[512];
	va_list args;

	assert(!x->refused && !x->response_head);
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	x->refused = true;
	x->refusal = (struct refusal){status, reason, NULL, close};
	x->refusal.message = arena_copy(&x->arena, message, strlen(message));
	if (x->refusal.message == NULL) {
		x->refusal.message = "memory is out";
	}
	x->detail = x->refusal.message;
	session_log(s, GATEWAY_LOG_INFO, "refused=%s %s", reason, message);
	session_go(s, x->recorded ? SESSION_REFUSE : SESSION_INTENT);
}
