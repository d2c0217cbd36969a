/*
 * Asks the proxy of the house for a tunnel to the host that was judged (RFC 9110 9.3.6). What
 * follows in it is the same as without the proxy: TLS to the origin with its certificate judged, or
 * bytes of a tunnel statement.
 */
#include "gateway/session.h"
#include "gateway/upstream_proxy.h"
#include "gateway/worker.h"

#include <string.h>

static void refuse(struct session *s, const char *why)
{
	session_refuse(s, 502, "upstream-proxy", false, "the upstream proxy at %s: %s",
		s->exchange.address, why);
}

void stage_proxy_connect_enter(struct session *s)
{
	struct exchange *x = &s->exchange;
	const struct upstream_proxy *proxy = s->worker->gateway->proxy;
	bool v6 = strchr(x->target.host, ':') != NULL;
	const char *authority = arena_printf(&x->arena, "%s%s%s:%u", v6 ? "[" : "", x->target.host,
		v6 ? "]" : "", x->target.port);
	const char *head =
		authority == NULL
			? NULL
			: arena_printf(&x->arena, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n",
				  authority, authority,
				  proxy->authorization[0] ? "Proxy-Authorization: " : "",
				  proxy->authorization, proxy->authorization[0] ? "\r\n" : "");

	if (s->responses == NULL) {
		s->responses = http_parser_create(HTTP_RESPONSES, &s->worker->gateway->config.http);
	}
	if (head == NULL || s->responses == NULL || !leg_write(&s->upstream, head, strlen(head))) {
		session_close(s, SESSION_END_MEMORY);
		return;
	}
	http_parser_begin(s->responses, &x->arena);
	http_parser_answers(s->responses, "CONNECT");
}

void stage_proxy_connect_on_client(struct session *s, enum leg_event event)
{
	if (event == LEG_FAILED) {
		session_close(s, SESSION_END_CLIENT_LOST);
	}
}

static void take_head(struct session *s, const struct http_head *head)
{
	struct exchange *x = &s->exchange;

	if (head->status / 100 == 2) {
		session_go(s, x->target.scheme == RULES_TCP ? SESSION_TUNNEL : SESSION_TLS_CONNECT);
		return;
	}
	session_refuse(s, 502, "upstream-proxy", false,
		"the upstream proxy at %s answered %d %s to CONNECT", x->address, head->status,
		head->status == 407 ? "(it wants other credentials)" : "");
}

void stage_proxy_connect_on_upstream(struct session *s, enum leg_event event)
{
	struct http_event found = {.kind = HTTP_EVENT_MORE};
	const char *at;
	size_t piece;

	if (event == LEG_SECURED) {
		session_unexpected(s, event);
		return;
	}
	while (found.kind == HTTP_EVENT_MORE && leg_peek(&s->upstream, &at, &piece)) {
		const char *data = at;
		size_t len = piece;

		http_parser_next(s->responses, &data, &len, &found);
		leg_drain(&s->upstream, piece - len);
	}
	if (found.kind == HTTP_EVENT_HEAD) {
		/* A 1xx before it is nothing a proxy has to say here. */
		take_head(s, found.head);
	} else if (found.kind == HTTP_EVENT_ERROR) {
		refuse(s, http_error_sentence(found.error));
	} else if (s->upstream.eof || event == LEG_FAILED) {
		refuse(s, "it closed the connection");
	} else {
		leg_resume(&s->upstream);
	}
}
