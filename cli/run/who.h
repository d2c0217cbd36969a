/*
 * Between jail and gateway, which do not know each other: the gateway asks which program a client
 * is, the jailer knows, and a thread of the run carries it from one to the other.
 */
#ifndef SALLYPORT_CLI_RUN_WHO_H
#define SALLYPORT_CLI_RUN_WHO_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct jail;

/* Whether programs are found out here at all; without, rules with `by` start nothing. */
extern const bool who_is_known;

struct who_desk {
	intptr_t socket; /* owned; 0 = there is none */
	struct jail *jail;
	pthread_t thread;
	bool runs;
};

/* The gateway's end, or -1 where programs are not found out. 0, or an exit status. */
int who_open(struct who_desk *desk, intptr_t *ret_gateway_end);
/* When the command runs: what was asked meanwhile is answered. 0, or an exit status. */
int who_start(struct who_desk *desk, struct jail *jail);
/* Before the jail is destroyed. */
void who_stop(struct who_desk *desk);

#endif
