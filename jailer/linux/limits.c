/*
 * Limits that the kernel keeps for a process and its children by itself. Source: setrlimit(2).
 */
#include "jailer/linux/jail_linux.h"

#include <sys/resource.h>

static int set(int which, uint64_t value, const char *name, struct jail_diag *diag)
{
	struct rlimit limit = {value, value}, now;

	if (value == 0) {
		return 0;
	}
	/* A hard limit below what is asked for is a narrower limit: it stays. */
	if (getrlimit((__rlimit_resource_t)which, &now) == 0 && now.rlim_max != RLIM_INFINITY &&
		now.rlim_max < value) {
		return 0;
	}
	if (setrlimit((__rlimit_resource_t)which, &limit) != 0) {
		return jail_fail_errno(diag, JAIL_EPROTECTION, "limits", "", "limit %s", name);
	}
	return 0;
}

int limits_apply(const struct jail_limits *limits, struct jail_diag *diag)
{
	int error = set(RLIMIT_CORE, 1, "core", diag);

	if (error == 0) {
		error = set(RLIMIT_AS, limits->memory, "memory", diag);
	}
	if (error == 0) {
		error = set(RLIMIT_NPROC, limits->processes, "processes", diag);
	}
	if (error == 0) {
		error = set(RLIMIT_FSIZE, limits->file_size, "file-size", diag);
	}
	return error != 0 ? error : set(RLIMIT_NOFILE, limits->open_files, "open-files", diag);
}
