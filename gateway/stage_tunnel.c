/*
 * Bytes both ways: after a tunnel statement, or after an upgrade to WebSocket was agreed. Counted,
 * and only as fast as the other side takes them. Payloads are not read; but a client that begins
 * TLS in a tunnel must ask for the host the statement names, and WebSocket must be WebSocket.
 */
#include "gateway/clienthello.h"
#include "gateway/grant.h"
#include "gateway/session.h"
#include "gateway/websocket.h"
#include "gateway/worker.h"

#include <string.h>

enum { HELLO_MAX = 16 * 1024 + 5 };

/* access_denied (RFC 8446 6.2): all that can be said to a client that began TLS. */
static const unsigned char tls_access_denied[] = {21, 3, 3, 0, 2, 2, 49};

/* Ends on our decision; `word` and `sentence` go to the record. */
static void cut(struct session *s, const char *word, const char *sentence)
{
	s->exchange.detail = sentence;
	session_log(s, GATEWAY_LOG_WARN, "host=%s %s: %s", s->exchange.target.host, word, sentence);
	record_outcome(s, word);
	session_go(s, SESSION_LINGER);
}

/* ---- the first bytes of a client ---- */

enum look { LOOK_REFUSED = 0, LOOK_WAIT, LOOK_PASS };

static enum look look_at_hello(struct session *s)
{
	size_t len = leg_received(&s->client);
	const struct rules_target *target = &s->exchange.target;
	struct clienthello hello;
	const uint8_t *data;

	len = len < HELLO_MAX ? len : HELLO_MAX;
	data = leg_look(&s->client, len);
	switch (data == NULL ? CLIENTHELLO_BAD : clienthello_read(data, len, &hello)) {
	case CLIENTHELLO_MORE:
		if (len < HELLO_MAX && !s->client.eof) {
			return LOOK_WAIT;
		}
		break;
	case CLIENTHELLO_OK:
		/* A statement that names an address says nothing of who is asked for there. */
		if (hello.sni[0] == '\0' || target->host_is_address ||
			strcmp(hello.sni, target->host) == 0) {
			return LOOK_PASS;
		}
		cut(s, "sni-mismatch", "TLS in the tunnel asks for another host");
		return LOOK_REFUSED;
	case CLIENTHELLO_BAD: break;
	}
	cut(s, "clienthello", "begins like TLS and is no ClientHello that can be read");
	return LOOK_REFUSED;
}

static enum look look_at_client(struct session *s)
{
	struct exchange *x = &s->exchange;
	enum look look;
	const uint8_t *first;

	if (x->looked || x->target.scheme != RULES_TCP) {
		return LOOK_PASS;
	}
	first = leg_look(&s->client, 1);
	if (first == NULL) {
		return s->client.eof ? LOOK_PASS : LOOK_WAIT;
	}
	look = *first == 0x16 ? look_at_hello(s) : LOOK_PASS;
	x->looked = look == LOOK_PASS;
	if (look == LOOK_REFUSED && x->response_bytes == 0 &&
		!leg_write(&s->client, tls_access_denied, sizeof(tls_access_denied))) {
		session_close(s, SESSION_END_MEMORY);
	}
	return look;
}

/* ---- both ways ---- */

/* One direction. */
struct way {
	struct leg *from, *to;
	struct websocket *frames; /* NULL: not WebSocket */
	int64_t *count;
};

enum carried { CARRIED_LOST = 0, CARRIED_NONSENSE, CARRIED };

/* Moves what `from` has to `to`; its end is passed on as an end. */
static enum carried carry(const struct way *way)
{
	const char *data;
	size_t len;

	while (leg_peek(way->from, &data, &len)) {
		if (way->to->shut) {
			return CARRIED_LOST;
		}
		if (leg_pending(way->to) > LEG_HIGH) {
			leg_pause(way->from);
			return CARRIED;
		}
		if (way->frames != NULL &&
			!websocket_take(way->frames, (const uint8_t *)data, len)) {
			return CARRIED_NONSENSE;
		}
		if (!leg_write(way->to, data, len)) {
			return CARRIED_LOST;
		}
		*way->count += (int64_t)len;
		leg_drain(way->from, len);
	}
	if (way->from->eof) {
		leg_shut(way->to);
	} else {
		leg_resume(way->from);
	}
	return CARRIED;
}

/* After both Close frames the connection itself is nobody's care (RFC 6455 7.1.1). */
static void lost(struct session *s, enum session_reason reason)
{
	const struct exchange *x = &s->exchange;

	if (x->frames[0] != NULL && x->frames[0]->closed && x->frames[1]->closed) {
		reason = SESSION_END_COMPLETE;
	}
	session_close(s, reason);
}

static bool carry_one(struct session *s, const struct way *way)
{
	switch (carry(way)) {
	case CARRIED: return true;
	case CARRIED_NONSENSE:
		cut(s, "websocket-frame", "what was agreed to be WebSocket is not");
		return false;
	case CARRIED_LOST: break;
	}
	lost(s, SESSION_END_UPSTREAM_LOST);
	return false;
}

static void carry_both(struct session *s)
{
	struct exchange *x = &s->exchange;
	struct way out = {&s->client, &s->upstream, x->frames[0], &x->request_bytes};
	struct way in = {&s->upstream, &s->client, x->frames[1], &x->response_bytes};

	session_deadline(s, s->worker->gateway->config.deadlines.tunnel);
	switch (look_at_client(s)) {
	case LOOK_REFUSED: return;
	case LOOK_WAIT: leg_resume(&s->client); break;
	case LOOK_PASS:
		if (!carry_one(s, &out)) {
			return;
		}
		break;
	}
	if (!carry_one(s, &in)) {
		return;
	}
	if (s->client.eof && s->upstream.eof && leg_received(&s->client) == 0 &&
		leg_received(&s->upstream) == 0 && leg_flush(&s->upstream) &&
		leg_pending(&s->upstream) == 0) {
		record_outcome(s, "complete");
		session_go(s, SESSION_LINGER);
	}
}

/* ---- the stage ---- */

static bool expect_frames(struct exchange *x)
{
	bool extensions = http_field(x->response, "Sec-WebSocket-Extensions") != NULL;

	for (int i = 0; i < 2; i++) {
		x->frames[i] = arena_alloc(&x->arena, sizeof(*x->frames[i]));
		if (x->frames[i] == NULL) {
			return false;
		}
		websocket_init(x->frames[i], i == 0, extensions);
	}
	return true;
}

void stage_tunnel_enter(struct session *s)
{
	struct exchange *x = &s->exchange;

	if (!grant(s) || (x->response != NULL && !expect_frames(x))) {
		session_close(s, SESSION_END_MEMORY);
		return;
	}
	x->response_head = true; /* nothing of ours may follow */
	leg_resume(&s->client);
	carry_both(s);
}

static void on_leg(struct session *s, enum leg_event event, enum session_reason reason)
{
	if (event == LEG_FAILED) {
		lost(s, reason);
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
