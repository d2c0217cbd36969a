/*
 * The last words are on their way. What the client still sends is thrown away for a while: closing
 * at once would reset the connection and could take our answer with it (RFC 9112 9.6).
 */
#include "gateway/session.h"

enum { LINGER_BYTES = 1024 * 1024, LINGER_SECONDS = 3 };

void stage_linger_enter(struct session *s)
{
	leg_close(&s->upstream);
	leg_shut(&s->client);
	leg_resume(&s->client);
	(void)leg_flush(&s->client);
	if (leg_pending(&s->client) == 0) {
		session_deadline(s, LINGER_SECONDS);
	}
	stage_linger_on_client(s, LEG_READABLE);
}

void stage_linger_on_client(struct session *s, enum leg_event event)
{
	if (event == LEG_FAILED) {
		session_close(s, SESSION_END_COMPLETE);
		return;
	}
	s->lingered += leg_received(&s->client);
	leg_drain(&s->client, leg_received(&s->client));
	leg_resume(&s->client);
	if ((s->client.eof && leg_pending(&s->client) == 0) || s->lingered > LINGER_BYTES) {
		session_close(s, SESSION_END_COMPLETE);
	} else if (event == LEG_WRITABLE) {
		session_deadline(s, LINGER_SECONDS);
	}
}

void stage_linger_on_upstream(struct session *s, enum leg_event event)
{
	(void)s;
	(void)event;
}
