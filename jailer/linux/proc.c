/*
 * A /proc that shows the jail's processes alone, with the switches of the kernel out of reach: uid
 * 0 of a run started by root owns those files, capabilities or not.
 */
#include "jailer/linux/jail_linux.h"
#include "jailer/linux/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char cure[] = "a container that does not cover parts of /proc "
			   "(docker: --security-opt systempaths=unconfined)";

static const char *const read_only[] = {"sys", "sysrq-trigger", "irq", "bus", "fs", "mtrr", "scsi",
	"acpi", "asound", "driver", "tty"};
/* Not even to be read: memory, keys and addresses of the kernel. */
static const char *const masked[] = {"kcore", "keys", "key-users", "kallsyms", "kmsg", "timer_list",
	"sched_debug", "latency_stats", "modules", "kpagecount", "kpageflags", "kpagecgroup",
	"vmallocinfo", "slabinfo", "config.gz"};

/* Where proc(5) has no such name there is nothing to keep from anybody. */
static int freeze(const char *name)
{
	char place[64];

	snprintf(place, sizeof(place), "proc/%s", name);
	return mounts_bind(place, place, MOUNT_ATTR_RDONLY) == 0 || errno == ENOENT ? 0 : -1;
}

/* /dev/null over it: opens, and is empty. */
static int mask(const char *name)
{
	char place[64];

	snprintf(place, sizeof(place), "proc/%s", name);
	return mounts_bind("dev/null", place, 0) == 0 || errno == ENOENT ? 0 : -1;
}

static int mount_proc(int root)
{
	int fs = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC), tree = -1, place, result = -1;

	if (fs < 0) {
		return -1;
	}
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
		tree = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
			MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	}
	close(fs);
	if (tree < 0 || (mkdirat(root, "proc", 0555) != 0 && errno != EEXIST)) {
		return -1;
	}
	place = openat(root, "proc", O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
	if (place >= 0) {
		result = mounts_attach(tree, place);
		close(place);
	}
	close(tree);
	return result;
}

int proc_setup(int root, struct jail_diag *diag)
{
	int error = 0;

	if (mount_proc(root) != 0 || access("dev/null", F_OK) != 0) {
		return jail_fail_errno(diag, JAIL_EPROTECTION, "/proc", cure, "a fresh /proc");
	}
	for (size_t i = 0; error == 0 && i < sizeof(read_only) / sizeof(read_only[0]); i++) {
		if (freeze(read_only[i]) != 0) {
			error = jail_fail_errno(
				diag, JAIL_EPROTECTION, "/proc", cure, "/proc/%s", read_only[i]);
		}
	}
	for (size_t i = 0; error == 0 && i < sizeof(masked) / sizeof(masked[0]); i++) {
		if (mask(masked[i]) != 0) {
			error = jail_fail_errno(
				diag, JAIL_EPROTECTION, "/proc", cure, "/proc/%s", masked[i]);
		}
	}
	return error;
}
