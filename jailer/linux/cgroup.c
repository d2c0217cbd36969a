/*
 * Limits of the whole jail: a cgroup of version 2 where the caller's own has been delegated (or the
 * caller is root), of version 1 where its folders can be written. What cannot be had here is left
 * to rlimits and the watch of the first process (limits.c), or refused. Source: cgroups(7), the
 * kernel's admin-guide/cgroup-v2 and cgroup-v1/{pids,memory}.
 */
#include "jailer/linux/jail_linux.h"
#include "jailer/linux/repair.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CPU_PERIOD_US = 100000 };

static const char root[] = "/sys/fs/cgroup", run_prefix[] = "sallyport-";
static const struct {
	const char *name, *limit;
} controllers[CGROUP_CONTROLLERS] = {
	{"pids", "limit processes"}, {"memory", "limit memory"}, {"cpu", "limit cpu"}};
static const char cure[] =
	"cgroup version 2 delegated to the user (systemd-run --user --scope), or "
	"version 1 that the caller may write to";

static int write_text(const char *folder, const char *name, const char *text)
{
	char path[CGROUP_PATH + 64];
	size_t n = strlen(text);
	bool whole;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		return -1;
	}
	whole = write(fd, text, n) == (ssize_t)n;
	close(fd);
	return whole ? 0 : -1;
}

static int write_number(const char *folder, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return write_text(folder, name, text);
}

/* The number behind the word in a file of "word number" lines; 0 when it is not there. */
static uint64_t read_count(const char *folder, const char *name, const char *word)
{
	char path[CGROUP_PATH + 64], key[64];
	unsigned long long value, found = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	while (file != NULL && fscanf(file, "%63s %llu", key, &value) == 2) {
		if (strcmp(key, word) == 0) {
			found = value;
		}
	}
	if (file != NULL) {
		fclose(file);
	}
	return found;
}

static bool has_word(const char *folder, const char *name, const char *word)
{
	char path[CGROUP_PATH + 64], key[64];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	while (file != NULL && !found && fscanf(file, "%63s", key) == 1) {
		found = strcmp(key, word) == 0;
	}
	if (file != NULL) {
		fclose(file);
	}
	return found;
}

/* The caller's own path in the hierarchy of a controller; "" of version 2's. */
static void own_path(const char *controller, char path[CGROUP_PATH])
{
	char line[PATH_MAX];
	FILE *file = fopen("/proc/self/cgroup", "re");

	path[0] = '\0';
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		char *names = strchr(line, ':'), *end = names ? strchr(names + 1, ':') : NULL;

		if (end == NULL) {
			continue;
		}
		*end = '\0';
		end[1 + strcspn(end + 1, "\n")] = '\0';
		if (strcmp(names + 1, controller) == 0 && strlen(end + 1) < CGROUP_PATH) {
			snprintf(path, CGROUP_PATH, "%s", strcmp(end + 1, "/") ? end + 1 : "");
			break;
		}
	}
	if (file != NULL) {
		fclose(file);
	}
}

/* Dead and not yet waited for is dead. What cannot be looked at is taken for alive. */
static bool is_alive(pid_t pid)
{
	char path[64], line[512] = "";
	const char *state;
	FILE *file;

	if (kill(pid, 0) != 0 && errno == ESRCH) {
		return false;
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file == NULL) {
		return true;
	}
	state = fgets(line, sizeof(line), file) != NULL ? strrchr(line, ')') : NULL;
	fclose(file);
	return state == NULL || (strncmp(state, ") Z", 3) != 0 && strncmp(state, ") X", 3) != 0);
}

/*
 * Is it the folder of a run whose first process, after which it is named, is gone? A run that was
 * killed cannot take its folder away. rmdir(2) fails where there is still a process, so that a
 * number that is somebody's in another pid namespace does no harm.
 */
static bool is_left(const char *name)
{
	size_t prefix = strlen(run_prefix);
	char *end;
	long pid;

	if (strncmp(name, run_prefix, prefix) != 0) {
		return false;
	}
	pid = strtol(name + prefix, &end, 10);
	return *end == '\0' && end != name + prefix && pid > 0 && !is_alive((pid_t)pid);
}

