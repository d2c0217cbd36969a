/*
 * Where the new root is made: a tmpfs over the host's root, in it root/, which the jail will see,
 * and staging/, where what is mounted into it stands first. A place in root/ is opened inside it,
 * so that no symlink of a shown folder leads a mount elsewhere.
 *
 * Sources: mount_namespaces(7), pivot_root(2), mkdirat(2).
 */
#include "jailer/linux/places.h"
#include "jailer/linux/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int places_enter(struct places *p)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) {
		return -1;
	}
	p->base = mounts_tmpfs("0755", "within_size");
	p->old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->base < 0 || p->old < 0 || mounts_attach(p->base, p->old) != 0 ||
		fchdir(p->base) != 0 || mkdir("root", 0755) != 0 || mkdir("staging", 0700) != 0 ||
		mount("root", "root", NULL, MS_BIND, NULL) != 0) {
		return -1;
	}
	p->root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return p->root < 0 ? -1 : 0;
}

int places_parent(int root, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/'), *name;
	char parent[PATH_MAX];
	int fd, above;

	*ret_name = slash + 1;
	snprintf(parent, sizeof(parent), "%.*s", slash > path ? (int)(slash - path) : 1, path);
	fd = mounts_open_in(root, parent, O_PATH | O_DIRECTORY);
	if (fd >= 0 || errno != ENOENT || slash == path) {
		return fd;
	}
	above = places_parent(root, parent, &name);
	if (above < 0) {
		return -1;
	}
	fd = mkdirat(above, name, 0755) == 0
		     ? openat(above, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
		     : -1;
	close(above);
	return fd;
}

/* A fresh folder or an empty file. */
static int make_place(int parent, const char *name, bool folder)
{
	int made = folder ? mkdirat(parent, name, 0755)
			  : openat(parent, name,
				    O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (made < 0) {
		return -1;
	}
	if (!folder) {
		close(made);
	}
	return openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

int places_open(struct places *p, const char *target, bool folder)
{
	int fd = mounts_open_in(p->root, target, O_PATH), parent;
	const char *name;

	if (fd >= 0 || errno != ENOENT) {
		return fd;
	}
	parent = places_parent(p->root, target, &name);
	if (parent < 0) {
		return -1;
	}
	fd = make_place(parent, name, folder);
	close(parent);
	return fd;
}

int places_attach(struct places *p, int tree, const char *target)
{
	int place = places_open(p, target, mounts_is_folder(tree)), result;

	if (place < 0) {
		return -1;
	}
	result = mounts_attach(tree, place);
	close(place);
	return result;
}

int places_stage_folder(struct places *p, mode_t mode, char name[32])
{
	snprintf(name, 32, "staging/%u", p->staged++);
	return mkdirat(p->base, name, mode);
}

int places_stage_tree(struct places *p, int tree, char name[32])
{
	int place, result;

	if (places_stage_folder(p, 0700, name) != 0) {
		return -1;
	}
	place = openat(p->base, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place < 0) {
		return -1;
	}
	result = mounts_attach(tree, place);
	close(place);
	return result;
}

static int write_all(int fd, const char *from, size_t len)
{
	while (len > 0) {
		ssize_t put = write(fd, from, len);

		if (put <= 0) {
			return -1;
		}
		from += put;
		len -= (size_t)put;
	}
	return 0;
}

int places_stage_file(struct places *p, const char *name, const struct jail_view *v, mode_t mode)
{
	int fd = openat(p->base, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600), result;

	if (fd < 0) {
		return -1;
	}
	result = write_all(fd, v->before, v->before_len) == 0 &&
				 write_all(fd, v->content, v->content_len) == 0
			 ? fchmod(fd, mode)
			 : -1;
	close(fd);
	return result;
}

int places_staged(struct places *p, const char *name)
{
	int tree = mounts_clone(p->base, name);

	if (tree >= 0 &&
		mounts_restrict(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
			false) != 0) {
		close(tree);
		return -1;
	}
	return tree;
}

static int make_private(struct places *p)
{
	int tree = mounts_tmpfs("0700", NULL), result;

	if (tree < 0) {
		return -1;
	}
	result = places_stage_tree(p, tree, p->private);
	close(tree);
	return result;
}

int places_private(struct places *p)
{
	char name[64];

	if (p->private[0] == '\0' && make_private(p) != 0) {
		return -1;
	}
	snprintf(name, sizeof(name), "%s/%u", p->private, p->staged++);
	return mkdirat(p->base, name, 01777) == 0 ? mounts_clone(p->base, name) : -1;
}

int places_pivot(struct places *p)
{
	if (mounts_restrict(p->root, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		    false) != 0) {
		return -1;
	}
	close(p->root);
	close(p->base);
	close(p->old);
	if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 ||
		umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) {
		return -1;
	}
	return 0;
}
