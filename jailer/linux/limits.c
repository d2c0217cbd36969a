/*
 * Limits that the kernel keeps for a process and its children by itself, and those of all together
 * where no cgroup keeps them: counted from outside the command. Source: setrlimit(2), proc(5).
 */
#include "jailer/linux/jail_linux.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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
		/* Address space is not memory: room for what is reserved and never touched. The
		 * memory itself is counted (limits_reached). */
		error = set(RLIMIT_AS, 2 * limits->memory, "memory", diag);
	}
	if (error == 0 && limits->processes != 0) {
		/* The jail's first process counts too; one more, so that it shows that the limit
		 * was reached. */
		error = set(RLIMIT_NPROC, limits->processes + 2, "processes", diag);
	}
	if (error == 0) {
		error = set(RLIMIT_FSIZE, limits->file_size, "file-size", diag);
	}
	return error != 0 ? error : set(RLIMIT_NOFILE, limits->open_files, "open-files", diag);
}

/*
 * Adds a process's threads and the memory that is its own. What is gone meanwhile counts nothing;
 * what cannot be looked at though it is there counts as all there is.
 */
static void add_process(const char *pid, uint64_t *threads, uint64_t *bytes)
{
	unsigned long long number;
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/status", pid);
	file = fopen(path, "re");
	if (file == NULL && errno != ENOENT && errno != ESRCH) {
		*bytes = *threads = UINT64_MAX / 2;
	}
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "RssAnon: %llu", &number) == 1) {
			*bytes += number * 1024;
		} else if (sscanf(line, "Threads: %llu", &number) == 1) {
			*threads += number;
		}
	}
	if (file != NULL) {
		fclose(file);
	}
}

const char *limits_reached(const struct jail_limits *limits)
{
	uint64_t threads = 0, bytes = 0;
	DIR *all = opendir("/proc");
	struct dirent *entry;

	if (all == NULL) {
		return "memory"; /* what cannot be watched any longer is over */
	}
	while ((entry = readdir(all)) != NULL) {
		if (isdigit((unsigned char)entry->d_name[0])) {
			add_process(entry->d_name, &threads, &bytes);
		}
	}
	closedir(all);
	if (limits->memory != 0 && bytes > limits->memory) {
		return "memory";
	}
	return limits->processes != 0 && threads > limits->processes + 1 ? "processes" : NULL;
}

const char *limits_told_by(const struct jail_limits *limits, int status)
{
	bool told = WIFSIGNALED(status) ? WTERMSIG(status) == SIGXFSZ
					: WEXITSTATUS(status) == 128 + SIGXFSZ;

	return limits->file_size != 0 && told ? "file-size" : NULL;
}
