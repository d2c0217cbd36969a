/*
 * Dials the judged addresses, one after the other, until one answers.
 */
#include "gateway/session.h"
#include "gateway/worker.h"

static void dial(struct session *s)
{
	struct exchange *x = &s->exchange;

	while (s->next_address < s->answer.n) {
		const struct resolve_address *address = &s->answer.addresses[s->next_address++];
		evutil_socket_t fd = socket_connect(address, x->target.port);

		if (fd < 0) {
			continue;
		}
		if (!session_fresh_upstream(s)) {
			evutil_closesocket(fd);
			session_close(s, SESSION_END_MEMORY);
			return;
		}
		resolve_format(address, x->target.port, x->address, sizeof(x->address));
		leg_start_connect(&s->upstream, s->worker->base, fd);
		return;
	}
	session_refuse(s, 502, "connect", false,
		"no address of %s port %u could be connected to%s%s", x->target.host,
		x->target.port, x->address[0] ? ", last tried " : "", x->address);
}

void stage_connect_enter(struct session *s)
{
	dial(s);
}

void stage_connect_on_client(struct session *s, enum leg_event event)
{
	if (event == LEG_FAILED) {
		session_close(s, SESSION_END_CLIENT_LOST);
	}
}

void stage_connect_on_upstream(struct session *s, enum leg_event event)
{
	struct exchange *x = &s->exchange;

	if (event == LEG_FAILED) {
		session_log(s, GATEWAY_LOG_DEBUG, "address=%s failed", x->address);
		dial(s);
		return;
	}
	if (event != LEG_WRITABLE) {
		session_unexpected(s, event);
		return;
	}
	x->connected = worker_now();
	switch (x->target.scheme) {
	case RULES_HTTPS: session_go(s, SESSION_TLS_CONNECT); break;
	case RULES_HTTP:
		leg_start(&s->upstream);
		session_go(s, SESSION_RELAY);
		break;
	case RULES_TCP:
		leg_start(&s->upstream);
		session_go(s, SESSION_TUNNEL);
		break;
	case RULES_SCHEME_NONE: session_unexpected(s, event); break;
	}
}
