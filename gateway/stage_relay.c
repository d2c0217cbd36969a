/*
 * Sends the judged head and carries both bodies, each only as fast as the other side takes it. What
 * is written is written from the parsed message; framing is ours on both sides.
 */
#include "gateway/http_write.h"
#include "gateway/session.h"
#include "gateway/upstream_proxy.h"
#include "gateway/worker.h"

#include <string.h>

/* More 1xx than any client waits for: an origin that never comes to the point (RFC 9110 15.2). */
enum { INTERIMS_MAX = 32 };

/* ---- the request's way ---- */

static void lost_client(struct session *s)
{
	session_close(s, SESSION_END_CLIENT_LOST);
}

/*
 * An idle connection that was closed while it was taken from the pool: not a byte of the request
 * left, so that another connection may be tried.
 */
static bool may_retry(const struct session *s)
{
	const struct exchange *x = &s->exchange;

	return x->reused && !s->upstream.sent && x->response == NULL &&
	       x->request->framing == HTTP_FRAMING_NONE;
}

/*
 * The request left by a connection from the pool, and its origin ended that before a byte came
 * back: most likely it was closing it anyhow. What is repeatable is asked once more over a
 * connection of its own, with an INTENT of its own, for what was sent twice must be on record
 * twice.
 */
static bool may_ask_again(const struct session *s)
{
	const struct exchange *x = &s->exchange;

	return x->reused && x->request_sent && !x->answer_begun && session_is_repeatable(s);
}

static void ask_again(struct session *s, const char *sentence)
{
	struct exchange *x = &s->exchange;

	x->detail = sentence;
	record_outcome(s, session_reason_word(SESSION_END_UPSTREAM_LOST));
	x->detail = NULL;
	x->reused = false;
	x->asked_again = true;
	leg_close(&s->upstream);
	session_go(s, SESSION_INTENT);
}

/*
 * The origin is gone or talks nonsense. A client that heard nothing yet hears why. Others get what
 * came, and an end by which they see that it is not whole: a body without its framing's end, or,
 * where the end of the connection is that end, a reset (RFC 9112 section 8).
 */
static void lost_upstream(struct session *s, const char *word, const char *sentence)
{
	struct exchange *x = &s->exchange;

	if (may_retry(s)) {
		x->reused = x->request_sent = false;
		session_go(s, SESSION_RESOLVE);
		return;
	}
	if (may_ask_again(s)) {
		ask_again(s, sentence);
		return;
	}
	if (!x->response_head) {
		session_refuse(s, 502, word, !x->request_sent, "%s at %s: %s", x->target.host,
			x->address, sentence);
		return;
	}
	x->detail = sentence;
	session_log(s, GATEWAY_LOG_WARN, "host=%s %s: %s", x->target.host, word, sentence);
	if (x->to_client == HTTP_FRAMING_CLOSE) {
		(void)leg_flush(&s->client);
		leg_reset(&s->client);
		session_close(s, SESSION_END_UPSTREAM_LOST);
		return;
	}
	record_outcome(s, session_reason_word(SESSION_END_UPSTREAM_LOST));
	session_go(s, SESSION_LINGER);
}

static bool write_chunk(struct leg *leg, const char *data, size_t len)
{
	char size[24];
	size_t n = http_write_chunk_size(size, len);

	return leg_write(leg, size, n) && leg_write(leg, data, len) && leg_write(leg, "\r\n", 2);
}

static bool write_bytes(struct leg *leg, struct http_bytes bytes)
{
	return bytes.data != NULL && leg_write(leg, bytes.data, bytes.len);
}

/* Its length was not announced, so it is cut while it passes. */
static void refuse_body(struct session *s)
{
	struct exchange *x = &s->exchange;

	if (x->response_head) {
		x->detail = "the request's body grew over what the rule allows";
		session_close(s, SESSION_END_REFUSED);
		return;
	}
	session_refuse(s, 413, rules_reason_word(RULES_BODY_TOO_LARGE), true,
		"the rule allows bodies of %lld bytes", (long long)x->decision.body_max);
}

/* A body that a rule wants kept and nobody can keep: nothing more of it passes. */
static void unrecorded(struct session *s)
{
	struct exchange *x = &s->exchange;

	if (x->response_head) {
		x->detail = "a body could not be stored beside the record";
		leg_reset(&s->client);
		session_close(s, SESSION_END_RECORD);
		return;
	}
	session_refuse(s, 503, "record", true, "a body could not be stored beside the record");
}

