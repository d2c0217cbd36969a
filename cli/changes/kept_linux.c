/*
 * Reads what overlayfs kept of a run. A file in `upper` stands for one that was added or changed, a
 * device 0:0 for one that was removed, a folder with the attribute "opaque" for one that was
 * replaced as a whole. What is listed is the difference to the folder as it is now: what is the
 * same, because it was taken already or written back as it was, is no change.
 *
 * Sources: Documentation/filesystems/overlayfs.rst; gitrepository-layout(5).
 */
#include "cli/changes/changes.h"
#include "cli/files/tree.h"
#include "cli/verbs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char run_by_git[] = "git would act on it outside the jail";
static const char is_the_rules[] = "the next run would be judged by it";
static const char changed_meanwhile[] = "it was changed outside since the run began";
static const char no_kind[] = "neither a file nor a folder nor a symbolic link";

/* ---- places ---- */

static int list_read(struct list *l, const char *place, const char *name)
{
	char path[PATH_MAX];
	struct text t = {0};

	snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 32, place, name);
	if (text_read_file(&t, path) != 0) {
		return errno == ENOENT ? 0 : complain("%s: %s", path, strerror(errno));
	}
	for (size_t at = 0; at < t.len; at += strlen(t.data + at) + 1) {
		list_add(l, t.data + at);
	}
	text_finish(&t);
	return 0;
}

static int list_append(const char *place, const char *name, const char *item)
{
	char path[PATH_MAX];
	size_t len = strlen(item) + 1;
	int fd;

	snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 32, place, name);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, item, len) != (ssize_t)len || close(fd) != 0) {
		return complain("%s: %s", path, strerror(errno));
	}
	return 0;
}

int changes_prepare(
	const char *record_dir, size_t number, const char *folder, char ret_place[PATH_MAX])
{
	static const char *const parts[] = {"", "/upper", "/work"};
	char real[PATH_MAX], path[PATH_MAX];
	struct stat st;

	if (realpath(record_dir, real) == NULL || strlen(real) > PATH_MAX - 64) {
		return complain("%s: %s", record_dir, strerror(errno));
	}
	snprintf(path, sizeof(path), "%.*s/changes", PATH_MAX - 64, real);
	if (mkdir(path, 0700) != 0 && (errno != EEXIST || number == 0)) {
		return errno == EEXIST
			       ? complain("changes of an earlier run wait in %s: take or drop "
					  "them first (sallyport changes)",
					 path)
			       : complain("%s: %s", path, strerror(errno));
	}
	if (list_append(path, "folders", folder) != 0) {
		return EXIT_OURS;
	}
	snprintf(ret_place, PATH_MAX, "%.*s/changes/%zu", PATH_MAX - 64, real, number);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%.*s%s", PATH_MAX - 16, ret_place, parts[i]);
		if (mkdir(path, 0700) != 0) {
			return complain("%s: %s", path, strerror(errno));
		}
	}
	/* It stands for the folder itself, and looks like it. */
	snprintf(path, sizeof(path), "%.*s/upper", PATH_MAX - 16, ret_place);
	if (stat(folder, &st) != 0 || chmod(path, (st.st_mode & 0777) | 0700) != 0) {
		return complain("%s: %s", path, strerror(errno));
	}
	return 0;
}

void changes_path(
	const struct changes *c, const struct change *item, bool above, char ret_path[PATH_MAX])
{
	if (above) {
		snprintf(ret_path, PATH_MAX, "%.*s/%zu/upper/%s", PATH_MAX / 2, c->place,
			item->folder, item->path);
	} else {
		snprintf(ret_path, PATH_MAX, "%s/%s", c->folders.items[item->folder], item->path);
	}
}

/* ---- what differs ---- */

struct walk {
	struct changes *c;
	size_t folder;
	char upper[PATH_MAX];
};

/* What is not taken unless it is asked for: somebody outside would act on it. */
static const char *kept_back(const char *path)
{
	static const char *const names[] = {
		"hooks", "config", "config.worktree", "commondir", "modules", "worktrees", NULL};

	if (strcmp(path, "sallyport.rules") == 0) {
		return is_the_rules;
	}
	while (*path != '\0') {
		size_t len = strcspn(path, "/");
		const char *next = path + len + (path[len] == '/');

		if (len == 4 && strncasecmp(path, ".git", 4) == 0) {
			size_t n = strcspn(next, "/");

			for (size_t i = 0; n > 0 && names[i] != NULL; i++) {
				if (strlen(names[i]) == n && strncasecmp(next, names[i], n) == 0) {
					return run_by_git;
				}
			}
			if (n == 0) {
				return run_by_git;
			}
		}
		path = next;
	}
	return NULL;
}

