/*
 * The calls by which mounts are made detached, restricted and attached. They know descriptors and
 * attributes, not what a jail is to see.
 *
 * Sources: open_tree(2), mount_setattr(2), move_mount(2), fsopen(2), openat2(2), tmpfs(5).
 */
#include "jailer/linux/mounts.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int mounts_open_in(int root, const char *path, int flags)
{
	struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

int mounts_restrict(int tree, uint64_t attributes, bool recursive)
{
	struct mount_attr attr = {.attr_set = attributes};

	return (int)syscall(SYS_mount_setattr, tree, "",
		AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof(attr));
}

int mounts_bind(const char *source, const char *place, uint64_t attributes)
{
	struct mount_attr attr = {.attr_set = attributes};

	if (mount(source, place, NULL, MS_BIND, NULL) != 0) {
		return -1;
	}
	return attributes == 0
		       ? 0
		       : (int)syscall(SYS_mount_setattr, AT_FDCWD, place, 0, &attr, sizeof(attr));
}

int mounts_attach(int tree, int place)
{
	return (int)syscall(SYS_move_mount, tree, "", place, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int mounts_clone(int dir, const char *path)
{
	return (int)syscall(
		SYS_open_tree, dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

int mounts_clone_in(int root, const char *path, bool links)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | (links ? RESOLVE_NO_MAGICLINKS : RESOLVE_NO_SYMLINKS)};
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how)), tree;

	if (fd < 0) {
		return -1;
	}
	tree = (int)syscall(SYS_open_tree, fd, "",
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
	close(fd);
	return tree;
}

int mounts_tmpfs(const char *mode, const char *huge)
{
	int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), tree = -1;

	if (fs < 0) {
		return -1;
	}
	if (huge != NULL) {
		(void)syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "huge", huge, 0);
	}
	if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "mode", mode, 0) == 0 &&
		syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
		tree = (int)syscall(
			SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	}
	close(fs);
	return tree;
}

bool mounts_is_folder(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}
