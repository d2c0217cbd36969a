/*
 * What the file statements of the rules make of the view: paths written in a rules file become
 * absolute ones that exist, the narrower statement lies over the wider, `hide` over all.
 */
#include "cli/run/view_rules.h"
#include "cli/verbs.h"
#include "cli/run/view_verify.h"

#include <errno.h>
#include <fnmatch.h>
#include <fts.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(const struct rules_file *f, const char *why)
{
	return complain("%s:%u: %s: %s", f->origin, f->line, f->path, why);
}

/* "." and ".." by the text alone: what is shown is what is written. In place. */
static void tidy(char *path)
{
	char *out = path;

	for (char *at = path; *at != '\0';) {
		size_t len;

		at += strspn(at, "/");
		len = strcspn(at, "/");
		if (len == 2 && at[0] == '.' && at[1] == '.') {
			while (out > path && *--out != '/') {
			}
		} else if (len > 0 && !(len == 1 && at[0] == '.')) {
			*out++ = '/';
			memmove(out, at, len);
			out += len;
		}
		at += len;
	}
	if (out == path) {
		*out++ = '/';
	}
	*out = '\0';
}

/* "~/x" lies in the home folder, "x" beside the rules file. */
static int make_absolute(
	const struct rules_file *f, const char *written, const char *home, char path[PATH_MAX])
{
	char folder[PATH_MAX];
	int n;

	if (written[0] == '/') {
		n = snprintf(path, PATH_MAX, "%s", written);
	} else if (written[0] == '~' && (written[1] == '/' || written[1] == '\0')) {
		n = snprintf(path, PATH_MAX, "%s%s", home, written + 1);
	} else {
		const char *slash = strrchr(f->origin, '/');
		char beside[PATH_MAX];

		snprintf(beside, sizeof(beside), "%.*s",
			slash != NULL ? (int)(slash - f->origin) : 1,
			slash != NULL ? f->origin : ".");
		if (realpath(beside[0] != '\0' ? beside : "/", folder) == NULL) {
			return refuse(f, strerror(errno));
		}
		n = snprintf(path, PATH_MAX, "%s/%s", folder, written);
	}
	if (n >= PATH_MAX) {
		return refuse(f, "the path is too long");
	}
	tidy(path);
	return 0;
}

static int put(struct view *v, const struct rules_file *f, const char *path)
{
	static const enum jail_mode modes[] = {[RULES_FILE_READ] = JAIL_READ,
		[RULES_FILE_WRITE] = JAIL_WRITE,
		[RULES_FILE_HIDE] = JAIL_HIDE};

	char real[PATH_MAX];
	const char *source;

	if (strcmp(path, "/") == 0) {
		return refuse(f, "the whole machine cannot be shown, or hidden");
	}
	if (f->kind == RULES_FILE_HIDE) {
		view_add(v, JAIL_HIDE, path);
		return 0;
	}
	if (realpath(path, real) == NULL) {
		return refuse(f, strerror(errno));
	}
	/* Links beside the page came with the project, and the project does not choose the view. */
	if (strcmp(real, path) != 0 && f->path[0] != '/' && f->path[0] != '~') {
		return complain("%s:%u: %s leads elsewhere by a symbolic link: name what it leads "
				"to, %s",
			f->origin, f->line, f->path, real);
	}
	if (f->only != NULL) {
		return view_verify(v, f, path, NULL);
	}
	list_add(&v->strings, real);
	source = v->strings.items[v->strings.n - 1];
	view_add(v, modes[f->kind], path)->source = source;
	return 0;
}

/* The first link on the way to a path, itself included. In place; false when there is none. */
static bool first_link(char *path)
{
	struct stat st;

	for (char *slash = path; slash != NULL;) {
		slash = strchr(slash + 1, '/');
		if (slash != NULL) {
			*slash = '\0';
		}
		if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
			return true;
		}
		if (slash != NULL) {
			*slash = '/';
		}
	}
	return false;
}

/* A link where the command can write is the command's, of this run or an earlier one. */
static int refuse_links(const struct view *v, const struct jail_view *entry)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", entry->target);
	if (!first_link(path)) {
		return 0;
	}
	for (size_t i = 0; i < v->n; i++) {
		size_t len = strlen(v->entries[i].target);

		if (v->entries[i].mode == JAIL_WRITE && &v->entries[i] != entry &&
			strncmp(path, v->entries[i].target, len) == 0 && path[len] == '/') {
			return complain("%s is a symbolic link in a folder that the command can "
					"write, so no statement can show %s by it",
				path, entry->target);
		}
	}
	return 0;
}