/* One piece of the request's body. False: the session took another turn. */
static bool pass_request_body(struct session *s, const struct http_event *found)
{
	struct exchange *x = &s->exchange;
	bool chunked = x->request->framing == HTTP_FRAMING_CHUNKED;

	x->request_bytes += (int64_t)found->len;
	if (x->decision.body_max >= 0 && x->request_bytes > x->decision.body_max) {
		refuse_body(s);
		return false;
	}
	if (!record_request_body(s, found->data, found->len)) {
		unrecorded(s);
		return false;
	}
	if (chunked ? !write_chunk(&s->upstream, found->data, found->len)
		    : !leg_write(&s->upstream, found->data, found->len)) {
		lost_upstream(s, "upstream-lost", "the request could not be sent");
		return false;
	}
	return true;
}

/* A trailer of an injected field's name could be taken for the field. */
static struct http_bytes last_chunk(struct exchange *x, const struct http_event *found)
{
	struct http_field *kept = arena_alloc(&x->arena, (found->n_trailers + 1) * sizeof(*kept));
	size_t n = 0;

	for (size_t i = 0; kept != NULL && i < found->n_trailers; i++) {
		if (!inject_replaces(x, found->trailers[i].name)) {
			kept[n++] = found->trailers[i];
		}
	}
	return kept != NULL ? http_write_last_chunk(&x->arena, kept, n)
			    : (struct http_bytes){NULL, 0};
}

static bool end_request(struct session *s, const struct http_event *found)
{
	struct exchange *x = &s->exchange;

	if (x->request->framing == HTTP_FRAMING_CHUNKED) {
		struct http_bytes last = last_chunk(x, found);

		if (!write_bytes(&s->upstream, last)) {
			lost_upstream(s, "upstream-lost", "the request could not be sent");
			return false;
		}
		x->request_head_bytes += (int64_t)last.len;
	}
	x->request_sent = true;
	if (!x->response_head) {
		session_deadline(s, s->worker->gateway->config.deadlines.first_byte);
	}
	/* The next request, if it is already there, waits in the leg. */
	leg_pause(&s->client);
	return true;
}

static void pump_request(struct session *s)
{
	struct exchange *x = &s->exchange;

	while (!x->request_sent) {
		struct http_event found;
		const char *data = "";
		size_t piece = 0, len;

		if (leg_pending(&s->upstream) > LEG_HIGH) {
			leg_pause(&s->client);
			return;
		}
		(void)leg_peek(&s->client, &data, &piece);
		len = piece;
		/* Asked with nothing in hand too: a request without a body ends at once. */
		http_parser_next(s->requests, &data, &len, &found);
		switch (found.kind) {
		case HTTP_EVENT_BODY:
			if (!pass_request_body(s, &found)) {
				return;
			}
			break;
		case HTTP_EVENT_END:
			leg_drain(&s->client, piece - len);
			if (!end_request(s, &found)) {
				return;
			}
			continue;
		case HTTP_EVENT_MORE:
			leg_drain(&s->client, piece - len);
			if (leg_received(&s->client) > 0) {
				continue;
			}
			if (s->client.eof) {
				lost_client(s);
				return;
			}
			leg_resume(&s->client);
			return;
		case HTTP_EVENT_HEAD:
		case HTTP_EVENT_ERROR:
			x->detail = http_error_sentence(found.error);
			if (x->response_head) {
				lost_client(s);
			} else {
				session_refuse(s, 400, http_error_word(found.error), true, "%s",
					x->detail);
			}
			return;
		}
		leg_drain(&s->client, piece - len);
	}
}

/* ---- the response's way ---- */

/* How the body goes on to the client: as it came where the client can read that. */
static enum http_framing framing_to_client(const struct exchange *x)
{
	enum http_framing framing = x->response->framing;

	if (framing != HTTP_FRAMING_CHUNKED && framing != HTTP_FRAMING_CLOSE) {
		return framing;
	}
	return x->request->minor >= 1 ? HTTP_FRAMING_CHUNKED : HTTP_FRAMING_CLOSE;
}

/* After 101 it is no longer HTTP: only where the client asked and the rules allow it. */
static bool may_switch(const struct exchange *x, const struct http_head *head)
{
	return x->decision.websocket_ok && http_wants_websocket(x->request) &&
	       http_wants_websocket(head) && x->request_sent;
}

