/*
 * TLS to the origin, and its certificate judged before a byte of the request is written.
 */
#include "gateway/metrics.h"
#include "gateway/session.h"
#include "gateway/tls.h"
#include "gateway/worker.h"

void stage_tls_connect_enter(struct session *s)
{
	const struct exchange *x = &s->exchange;
	const struct gateway_upstream *upstream = session_upstream(s);
	struct tls_origin origin = {
		.host = x->target.host,
		.port = x->target.port,
		.relax = x->decision.relax,
		.trust = upstream != NULL ? upstream->trust : NULL,
		.identity = upstream != NULL ? upstream->identity : NULL,
	};
	struct tls *tls;

	tls = tls_connect(s->worker->tls_client, &origin, s->upstream.wire_out);
	if (tls == NULL) {
		session_close(s, SESSION_END_MEMORY);
		return;
	}
	leg_start_tls(&s->upstream, tls);
}

void stage_tls_connect_on_client(struct session *s, enum leg_event event)
{
	if (event == LEG_FAILED) {
		session_close(s, SESSION_END_CLIENT_LOST);
	}
}

void stage_tls_connect_on_upstream(struct session *s, enum leg_event event)
{
	if (event == LEG_SECURED || event == LEG_FAILED) {
		metrics_handshake(s->worker->gateway->metrics, METRICS_ORIGIN, event == LEG_SECURED,
			tls_was_resumed(s->upstream.tls));
	}
	if (event == LEG_SECURED) {
		s->exchange.secured = worker_now();
		session_go(s, SESSION_RELAY);
	} else if (event == LEG_FAILED) {
		const char *why = s->upstream.tls != NULL ? tls_failure(s->upstream.tls) : "";

		session_refuse(s, 502, s->upstream.failure, false,
			"TLS with %s at %s failed: %s%s%s", s->exchange.target.host,
			s->exchange.address, s->upstream.failure, why[0] ? ": " : "", why);
	} else if (event != LEG_WRITABLE) {
		session_unexpected(s, event);
	}
}