static bool is_dropped(const struct changes *c, size_t folder, const char *path)
{
	char key[PATH_MAX + 32];

	snprintf(key, sizeof(key), "%zu/%s", folder, path);
	for (size_t i = 0; i < c->dropped.n; i++) {
		if (strcmp(c->dropped.items[i], key) == 0) {
			return true;
		}
	}
	return false;
}

static void add(struct walk *w, enum change_kind kind, const char *path, const struct stat *before,
	const struct stat *after)
{
	struct changes *c = w->c;
	struct change *item;
	const struct stat *is = after != NULL ? after : before;

	if (is_dropped(c, w->folder, path)) {
		return;
	}
	if (c->n == c->size) {
		c->size = c->size ? c->size * 2 : 64;
		c->items = realloc(c->items, c->size * sizeof(*c->items));
	}
	if (c->items == NULL || (item = &c->items[c->n++], item->path = strdup(path)) == NULL) {
		exit(complain("memory is out"));
	}
	item->kind = kind;
	item->folder = w->folder;
	item->mode = is->st_mode;
	item->before = before != NULL ? (uint64_t)before->st_size : 0;
	item->after = after != NULL ? (uint64_t)after->st_size : 0;
	item->kept = kept_back(path);
	if (S_ISDIR(is->st_mode) && kind == CHANGE_ADDED && item->kept == run_by_git &&
		strcasecmp(strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path, ".git") ==
			0) {
		item->kept = NULL; /* the folder by itself says nothing */
	}
	if (before != NULL &&
		(before->st_ctim.tv_sec > c->since.tv_sec ||
			(before->st_ctim.tv_sec == c->since.tv_sec &&
				before->st_ctim.tv_nsec > c->since.tv_nsec)) &&
		!S_ISDIR(before->st_mode)) {
		item->kept = changed_meanwhile;
	}
	if (after != NULL && !S_ISDIR(is->st_mode) && !S_ISREG(is->st_mode) &&
		!S_ISLNK(is->st_mode)) {
		item->kept = no_kind;
	}
}

static bool same_bytes(const char *a, const char *b)
{
	static char x[65536], y[65536];
	int fa = open(a, O_RDONLY | O_CLOEXEC | O_NOFOLLOW),
	    fb = open(b, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t na = -1, nb = 0;

	do {
		na = fa >= 0 ? read(fa, x, sizeof(x)) : -1;
		nb = fb >= 0 ? read(fb, y, sizeof(y)) : -1;
	} while (na > 0 && na == nb && memcmp(x, y, (size_t)na) == 0);
	if (fa >= 0) {
		close(fa);
	}
	if (fb >= 0) {
		close(fb);
	}
	return na == 0 && nb == 0;
}

static bool is_same(const char *a, const struct stat *sa, const char *b, const struct stat *sb)
{
	char x[PATH_MAX], y[PATH_MAX];

	if ((sa->st_mode & ~07000U) != (sb->st_mode & ~07000U)) {
		return false;
	}
	if (S_ISLNK(sa->st_mode)) {
		ssize_t n = readlink(a, x, sizeof(x));

		return n > 0 && n == readlink(b, y, sizeof(y)) && memcmp(x, y, (size_t)n) == 0;
	}
	return S_ISREG(sa->st_mode) && sa->st_size == sb->st_size && same_bytes(a, b);
}

static bool is_opaque(const char *path)
{
	char value[4];

	return lgetxattr(path, "user.overlay.opaque", value, sizeof(value)) == 1 && value[0] == 'y';
}

static int walk_folder(struct walk *w, const char *path);

/* What stood in a folder that was replaced, and is not in the new one. */
static void removed_below(struct walk *w, const char *path, const char *host, const char *upper)
{
	struct dirent **names;
	int n = scandir(host, &names, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char rel[PATH_MAX], above[PATH_MAX], below[PATH_MAX];
		const char *name = names[i]->d_name;
		struct stat st, gone;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
			snprintf(above, PATH_MAX, "%s/%s", upper, name) < PATH_MAX &&
			snprintf(below, PATH_MAX, "%s/%s", host, name) < PATH_MAX &&
			snprintf(rel, PATH_MAX, "%s/%s", path, name) < PATH_MAX &&
			lstat(above, &gone) != 0 && lstat(below, &st) == 0) {
			add(w, CHANGE_REMOVED, rel, &st, NULL);
		}
		free(names[i]);
	}
	if (n >= 0) {
		free(names);
	}
}

