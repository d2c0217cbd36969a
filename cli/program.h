/*
 * What another program on this machine says. Run in "/" with no input, for at most 30 seconds.
 */
#ifndef SALLYPORT_CLI_PROGRAM_H
#define SALLYPORT_CLI_PROGRAM_H

#include "cli/text.h"

/* Appends its standard output. 0 when it ended with status 0, else -1. */
int program_output(const char *const *argv, struct text *ret_output);
/* Appends standard output and error, whatever the status. 0 when it could be run. */
int program_output_all(const char *const *argv, struct text *ret_output);

#endif
