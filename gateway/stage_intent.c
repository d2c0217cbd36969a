/*
 * The decision goes to the record, and the session waits until it is there: written together with
 * those of the others in this turn of the loop. Only then may anything happen: a request leave, or
 * a refusal be told. If the record cannot be written, nothing passes.
 */
#include "gateway/session.h"
#include "gateway/upstream_proxy.h"
#include "gateway/worker.h"

static void effect(struct session *s)
{
	struct exchange *x = &s->exchange;
	const struct upstream_proxy *proxy = s->worker->gateway->proxy;

	if (x->refused) {
		session_go(s, SESSION_REFUSE);
		return;
	}
	if (egress_is_reached(&s->worker->gateway->egress)) {
		session_refuse(
			s, 403, egress_word, true, "no more bytes may leave (`limit egress`)");
		return;
	}
	x->by_proxy = proxy != NULL && upstream_proxy_covers(proxy, x->target.host, x->target.port);
	x->reused = x->target.scheme != RULES_TCP && !x->asked_again && session_take_pooled(s);
	session_go(s, x->reused ? SESSION_RELAY : SESSION_RESOLVE);
}

static void unrecorded(struct session *s)
{
	struct exchange *x = &s->exchange;

	session_log(s, GATEWAY_LOG_ERROR, "the record cannot be written: nothing passes");
	x->recorded = true; /* as far as it can be: the answer must not wait for it */
	x->detail = "the record cannot be written, so nothing may pass";
	x->refused = true;
	x->refusal =
		(struct refusal){s->exchange.request != NULL ? 503 : 0, "record", x->detail, true};
	session_go(s, SESSION_REFUSE);
}

void stage_intent_enter(struct session *s)
{
	/* What the auditor reads says who asked: once a connection that is waited for. */
	if (who_is_awaited(s)) {
		return;
	}
	if (record_intent(s) != 0) {
		unrecorded(s);
		return;
	}
	s->exchange.recorded = true;
	s->exchange.outcome_due = !s->exchange.refused;
	worker_await_record(s->worker, s);
}

void stage_intent_committed(struct session *s, bool committed)
{
	if (committed) {
		effect(s);
	} else {
		audit_refuse(s->worker->gateway->config.audit);
		unrecorded(s);
	}
}

void stage_intent_on_client(struct session *s, enum leg_event event)
{
	if (event == LEG_FAILED) {
		session_close(s, SESSION_END_CLIENT_LOST);
	}
	/* Bytes that come meanwhile wait in the leg. */
}

void stage_intent_on_upstream(struct session *s, enum leg_event event)
{
	session_unexpected(s, event);
}
