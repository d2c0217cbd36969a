/*
 * Who asked: each connection of the jail is asked about once, when it is accepted, and the answer
 * comes back while the client still speaks. A socket leads to whoever knows the jail; its answers
 * arrive at one worker, which passes them to the others.
 */
#ifndef SALLYPORT_GATEWAY_WHO_H
#define SALLYPORT_GATEWAY_WHO_H

#include "gateway/gateway.h"

#include <event2/util.h>
#include <stdbool.h>

struct session;
struct who;
struct who_ask;
struct worker;

/* Of the session's client. All NULL: nobody was asked, as in a service. */
struct asker {
	const char *program; /* for the rules: known for sure; else NULL */
	const char *told;    /* for the record: its path, or "unknown" */
	const char *doubt;   /* the record's word; NULL: none */
	const char *doubt_sentence;
	const char *words; /* JSON array of the first words of its command line */
	const char *parent;
	int64_t pid, parent_pid;
};

/* Takes the socket over. 0, or -1 when memory is out. */
int who_create(struct gateway *g, evutil_socket_t fd, struct who **ret_who);
void who_destroy(struct who *who);
/* Asks who the session's client is; does not wait. */
void who_ask(struct session *s);
/* The answer is not wanted any more; who asked stays unknown, with this doubt. */
void who_give_up(struct session *s);
/* From a worker's wake: answers that came for its sessions. */
void who_release(struct worker *w);

/*
 * False: what can be known is known. True: the answer is on its way, and the session waits for it;
 * its state is entered again when the answer is there, or did not come in time.
 */
bool who_is_awaited(struct session *s);

#endif
