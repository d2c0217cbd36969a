/*
 * The gateway as a process of its own, outside the jail, and the socket by which the run directs
 * it.
 */
#ifndef SALLYPORT_CLI_GATEWAY_PROCESS_H
#define SALLYPORT_CLI_GATEWAY_PROCESS_H

#include "audit/audit.h"
#include "cli/gateway/options.h"
#include "cli/text.h"
#include "gateway/gateway.h"
#include "rules/rules.h"

#include <stdbool.h>
#include <sys/types.h>

struct auth_file;

struct gateway_plan {
	struct rules *rules; /* to which the gateway attaches what their files became */
	const char *ca_dir;  /* a service: its CA, and no door but listeners; NULL: a run */
	const struct auth_file *auth; /* whom a service serves; NULL: everybody */
	const char *record_dir;
	const char *run_id;
	bool roots_later; /* the system's are read when an origin is to be verified */
	const unsigned char *digest_key; /* AUDIT_KEY bytes */
	const struct gateway_options *options;
	bool (*admits)(intptr_t client); /* as in gateway.h */
};

/* What the record says of the run before anything happens. */
struct gateway_story {
	const char *command; /* JSON array */
	const char *user, *rules_digest, *view;
};

/* How many sockets a door has here, in the order of struct gateway_door's names: all must arrive.
 */
extern const int gateway_process_sockets;
/* Whether the process ends with the gateway: then its memory and sockets need no giving back. */
extern const bool gateway_process_ends;

struct gateway_process {
	pid_t pid;
	int socket;     /* owned; readable at the gateway's death */
	struct text ca; /* its certificate, PEM */
};

/* Starts it and waits for its CA. 0, or an exit status after having complained. */
int gateway_process_start(const struct gateway_plan *plan, struct gateway_process *ret_process);
/* Hands the door over, which it takes, and waits until the start of the run is on record. */
int gateway_process_open(struct gateway_process *p, const struct gateway_door *door,
	const struct gateway_story *story);
/* Before that: an event is put on record. 0, or an exit status after having complained. */
int gateway_process_event(struct gateway_process *p, const char *reason, const char *detail);
/* A service's: other rules from now on, as ruleset_pack makes them. */
int gateway_process_rules(struct gateway_process *p, const struct text *packed);
/* A service's, before gateway_process_stop: what is asked is answered first, for `seconds`. */
int gateway_process_drain(struct gateway_process *p, unsigned seconds);
/* Has it told of a limit that only it can count? Then its name is printed into `ret_limit`. */
bool gateway_process_limit(struct gateway_process *p, struct text *ret_limit);
/*
 * Ends it: open sessions end, the record is closed and tells which `limit` ended the run (NULL:
 * none). Its totals are printed into `ret_summary`.
 */
int gateway_process_stop(
	struct gateway_process *p, int exit_status, const char *limit, struct text *ret_summary);
/*
 * In the gateway process: takes as many descriptors as the system lets it have, and says how many
 * clients they are enough for, each with an origin of its own. 0: as many as the gateway likes.
 */
unsigned gateway_process_connections(void);
/* Kills what is left. */
void gateway_process_finish(struct gateway_process *p);

#endif