static void sweep(const char *parent)
{
	DIR *all = opendir(parent);
	struct dirent *entry;

	while (all != NULL && (entry = readdir(all)) != NULL) {
		if (is_left(entry->d_name)) {
			(void)unlinkat(dirfd(all), entry->d_name, AT_REMOVEDIR);
		}
	}
	if (all != NULL) {
		closedir(all);
	}
}

void jail_repair(unsigned *ret_undone, unsigned *ret_failed)
{
	char *const roots[] = {(char *)root, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	*ret_undone = *ret_failed = 0;
	while (walk != NULL && (entry = fts_read(walk)) != NULL) {
		if (entry->fts_info == FTS_DP && is_left(entry->fts_name)) {
			*(rmdir(entry->fts_path) == 0 ? ret_undone : ret_failed) += 1;
		}
	}
	if (walk != NULL) {
		fts_close(walk);
	}
}

/* What a run would use, entered. The number of one that was killed may come again. */
static int make(const char *parent, pid_t pid, char folder[CGROUP_PATH])
{
	sweep(parent);
	if (snprintf(folder, CGROUP_PATH, "%.*s/%s%d", CGROUP_PATH - 32, parent, run_prefix,
		    (int)pid) >= CGROUP_PATH ||
		mkdir(folder, 0755) != 0) {
		folder[0] = '\0';
		return -1;
	}
	if (write_number(folder, "cgroup.procs", (uint64_t)pid) != 0) {
		rmdir(folder);
		folder[0] = '\0';
		return -1;
	}
	return 0;
}

/* ---- version 2: the nearest folder above us that gives the controllers to its children ---- */

static bool gives(const char *folder, const bool *wanted)
{
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		char word[16];

		if (!wanted[i]) {
			continue;
		}
		snprintf(word, sizeof(word), "+%s", controllers[i].name);
		if (!has_word(folder, "cgroup.subtree_control", controllers[i].name) &&
			write_text(folder, "cgroup.subtree_control", word) != 0) {
			return false;
		}
	}
	return true;
}

static int enter_v2(struct cgroup *c, pid_t pid, const bool *wanted)
{
	char own[CGROUP_PATH], parent[CGROUP_PATH + sizeof(root)], folder[CGROUP_PATH];

	own_path("", own);
	for (;;) {
		snprintf(parent, sizeof(parent), "%s%s", root, own);
		if (gives(parent, wanted) && make(parent, pid, folder) == 0) {
			break;
		}
		if (strrchr(own, '/') == NULL) {
			return -1;
		}
		*strrchr(own, '/') = '\0';
	}
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (wanted[i]) {
			memcpy(c->folders[i], folder, sizeof(folder));
		}
	}
	c->version = 2;
	return 0;
}

/* ---- version 1: one folder for each controller, below our own where that is to be seen ---- */

static int enter_v1(struct cgroup *c, pid_t pid, int controller)
{
	const char *name = controllers[controller].name;
	char own[CGROUP_PATH], parent[CGROUP_PATH + sizeof(root) + 16];

	own_path(name, own);
	for (int attempt = 0; attempt < 2; attempt++) {
		snprintf(parent, sizeof(parent), "%s/%s%s", root, name, own);
		if (make(parent, pid, c->folders[controller]) == 0) {
			c->version = 1;
			return 0;
		}
		own[0] = '\0'; /* a container shows its own part of the hierarchy as the root */
	}
	return -1;
}

/* ---- limits ---- */

