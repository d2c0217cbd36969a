/*
 * The default view on Windows: Windows itself and Program Files, which are open to every
 * AppContainer, need no word; the tools that PATH names elsewhere to read, the working folder to
 * write; the profile, other projects and everything else absent.
 */
#include "cli/rules/upstreams.h"
#include "cli/verbs.h"
#include "cli/run/view.h"
#include "cli/run/view_rules.h"
#include "cli/run/view_verify.h"
#include "jailer/windows/path.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct jail_view *view_add(struct view *v, enum jail_mode mode, const char *target)
{
	struct jail_view *entry;

	if (v->n == v->size) {
		v->size = v->size ? v->size * 2 : 64;
		v->entries = realloc(v->entries, v->size * sizeof(*v->entries));
		if (v->entries == NULL) {
			exit(complain("memory is out"));
		}
	}
	list_add(&v->strings, target);
	entry = &v->entries[v->n++];
	memset(entry, 0, sizeof(*entry));
	entry->mode = mode;
	entry->target = v->strings.items[v->strings.n - 1];
	return entry;
}

/* Letters and either slash; what only looks different is the jailer's to find out. */
static bool is_under(const char *path, const char *folder)
{
	size_t i;

	if (folder == NULL || folder[0] == '\0') {
		return false;
	}
	for (i = 0; folder[i] != '\0'; i++) {
		char a = path[i] == '/' ? '\\' : path[i], b = folder[i] == '/' ? '\\' : folder[i];

		if (_strnicmp(&a, &b, 1) != 0) {
			return false;
		}
	}
	return path[i] == '\0' || path[i] == '\\' || path[i] == '/' || folder[i - 1] == '\\';
}

/* One run a program. */
static HANDLE held_page = INVALID_HANDLE_VALUE;

static bool is_open_to_all(const char *path)
{
	static const char *const names[] = {
		"SystemRoot", "ProgramFiles", "ProgramFiles(x86)", "ProgramW6432"};

	for (size_t i = 0; i < COUNT(names); i++) {
		if (is_under(path, getenv(names[i]))) {
			return true;
		}
	}
	return false;
}

static bool is_shown(const struct view *v, const char *path)
{
	for (size_t i = 0; i < v->n; i++) {
		if ((v->entries[i].mode == JAIL_READ || v->entries[i].mode == JAIL_WRITE) &&
			(is_under(path, v->entries[i].target) ||
				is_under(v->entries[i].target, path))) {
			return true;
		}
	}
	return false;
}

static void add_tools(struct view *v, const char *path, const char *home)
{
	while (path != NULL && *path != '\0') {
		size_t len = strcspn(path, ";");
		char folder[4096];

		snprintf(folder, sizeof(folder), "%.*s", (int)(len < 4095 ? len : 4095), path);
		if (len > 3 && folder[1] == ':' && !is_open_to_all(folder) &&
			!is_shown(v, folder) && !is_under(home, folder)) {
			view_add(v, JAIL_READ, folder)->optional = true;
		}
		path += len + (path[len] == ';');
	}
}

static int check_cwd(const char *cwd, const char *home)
{
	if (strlen(cwd) <= 3 || is_open_to_all(cwd) || is_under(home, cwd) ||
		is_under(cwd, getenv("LOCALAPPDATA")) || is_under(cwd, getenv("APPDATA"))) {
		return complain("the working folder %s is none that a jail can show whole and "
				"writable: go into a project folder first",
			cwd);
	}
	return 0;
}

static void add_file(struct view *v, const char *target, const struct text *content)
{
	struct jail_view *entry = view_add(v, JAIL_FILE, target);

	entry->content = content->data;
	entry->content_len = content->len;
}

static bool is_writable(const struct view *v, const char *path)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->entries[i].mode == JAIL_WRITE && is_under(path, v->entries[i].target)) {
			return true;
		}
	}
	return false;
}

/*
 * A key is not for the command; whom the next run believes is not for it to write. Nothing can be
 * hidden inside a shown folder here, so the jailer refuses where one lies there.
 */
static int hide_where(
	struct view *v, const struct rules_upstream *u, const char *written, bool always)
{
	char path[4096], real[4096];

	if (written == NULL) {
		return 0;
	}
	if (!upstreams_path(u, written, path, sizeof(path)) ||
		_fullpath(real, path, sizeof(real)) == NULL) {
		return complain("%s:%u: the path %s is too long", u->origin, u->line, written);
	}
	if (is_open_to_all(real)) {
		return always ? complain("%s:%u: the key %s lies where every AppContainer can read",
					u->origin, u->line, real)
			      : 0;
	}
	if (always || is_writable(v, real)) {
		view_add(v, JAIL_HIDE, real);
	}
	return 0;
}

