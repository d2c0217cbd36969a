/*
 * The request's one canonical target, and the verdict of the rules on it.
 */
#include "gateway/refusal_text.h"
#include "gateway/session.h"
#include "gateway/worker.h"

#include <string.h>

static bool build_target(struct session *s)
{
	struct exchange *x = &s->exchange;
	struct http_target_diag diag = {0};
	int error = http_target_build(x->request, &s->origin, &x->arena, &x->target, &diag);

	switch (error) {
	case HTTP_TARGET_OK: return true;
	case HTTP_TARGET_EMISMATCH:
		session_refuse(s, 421, diag.word, true, "%s", diag.message);
		return false;
	case HTTP_TARGET_EMEMORY: session_close(s, SESSION_END_MEMORY); return false;
	default: session_refuse(s, 400, diag.word, true, "%s", diag.message); return false;
	}
}

static int64_t body_length(const struct http_head *head)
{
	switch (head->framing) {
	case HTTP_FRAMING_NONE: return 0;
	case HTTP_FRAMING_LENGTH:
		return head->length <= INT64_MAX ? (int64_t)head->length : INT64_MAX;
	default: return -1;
	}
}

/* The rules see the fields as they will be sent; the arrays have one shape. */
_Static_assert(sizeof(struct rules_header) == sizeof(struct http_field), "one shape of field");

static void judge(struct session *s)
{
	struct exchange *x = &s->exchange;
	struct rules_request request = {
		.method = x->request->method,
		.target = &x->target,
		.headers = (const struct rules_header *)(const void *)x->request->fields,
		.n_headers = x->request->n_fields,
		.body_length = body_length(x->request),
		.websocket = http_wants_websocket(x->request),
		.program = s->asker.program,
	};

	rules_judge(s->worker->gateway->rules, &request, &x->decision);
	x->decided = worker_now();
}

void stage_judge_request_enter(struct session *s)
{
	struct exchange *x = &s->exchange;

	if ((rules_needs(s->worker->gateway->rules) & RULES_NEED_PROGRAM) != 0 &&
		who_is_awaited(s)) {
		return;
	}
	if (!build_target(s)) {
		return;
	}
	if (x->request->expect_other) {
		session_refuse(s, 417, "expect", true,
			"an expectation other than 100-continue cannot be met");
		return;
	}
	judge(s);
	if (x->decision.verdict == RULES_ALLOW) {
		if (inject_choose(s)) {
			session_go(s, SESSION_INTENT);
		}
		return;
	}
	session_refuse(s, x->decision.reason == RULES_BODY_TOO_LARGE ? 413 : 403,
		rules_reason_word(x->decision.reason), false, "%s", refusal_sentence(s));
}

void stage_judge_request_on_client(struct session *s, enum leg_event event)
{
	session_unexpected(s, event);
}

void stage_judge_request_on_upstream(struct session *s, enum leg_event event)
{
	session_unexpected(s, event);
}
