/*
 * What the file statements of the rules make of the view on Windows: whole folders, named one by
 * one. The jailer refuses what an AppContainer would not hold to: anything hidden, or only read,
 * inside a folder that is shown for more, and anything laid over another.
 */
#include "cli/verbs.h"
#include "cli/run/view_rules.h"
#include "cli/run/view_verify.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(const struct rules_file *f, const char *why)
{
	return complain("%s:%u: %s: %s", f->origin, f->line, f->path, why);
}

static const char *last_slash(const char *path)
{
	const char *slash = strrchr(path, '/'), *other = strrchr(path, '\\');

	return other != NULL && (slash == NULL || other > slash) ? other : slash;
}

/* "C:\x" and "/x" say where; "~/x" lies in the home folder, "x" beside the rules file. */
static int make_absolute(
	const struct rules_file *f, const char *written, const char *home, char path[PATH_MAX])
{
	const char *slash = last_slash(f->origin);
	char joined[2 * PATH_MAX];

	if ((written[0] != '\0' && written[1] == ':') || written[0] == '/' || written[0] == '\\') {
		snprintf(joined, sizeof(joined), "%s", written);
	} else if (written[0] == '~' && strchr("/\\", written[1]) != NULL) {
		snprintf(joined, sizeof(joined), "%s%s", home, written + 1);
	} else {
		snprintf(joined, sizeof(joined), "%.*s%s%s",
			slash != NULL ? (int)(slash - f->origin) : 1,
			slash != NULL ? f->origin : ".", "\\", written);
	}
	/* By the text alone: what is shown is what is written. */
	return _fullpath(path, joined, PATH_MAX) != NULL ? 0 : refuse(f, "the path is too long");
}

static bool is_same(const char *a, const char *b)
{
	for (; *a != '\0' && *b != '\0'; a++, b++) {
		char x = *a == '/' ? '\\' : *a, y = *b == '/' ? '\\' : *b;

		if (_strnicmp(&x, &y, 1) != 0) {
			return false;
		}
	}
	return (*a == '\0' || strcmp(a, "\\") == 0) && (*b == '\0' || strcmp(b, "\\") == 0);
}

/* A statement about a path of the defaults takes the default's place. */
static void put(struct view *v, size_t defaults, enum jail_mode mode, const char *path)
{
	for (size_t i = 0; i < defaults; i++) {
		if (v->entries[i].mode != JAIL_FILE && is_same(v->entries[i].target, path)) {
			v->entries[i].mode = mode;
			v->entries[i].optional = false;
			return;
		}
	}
	view_add(v, mode, path);
}

static int put_statement(
	struct view *v, size_t defaults, const struct rules_file *f, const char *home)
{
	static const enum jail_mode modes[] = {[RULES_FILE_READ] = JAIL_READ,
		[RULES_FILE_WRITE] = JAIL_WRITE,
		[RULES_FILE_HIDE] = JAIL_HIDE};
	char path[PATH_MAX], manifest[PATH_MAX];
	int status;

	if (strpbrk(f->path, "*?[") != NULL) {
		return refuse(f, "patterns of paths are not there on Windows: name each folder");
	}
	status = make_absolute(f, f->path, home, path);
	if (status == 0 && f->kind == RULES_FILE_VERIFY) {
		status = make_absolute(f, f->manifest, home, manifest);
		return status != 0 ? status : view_verify(v, f, path, manifest);
	}
	if (status == 0 && f->only != NULL) {
		return view_verify(v, f, path, NULL);
	}
	if (status == 0) {
		put(v, defaults, modes[f->kind], path);
	}
	return status;
}

int view_add_statements(struct view *v, const struct rules *rules, const char *home)
{
	size_t n, defaults = v->n;
	const struct rules_file *files = rules_files(rules, &n);
	int status = 0;

	for (size_t i = 0; status == 0 && i < n; i++) {
		status = put_statement(v, defaults, &files[i], home);
	}
	return status;
}
