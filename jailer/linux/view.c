/*
 * The file view: an empty root in which only what the view names is put. Every mount is made
 * detached, given its attributes for the whole tree under it, and only then attached to a place
 * that was opened inside the new root, so that no symlink of a shown folder leads the mount
 * elsewhere.
 *
 * Sources: mount_namespaces(7), pivot_root(2), open_tree(2), mount_setattr(2), openat2(2).
 */
#include "jailer/linux/jail_linux.h"
#include "jailer/linux/mounts.h"
#include "jailer/linux/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char cure[] = "Linux 5.12 or later, and a container that lets user namespaces mount";

static const char review_cure[] =
	"for --review: Linux 5.11 or later with overlayfs, a record folder "
	"on a file system with user attributes, and no mount in the "
	"folder";

/* Where things are while the view is built. */
struct places {
	const struct jail_view *view;
	size_t n_view;
	int old;  /* the host's root, read through this only */
	int base; /* our tmpfs: root/ is the new root, staging/ holds files */
	int root;
	char private[32]; /* in staging/: a tmpfs for all that the command may fill, once there is
			     something */
	unsigned staged;
};

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

/*
 * An empty tmpfs, attached nowhere. `huge` as tmpfs(5) reads it, where the kernel does, or NULL:
 * "within_size" takes memory for a large file by more than a page at a time (Linux 6.14), which
 * costs a third.
 */
static int make_tmpfs(const char *mode, const char *huge)
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

/*
 * The folder inside the new root in which `path` lies, made with those that lead to it where it is
 * not there. What is made then is made by its name alone: a path could lead through a link, and
 * "/" is still the host's.
 */
static int open_parent(int root, const char *path, const char **ret_name)
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
	above = open_parent(root, parent, &name);
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

/* An O_PATH descriptor of the target, made (as a folder or an empty file) when it is not there. */
static int open_place(struct places *p, const char *target, bool folder)
{
	int fd = mounts_open_in(p->root, target, O_PATH), parent;
	const char *name;

	if (fd >= 0 || errno != ENOENT) {
		return fd;
	}
	parent = open_parent(p->root, target, &name);
	if (parent < 0) {
		return -1;
	}
	fd = make_place(parent, name, folder);
	close(parent);
	return fd;
}