static bool pass_interim(struct session *s, struct http_head *head)
{
	struct exchange *x = &s->exchange;

	if (++x->interims > INTERIMS_MAX) {
		lost_upstream(s, "bad-response", "more interim responses than anybody waits for");
		return false;
	}
	/* HTTP/1.0 has no interim responses (RFC 9110 15.2). */
	if (x->request->minor > 0 &&
		!write_bytes(&s->client,
			http_write_response(&x->arena, head, HTTP_FRAMING_NONE, 0, true))) {
		lost_client(s);
		return false;
	}
	return true;
}

static bool pass_response_head(struct session *s, struct http_head *head)
{
	struct exchange *x = &s->exchange;
	struct http_bytes bytes;

	if (head->status == 101 && !may_switch(x, head)) {
		lost_upstream(s, "bad-response", "101 to a request that did not ask for it");
		return false;
	}
	x->response = head;
	if (head->status < 200 && head->status != 101) {
		return pass_interim(s, head);
	}
	x->status = head->status;
	x->first_byte = worker_now();
	x->to_client = framing_to_client(x);
	/* A body still on its way may never end: then the connection cannot go on. */
	x->client_keeps =
		x->request->keep_alive && x->to_client != HTTP_FRAMING_CLOSE && x->request_sent;
	x->upstream_keeps = head->keep_alive && head->framing != HTTP_FRAMING_CLOSE;
	bytes = http_write_response(&x->arena, head, x->to_client, head->length, x->client_keeps);
	if (bytes.data == NULL) {
		lost_upstream(s, "bad-response", "its head cannot be passed on");
		return false;
	}
	x->response_head = true;
	session_deadline(s, s->worker->gateway->config.deadlines.idle);
	if (!write_bytes(&s->client, bytes)) {
		lost_client(s);
		return false;
	}
	return true;
}

static bool pass_response_body(struct session *s, const struct http_event *found)
{
	struct exchange *x = &s->exchange;

	x->response_bytes += (int64_t)found->len;
	return x->to_client == HTTP_FRAMING_CHUNKED
		       ? write_chunk(&s->client, found->data, found->len)
		       : leg_write(&s->client, found->data, found->len);
}

static void complete(struct session *s)
{
	struct exchange *x = &s->exchange;

	record_outcome(s, "complete");
	if (x->upstream_keeps && x->request_sent && leg_is_quiet(&s->upstream)) {
		session_give_pooled(s);
	} else {
		leg_shut(&s->upstream);
		(void)leg_flush(&s->upstream);
		leg_close(&s->upstream);
	}
	s->served++;
	/* An answer before the end of the request: what is left of the body would be read as a
	 * request. */
	session_go(s, x->client_keeps && x->request_sent ? SESSION_REQUEST_HEAD : SESSION_LINGER);
}

static void end_response(struct session *s, const struct http_event *found)
{
	struct exchange *x = &s->exchange;

	if (x->to_client == HTTP_FRAMING_CHUNKED &&
		!write_bytes(&s->client,
			http_write_last_chunk(&x->arena, found->trailers, found->n_trailers))) {
		lost_client(s);
		return;
	}
	complete(s);
}

/* False: the response is over, or the session took another turn. */
static bool take_response(struct session *s, const struct http_event *found)
{
	switch (found->kind) {
	case HTTP_EVENT_HEAD: return pass_response_head(s, found->head);
	case HTTP_EVENT_BODY:
		if (!record_response_body(s, found->data, found->len)) {
			unrecorded(s);
			return false;
		}
		if (!pass_response_body(s, found)) {
			lost_client(s);
			return false;
		}
		return true;
	case HTTP_EVENT_END:
		if (s->exchange.response->framing == HTTP_FRAMING_UPGRADE) {
			/* What came along with the 101 is the first of the bytes. */
			session_go(s, SESSION_TUNNEL);
		} else if (s->exchange.response->status < 200) {
			/* An interim response is over; the next head answers the same request. */
			http_parser_begin(s->responses, &s->exchange.arena);
			http_parser_answers(s->responses, s->exchange.request->method);
			return true;
		} else {
			end_response(s, found);
		}
		return false;
	case HTTP_EVENT_ERROR:
		lost_upstream(s, "bad-response", http_error_sentence(found->error));
		return false;
	case HTTP_EVENT_MORE: return true;
	}
	return false;
}

