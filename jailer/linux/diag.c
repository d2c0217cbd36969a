/*
 * Words for what failed, and the list of what is up.
 */
#include "jailer/linux/jail_linux.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static void say(struct jail_diag *diag,
	const char *protection, const char *cure, const char *format, va_list args)
{
	memset(diag, 0, sizeof(*diag));
	snprintf(diag->protection, sizeof(diag->protection), "%s", protection);
	snprintf(diag->cure, sizeof(diag->cure), "%s", cure);
	vsnprintf(diag->message, sizeof(diag->message), format, args);
}

int jail_fail(struct jail_diag *diag, int error, const char *protection, const char *cure,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(diag, protection, cure, format, args);
	va_end(args);
	return error;
}

/* Where a limit of the system was reached, it and nothing else is what stands in the way. */
static const char *limit_cure(int number)
{
	switch (number) {
	case EMFILE: return "more open files (`ulimit -n`)";
	case ENFILE: return "more open files (`sysctl fs.file-max`)";
	case ENOMEM: return "more memory (`ulimit -v`, the cgroup's memory.max)";
	default: return NULL;
	}
}

int jail_fail_errno(struct jail_diag *diag, int error, const char *protection, const char *cure,
	const char *format, ...)
{
	int number = errno;
	const char *limit = limit_cure(number);
	va_list args;
	size_t len;

	va_start(args, format);
	say(diag, protection, limit != NULL ? limit : cure, format, args);
	va_end(args);
	len = strlen(diag->message);
	snprintf(diag->message + len, sizeof(diag->message) - len, ": %s", strerror(number));
	return error;
}

void jail_report_add(
	struct jail_reports *r, const char *name, enum jail_state state, const char *format, ...)
{
	struct jail_protection *p;
	va_list args;

	if (r->n == JAIL_PROTECTIONS_MAX) {
		return;
	}
	p = &r->list[r->n++];
	p->name = name;
	p->state = state;
	va_start(args, format);
	vsnprintf(p->detail, sizeof(p->detail), format, args);
	va_end(args);
}

const char *jail_strerror(int error)
{
	switch (error) {
	case JAIL_OK: return "no error";
	case JAIL_EMEMORY: return "memory is out";
	case JAIL_EPROTECTION: return "a protection cannot be put up";
	case JAIL_EVIEW: return "a part of the file view cannot be shown";
	case JAIL_ENOTFOUND: return "the command does not exist in the jail";
	case JAIL_ENOEXEC: return "the command cannot be run";
	case JAIL_ESYSTEM: return "a system call failed";
	default: return "unknown error";
	}
}
