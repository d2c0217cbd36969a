/*
 * A /dev with the few devices that programs cannot do without, and terminals of its own.
 */
#include "jailer/linux/jail_linux.h"
#include "jailer/linux/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};

static const struct {
	const char *name, *to;
} links[] = {
	{"fd", "/proc/self/fd"},
	{"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"},
	{"ptmx", "pts/ptmx"},
};

static int put_device(const char *name)
{
	char source[32];
	int made;

	snprintf(source, sizeof(source), "/dev/%s", name);
	made = open(source + 1, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
	if (made < 0) {
		return -1;
	}
	close(made);
	return mounts_bind(source, source + 1, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

/* A terminal namespace of its own: the host's pseudo terminals do not exist in it. */
static int put_terminals(int dev)
{
	int fs = (int)syscall(SYS_fsopen, "devpts", FSOPEN_CLOEXEC), tree, place, result = -1;

	if (fs < 0) {
		return -1;
	}
	if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "ptmxmode", "0666", 0) != 0 ||
		syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "mode", "0620", 0) != 0 ||
		syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0) {
		close(fs);
		return -1;
	}
	tree = (int)syscall(
		SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	close(fs);
	place = mkdirat(dev, "pts", 0755) == 0 ? openat(dev, "pts", O_PATH | O_CLOEXEC) : -1;
	if (tree >= 0 && place >= 0) {
		result = mounts_attach(tree, place);
	}
	close(tree);
	close(place);
	return result;
}

static int put_shm(int dev, int tree)
{
	int place, result = -1;

	place = mkdirat(dev, "shm", 0755) == 0 ? openat(dev, "shm", O_PATH | O_CLOEXEC) : -1;
	if (tree >= 0 && place >= 0) {
		result = mounts_attach(tree, place);
	}
	close(place);
	return result;
}

static int fill(int dev, int shm, struct jail_diag *diag)
{
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		if (put_device(devices[i]) != 0) {
			return jail_fail_errno(
				diag, JAIL_EVIEW, "devices", "", "/dev/%s", devices[i]);
		}
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (symlinkat(links[i].to, dev, links[i].name) != 0) {
			return jail_fail_errno(
				diag, JAIL_EVIEW, "devices", "", "/dev/%s", links[i].name);
		}
	}
	if (put_terminals(dev) != 0) {
		return jail_fail_errno(
			diag, JAIL_EPROTECTION, "terminals", "a kernel with devpts", "/dev/pts");
	}
	return put_shm(dev, shm) == 0
		       ? 0
		       : jail_fail_errno(diag, JAIL_EVIEW, "devices", "", "/dev/shm");
}

int dev_setup(int root, int tree, int shm, struct jail_diag *diag)
{
	int place, dev = -1, error = 0;

	if (mkdirat(root, "dev", 0755) != 0 && errno != EEXIST) {
		error = -1;
	}
	place = openat(root, "dev", O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
	if (error != 0 || tree < 0 || place < 0 || mounts_attach(tree, place) != 0 ||
		(dev = openat(root, "dev", O_RDONLY | O_CLOEXEC | O_DIRECTORY)) < 0) {
		error = jail_fail_errno(diag, JAIL_EVIEW, "devices", "", "/dev");
	} else {
		error = fill(dev, shm, diag);
	}
	/* Its list is final. */
	if (error == 0 && mounts_restrict(tree, MOUNT_ATTR_RDONLY, false) != 0) {
		error = jail_fail_errno(diag, JAIL_EPROTECTION, "devices", "", "/dev read-only");
	}
	close(dev);
	close(place);
	return error;
}
