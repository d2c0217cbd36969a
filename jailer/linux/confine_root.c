/*
 * Where the kernel has no Landlock: a mount namespace whose root is empty but for one folder, under
 * the path that it has outside. Sources: mount_namespaces(7), user_namespaces(7), pivot_root(2).
 */
#include "jailer/linux/jail_linux.h"
#include "jailer/linux/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x00000001
#endif

static const char name[] = "confinement of the gateway";
static const char cure[] = "a kernel with Landlock (5.13, switched on: `lsm=landlock,...`), or one "
			   "that lets users make user and mount namespaces";

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), result;

	if (fd < 0) {
		return -1;
	}
	result = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(fd);
	return result;
}

/* Root needs no user namespace; who is refused without one makes one, as the same user. */
static int unshare_mounts(void)
{
	unsigned uid = geteuid(), gid = getegid();
	char users[64], groups[64];

	if (unshare(CLONE_NEWNS) == 0) {
		return 0;
	}
	snprintf(users, sizeof(users), "%u %u 1\n", uid, uid);
	snprintf(groups, sizeof(groups), "%u %u 1\n", gid, gid);
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
			       write_text("/proc/self/setgroups", "deny") == 0 &&
			       write_text("/proc/self/uid_map", users) == 0 &&
			       write_text("/proc/self/gid_map", groups) == 0
		       ? 0
		       : -1;
}

/* Below the working folder, which is the new root: "/a/b" becomes "a", "a/b". */
static int make_folders(const char *path)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0') {
			continue;
		}
		snprintf(part, sizeof(part), "%.*s", (int)i - 1, path + 1);
		if (part[0] != '\0' && mkdir(part, 0755) != 0 && errno != EEXIST) {
			return -1;
		}
	}
	return 0;
}

static int enter(const char *folder, const char *cwd)
{
	int tree = mounts_clone(AT_FDCWD, folder), place, result = -1;

	if (tree < 0 ||
		mount("sallyport", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0 ||
		chdir("/tmp") != 0 || make_folders(folder) != 0 || make_folders(cwd) != 0) {
		goto out;
	}
	place = open(folder + 1, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place < 0 || mounts_attach(tree, place) != 0) {
		goto out;
	}
	close(place);
	if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 ||
		chdir("/") != 0) {
		goto out;
	}
	place = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	result = place < 0 ? -1 : mounts_restrict(place, MOUNT_ATTR_RDONLY, false);
	close(place);
	if (result == 0) {
		result = chdir(cwd);
	}
out:
	if (tree >= 0) {
		close(tree);
	}
	return result;
}

int confine_root(const char *folder, struct jail_diag *diag)
{
	char path[PATH_MAX], cwd[PATH_MAX];

	if (realpath(folder, path) == NULL || getcwd(cwd, sizeof(cwd)) == NULL || cwd[0] != '/') {
		return jail_fail_errno(diag, JAIL_EPROTECTION, name, "", "%s", folder);
	}
	if (unshare_mounts() != 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) {
		return jail_fail_errno(diag, JAIL_EPROTECTION, name, cure,
			"this kernel has no Landlock, and a mount namespace cannot be made");
	}
	return enter(path, cwd) == 0 ? 0
				     : jail_fail_errno(diag, JAIL_EPROTECTION, name, cure,
					       "a root that is empty but for %s", path);
}