static int set_limit(const struct cgroup *c, int controller, const struct jail_limits *limits)
{
	const char *folder = c->folders[controller];
	bool new = c->version == 2;
	char quota[64];

	switch (controller) {
	case CGROUP_PIDS:
		/* The jail's first process is one of them, and not one of the command's. */
		return write_number(folder, "pids.max", limits->processes + 1);
	case CGROUP_MEMORY:
		if (write_number(folder, new ? "memory.max" : "memory.limit_in_bytes",
			    limits->memory) != 0) {
			return -1;
		}
		/* Where swap is counted, none of it is added to what was asked for. */
		(void)write_number(folder, new ? "memory.swap.max" : "memory.memsw.limit_in_bytes",
			new ? 0 : limits->memory);
		return 0;
	default:
		snprintf(quota, sizeof(quota), "%llu %d",
			(unsigned long long)limits->cpu * (CPU_PERIOD_US / 100), CPU_PERIOD_US);
		if (new) {
			return write_text(folder, "cpu.max", quota);
		}
		if (write_number(folder, "cpu.cfs_period_us", CPU_PERIOD_US) != 0) {
			return -1;
		}
		return write_number(
			folder, "cpu.cfs_quota_us", limits->cpu * (CPU_PERIOD_US / 100));
	}
}

/* Nothing else can do it: rlimits know no share of a core, and do not bind root's processes. */
static bool is_needed(int controller)
{
	return controller == CGROUP_CPU || (controller == CGROUP_PIDS && geteuid() == 0);
}

int cgroup_enter(struct cgroup *c, pid_t pid, struct jail_limits *limits, struct jail_diag *diag)
{
	const bool wanted[CGROUP_CONTROLLERS] = {
		limits->processes != 0, limits->memory != 0, limits->cpu != 0};
	char path[64];

	snprintf(path, sizeof(path), "%s/cgroup.controllers", root);
	if ((wanted[0] || wanted[1] || wanted[2]) && access(path, F_OK) == 0) {
		(void)enter_v2(c, pid, wanted);
	}
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (!wanted[i]) {
			continue;
		}
		if (c->version != 2 && enter_v1(c, pid, i) != 0 && is_needed(i)) {
			return jail_fail_errno(diag, JAIL_EPROTECTION, controllers[i].limit, cure,
				"a cgroup with the controller %s", controllers[i].name);
		}
		if (c->folders[i][0] != '\0' && set_limit(c, i, limits) != 0) {
			return jail_fail_errno(diag, JAIL_EPROTECTION, controllers[i].limit, cure,
				"%s", c->folders[i]);
		}
	}
	/* What is done here is not done again by rlimits, which count otherwise. */
	limits->processes = c->folders[CGROUP_PIDS][0] != '\0' ? 0 : limits->processes;
	limits->memory = c->folders[CGROUP_MEMORY][0] != '\0' ? 0 : limits->memory;
	return 0;
}

bool cgroup_is_used(const struct cgroup *c)
{
	return c->version != 0;
}

const char *cgroup_reached(const struct cgroup *c)
{
	const char *memory = c->folders[CGROUP_MEMORY], *pids = c->folders[CGROUP_PIDS];

	if (memory[0] != '\0' &&
		read_count(memory, c->version == 2 ? "memory.events" : "memory.oom_control",
			"oom_kill") > 0) {
		return "memory";
	}
	return pids[0] != '\0' && read_count(pids, "pids.events", "max") > 0 ? "processes" : NULL;
}

void cgroup_report(const struct cgroup *c, const struct jail_limits *left, struct jail_reports *r)
{
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (c->folders[i][0] != '\0') {
			jail_report_add(r, controllers[i].limit, JAIL_UP, "cgroup v%d", c->version);
		}
	}
	if (left->processes != 0) {
		jail_report_add(r, "limit processes", JAIL_UP, "%s", "rlimit, and counted");
	}
	if (left->memory != 0) {
		jail_report_add(r, "limit memory", JAIL_UP, "%s", "rlimit, and counted");
	}
}

void cgroup_leave(const struct cgroup *c)
{
	for (int k = 0; k < CGROUP_CONTROLLERS; k++) {
		const char *folder = c->folders[k];

		/* The kernel lets go of the dead a moment after they were waited for. */
		for (int i = 0;
			folder[0] != '\0' && rmdir(folder) != 0 && errno == EBUSY && i < 100; i++) {
			usleep(10000);
		}
	}
}
