/*
 * What runs inside the gateway process.
 */
#ifndef SALLYPORT_CLI_GATEWAY_PROCESS_MAIN_H
#define SALLYPORT_CLI_GATEWAY_PROCESS_MAIN_H

struct gateway_plan;

/* Serves one run, directed by frames on `socket`. Returns the exit status. */
int gateway_main(const struct gateway_plan *plan, int socket);

#endif
