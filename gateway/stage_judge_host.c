/*
 * Could anything to this host pass? Asked as soon as the host is known: at CONNECT or SOCKS, at the
 * ClientHello, and for captured connections that a tunnel statement covers. What could never pass
 * is refused here, before any handshake.
 */
#include "gateway/grant.h"
#include "gateway/refusal_text.h"
#include "gateway/session.h"
#include "gateway/worker.h"

#include <string.h>

static void fill_target(struct session *s)
{
	struct rules_target *target = &s->exchange.target;

	target->scheme = s->tls ? RULES_HTTPS : s->origin.scheme;
	target->host = s->origin.host;
	target->host_is_address = s->origin.host_is_address;
	target->port = s->origin.port;
}

static void go_tunnel(struct session *s)
{
	s->exchange.target.scheme = RULES_TCP;
	session_go(s, SESSION_INTENT);
}

static void go_inspect(struct session *s)
{
	if (s->owes_grant) {
		if (!grant(s)) {
			session_close(s, SESSION_END_MEMORY);
			return;
		}
		session_new_exchange(s);
		session_go(s, SESSION_OPEN);
	} else {
		session_go(s, s->tls ? SESSION_TLS_ACCEPT : SESSION_OPEN);
	}
}

/* The name in the ClientHello must be the one that was judged (RFC 6066 section 3, and ours). */
static bool sni_agrees(const struct session *s)
{
	return s->origin.sni == NULL || s->origin.host_is_address ||
	       strcmp(s->origin.sni, s->origin.host) == 0;
}

void stage_judge_host_enter(struct session *s)
{
	struct exchange *x = &s->exchange;
	const struct rules *rules = s->worker->gateway->rules;
	enum rules_scheme scheme = s->tls ? RULES_HTTPS : RULES_SCHEME_NONE;

	if ((rules_needs(rules) & RULES_NEED_PROGRAM) != 0 && who_is_awaited(s)) {
		return;
	}
	fill_target(s);
	if (x->began == 0) {
		x->began = worker_now(); /* captured: no request began it */
	}
	if (!sni_agrees(s)) {
		session_refuse(s, 0, "sni-mismatch", true, "TLS asks for %s inside a tunnel to %s",
			s->origin.sni, s->origin.host);
		return;
	}
	if (s->origin.host_is_address && s->origin.sni != NULL) {
		session_refuse(s, 0, "sni-mismatch", true,
			"TLS asks for %s inside a tunnel to address %s", s->origin.sni,
			s->origin.host);
		return;
	}
	rules_judge_host(
		rules, scheme, s->origin.host, s->origin.port, s->asker.program, &x->decision);
	x->decided = worker_now();
	switch (x->decision.verdict) {
	case RULES_TUNNEL: go_tunnel(s); return;
	case RULES_ALLOW: go_inspect(s); return;
	case RULES_DENY: break;
	}
	session_refuse(s, s->owes_grant ? 403 : 0, rules_reason_word(x->decision.reason), true,
		"%s", refusal_sentence(s));
}

void stage_judge_host_on_client(struct session *s, enum leg_event event)
{
	session_unexpected(s, event);
}

void stage_judge_host_on_upstream(struct session *s, enum leg_event event)
{
	session_unexpected(s, event);
}
