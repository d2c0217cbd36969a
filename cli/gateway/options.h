/*
 * Options of the gateway, which `run` and `gateway` have in common.
 */
#ifndef SALLYPORT_CLI_GATEWAY_OPTIONS_H
#define SALLYPORT_CLI_GATEWAY_OPTIONS_H

#include "audit/audit.h"
#include "cli/text.h"
#include "gateway/gateway.h"

#include <limits.h>

struct option;

/* Zero fields take the gateway's own. */
struct gateway_limits {
	unsigned head; /* bytes of a head, requests and responses alike */
	unsigned fields, connections;
};

/* All zero: nothing was said. Texts are argv's, or found in here: it is not to be copied. */
struct gateway_options {
	struct audit_options record; /* its durability, and what becomes of its segments */
	const char *record_key;      /* file; NULL: the record is not sealed */
	const char *checkpoint_to;   /* NULL: nowhere; cli/gateway/checkpoint_push.h */
	struct list digested, recorded_headers; /* names */
	int64_t body_max;                       /* 0: the gateway's own */
	struct list upstream_cas;
	const char *nameserver;     /* "ip:port"; NULL: the system's */
	const char *metrics;        /* "ip:port"; NULL: nowhere */
	const char *upstream_proxy; /* URL; NULL: none */
	struct gateway_deadlines deadlines;
	struct gateway_limits limits;
	unsigned workers; /* 0: one a core */
	int log_level;    /* enum gateway_log_level; what is above is not said */

	char key_path[PATH_MAX]; /* what record_key may point to */
};

/* What --help says of them, whole lines. */
extern const char gateway_options_help[];

/*
 * Reads options up to the first argument that is none, of which optind tells as after getopt_long:
 * these here, and the verb's `own` (ending in zeros, `val` a letter), which are given to `take`
 * with their argument in optarg, as is '?' for what is neither. Ends at the first `take` which does
 * not return 0, and returns that; 0, or an exit status after having complained.
 */
int gateway_options_parse(struct gateway_options *o, int argc, char **argv,
	const struct option *own, int (*take)(void *arg, int option), void *arg);

/*
 * The key that seals the record, where none was named: the installation's, for the records of all
 * its runs. 0, or an exit status after having complained.
 */
int gateway_options_find_key(struct gateway_options *o);

void gateway_options_finish(struct gateway_options *o);

#endif
