/*
 * The host's addresses, judged. What may be dialled is in s->answer afterwards, nothing else.
 */
#include "gateway/session.h"
#include "gateway/upstream_proxy.h"
#include "gateway/worker.h"

static void refuse_address(struct session *s, const struct resolve_address *forbidden)
{
	enum rules_address_class class = rules_address_class(forbidden->bytes, forbidden->n_bytes);
	bool never = class == RULES_ADDRESS_METADATA || class == RULES_ADDRESS_FORBIDDEN;
	char address[64];

	resolve_format(forbidden, 0, address, sizeof(address));
	session_refuse(s, 403, resolve_word(RESOLVE_EFORBIDDEN), false,
		"%s has the address %s (%s), which %s", s->exchange.target.host, address,
		rules_address_class_name(class),
		never ? "no rule lets through" : "needs the word `private` in the rule");
}

static void refuse(struct session *s, const struct resolve_answer *answer)
{
	switch (answer->error) {
	case RESOLVE_EFORBIDDEN: refuse_address(s, &answer->forbidden); break;
	case RESOLVE_ETIMEOUT:
		session_refuse(s, 504, resolve_word(answer->error), false, "looking up %s: %s",
			s->exchange.target.host, resolve_sentence(answer->error));
		break;
	default:
		session_refuse(s, answer->error == RESOLVE_EEGRESS ? 403 : 502,
			resolve_word(answer->error), false, "looking up %s: %s",
			s->exchange.target.host, resolve_sentence(answer->error));
		break;
	}
}

static void on_answer(void *arg, const struct resolve_answer *answer)
{
	struct session *s = arg;

	s->query = NULL;
	if (answer->error != RESOLVE_OK) {
		refuse(s, answer);
	} else {
		s->answer = *answer;
		session_go(s, SESSION_CONNECT);
	}
	session_turn(s);
}

void stage_resolve_enter(struct session *s)
{
	struct exchange *x = &s->exchange;
	const struct upstream_proxy *proxy = s->worker->gateway->proxy;
	struct resolve_answer literal;

	if (!x->by_proxy) {
		s->query = resolve(
			s->worker->resolver, x->target.host, x->decision.private_ok, on_answer, s);
	} else if (resolve_literal(x->target.host, x->decision.private_ok, &literal) &&
		   literal.error != RESOLVE_OK) {
		refuse(s, &literal);
		return;
	} else {
		/* The operator named the proxy: its own address needs no statement. */
		s->query = resolve(s->worker->resolver, proxy->host, true, on_answer, s);
	}
	if (s->query == NULL) {
		session_close(s, SESSION_END_MEMORY);
	}
}

void stage_resolve_on_client(struct session *s, enum leg_event event)
{
	if (event == LEG_FAILED) {
		session_close(s, SESSION_END_CLIENT_LOST);
	}
}

void stage_resolve_on_upstream(struct session *s, enum leg_event event)
{
	session_unexpected(s, event);
}
