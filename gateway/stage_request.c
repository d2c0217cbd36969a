/*
 * Reads the head of the next request. CONNECT turns the session into a tunnel to be judged by its
 * host; everything else is judged as a request.
 */
#include "gateway/grant.h"
#include "gateway/session.h"
#include "gateway/worker.h"

#include <event2/util.h>
#include <string.h>

void stage_request_enter(struct session *s)
{
	if (s->requests == NULL) {
		s->requests = http_parser_create(HTTP_REQUESTS, &s->worker->gateway->config.http);
		if (s->requests == NULL) {
			session_close(s, SESSION_END_MEMORY);
			return;
		}
	}
	if (atomic_load(&s->worker->gateway->draining) && leg_received(&s->client) == 0 &&
		s->exchange.id != 0) {
		session_go(s, SESSION_LINGER);
		return;
	}
	session_new_exchange(s);
	http_parser_begin(s->requests, &s->exchange.arena);
	leg_resume(&s->client);
	stage_request_on_client(s, LEG_READABLE);
}

/* Whoever only ever speaks plainly to the proxy may ask for a tunnel. */
static void take_connect(struct session *s)
{
	struct http_target_diag diag = {0};
	char host[RULES_HOST_MAX];
	bool is_address;
	uint16_t port;
	int error = http_target_connect(s->exchange.request, host, &is_address, &port, &diag);

	if (error != HTTP_TARGET_OK) {
		session_refuse(s, error == HTTP_TARGET_EMISMATCH ? 421 : 400, diag.word, true, "%s",
			diag.message);
		return;
	}
	s->way = AUDIT_WAY_CONNECT;
	grant_ask(s, host, is_address, port);
}

/* A tunnel's inside belongs to whoever asked for the tunnel; all else is asked each time. */
static bool is_known(struct session *s, const struct http_head *head)
{
	const struct gateway_config *config = &s->worker->gateway->config;
	const char *field;

	if (config->authenticate == NULL || s->connect) {
		return true;
	}
	field = http_field(head, "Proxy-Authorization");
	s->identity = NULL;
	if (field != NULL && evutil_ascii_strncasecmp(field, "Basic ", 6) == 0) {
		field += 6;
		field += strspn(field, " ");
		s->identity = config->authenticate(config->authenticate_arg, field);
	}
	return s->identity != NULL;
}

static void take_head(struct session *s, struct http_head *head)
{
	s->exchange.request = head;
	if (!is_known(s, head)) {
		session_refuse(s, 407, "authentication", true,
			"this gateway serves those who say who they are: user and password in "
			"the proxy's URL");
		return;
	}
	if (strcmp(head->method, "CONNECT") != 0) {
		session_go(s, SESSION_JUDGE_REQUEST);
	} else if (s->captured || s->connect || s->tls) {
		session_refuse(s, 400, "connect", true, "CONNECT has no place inside a tunnel");
	} else {
		take_connect(s);
	}
}

static void refuse_syntax(struct session *s, enum http_error error)
{
	int status = error == HTTP_ETOOLARGE ? 431 : error == HTTP_EVERSION ? 505 : 400;

	session_refuse(s, status, http_error_word(error), true, "%s", http_error_sentence(error));
}

void stage_request_on_client(struct session *s, enum leg_event event)
{
	struct http_event found = {.kind = HTTP_EVENT_MORE};
	const char *at;
	size_t piece;

	if (event == LEG_FAILED) {
		session_close(s, SESSION_END_CLIENT_LOST);
		return;
	}
	if (leg_pending(&s->client) > LEG_HIGH) {
		/* Who asks and asks and reads no answer waits here, not in our memory. */
		leg_pause(&s->client);
		return;
	}
	while (found.kind == HTTP_EVENT_MORE && leg_peek(&s->client, &at, &piece)) {
		const char *data = at;
		size_t len = piece;

		if (!s->request_begun) {
			s->request_begun = true;
			s->exchange.began = worker_now();
			session_deadline(s, s->worker->gateway->config.deadlines.head);
		}
		http_parser_next(s->requests, &data, &len, &found);
		leg_drain(&s->client, piece - len);
	}
	if (found.kind == HTTP_EVENT_HEAD) {
		take_head(s, found.head);
	} else if (found.kind == HTTP_EVENT_ERROR) {
		refuse_syntax(s, found.error);
	} else if (s->client.eof && leg_pending(&s->client) > 0) {
		/* It asked all it wanted to ask and waits for the last answer. */
		session_go(s, SESSION_LINGER);
	} else if (s->client.eof) {
		session_close(
			s, s->request_begun ? SESSION_END_CLIENT_LOST : SESSION_END_CLIENT_DONE);
	} else {
		leg_resume(&s->client);
	}
}

void stage_request_on_upstream(struct session *s, enum leg_event event)
{
	session_unexpected(s, event);
}
