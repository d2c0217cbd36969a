/*
 * Windows: the gateway is a thread of the run and not confined; it runs the command itself.
 */
#include "cli/gateway/checkpoint_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct checkpoint_run {
	char *command; /* owned */
};

struct checkpoint_run *checkpoint_run_start(const char *command)
{
	struct checkpoint_run *r = calloc(1, sizeof(*r));

	if (r != NULL) {
		r->command = strdup(command);
	}
	if (r == NULL || r->command == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

bool checkpoint_run(struct checkpoint_run *r, const char *note, size_t len)
{
	FILE *pipe = popen(r->command, "w");
	bool written;

	if (pipe == NULL) {
		return false;
	}
	written = fwrite(note, 1, len, pipe) == len;
	return pclose(pipe) == 0 && written;
}

void checkpoint_run_finish(struct checkpoint_run *r, bool idle)
{
	(void)idle;
	if (r != NULL) {
		free(r->command);
		free(r);
	}
}
