/*
 * Yes and no to CONNECT and SOCKS, in the words of each.
 */
#include "gateway/grant.h"
#include "gateway/names.h"
#include "gateway/session.h"
#include "gateway/socks.h"
#include "gateway/worker.h"

#include <string.h>

static const char established[] = "HTTP/1.1 200 Connection established\r\n\r\n";

void grant_ask(struct session *s, const char *host, bool is_address, uint16_t port)
{
	const char *name = is_address ? names_behind(s->worker->gateway->names, host) : NULL;

	s->origin.host = name != NULL ? name : arena_copy(&s->arena, host, strlen(host));
	s->origin.host_is_address = is_address && name == NULL;
	s->origin.port = port;
	s->connect = true;
	s->owes_grant = true;
	if (s->origin.host == NULL) {
		session_close(s, SESSION_END_MEMORY);
		return;
	}
	session_go(s, SESSION_JUDGE_HOST);
}

bool grant(struct session *s)
{
	uint8_t buf[10];

	if (!s->owes_grant) {
		return true;
	}
	s->owes_grant = false;
	if (s->socks != 0) {
		return leg_write(&s->client, buf, socks_write_reply(s->socks, SOCKS_GRANTED, buf));
	}
	return leg_write(&s->client, established, sizeof(established) - 1);
}

static enum socks_reply reply_of(const struct exchange *x)
{
	switch (x->refusal.status) {
	case 403: return SOCKS_NOT_ALLOWED;
	case 501: return SOCKS_COMMAND;
	case 502: return x->address[0] != '\0' ? SOCKS_REFUSED : SOCKS_HOST_UNREACHABLE;
	case 504: return SOCKS_HOST_UNREACHABLE;
	default: return SOCKS_GENERAL;
	}
}

bool grant_refused(struct session *s)
{
	uint8_t buf[10];

	s->owes_grant = false;
	return leg_write(&s->client, buf, socks_write_reply(s->socks, reply_of(&s->exchange), buf));
}