static int see(struct walk *w, const char *path)
{
	char upper[PATH_MAX], host[PATH_MAX];
	struct stat after, before;
	bool there;

	if (snprintf(upper, PATH_MAX, "%s/%s", w->upper, path) >= PATH_MAX ||
		snprintf(host, PATH_MAX, "%s/%s", w->c->folders.items[w->folder], path) >=
			PATH_MAX ||
		lstat(upper, &after) != 0) {
		return complain("%s: %s", path, strerror(errno));
	}
	there = lstat(host, &before) == 0;
	if (S_ISCHR(after.st_mode) && after.st_rdev == makedev(0, 0)) {
		if (there) {
			add(w, CHANGE_REMOVED, path, &before, NULL);
		}
		return 0;
	}
	if (!S_ISDIR(after.st_mode)) {
		if (!there || !is_same(host, &before, upper, &after)) {
			add(w, there ? CHANGE_CHANGED : CHANGE_ADDED, path, there ? &before : NULL,
				&after);
		}
		return 0;
	}
	if (!there || !S_ISDIR(before.st_mode)) {
		add(w, there ? CHANGE_CHANGED : CHANGE_ADDED, path, there ? &before : NULL, &after);
	} else if (is_opaque(upper)) {
		removed_below(w, path, host, upper);
	}
	return walk_folder(w, path);
}

static int walk_folder(struct walk *w, const char *path)
{
	char folder[PATH_MAX], rel[PATH_MAX];
	struct dirent **names;
	int n, status = 0;

	snprintf(folder, sizeof(folder), "%.*s/%s", PATH_MAX / 2, w->upper, path);
	n = scandir(folder, &names, NULL, alphasort);
	if (n < 0) {
		return complain("%s: %s", folder, strerror(errno));
	}
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		if (status == 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			status = snprintf(rel, sizeof(rel), "%s%s%s", path, path[0] ? "/" : "",
					 name) < PATH_MAX
					 ? see(w, rel)
					 : complain("%s: the path is too long", path);
		}
		free(names[i]);
	}
	free(names);
	return status;
}

int changes_load(struct changes *c, const char *record_dir)
{
	char index[PATH_MAX];
	struct stat st;
	int status;

	memset(c, 0, sizeof(*c));
	snprintf(c->place, sizeof(c->place), "%.*s/changes", PATH_MAX - 64, record_dir);
	snprintf(index, sizeof(index), "%.*s/folders", PATH_MAX - 16, c->place);
	if (stat(index, &st) != 0) {
		return errno == ENOENT ? 0 : complain("%s: %s", index, strerror(errno));
	}
	c->since = st.st_mtim;
	status = list_read(&c->folders, c->place, "folders");
	if (status == 0) {
		status = list_read(&c->dropped, c->place, "dropped");
	}
	for (size_t i = 0; status == 0 && i < c->folders.n; i++) {
		struct walk w = {.c = c, .folder = i};

		snprintf(w.upper, sizeof(w.upper), "%.*s/%zu/upper", PATH_MAX / 2, c->place, i);
		status = walk_folder(&w, "");
	}
	return status;
}

int changes_apply(const struct changes *c, const struct change *item)
{
	char from[PATH_MAX];

	changes_path(c, item, true, from);
	if (changes_take(c->folders.items[item->folder], item, from) != 0) {
		return complain("%s/%s: %s", c->folders.items[item->folder], item->path,
			errno == ELOOP || errno == EXDEV || errno == ENOTDIR
				? "a folder above it is something else by now"
				: strerror(errno));
	}
	return 0;
}

int changes_drop(const struct changes *c, const struct change *item)
{
	char key[PATH_MAX + 32];

	snprintf(key, sizeof(key), "%zu/%s", item->folder, item->path);
	return list_append(c->place, "dropped", key);
}

void changes_remove(const char *record_dir)
{
	char place[PATH_MAX];
	struct stat st;

	snprintf(place, sizeof(place), "%.*s/changes", PATH_MAX - 64, record_dir);
	if (lstat(place, &st) == 0) {
		tree_remove(place);
	}
}

void changes_finish(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->items[i].path);
	}
	free(c->items);
	list_finish(&c->folders);
	list_finish(&c->dropped);
	memset(c, 0, sizeof(*c));
}
