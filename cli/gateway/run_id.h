/*
 * The id of a run, or of a service's life: what its records have in common.
 */
#ifndef SALLYPORT_CLI_GATEWAY_RUN_ID_H
#define SALLYPORT_CLI_GATEWAY_RUN_ID_H

enum { RUN_ID = 64 };

/* Its start, UTC, and a random part: in the order of time as text. 0, or an exit status after
 * having complained. */
int run_id(char ret_id[RUN_ID]);

#endif
