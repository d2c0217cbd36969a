/*
 * The system knows a process by its own executable: not by a link to it, nor by the script that an
 * interpreter runs. One that is not on this machine may be on another's.
 */
#include "cli/rules/by_programs.h"
#include "cli/verbs.h"
#include "rules/rules.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check(void *arg, const char *origin, unsigned line, const char *program)
{
	int *status = arg, fd;
	char *real, begin[2] = "";

	if (*status != 0 || strchr(program, '*') != NULL) {
		return;
	}
	real = realpath(program, NULL);
	if (real == NULL) {
		return;
	}
	fd = open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (strcmp(real, program) != 0) {
		*status = complain("%s:%u: by %s is a link: a process is known by its own file, %s",
			origin, line, program, real);
	} else if (fd >= 0 && read(fd, begin, 2) == 2 && memcmp(begin, "#!", 2) == 0) {
		*status = complain("%s:%u: by %s is a script: the process is known by the "
				   "interpreter that runs it",
			origin, line, program);
	}
	if (fd >= 0) {
		close(fd);
	}
	free(real);
}

int by_programs_check(const struct rules *rules)
{
	int status = 0;

	rules_each_program(rules, check, &status);
	return status;
}
