/*
 * Tells the client no, in words it can act on: who was asked for, which statement refused it, and
 * the line that would allow it. As text, or as JSON when the client accepts that.
 */
#include "gateway/grant.h"
#include "gateway/http_write.h"
#include "gateway/refusal_text.h"
#include "gateway/session.h"
#include "gateway/worker.h"

#include <string.h>

/* TLS asked for and not begun: the one thing that can be said is an alert, access_denied (RFC
 * 8446 6.2). */
static const unsigned char tls_access_denied[] = {21, 3, 3, 0, 2, 2, 49};

static bool speaks_http(const struct session *s)
{
	const struct exchange *x = &s->exchange;

	/* A captured tunnel's client never spoke HTTP, as far as we know; nor does one of SOCKS
	 * yet.
	 */
	if ((x->target.scheme == RULES_TCP || s->owes_grant) && x->request == NULL) {
		return false;
	}
	return x->refusal.status != 0 && leg_is_open(&s->client) &&
	       (s->client.tls != NULL) == s->tls && !s->client.handshaking;
}

static bool answer(struct session *s, bool keep)
{
	struct exchange *x = &s->exchange;
	const struct http_head *request = x->request;
	const char *accept = request != NULL ? http_field(request, "Accept") : NULL;
	bool json = accept != NULL && strstr(accept, "application/json") != NULL;
	char *body = refusal_text(s, json);
	struct http_bytes bytes;

	if (body == NULL) {
		return false;
	}
	bytes = http_write_answer(&x->arena, x->refusal.status,
		json ? "application/json" : "text/plain; charset=utf-8", body,
		request != NULL && strcmp(request->method, "HEAD") == 0, keep,
		"X-Sallyport-Refused: 1");
	return bytes.data != NULL && leg_write(&s->client, bytes.data, bytes.len);
}

void stage_refuse_enter(struct session *s)
{
	struct exchange *x = &s->exchange;
	/* A body on its way would be read as the next request: with one, the connection ends here.
	 */
	bool keep = !x->refusal.close && x->request != NULL && x->request->keep_alive &&
		    (x->request->framing == HTTP_FRAMING_NONE || x->request_sent);

	session_stop_asking(s);
	leg_close(&s->upstream);
	x->status = x->refusal.status;
	if (x->outcome_due) {
		record_outcome(s, x->refusal.reason);
	}
	if (!leg_is_open(&s->client)) {
		session_close(s, SESSION_END_REFUSED);
		return;
	}
	if (speaks_http(s)) {
		if (!answer(s, keep)) {
			session_close(s, SESSION_END_MEMORY);
			return;
		}
	} else {
		keep = false;
		if (s->owes_grant && s->socks != 0 && !grant_refused(s)) {
			session_close(s, SESSION_END_MEMORY);
			return;
		}
		if (s->tls && s->client.tls == NULL &&
			!leg_write(&s->client, tls_access_denied, sizeof(tls_access_denied))) {
			session_close(s, SESSION_END_MEMORY);
			return;
		}
	}
	x->response_head = true;
	session_go(s, keep ? SESSION_REQUEST_HEAD : SESSION_LINGER);
}

void stage_refuse_on_client(struct session *s, enum leg_event event)
{
	session_unexpected(s, event);
}

void stage_refuse_on_upstream(struct session *s, enum leg_event event)
{
	session_unexpected(s, event);
}
