/*
 * A folder in which names are absent: the folder as it is below, and above it a layer that says of
 * each of these names that it does not exist (a whiteout). Also a folder whose changes go
 * elsewhere. It knows paths, not why they are hidden.
 *
 * Sources: Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories",
 * "User xattr"; mount(2); mknod(2).
 */
#include "jailer/linux/overlay.h"
#include "jailer/linux/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Folders of a layer stand for those below them, so they look like those. */
static int make_like(int layer, const char *path, int below)
{
	struct stat st;
	struct timespec times[2];

	if (fstatat(below, path, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		return -1;
	}
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	if (strcmp(path, ".") != 0 && mkdirat(layer, path, 0700) != 0 && errno != EEXIST) {
		return -1;
	}
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	/* An owner that is nobody here cannot be given; nothing can be written there anyway. */
	(void)!fchownat(layer, path, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW);
	return fchmodat(layer, path, st.st_mode & 07777, 0) == 0
		       ? utimensat(layer, path, times, AT_SYMLINK_NOFOLLOW)
		       : -1;
}

/* 1: it is there by this name; 0: it is not, but perhaps by a link, which has no place in a layer.
 */
static int is_there(int below, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	int fd = (int)syscall(SYS_openat2, below, path, &how, sizeof(how));

	if (fd < 0) {
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -1;
	}
	close(fd);
	return 1;
}

int overlay_whiteout(int layer, int below, const char *path)
{
	char part[PATH_MAX];
	struct stat st;
	int there = is_there(below, path);

	if (there <= 0) {
		return there;
	}
	for (const char *slash = path; (slash = strchr(slash, '/')) != NULL; slash++) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (make_like(layer, part, below) != 0) {
			return -1;
		}
	}
	/* No privilege is asked for device 0:0: it is no device. */
	if (mknodat(layer, path, S_IFCHR | 0000, 0) != 0 &&
		(errno != EEXIST || fstatat(layer, path, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
			!S_ISCHR(st.st_mode))) {
		return -1;
	}
	snprintf(part, sizeof(part), "%s", path);
	if (strrchr(part, '/') == NULL) {
		return 0; /* overlay_finish() */
	}
	*strrchr(part, '/') = '\0';
	return make_like(layer, part, below);
}

int overlay_finish(int layer, int below)
{
	return make_like(layer, ".", below);
}

static int set(int fs, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0);
}

int overlay_mount(const char *lower, const char *upper, const char *work)
{
	int fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC), tree = -1;

	if (fs < 0) {
		return -1;
	}
	if (set(fs, "lowerdir", lower) == 0 &&
		(upper == NULL ||
			(set(fs, "upperdir", upper) == 0 && set(fs, "workdir", work) == 0)) &&
		syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) == 0 &&
		syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
		tree = (int)syscall(
			SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	}
	close(fs);
	return tree;
}
