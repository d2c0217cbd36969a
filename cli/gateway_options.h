/*
 * Options of the gateway that `run` and `gateway` have in common.
 */
#ifndef SALLYPORT_CLI_GATEWAY_OPTIONS_H
#define SALLYPORT_CLI_GATEWAY_OPTIONS_H

#include "gateway/gateway.h"

/* "NAME=SECONDS" with the names of struct gateway_deadlines ("first-byte"). 0, or an exit status.
 */
int gateway_option_deadline(struct gateway_deadlines *deadlines, const char *text);

#endif
