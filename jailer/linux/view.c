/*
 * The file view: an empty root in which only what the view names is put, in its order. Every mount
 * is made detached and given its attributes for the whole tree under it (mounts.c), and only then
 * attached to a place that was opened inside the new root (places.c).
 *
 * Sources: open_tree(2), mount_setattr(2).
 */
#include "jailer/linux/jail_linux.h"
#include "jailer/linux/mounts.h"
#include "jailer/linux/overlay.h"
#include "jailer/linux/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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
	if (!any || !mounts_is_folder(tree)) {
		return -1;
	}
	copy = (int)syscall(SYS_open_tree, tree, "",
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
	/* Kernels before 6.15 copy nothing that has not been put anywhere yet (EINVAL). Then it is
	 * the mount itself that lies below; where no overlay comes of it, it is moved on from
	 * there. */
	if (places_stage_tree(p, copy >= 0 ? copy : tree, below_name) == 0 &&
		places_stage_folder(p, 0755, layer_name) == 0) {
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
	if (lower >= 0 && changes >= 0 && places_stage_tree(p, lower, below) == 0 &&
		places_stage_tree(p, changes, above) == 0) {
		snprintf(upper, sizeof(upper), "%s/upper", above);
		snprintf(work, sizeof(work), "%s/work", above);
		tree = overlay_mount(below, upper, work);
	}
	if (tree >= 0) {
		result = places_attach(p, tree, v->target);
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
		result = places_attach(p, tree, v->target);
	}
	close(tree);
	return result;
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
	if (faccessat(p->base, name, F_OK, 0) != 0 && places_stage_file(p, name, v, 0444) != 0) {
		return -1;
	}
	tree = places_staged(p, name);
	if (tree < 0) {
		return -1;
	}
	result = places_attach(p, tree, v->target);
	close(tree);
	return result;
}

static int put_private(struct places *p, const struct jail_view *v)
{
	int tree = places_private(p), result;

	if (tree < 0) {
		return -1;
	}
	result = places_attach(p, tree, v->target);
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
	folder = mounts_is_folder(place);
	close(place);
	if (folder) {
		result = places_stage_folder(p, 0, name);
	} else {
		snprintf(name, sizeof(name), "staging/%u", p->staged++);
		result = places_stage_file(p, name, &(struct jail_view){JAIL_FILE}, 0);
	}
	tree = result == 0 ? places_staged(p, name) : -1;
	if (tree < 0) {
		return -1;
	}
	result = places_attach(p, tree, v->target);
	close(tree);
	return result;
}

static int put_symlink(struct places *p, const struct jail_view *v)
{
	const char *name;
	int parent = places_parent(p->root, v->target, &name), result;

	if (parent < 0) {
		return -1;
	}
	result = symlinkat(v->source, parent, name);
	close(parent);
	return result;
}

static int put_dir(struct places *p, const struct jail_view *v)
{
	int fd = places_open(p, v->target, true);

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
	int dev = places_stage_folder(p, 0755, name) == 0 ? mounts_clone(p->base, name) : -1,
	    shm = places_private(p), error = dev_setup(p->root, dev, shm, diag);

	close(dev);
	close(shm);
	return error;
}

int view_setup(const struct jail_view *view, size_t n_view, struct jail_diag *diag)
{
	struct places p = {.view = view, .n_view = n_view, .old = -1, .base = -1, .root = -1};
	int error;

	umask(0);
	if (places_enter(&p) != 0) {
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
	if (error == 0 && places_pivot(&p) != 0) {
		error = jail_fail_errno(
			diag, JAIL_EPROTECTION, "mount namespace", cure, "pivot_root");
	}
	return error;
}
