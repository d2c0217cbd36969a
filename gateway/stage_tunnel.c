/*
 * Bytes both ways, unread: after a tunnel statement, or after an upgrade to WebSocket was agreed.
 * Counted, and only as fast as the other side takes them.
 */
#include "gateway/grant.h"
#include "gateway/session.h"
#include "gateway/worker.h"

/* Moves what `from` has to `to`; its end is passed on as an end. False: `to` takes nothing more. */
static bool carry(struct leg *from, struct leg *to, int64_t *count)
{
	const char *data;
	size_t len;

	while (leg_peek(from, &data, &len)) {
		if (to->shut) {
			return false;
		}
		if (leg_pending(to) > LEG_HIGH) {
			leg_pause(from);
			return true;
		}
		if (!leg_write(to, data, len)) {
			return false;
		}
		*count += (int64_t)len;
		leg_drain(from, len);
	}
	if (from->eof) {
		leg_shut(to);
	} else {
		leg_resume(from);
	}
	return true;
}

static void carry_both(struct session *s)
{
	struct exchange *x = &s->exchange;

	session_deadline(s, s->worker->gateway->config.deadlines.tunnel);
	if (!carry(&s->client, &s->upstream, &x->request_bytes) ||
		!carry(&s->upstream, &s->client, &x->response_bytes)) {
		session_close(s, SESSION_END_UPSTREAM_LOST);
		return;
	}
	if (s->client.eof && s->upstream.eof && leg_received(&s->client) == 0 &&
		leg_received(&s->upstream) == 0 && leg_flush(&s->upstream) &&
		leg_pending(&s->upstream) == 0) {
		record_outcome(s, "complete");
		session_go(s, SESSION_LINGER);
	}
}

void stage_tunnel_enter(struct session *s)
{
	struct exchange *x = &s->exchange;

	if (!grant(s)) {
		session_close(s, SESSION_END_MEMORY);
		return;
	}
	x->response_head = true; /* nothing of ours may follow */
	leg_resume(&s->client);
	carry_both(s);
}

static void on_leg(struct session *s, enum leg_event event, enum session_reason lost)
{
	if (event == LEG_FAILED) {
		session_close(s, lost);
	} else if (event == LEG_SECURED) {
		session_unexpected(s, event);
	} else {
		carry_both(s);
	}
}

void stage_tunnel_on_client(struct session *s, enum leg_event event)
{
	on_leg(s, event, SESSION_END_CLIENT_LOST);
}

void stage_tunnel_on_upstream(struct session *s, enum leg_event event)
{
	on_leg(s, event, SESSION_END_UPSTREAM_LOST);
}
