/*
 * First contact, on a new connection and again inside a CONNECT or SOCKS tunnel: what does the
 * client speak? One door for all, told apart by the first byte; TLS waits for its whole
 * ClientHello, because the name in it is judged before anything is answered.
 */
#include "gateway/clienthello.h"
#include "gateway/names.h"
#include "gateway/session.h"
#include "gateway/worker.h"

#include <string.h>

enum { HELLO_MAX = 16 * 1024 + 5 };

/* A captured connection goes to a name the DNS door gave out, or to an address. */
static void destination_of_captured(struct session *s)
{
	const struct resolve_address *a = &s->wanted.address;
	const char *name = names_lookup(s->worker->gateway->names, a->bytes, a->n_bytes);
	char text[64];

	s->origin.port = s->wanted.port;
	if (name != NULL) {
		s->origin.host = name;
		return;
	}
	resolve_format(a, 0, text, sizeof(text));
	s->origin.host = arena_copy(&s->arena, text, strlen(text));
	s->origin.host_is_address = true;
}

/* A tunnel statement for where this is going: then the client's bytes are not looked at. */
static bool only_a_tunnel(struct session *s)
{
	struct rules_decision decision;

	rules_judge_host(s->worker->gateway->rules, RULES_SCHEME_NONE, s->origin.host,
		s->origin.port, rules_anyone, &decision);
	return decision.verdict == RULES_TUNNEL;
}

/* Neither SOCKS as we serve it nor a captured connection can say who the client is. */
static bool must_ask(const struct session *s)
{
	return s->worker->gateway->config.authenticate != NULL && !s->connect;
}

void stage_open_enter(struct session *s)
{
	if (s->captured && must_ask(s)) {
		session_refuse(s, 0, "authentication", true,
			"a captured connection cannot say who the client is");
		return;
	}
	if (s->captured && s->origin.host == NULL) {
		destination_of_captured(s);
		if (s->origin.host == NULL) {
			session_close(s, SESSION_END_MEMORY);
			return;
		}
		/* Protocols where the server speaks first would wait here for ever. */
		if (only_a_tunnel(s)) {
			session_go(s, SESSION_JUDGE_HOST);
			return;
		}
	}
	stage_open_on_client(s, LEG_READABLE);
}

/*
 * The end of a client that said nothing. Where it was captured on its way to what no statement lets
 * anything through to, the attempt is on record; others changed their mind, as browsers do.
 */
static void end_silent(struct session *s, enum session_reason reason)
{
	struct rules_decision decision;

	if (s->captured && s->origin.host != NULL && !s->connect && leg_received(&s->client) == 0) {
		rules_judge_host(s->worker->gateway->rules, RULES_SCHEME_NONE, s->origin.host,
			s->origin.port, s->asker.program, &decision);
		if (decision.verdict == RULES_DENY) {
			session_refuse(s, 0, "protocol", true,
				"nothing was said, and there is no tunnel statement for %s port %u",
				s->origin.host, s->origin.port);
			return;
		}
	}
	session_close(s, reason);
}

void stage_open_too_late(struct session *s)
{
	end_silent(s, SESSION_END_DEADLINE);
}

static void read_hello(struct session *s)
{
	size_t len = leg_received(&s->client);
	struct clienthello hello;
	const uint8_t *data;

	len = len < HELLO_MAX ? len : HELLO_MAX;
	data = leg_look(&s->client, len);
	switch (data == NULL ? CLIENTHELLO_BAD : clienthello_read(data, len, &hello)) {
	case CLIENTHELLO_MORE:
		if (len == HELLO_MAX || s->client.eof) {
			break;
		}
		return;
	case CLIENTHELLO_OK:
		if (!s->captured && !s->connect) {
			session_refuse(s, 0, "tls-to-proxy", true,
				"TLS straight to the door: use CONNECT, or http:// for the proxy's "
				"URL");
			return;
		}
		s->tls = true;
		s->rsa = !hello.ecdsa;
		s->origin.scheme = RULES_HTTPS;
		if (hello.sni[0] != '\0') {
			s->origin.sni = arena_copy(&s->arena, hello.sni, strlen(hello.sni));
			/* An address says nothing of whom it serves; the name does, and is dialled
			 * anew. */
			if (s->captured && s->origin.host_is_address) {
				s->origin.host = s->origin.sni;
				s->origin.host_is_address = false;
			}
		}
		session_go(s, SESSION_JUDGE_HOST);
		return;
	case CLIENTHELLO_BAD: break;
	}
	session_refuse(s, 0, "clienthello", true, "not a TLS ClientHello that can be read");
}

void stage_open_on_client(struct session *s, enum leg_event event)
{
	const uint8_t *at;
	uint8_t first;

	if (event == LEG_FAILED) {
		end_silent(s, SESSION_END_CLIENT_LOST);
		return;
	}
	at = leg_look(&s->client, 1);
	if (at == NULL) {
		if (s->client.eof) {
			end_silent(s, SESSION_END_CLIENT_DONE);
		}
		return;
	}
	first = *at;
	if (first == 0x16) {
		read_hello(s);
	} else if ((first == 4 || first == 5) && !s->captured && !s->connect && must_ask(s)) {
		session_refuse(s, 0, "authentication", true,
			"SOCKS cannot say here who the client is: use the proxy by HTTP");
	} else if ((first == 4 || first == 5) && !s->captured && !s->connect) {
		session_go(s, SESSION_SOCKS);
	} else if ((first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z') ||
		   first == '\r') {
		s->origin.scheme = s->captured || s->connect ? RULES_HTTP : RULES_SCHEME_NONE;
		session_go(s, SESSION_REQUEST_HEAD);
	} else {
		session_refuse(s, 0, "protocol", true,
			"neither TLS nor HTTP, and no tunnel statement for %s port %u",
			s->origin.host ? s->origin.host : "it", s->origin.port);
	}
}

void stage_open_on_upstream(struct session *s, enum leg_event event)
{
	session_unexpected(s, event);
}
