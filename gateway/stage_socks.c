/*
 * SOCKS5 (RFC 1928, no authentication) and SOCKS4/4a: where does the client want to go? Only
 * CONNECT is served. The answer "granted" is given before the host is dialled, as with CONNECT that
 * is inspected: what follows is judged request by request.
 */
#include "gateway/session.h"

void stage_socks_enter(struct session *s)
{
	session_refuse(s, 0, "socks", true, "SOCKS is not served at this door: use the HTTP proxy");
}

void stage_socks_on_client(struct session *s, enum leg_event event)
{
	session_unexpected(s, event);
}

void stage_socks_on_upstream(struct session *s, enum leg_event event)
{
	session_unexpected(s, event);
}
