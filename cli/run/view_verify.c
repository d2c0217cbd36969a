/*
 * Content that is vouched for: hashed against a list, or of the types that were named. What the
 * command is shown is a copy made while it was read, so that nothing done to the original later
 * shows, and nothing read differs from what was judged.
 */
#include "cli/run/view_verify.h"
#include "cli/files/manifest.h"
#include "cli/files/tree.h"
#include "cli/verbs.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMED_MAX = 10 };

/* Begins the names of copies in a record folder. */
#define COPY "verified-"

/* What is wrong, file by file: the first ones by name, the rest as a number. */
struct findings {
	const struct rules_file *statement;
	const char *path;
	struct text detail;
	size_t n;
};

static void find(struct findings *w, const char *what, const char *name)
{
	if (w->n++ < NAMED_MAX) {
		const char *slash = name[0] != '\0' ? "/" : "";

		complain("%s:%u: %s%s%s: %s", w->statement->origin, w->statement->line, w->path,
			slash, name, what);
		text_print(&w->detail, "; %s%s%s: %s", w->path, slash, name, what);
	}
}

/* For the record: the reason, then the sentence. */
static void put_on_record(struct view *v, const char *reason, const char *detail)
{
	list_add(&v->events, reason);
	list_add(&v->events, detail);
}

/* ---- names ---- */

/* Names stand below the path; or, as sha256sum(1) run one folder up writes them, begin with it. */
static void place_names(struct manifest *m, const struct tree *t)
{
	const char *last = strrchr(t->root, '/') + 1;
	char nested[PATH_MAX];
	struct stat st;

	if (t->n == 1 && t->files[0].name[0] == '\0') {
		/* A file by itself: its own name, or any path that ends in it. */
		for (size_t i = 0; i < m->n; i++) {
			const char *slash = strrchr(m->lines[i].name, '/');

			if (strcmp(slash != NULL ? slash + 1 : m->lines[i].name, last) == 0) {
				m->lines[i].name[0] = '\0';
			}
		}
		return;
	}
	snprintf(nested, sizeof(nested), "%.*s/%s", PATH_MAX / 2, t->root, last);
	if (lstat(nested, &st) != 0) {
		(void)manifest_strip(m, last);
	}
}

/* Says it, and that it goes on record. */
static int refuse_list(struct text *why, const char *path, size_t line, const char *reason)
{
	text_print(why, "%s", path);
	if (line > 0) {
		text_print(why, ":%lu", (unsigned long)line);
	}
	text_print(why, ": %s", reason);
	return complain("%s", why->data);
}

static int load(const char *path, struct manifest *m, struct text *why)
{
	struct text text = {0};
	const char *reason = "";
	size_t line;

	if (text_read_file(&text, path) != 0) {
		return refuse_list(why, path, 0, strerror(errno));
	}
	line = manifest_read(m, text.data, text.len, &reason);
	text_finish(&text);
	if (line != 0) {
		return refuse_list(why, path, line, reason);
	}
	return m->n > 0 ? 0 : refuse_list(why, path, 0, "names no file");
}

/* A list that lies in the folder it is about does not list itself. */
static void set_list_aside(struct tree *t, const char *manifest)
{
	char real[PATH_MAX];
	size_t len = strlen(t->root);

	if (realpath(manifest, real) == NULL || strncmp(real, t->root, len) != 0 ||
		real[len] != '/') {
		return;
	}
	for (size_t i = 0; i < t->n; i++) {
		t->files[i].is_list =
			t->files[i].is_list || strcmp(t->files[i].name, real + len + 1) == 0;
	}
}

/* Before anything long: is each file on the list, and there? */
static void compare_names(struct manifest *m, const struct tree *t, struct findings *w)
{
	bool single = t->n == 1 && t->files[0].name[0] == '\0';

	for (size_t i = 0; i < t->n; i++) {
		struct manifest_line *line = manifest_find(m, t->files[i].name);

		if (line == NULL && t->files[i].is_list) {
			continue;
		}
		if (line == NULL) {
			find(w, "is not on the list", t->files[i].name);
		} else {
			line->found = true;
		}
	}
	for (size_t i = 0; i < m->n && !single; i++) {
		if (!m->lines[i].found) {
			find(w, "is on the list and not there", m->lines[i].name);
		}
	}
}

static void compare_content(struct manifest *m, const struct tree *t, struct findings *w)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct tree_file *f = &t->files[i];
		const struct manifest_line *line = manifest_find(m, f->name);

		if (f->problem[0] != '\0') {
			find(w, f->problem, f->name);
		} else if (line == NULL && f->is_list) {
			continue;
		} else if (line == NULL || strcmp(line->sha256, f->sha256) != 0) {
			find(w, "does not have the SHA-256 that the list says", f->name);
		}
	}
}

/* ---- types ---- */

static bool has_types(const char *const *only)
{
	for (; only != NULL && *only != NULL; only++) {
		if (strchr(*only, '/') != NULL) {
			return true;
		}
	}
	return false;
}

/* A name that fits one of the globs, if there are any, and content of one of the types, if any. */
static const char *misfit(const char *const *only, const struct tree_file *f, const char *root)
{
	const char *name = f->name[0] != '\0' ? f->name : root, *slash = strrchr(name, '/');
	bool globs = false, glob_fits = false, types = false, type_fits = false;

	name = slash != NULL ? slash + 1 : name;
	for (; *only != NULL; only++) {
		if (strchr(*only, '/') != NULL) {
			types = true;
			type_fits |= fnmatch(*only, f->type, 0) == 0 || f->size == 0;
		} else {
			globs = true;
			glob_fits |= fnmatch(*only, name, FNM_PERIOD) == 0;
		}
	}
	return globs && !glob_fits   ? "has a name of another kind"
	       : types && !type_fits ? "has content of another kind"
				     : NULL;
}

