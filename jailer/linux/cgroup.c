/*
 * `limit processes` for root, whom RLIMIT_NPROC does not bind (setrlimit(2): it is not enforced for
 * the machine's user 0, whatever namespace it is in): a pids cgroup of version 2 or 1.
 * Source: cgroups(7), the kernel's admin-guide/cgroup-v2 and cgroup-v1/pids.
 */
#include "jailer/linux/jail_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char cure[] =
	"a pids controller that root may use: cgroup version 2 at /sys/fs/cgroup, "
	"or version 1 at /sys/fs/cgroup/pids; or run as another user than root";

static int write_number(const char *folder, const char *name, uint64_t value)
{
	char path[160], text[24];
	int n = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)value), fd;
	bool whole;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		return -1;
	}
	whole = write(fd, text, (size_t)n) == n;
	close(fd);
	return whole ? 0 : -1;
}

static const char *find_root(void)
{
	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0) {
		int fd = open("/sys/fs/cgroup/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);

		if (fd >= 0) {
			(void)!write(fd, "+pids", 5);
			close(fd);
		}
		return "/sys/fs/cgroup";
	}
	return "/sys/fs/cgroup/pids";
}

int cgroup_enter(pid_t pid, uint64_t processes, char folder[CGROUP_PATH], struct jail_diag *diag)
{
	folder[0] = '\0';
	if (processes == 0 || geteuid() != 0) {
		return 0;
	}
	snprintf(folder, CGROUP_PATH, "%s/sallyport-%d", find_root(), (int)pid);
	if (mkdir(folder, 0755) != 0) {
		int error = jail_fail_errno(
			diag, JAIL_EPROTECTION, "limit processes", cure, "%s", folder);

		folder[0] = '\0';
		return error;
	}
	/* The jail's first process is one of them, and not one of the command's. */
	if (write_number(folder, "pids.max", processes + 1) != 0 ||
		write_number(folder, "cgroup.procs", (uint64_t)pid) != 0) {
		return jail_fail_errno(
			diag, JAIL_EPROTECTION, "limit processes", cure, "%s", folder);
	}
	return 0;
}

void cgroup_leave(const char *folder)
{
	/* The kernel lets go of the dead a moment after they were waited for. */
	for (int i = 0; folder[0] != '\0' && rmdir(folder) != 0 && errno == EBUSY && i < 100; i++) {
		usleep(10000);
	}
}