static void end_of_origin(struct session *s)
{
	struct http_event found;

	if (s->upstream.truncated && s->exchange.response_head) {
		/* No close_notify: somebody else may have cut it (RFC 8446 6.1). */
		lost_upstream(s, "truncated", "the origin's TLS connection was cut off");
		return;
	}
	http_parser_eof(s->responses, &found);
	if (found.kind == HTTP_EVENT_END) {
		(void)take_response(s, &found);
	} else {
		lost_upstream(s, "upstream-lost",
			"the origin closed the connection before its answer was whole");
	}
}

static void pump_response(struct session *s)
{
	const char *at;
	size_t piece;

	while (leg_peek(&s->upstream, &at, &piece)) {
		struct http_event found;
		const char *data = at;
		size_t len = piece;
		bool more;

		if (leg_pending(&s->client) > LEG_HIGH) {
			leg_pause(&s->upstream);
			return;
		}
		s->exchange.answer_begun = true;
		http_parser_next(s->responses, &data, &len, &found);
		/* A body piece points into the buffer: it is passed on before it is drained. */
		if (found.kind == HTTP_EVENT_BODY) {
			more = take_response(s, &found);
			if (more) {
				leg_drain(&s->upstream, piece - len);
			}
		} else {
			leg_drain(&s->upstream, piece - len);
			more = take_response(s, &found);
		}
		if (!more) {
			return;
		}
	}
	if (s->upstream.eof) {
		end_of_origin(s);
		return;
	}
	if (!leg_is_open(&s->upstream)) {
		lost_upstream(s, "upstream-lost", "the connection broke");
		return;
	}
	/* A response without a body is over although nothing more came. */
	if (s->exchange.response != NULL && s->exchange.response_head) {
		struct http_event found;
		const char *data = "";
		size_t len = 0;

		http_parser_next(s->responses, &data, &len, &found);
		if (!take_response(s, &found)) {
			return;
		}
	}
	leg_resume(&s->upstream);
}

/* ---- the stage ---- */

void stage_relay_enter(struct session *s)
{
	struct exchange *x = &s->exchange;
	const struct upstream_proxy *proxy = s->worker->gateway->proxy;
	struct http_extra extra = {.fields = x->injected,
		.n_fields = x->n_injected,
		.to_proxy = x->target.scheme == RULES_HTTP && x->by_proxy};
	struct http_bytes head;

	if (extra.to_proxy && proxy->authorization[0] != '\0') {
		extra.proxy_authorization = proxy->authorization;
	}
	head = http_write_request(
		&x->arena, x->request, &x->target, true, x->decision.websocket_ok, &extra);

	if (s->responses == NULL) {
		s->responses = http_parser_create(HTTP_RESPONSES, &s->worker->gateway->config.http);
	}
	if (head.data == NULL || s->responses == NULL ||
		!leg_write(&s->upstream, head.data, head.len)) {
		session_refuse(s, 502, "internal", true, "the request's head could not be written");
		return;
	}
	x->request_head_bytes = (int64_t)head.len;
	http_parser_begin(s->responses, &x->arena);
	http_parser_answers(s->responses, x->request->method);
	if (x->request->framing != HTTP_FRAMING_NONE) {
		session_deadline(s, s->worker->gateway->config.deadlines.idle);
	}
	pump_request(s);
}

/* Something moved: as long as it does, nobody is late. What the origin owes once it has the whole
 * request is another deadline. */
static void keep_going(struct session *s)
{
	const struct exchange *x = &s->exchange;

	if (x->response_head || !x->request_sent) {
		session_deadline(s, s->worker->gateway->config.deadlines.idle);
	}
}

void stage_relay_on_client(struct session *s, enum leg_event event)
{
	switch (event) {
	case LEG_FAILED: lost_client(s); break;
	case LEG_READABLE:
		keep_going(s);
		pump_request(s);
		break;
	case LEG_WRITABLE:
		keep_going(s);
		pump_response(s);
		break;
	case LEG_SECURED: session_unexpected(s, event); break;
	}
}

void stage_relay_on_upstream(struct session *s, enum leg_event event)
{
	switch (event) {
	case LEG_FAILED: /* what came before it counts */
	case LEG_READABLE:
		keep_going(s);
		pump_response(s);
		break;
	case LEG_WRITABLE:
		keep_going(s);
		pump_request(s);
		break;
	case LEG_SECURED: session_unexpected(s, event); break;
	}
}