static void check_types(const struct rules_file *f, const struct tree *t, struct findings *w)
{
	char what[256];

	for (size_t i = 0; i < t->n; i++) {
		const struct tree_file *file = &t->files[i];
		const char *why =
			file->problem[0] != '\0' ? file->problem : misfit(f->only, file, t->root);

		if (why != NULL) {
			snprintf(what, sizeof(what), "%s%s%s", why, file->type[0] ? ": " : "",
				file->problem[0] ? "" : file->type);
			find(w, what, file->name);
		}
	}
}

/* ---- all of it ---- */

/* A name of our own for the copy, absolute: another run may be asking for the same record. */
static int copy_place(struct view *v, char place[PATH_MAX])
{
	char real[PATH_MAX];

	if (realpath(v->record_dir, real) == NULL) {
		return complain("%s: %s", v->record_dir, strerror(errno));
	}
	return snprintf(place, PATH_MAX, "%.*s/" COPY "%ld-%zu", PATH_MAX - 64, real,
		       (long)getpid(), v->copies.n) < PATH_MAX
		       ? 0
		       : EXIT_OURS;
}

static void conclude(struct view *v, struct findings *w, const struct tree *t, const char *manifest)
{
	struct text text = {0};

	if (w->n == 0) {
		text_print(&text, "%s: %lu files, %llu bytes, as %s says", w->path,
			(unsigned long)t->n, (unsigned long long)t->bytes,
			manifest != NULL ? manifest : "the statement");
		put_on_record(v, "files-verified", text.data);
	} else {
		text_print(&text, "%lu files are not as %s:%u says%s", (unsigned long)w->n,
			w->statement->origin, w->statement->line, w->detail.data);
		put_on_record(v, "files-refused", text.data);
		complain("%lu %s what the rules vouch for, so nothing is started",
			(unsigned long)w->n, w->n == 1 ? "file is not" : "files are not");
	}
	text_finish(&text);
}

static void show_copy(struct view *v, const char *path, const char *place)
{
	list_add(&v->copies, place);
	view_add(v, JAIL_READ, path)->source = v->copies.items[v->copies.n - 1];
}

int view_verify(struct view *v, const struct rules_file *f, const char *path, const char *manifest)
{
	struct findings w = {.statement = f, .path = path};
	struct tree_wish wish = {.label = path, .types = has_types(f->only)};
	struct manifest m = {0};
	struct tree t = {0};
	struct text why = {0};
	char place[PATH_MAX];
	int status = copy_place(v, place);

	if (status == 0) {
		tree_remove(place); /* of a run that had our number and was killed */
	}
	wish.copy_to = place;
	if (status == 0 && manifest != NULL) {
		status = load(manifest, &m, &why);
	}
	if (status == 0) {
		status = tree_list(&t, path, &why);
	}
	if (status != 0) {
		put_on_record(v, "files-refused", why.data != NULL ? why.data : path);
		goto out;
	}
	if (manifest != NULL) {
		place_names(&m, &t);
		set_list_aside(&t, manifest);
		compare_names(&m, &t, &w);
	}
	if (w.n == 0) {
		status = tree_read(&t, &wish);
		show_copy(v, path, place);
		if (status == 0 && manifest != NULL) {
			compare_content(&m, &t, &w);
		} else if (status == 0) {
			check_types(f, &t, &w);
		}
	}
	if (status == 0) {
		conclude(v, &w, &t, manifest);
		status = w.n == 0 ? 0 : EXIT_OURS;
	}
out:
	text_finish(&w.detail);
	text_finish(&why);
	manifest_finish(&m);
	tree_finish(&t);
	return status;
}

bool view_is_verified(const struct view *v, const struct jail_view *entry)
{
	for (size_t i = 0; entry->source != NULL && i < v->copies.n; i++) {
		if (strcmp(entry->source, v->copies.items[i]) == 0) {
			return true;
		}
	}
	return false;
}

int view_verify_alone(const struct view *v)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct jail_view *a = &v->entries[i];
		size_t len = strlen(a->target);

		for (size_t k = 0; view_is_verified(v, a) && k < v->n; k++) {
			const struct jail_view *b = &v->entries[k];

			if (k != i && b->mode != JAIL_HIDE &&
				strncmp(b->target, a->target, len) == 0 &&
				(b->target[len] == '\0' || b->target[len] == '/')) {
				return complain("%s is verified, so no other statement can show %s",
					a->target, b->target);
			}
		}
	}
	return 0;
}

static bool is_kept(const struct list *kept, const char *name)
{
	for (size_t i = 0; kept != NULL && i < kept->n; i++) {
		const char *slash = strrchr(kept->items[i], '/');

		if (slash != NULL && strcmp(slash + 1, name) == 0) {
			return true;
		}
	}
	return false;
}

unsigned view_verify_sweep(const char *record_dir, const struct list *kept)
{
	DIR *d = opendir(record_dir);
	struct dirent *entry;
	char place[PATH_MAX];
	unsigned n = 0;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		if (strncmp(entry->d_name, COPY, strlen(COPY)) == 0 &&
			!is_kept(kept, entry->d_name) &&
			snprintf(place, sizeof(place), "%s/%s", record_dir, entry->d_name) <
				PATH_MAX) {
			tree_remove(place);
			n++;
		}
	}
	if (d != NULL) {
		closedir(d);
	}
	return n;
}

void view_sweep(const struct view *v)
{
	(void)view_verify_sweep(v->record_dir, &v->copies);
}

void view_verify_finish(struct view *v)
{
	for (size_t i = 0; i < v->copies.n; i++) {
		tree_remove(v->copies.items[i]);
	}
	list_finish(&v->copies);
}