static int hide_upstreams(struct view *v, const struct rules *rules)
{
	size_t n;
	const struct rules_upstream *all = rules_upstreams(rules, &n);
	int status = 0;

	for (size_t i = 0; status == 0 && i < n; i++) {
		status = hide_where(v, &all[i], all[i].key, true);
		status = status != 0 ? status : hide_where(v, &all[i], all[i].ca, false);
		status = status != 0 ? status : hide_where(v, &all[i], all[i].cert, false);
	}
	return status;
}

int view_make(struct view *v, const char *cwd, const struct rules *rules, const char *record_dir,
	const struct client_trust *trust)
{
	const char *home = getenv("USERPROFILE");
	int status;

	memset(v, 0, sizeof(*v));
	/* The manifest says so; what is older takes the bytes of a path for other letters. */
	if (GetACP() != CP_UTF8) {
		return complain("this Windows does not let a program speak UTF-8: a jail needs "
				"Windows 10 1903 or later");
	}
	v->record_dir = record_dir;
	home = home != NULL && home[0] != '\0' ? home : "C:\\";
	status = check_cwd(cwd, home);
	if (status != 0) {
		return status;
	}
	view_add(v, JAIL_WRITE, cwd);
	add_tools(v, list_get(&trust->env, "PATH"), home);
	add_file(v, trust->bundle_paths.items[0], &trust->bundle);
	add_file(v, trust->bundle_paths.items[1], &trust->ca);
	status = view_add_statements(v, rules, home);
	return status != 0 ? status : hide_upstreams(v, rules);
}

/*
 * The page that the next run believes: nobody can change, rename or remove it while it is held.
 * Inside a writable folder an access list would not do (docs/windows.md).
 */
int view_keep(struct view *v, const char *cwd, const char *rules_path)
{
	char path[PATH_MAX];

	if (_fullpath(path, rules_path != NULL ? rules_path : "sallyport.rules", sizeof(path)) ==
		NULL) {
		return complain("the path of the rules is too long");
	}
	(void)cwd;
	if (!is_writable(v, path) || GetFileAttributesA(path) == INVALID_FILE_ATTRIBUTES) {
		return 0;
	}
	held_page = CreateFileA(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
		FILE_FLAG_OPEN_REPARSE_POINT, NULL);
	return held_page != INVALID_HANDLE_VALUE
		       ? 0
		       : complain("%s cannot be kept from being changed: Windows error %lu", path,
				 (unsigned long)GetLastError());
}

int view_review(struct view *v, const char *cwd, const char *rules_path)
{
	(void)v;
	(void)cwd;
	(void)rules_path;
	return complain("--review is not there on Windows");
}

/* Where it lies when every link is followed; of one that is not there yet, what its name says. */
static bool find_place(const char *folder, char ret_path[WINPATH_MAX])
{
	char path[PATH_MAX];

	if (realpath(folder, path) == NULL &&
		(GetFileAttributesA(folder) != INVALID_FILE_ATTRIBUTES ||
			_fullpath(path, folder, sizeof(path)) == NULL)) {
		return false;
	}
	return winpath_canonical(path, ret_path) == WINPATH_OK;
}

/* Nothing can be hidden inside what is shown: where one lies in the other, nothing is started. */
int view_keep_out(struct view *v, const char *folder)
{
	char path[WINPATH_MAX], shown[WINPATH_MAX];

	/* One of another machine may be this machine's under another name. */
	if (!find_place(folder, path)) {
		return complain("the folder %s has no plain local path, so nothing says that it is "
				"kept from the command",
			folder);
	}
	for (size_t i = 0; i < v->n; i++) {
		const struct jail_view *entry = &v->entries[i];

		if (entry->mode != JAIL_READ && entry->mode != JAIL_WRITE) {
			continue;
		}
		/* What has no such form the jailer refuses, or leaves out. */
		if (winpath_canonical(entry->target, shown) == WINPATH_OK &&
			!winpath_is_apart(path, shown)) {
			return complain(
				"the folder %s, which is kept from the command, and %s, which "
				"it is shown, lie one in the other",
				path, entry->target);
		}
	}
	return 0;
}

void view_describe(const struct view *v, struct text *json)
{
	text_print(json, "[");
	view_describe_entries(v, json);
	text_print(json, "]");
}

void view_finish(struct view *v)
{
	if (held_page != INVALID_HANDLE_VALUE) {
		CloseHandle(held_page);
		held_page = INVALID_HANDLE_VALUE;
	}
	view_verify_finish(v);
	list_finish(&v->events);
	free(v->entries);
	list_finish(&v->strings);
	memset(v, 0, sizeof(*v));
}
