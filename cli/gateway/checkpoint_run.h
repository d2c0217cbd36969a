/*
 * Somebody who runs a command for the gateway process, which may not: it is confined.
 */
#ifndef SALLYPORT_CLI_GATEWAY_CHECKPOINT_RUN_H
#define SALLYPORT_CLI_GATEWAY_CHECKPOINT_RUN_H

#include <stdbool.h>
#include <stddef.h>

struct checkpoint_run;

/* Before there are threads and secrets; `command` is for the system's shell. NULL: it cannot be. */
struct checkpoint_run *checkpoint_run_start(const char *command);
/* Runs it with these bytes as its input, and waits. False: it failed. */
bool checkpoint_run(struct checkpoint_run *r, const char *note, size_t len);
/* `idle`: no command is under way, so that the end can be waited for. */
void checkpoint_run_finish(struct checkpoint_run *r, bool idle);

#endif
