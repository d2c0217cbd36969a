/*
 * The client's TLS ends here, with a leaf minted for the host that was judged.
 */
#include "certs/certs.h"
#include "gateway/metrics.h"
#include "gateway/session.h"
#include "gateway/tls.h"
#include "gateway/worker.h"

static void start(struct session *s, struct certs_leaf *leaf)
{
	struct tls *tls =
		tls_accept(s->worker->tls_server, s->origin.host, leaf, s->client.wire_out);

	if (tls == NULL) {
		session_close(s, SESSION_END_MEMORY);
		return;
	}
	leg_start_tls(&s->client, tls);
}

void stage_tls_accept_minted(struct session *s)
{
	struct certs_mint *mint = s->worker->gateway->config.mint;
	struct certs_leaf *leaf;
	struct certs_diag diag = {0};
	int error = s->rsa ? certs_mint_leaf_rsa(mint, s->origin.host, &leaf, &diag)
			   : certs_mint_leaf(mint, s->origin.host, &leaf, &diag);

	if (error == CERTS_EPENDING) {
		session_wait(s, &s->worker->minting);
	} else if (error != CERTS_OK) {
		session_refuse(s, 0, "mint", true, "no certificate for %s: %s", s->origin.host,
			diag.message);
	} else {
		start(s, leaf);
	}
}

void stage_tls_accept_enter(struct session *s)
{
	stage_tls_accept_minted(s);
}

void stage_tls_accept_on_client(struct session *s, enum leg_event event)
{
	if (s->client.tls == NULL) {
		/* It may go on talking while its leaf is made; what it says waits. */
		if (event == LEG_FAILED || s->client.eof) {
			session_close(s, SESSION_END_CLIENT_LOST);
		}
		return;
	}
	if (event == LEG_SECURED || event == LEG_FAILED) {
		metrics_handshake(s->worker->gateway->metrics, METRICS_CLIENT, event == LEG_SECURED,
			tls_was_resumed(s->client.tls));
	}
	if (event == LEG_SECURED) {
		session_new_exchange(s);
		session_go(s, SESSION_REQUEST_HEAD);
	} else if (event == LEG_FAILED) {
		/* Most often a client that does not trust the run's CA: an auditor must see it. */
		session_log(s, GATEWAY_LOG_WARN, "host=%s client TLS failed: %s %s", s->origin.host,
			s->client.failure, s->client.tls != NULL ? tls_failure(s->client.tls) : "");
		session_refuse(s, 0, "client-tls", true,
			"the client's TLS handshake failed (%s): it may not trust the run's CA",
			s->client.failure);
	} else if (event != LEG_WRITABLE) {
		session_unexpected(s, event);
	}
}

void stage_tls_accept_on_upstream(struct session *s, enum leg_event event)
{
	session_unexpected(s, event);
}
