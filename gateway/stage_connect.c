/*
 * Dials the judged addresses until one answers.
 */
#include "gateway/dial.h"
#include "gateway/metrics.h"
#include "gateway/session.h"
#include "gateway/upstream_proxy.h"
#include "gateway/worker.h"

static uint16_t port_of(const struct session *s)
{
	return s->exchange.by_proxy ? s->worker->gateway->proxy->port : s->exchange.target.port;
}

static void refuse(struct session *s, int error)
{
	const struct exchange *x = &s->exchange;

	session_refuse(s, 502, "connect", false,
		"no address of %s%s port %u could be connected to, "
		"last tried %s: %s",
		x->by_proxy ? "the upstream proxy " : "",
		x->by_proxy ? s->worker->gateway->proxy->host : x->target.host, port_of(s),
		x->address, socket_error_text(error));
}

static void go_on(struct session *s)
{
	struct exchange *x = &s->exchange;

	switch (x->target.scheme) {
	case RULES_HTTPS:
		session_go(s, x->by_proxy ? SESSION_PROXY_CONNECT : SESSION_TLS_CONNECT);
		break;
	case RULES_HTTP: session_go(s, SESSION_RELAY); break;
	case RULES_TCP: session_go(s, x->by_proxy ? SESSION_PROXY_CONNECT : SESSION_TUNNEL); break;
	case RULES_SCHEME_NONE: session_unexpected(s, LEG_WRITABLE); break;
	}
}

static void on_dialled(void *arg, const struct dial_result *result)
{
	struct session *s = arg;
	struct exchange *x = &s->exchange;

	s->dial = NULL;
	resolve_format(&result->address, port_of(s), x->address, sizeof(x->address));
	if (result->fd < 0) {
		refuse(s, result->error);
	} else if (!session_connected_upstream(s, result->fd)) {
		session_close(s, SESSION_END_MEMORY);
	} else {
		x->connected = worker_now();
		leg_start(&s->upstream);
		go_on(s);
	}
	session_turn(s);
}

/* Our own numbers are for the host's side. Where a proxy goes with a port of ours nobody knows. */
static bool is_own(const struct session *s)
{
	const struct metrics *m = s->worker->gateway->metrics;

	for (size_t i = 0; i < s->answer.n; i++) {
		if (metrics_is_own(m, &s->answer.addresses[i], port_of(s))) {
			return true;
		}
	}
	return s->exchange.by_proxy && metrics_is_own(m, NULL, s->exchange.target.port);
}

void stage_connect_enter(struct session *s)
{
	if (is_own(s)) {
		session_refuse(s, 403, "own-port", false,
			"port %u is the gateway's own, for its metrics", s->exchange.target.port);
		return;
	}
	s->dial =
		dial(s->worker->base, s->answer.addresses, s->answer.n, port_of(s), on_dialled, s);
	if (s->dial == NULL) {
		session_close(s, SESSION_END_MEMORY);
	}
}

void stage_connect_on_client(struct session *s, enum leg_event event)
{
	if (event == LEG_FAILED) {
		session_close(s, SESSION_END_CLIENT_LOST);
	}
}

void stage_connect_on_upstream(struct session *s, enum leg_event event)
{
	session_unexpected(s, event);
}
