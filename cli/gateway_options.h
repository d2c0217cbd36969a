/*
 * Options of the gateway that `run` and `gateway` have in common.
 */
#ifndef SALLYPORT_CLI_GATEWAY_OPTIONS_H
#define SALLYPORT_CLI_GATEWAY_OPTIONS_H

#include "audit/audit.h"
#include "gateway/gateway.h"

/* Zero fields take the gateway's own. */
struct gateway_limits {
	unsigned head; /* bytes of a head, requests and responses alike */
	unsigned fields, connections;
};

/* "NAME=SECONDS" with the names of struct gateway_deadlines ("first-byte"). 0, or an exit status.
 */
int gateway_option_deadline(struct gateway_deadlines *deadlines, const char *text);

/* "NAME=N": the limits of struct gateway_limits. 0, or an exit status. */
int gateway_option_at_most(struct gateway_limits *limits, const char *text);

/*
 * "--rotate-size", "--keep-size" (BYTES, KiB, MiB, GiB), "--rotate-age", "--keep-age" (SECONDS, or
 * with s, m, h, d) by their names without the dashes. 0, or an exit status.
 */
int gateway_option_record(struct audit_options *options, const char *name, const char *text);

#endif