static bool is_folder(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static int attach_at(struct places *p, int tree, const char *target)
{
	int place = open_place(p, target, is_folder(tree)), result;

	if (place < 0) {
		return -1;
	}
	result = mounts_attach(tree, place);
	close(place);
	return result;
}

static bool is_under(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && path[len] == '/';
}

/* Whether something else that is named says all that `hidden` says, or needs its name. */
static bool is_entangled(
	const struct places *p, const struct jail_view *v, const struct jail_view *hidden)
{
	for (const struct jail_view *other = v + 1; other < p->view + p->n_view; other++) {
		if (other->mode == JAIL_HIDE ? is_under(hidden->target, other->target)
					     : strcmp(other->target, hidden->target) == 0 ||
						       is_under(other->target, hidden->target) ||
						       is_under(hidden->target, other->target)) {
			return true;
		}
	}
	return false;
}

/* Whether `v` is what would show `hidden`, with nothing laid over it later. */
static bool shows(const struct places *p, const struct jail_view *v, const struct jail_view *hidden)
{
	return hidden > v && hidden->mode == JAIL_HIDE && is_under(hidden->target, v->target) &&
	       !is_entangled(p, v, hidden);
}

/* An empty folder of ours, of which nothing is shown by this name. */
static int stage_folder(struct places *p, mode_t mode, char name[32])
{
	snprintf(name, 32, "staging/%u", p->staged++);
	return mkdirat(p->base, name, mode);
}

/* Attaches at a name of ours in staging/, where overlayfs can find it. */
static int stage_tree(struct places *p, int tree, char name[32])
{
	int place, result;

	if (stage_folder(p, 0700, name) != 0) {
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

static int fill_layer(
	struct places *p, const struct jail_view *v, const char *layer_name, int below)
{
	int layer = openat(p->base, layer_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;

	if (layer < 0) {
		return -1;
	}
	for (size_t i = 0; result == 0 && i < p->n_view; i++) {
		if (shows(p, v, &p->view[i])) {
			result = overlay_whiteout(
				layer, below, p->view[i].target + strlen(v->target) + 1);
		}
	}
	result = result == 0 ? overlay_finish(layer, below) : result;
	close(layer);
	return result;
}

/*
 * The same folder without what is hidden in it. -1 where this kernel or this folder (one with
 * mounts of a container in it) does not let us: then what is hidden is covered, by put_hide().
 */
static int without_hidden(struct places *p, const struct jail_view *v, int tree)
{
	char below_name[32], layer_name[32], lower[80];
	int below = -1, result = -1, copy;
	bool any = false;

	for (size_t i = 0; i < p->n_view; i++) {
		any = any || shows(p, v, &p->view[i]);
	}
	if (!any || !is_folder(tree)) {
		return -1;
	}
	copy = (int)syscall(SYS_open_tree, tree, "",
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
	/* Kernels before 6.15 copy nothing that has not been put anywhere yet (EINVAL). Then it is
	 * the mount itself that lies below; where no overlay comes of it, it is moved on from
	 * there. */
	if (stage_tree(p, copy >= 0 ? copy : tree, below_name) == 0 &&
		stage_folder(p, 0755, layer_name) == 0) {
		below = openat(p->base, below_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below >= 0 && fill_layer(p, v, layer_name, below) == 0) {
			snprintf(lower, sizeof(lower), "%s:%s", layer_name, below_name);
			result = overlay_mount(lower, NULL, NULL);
		}
	}
	if (copy >= 0) {
		close(copy);
	}
	close(below);
	return result;
}

/* The folder as it is lies below, what changes above it. */
static int put_review(struct places *p, const struct jail_view *v)
{
	const char *source = v->source != NULL ? v->source : v->target;
	char below[32], above[32], upper[64], work[64];
	int lower = mounts_clone_in(p->old, source, v->source == NULL), changes = -1, tree = -1,
	    result = -1;

	if (v->changes != NULL && v->changes[0] == '/') {
		changes = mounts_clone_in(p->old, v->changes, false);
	}
	if (lower >= 0 && changes >= 0 && stage_tree(p, lower, below) == 0 &&
		stage_tree(p, changes, above) == 0) {
		snprintf(upper, sizeof(upper), "%s/upper", above);
		snprintf(work, sizeof(work), "%s/work", above);
		tree = overlay_mount(below, upper, work);
	}
	if (tree >= 0) {
		result = attach_at(p, tree, v->target);
		close(tree);
	}
	if (lower >= 0) {
		close(lower);
	}
	if (changes >= 0) {
		close(changes);
	}
	return result;
}

static int put_bind(struct places *p, const struct jail_view *v)
{
	const char *source = v->source != NULL ? v->source : v->target;
	uint64_t attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	int tree = mounts_clone_in(p->old, source, v->source == NULL), result, without;

	if (tree < 0) {
		return -1;
	}
	if (v->mode == JAIL_READ) {
		attributes |= MOUNT_ATTR_RDONLY;
		without = without_hidden(p, v, tree);
		if (without >= 0) {
			close(tree);
			tree = without;
		}
	}
	result = mounts_restrict(tree, attributes, true);
	if (result == 0) {
		result = attach_at(p, tree, v->target);
	}
	close(tree);
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

/* The content stands in a tmpfs of ours that the jail cannot reach by any other name. */
static int stage(struct places *p, const char *name, const struct jail_view *v, mode_t mode)
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

/* A mount of what was staged. */
static int staged_tree(struct places *p, const char *name)
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

/* Which entry names this content first: a bundle of certificates has many places. */
static size_t first_with(const struct places *p, const struct jail_view *v)
{
	size_t i = 0;

	while (p->view[i].mode != JAIL_FILE || p->view[i].content != v->content ||
		p->view[i].content_len != v->content_len || p->view[i].before != v->before ||
		p->view[i].before_len != v->before_len) {
		i++;
	}
	return i;
}

static int put_file(struct places *p, const struct jail_view *v)
{
	char name[32];
	int tree, result;

	snprintf(name, sizeof(name), "staging/file-%zu", first_with(p, v));
	if (faccessat(p->base, name, F_OK, 0) != 0 && stage(p, name, v, 0444) != 0) {
		return -1;
	}
	tree = staged_tree(p, name);
	if (tree < 0) {
		return -1;
	}
	result = attach_at(p, tree, v->target);
	close(tree);
	return result;
}

static int make_private(struct places *p)
{
	int tree = make_tmpfs("0700", NULL), result;

	if (tree < 0) {
		return -1;
	}
	result = stage_tree(p, tree, p->private);
	close(tree);
	return result;
}

/* A folder of the one tmpfs in which everything private is: making a file system costs most. */
static int private_tree(struct places *p)
{
	char name[64];

	if (p->private[0] == '\0' && make_private(p) != 0) {
		return -1;
	}
	snprintf(name, sizeof(name), "%s/%u", p->private, p->staged++);
	return mkdirat(p->base, name, 01777) == 0 ? mounts_clone(p->base, name) : -1;
}

static int put_private(struct places *p, const struct jail_view *v)
{
	int tree = private_tree(p), result;

	if (tree < 0) {
		return -1;
	}
	result = attach_at(p, tree, v->target);
	close(tree);
	return result;
}

/*
 * What stands there is covered by something empty of its kind: in a folder that can be written,
 * where an absent name could be made and the thing itself replaced. What does not exist (or no
 * longer, see without_hidden) needs no cover.
 */
static int put_hide(struct places *p, const struct jail_view *v)
{
	/* Of a link, what it leads to here: a link itself can be covered by nothing. */
	int place = mounts_open_in(p->root, v->target, O_PATH), tree, result;
	char name[32];
	bool folder;

	if (place < 0) {
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	}
	folder = is_folder(place);
	close(place);
	if (folder) {
		result = stage_folder(p, 0, name);
	} else {
		snprintf(name, sizeof(name), "staging/%u", p->staged++);
		result = stage(p, name, &(struct jail_view){JAIL_FILE}, 0);
	}
	tree = result == 0 ? staged_tree(p, name) : -1;
	if (tree < 0) {
		return -1;
	}
	result = attach_at(p, tree, v->target);
	close(tree);
	return result;
}

static int put_symlink(struct places *p, const struct jail_view *v)
{
	const char *name;
	int parent = open_parent(p->root, v->target, &name), result;

	if (parent < 0) {
		return -1;
	}
	result = symlinkat(v->source, parent, name);
	close(parent);
	return result;
}

static int put_dir(struct places *p, const struct jail_view *v)
{
	int fd = open_place(p, v->target, true);

	if (fd < 0) {
		return -1;
	}
	close(fd);
	return 0;
}

static int put(struct places *p, const struct jail_view *v)
{
	switch (v->mode) {
	case JAIL_READ:
	case JAIL_WRITE: return put_bind(p, v);
	case JAIL_TMPFS: return put_private(p, v);
	case JAIL_FILE: return put_file(p, v);
	case JAIL_SYMLINK: return put_symlink(p, v);
	case JAIL_DIR: return put_dir(p, v);
	case JAIL_REVIEW: return put_review(p, v);
	case JAIL_HIDE: return put_hide(p, v);
	}
	errno = EINVAL;
	return -1;
}

static bool absent(const struct jail_view *v)
{
	return v->optional &&
	       (errno == ENOENT || errno == ENOTDIR || errno == EROFS || errno == EACCES);
}

static int put_all(
	struct places *p, const struct jail_view *view, size_t n_view, struct jail_diag *diag)
{
	for (size_t i = 0; i < n_view; i++) {
		if (view[i].target[0] != '/' ||
			(view[i].source != NULL && view[i].mode != JAIL_SYMLINK &&
				view[i].source[0] != '/')) {
			return jail_fail(diag, JAIL_EVIEW, "file view", "",
				"%s is not an absolute path", view[i].target);
		}
		if (put(p, &view[i]) != 0 && !absent(&view[i])) {
			return jail_fail_errno(diag, JAIL_EVIEW, "file view",
				view[i].mode == JAIL_REVIEW         ? review_cure
				: errno == EPERM || errno == ENOSYS ? cure
								    : "",
				"%s", view[i].target);
		}
	}
	return 0;
}

/* Of our own tmpfs; what the command may fill lies in the private one. */
static int put_devices(struct places *p, struct jail_diag *diag)
{
	char name[32];
	int dev = stage_folder(p, 0755, name) == 0 ? mounts_clone(p->base, name) : -1,
	    shm = private_tree(p), error = dev_setup(p->root, dev, shm, diag);

	close(dev);
	close(shm);
	return error;
}

/*
 * Our tmpfs over the host's root: whoever begins at "/" goes on seeing the host, and what is in the
 * tmpfs is reached through `base`, or from the working folder.
 */
static int enter_base(struct places *p)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) {
		return -1;
	}
	p->base = make_tmpfs("0755", "within_size");
	p->old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->base < 0 || p->old < 0 || mounts_attach(p->base, p->old) != 0 ||
		fchdir(p->base) != 0 || mkdir("root", 0755) != 0 || mkdir("staging", 0700) != 0 ||
		mount("root", "root", NULL, MS_BIND, NULL) != 0) {
		return -1;
	}
	p->root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return p->root < 0 ? -1 : 0;
}

/* The new root becomes the root. The host's lies over it then, and our tmpfs over that: both go. */
static int enter_root(struct places *p)
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

int view_setup(const struct jail_view *view, size_t n_view, struct jail_diag *diag)
{
	struct places p = {.view = view, .n_view = n_view, .old = -1, .base = -1, .root = -1};
	int error;

	umask(0);
	if (enter_base(&p) != 0) {
		return jail_fail_errno(
			diag, JAIL_EPROTECTION, "mount namespace", cure, "empty root");
	}
	error = put_all(&p, view, n_view, diag);
	if (error == 0 && fchdir(p.root) != 0) {
		error = jail_fail_errno(diag, JAIL_ESYSTEM, "", "", "fchdir");
	}
	if (error == 0) {
		error = put_devices(&p, diag);
	}
	if (error == 0) {
		error = proc_setup(p.root, diag);
	}
	if (error == 0 && enter_root(&p) != 0) {
		error = jail_fail_errno(
			diag, JAIL_EPROTECTION, "mount namespace", cure, "pivot_root");
	}
	return error;
}
