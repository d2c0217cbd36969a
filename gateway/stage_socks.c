/*
 * SOCKS5 (RFC 1928, no authentication) and SOCKS4/4a: where does the client want to go? Only
 * CONNECT is served. The answer "granted" is given before the host is dialled, as with CONNECT that
 * is inspected: what follows is judged request by request.
 */
#include "gateway/grant.h"
#include "gateway/session.h"
#include "gateway/socks.h"
#include "gateway/worker.h"

#include <string.h>

static void refuse(struct session *s, int status, const char *sentence)
{
	/* Said as SOCKS says it; before a version is known there is nothing to say. */
	s->owes_grant = s->socks != 0;
	session_refuse(s, status, "socks", true, "%s", sentence);
}

static bool answer_greeting(struct session *s, const struct socks_greeting *greeting)
{
	static const uint8_t none[2] = {5, 0}, no_way[2] = {5, 0xff};

	s->socks_greeted = greeting->no_authentication;
	if (!leg_write(&s->client, s->socks_greeted ? none : no_way, 2)) {
		session_close(s, SESSION_END_MEMORY);
		return false;
	}
	if (!s->socks_greeted) {
		session_refuse(s, 0, "socks", true, "the SOCKS client insists on authentication");
	}
	return s->socks_greeted;
}

static void take_request(struct session *s, const struct socks_request *request)
{
	char host[RULES_HOST_MAX];
	bool is_address;
	uint16_t port;
	int error;

	s->exchange.began = worker_now();
	s->way = AUDIT_WAY_SOCKS;
	if (request->command != SOCKS_COMMAND_CONNECT) {
		refuse(s, 501, "of the commands of SOCKS only CONNECT is served");
		return;
	}
	error = rules_authority(request->host, strlen(request->host), host, &is_address, &port);
	if (error != RULES_TARGET_OK || port != 0 || request->port == 0) {
		refuse(s, 400,
			error != 0 ? rules_target_strerror(error)
				   : "SOCKS names no host or no port");
		return;
	}
	grant_ask(s, host, is_address, request->port);
}

static enum socks_result read_greeting(
	struct session *s, const uint8_t *data, size_t len, size_t *ret_used)
{
	struct socks_greeting greeting;
	enum socks_result result = socks_read_greeting(data, len, &greeting, ret_used);

	if (result == SOCKS_OK) {
		leg_drain(&s->client, *ret_used);
		(void)answer_greeting(s, &greeting);
	}
	return result;
}

static enum socks_result read_request(
	struct session *s, const uint8_t *data, size_t len, size_t *ret_used)
{
	struct socks_request request;
	enum socks_result result = s->socks == 4
					   ? socks_read_request4(data, len, &request, ret_used)
					   : socks_read_request(data, len, &request, ret_used);

	if (result == SOCKS_OK) {
		leg_drain(&s->client, *ret_used);
		take_request(s, &request);
	}
	return result;
}

void stage_socks_enter(struct session *s)
{
	const uint8_t *version = leg_look(&s->client, 1);

	s->socks = version != NULL ? *version : 0;
	s->socks_greeted = s->socks == 4;
	stage_socks_on_client(s, LEG_READABLE);
}

void stage_socks_on_client(struct session *s, enum leg_event event)
{
	enum socks_result result = SOCKS_OK;

	if (event == LEG_FAILED) {
		session_close(s, SESSION_END_CLIENT_LOST);
		return;
	}
	while (result == SOCKS_OK && s->next == SESSION_CLOSED && !s->freed) {
		size_t len = leg_received(&s->client), used;
		const uint8_t *data;

		len = len < SOCKS_MESSAGE_MAX ? len : SOCKS_MESSAGE_MAX;
		data = len > 0 ? leg_look(&s->client, len) : (const uint8_t *)"";
		result = data == NULL       ? SOCKS_BAD
			 : s->socks_greeted ? read_request(s, data, len, &used)
					    : read_greeting(s, data, len, &used);
	}
	if (result == SOCKS_BAD) {
		session_refuse(s, 0, "socks", true, "not SOCKS as it must be");
	} else if (result == SOCKS_MORE && s->client.eof) {
		session_close(s, SESSION_END_CLIENT_LOST);
	}
}

void stage_socks_on_upstream(struct session *s, enum leg_event event)
{
	session_unexpected(s, event);
}