/* Every name below a folder that a pattern fits: for `**`, where glob(3) ends. */
static int put_deep(struct view *v, const struct rules_file *f, char *base, const char *pattern)
{
	char *roots[] = {base, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	FTSENT *entry;
	int status = 0;

	if (walk == NULL) {
		return refuse(f, strerror(errno));
	}
	while (status == 0 && (entry = fts_read(walk)) != NULL) {
		if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR) {
			/* What cannot be looked into could hold what is meant. */
			status = f->kind == RULES_FILE_HIDE
					 ? complain("%s:%u: %s cannot be searched: %s", f->origin,
						   f->line, entry->fts_path,
						   strerror(entry->fts_errno))
					 : 0;
		} else if (entry->fts_info != FTS_DP && entry->fts_level > 0 &&
			   fnmatch(pattern, entry->fts_name, 0) == 0) {
			status = put(v, f, entry->fts_path);
			fts_set(walk, entry, FTS_SKIP);
		}
	}
	fts_close(walk);
	return status;
}

/* A folder that is not there holds nothing; one that cannot be looked into could. */
static int is_an_obstacle(const char *path, int error)
{
	(void)path;
	return error != ENOENT && error != ENOTDIR;
}

static int put_pattern(struct view *v, const struct rules_file *f, char *path)
{
	char *deep = strstr(path, "/**/");
	glob_t found;
	int status = 0, error;

	if (deep != NULL) {
		*deep = '\0';
		if (strpbrk(path, "*?[") != NULL || strchr(deep + 4, '/') != NULL) {
			return refuse(f, "expected FOLDER/**/PATTERN, the pattern a single name");
		}
		return put_deep(v, f, path, deep + 4);
	}
	error = glob(path, GLOB_NOSORT | GLOB_PERIOD, is_an_obstacle, &found);
	if (error == GLOB_NOMATCH) {
		return f->kind == RULES_FILE_HIDE ? 0 : refuse(f, "nothing fits");
	}
	if (error != 0) {
		return refuse(f, "cannot be searched");
	}
	for (size_t i = 0; status == 0 && i < found.gl_pathc; i++) {
		const char *name = strrchr(found.gl_pathv[i], '/') + 1;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			status = put(v, f, found.gl_pathv[i]);
		}
	}
	globfree(&found);
	return status;
}

static int put_statement(struct view *v, const struct rules_file *f, const char *home)
{
	char path[PATH_MAX], manifest[PATH_MAX];
	struct stat st;
	int status;

	status = make_absolute(f, f->path, home, path);
	if (status == 0 && f->kind == RULES_FILE_VERIFY) {
		status = make_absolute(f, f->manifest, home, manifest);
		return status != 0 ? status : view_verify(v, f, path, manifest);
	}
	if (status != 0) {
		return status;
	}
	if (strpbrk(f->path, "*?[") != NULL) {
		return put_pattern(v, f, path);
	}
	if (f->kind != RULES_FILE_HIDE && stat(path, &st) != 0) {
		return refuse(
			f, errno == ENOENT ? "there is no such file or folder" : strerror(errno));
	}
	return put(v, f, path);
}

static int rank(const struct jail_view *entry)
{
	return entry->mode == JAIL_HIDE ? 2 : entry->mode == JAIL_READ ? 1 : 0;
}

/* Wider paths first; of two that say the same path, what allows less lies on top. */
static int compare(const void *a, const void *b)
{
	const struct jail_view *x = a, *y = b;
	size_t len_x = strlen(x->target), len_y = strlen(y->target);

	if (len_x != len_y) {
		return len_x < len_y ? -1 : 1;
	}
	return rank(x) - rank(y);
}

int view_add_statements(struct view *v, const struct rules *rules, const char *home)
{
	size_t n, hides = v->n, last;
	const struct rules_file *files = rules_files(rules, &n);
	int status = 0;

	for (size_t i = 0; status == 0 && i < n; i++) {
		if (files[i].kind != RULES_FILE_HIDE) {
			status = put_statement(v, &files[i], home);
		}
	}
	for (size_t i = hides; status == 0 && i < v->n; i++) {
		status = refuse_links(v, &v->entries[i]);
	}
	/* A statement about a path of the defaults takes the default's place. */
	for (size_t i = hides; i < v->n; i++) {
		for (size_t k = 0; k < hides;) {
			if (strcmp(v->entries[k].target, v->entries[i].target) == 0) {
				v->n--;
				memmove(&v->entries[k], &v->entries[k + 1],
					(v->n - k) * sizeof(v->entries[0]));
				hides--;
				i--;
			} else {
				k++;
			}
		}
	}
	last = v->n;
	qsort(v->entries, last, sizeof(v->entries[0]), compare);
	for (size_t i = 0; status == 0 && i < n; i++) {
		if (files[i].kind == RULES_FILE_HIDE) {
			status = put_statement(v, &files[i], home);
		}
	}
	return status;
}
