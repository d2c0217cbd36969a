/*
 * What is started: the program that the name means, the line it is given, the environment it finds.
 * Nothing is inherited, and no search begins in the working folder.
 */
#include "jailer/windows/jail_windows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- text that grows ---- */

struct growing {
	char *data; /* owned */
	size_t len, size;
	bool failed;
};

static void put(struct growing *g, const char *text, size_t len)
{
	if (!g->failed && g->len + len + 1 > g->size) {
		size_t size = (g->len + len + 1) * 2;
		char *data = realloc(g->data, size);

		g->failed = data == NULL;
		if (data != NULL) {
			g->data = data;
			g->size = size;
		}
	}
	if (!g->failed) {
		memcpy(g->data + g->len, text, len);
		g->len += len;
		g->data[g->len] = '\0';
	}
}

static char *take(struct growing *g)
{
	if (g->failed) {
		free(g->data);
		return NULL;
	}
	return g->data;
}

/* ---- the line ---- */

/*
 * CommandLineToArgvW: backslashes are themselves but before a quote, where two are one and an odd
 * one makes the quote a letter.
 */
static void put_argument(struct growing *g, const char *argument)
{
	size_t slashes = 0;

	if (argument[0] != '\0' && strpbrk(argument, " \t\n\v\"") == NULL) {
		put(g, argument, strlen(argument));
		return;
	}
	put(g, "\"", 1);
	for (; *argument != '\0'; argument++) {
		slashes = *argument == '\\' ? slashes + 1 : slashes;
		if (*argument == '"') {
			for (size_t i = 0; i < slashes + 1; i++) {
				put(g, "\\", 1);
			}
		}
		slashes = *argument == '\\' ? slashes : 0;
		put(g, argument, 1);
	}
	for (size_t i = 0; i < slashes; i++) {
		put(g, "\\", 1);
	}
	put(g, "\"", 1);
}

char *command_line(char *const *argv)
{
	struct growing g = {0};

	for (size_t i = 0; argv[i] != NULL; i++) {
		put(&g, " ", i > 0);
		put_argument(&g, argv[i]);
	}
	return take(&g);
}

/*
 * cmd.exe takes the line apart in a way of its own, and the script's program again in the usual
 * one. Inside quotes all but these letters mean themselves to both; % and ! cannot be kept from
 * cmd at all.
 */
static bool is_script_safe(const char *argument)
{
	size_t len = strlen(argument);

	return strpbrk(argument, "\"%!\r\n") == NULL && (len == 0 || argument[len - 1] != '\\');
}

char *command_line_script(const char *shell, const char *script, char *const *argv)
{
	struct growing g = {0};

	put(&g, "\"", 1);
	put(&g, shell, strlen(shell));
	put(&g, "\" /d /v:off /s /c \"\"", 20);
	put(&g, script, strlen(script));
	put(&g, "\"", 1);
	if (!is_script_safe(script)) {
		g.failed = true;
	}
	for (size_t i = 1; argv[i] != NULL; i++) {
		if (!is_script_safe(argv[i])) {
			g.failed = true;
		}
		put(&g, " \"", 2);
		put(&g, argv[i], strlen(argv[i]));
		put(&g, "\"", 1);
	}
	put(&g, "\"", 1);
	return take(&g);
}

/* ---- the program ---- */

static bool ends_in(const char *name, const char *ending)
{
	size_t len = strlen(name), more = strlen(ending);

	if (len <= more) {
		return false;
	}
	for (size_t i = 0; i < more; i++) {
		char c = name[len - more + i];

		if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != ending[i]) {
			return false;
		}
	}
	return true;
}

static const char *const endings[] = {".exe", ".com", ".cmd", ".bat"};

static bool is_script(const char *path)
{
	return ends_in(path, ".cmd") || ends_in(path, ".bat");
}

/* The name in one folder, with the endings that can be started. */
static bool find_in(
	const struct jail_os *os, const char *folder, const char *name, char ret_path[WINPATH_MAX])
{
	bool whole = false;

	for (size_t i = 0; i < 4; i++) {
		whole = whole || ends_in(name, endings[i]);
	}
	for (size_t i = 0; i < (whole ? 1 : 4); i++) {
		char path[2 * WINPATH_MAX], plain[WINPATH_MAX];
		struct os_file file;

		snprintf(path, sizeof(path), "%s\\%s%s", folder, name, whole ? "" : endings[i]);
		if (winpath_canonical(path, plain) == WINPATH_OK &&
			os->file_look(plain, &file) == OS_OK && file.exists && !file.is_folder) {
			memcpy(ret_path, plain, strlen(plain) + 1);
			return true;
		}
	}
	return false;
}

static const char *variable(char *const *envp, const char *name)
{
	size_t len = strlen(name);

	for (; *envp != NULL; envp++) {
		if (strncmp(*envp, name, len) == 0 && (*envp)[len] == '=') {
			return *envp + len + 1;
		}
	}
	return NULL;
}

static bool find_in_path(
	const struct jail_os *os, const char *path, const char *name, char ret_path[WINPATH_MAX])
{
	while (path != NULL && *path != '\0') {
		size_t len = strcspn(path, ";");
		char folder[WINPATH_MAX];

		/* Only from a drive's letter on: what is relative begins where the project lies. */
		if (len > 2 && len < sizeof(folder) && path[1] == ':') {
			snprintf(folder, sizeof(folder), "%.*s", (int)len, path);
			if (find_in(os, folder, name, ret_path)) {
				return true;
			}
		}
		path += len + (path[len] == ';');
	}
	return false;
}

static bool find(const struct jail_os *os, const struct jail_spec *spec, char *const *envp,
	char ret_path[WINPATH_MAX])
{
	const char *name = spec->argv[0];

	if (name[0] != '\0' && name[1] == ':') {
		char folder[3] = {name[0], ':', '\0'};

		return (name[2] == '\\' || name[2] == '/') &&
		       find_in(os, folder, name + 3, ret_path);
	}
	return strpbrk(name, "\\/") != NULL
		       ? find_in(os, spec->cwd, name, ret_path)
		       : find_in_path(os, variable(envp, "PATH"), name, ret_path);
}

/* ---- the environment ---- */

static int compare_names(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;

	for (;; x++, y++) {
		int c = *x >= 'a' && *x <= 'z' ? *x - 32 : *x == '=' ? 0 : *x;
		int d = *y >= 'a' && *y <= 'z' ? *y - 32 : *y == '=' ? 0 : *y;

		if (c != d || c == 0) {
			return c - d;
		}
	}
}

/* A profile of the run's own, in place of the user's. */
static char *make_environment(char *const *envp, const char *home)
{
	static const struct {
		const char *name, *below;
	} own[] = {{"APPDATA", "\\AppData\\Roaming"}, {"HOME", ""},
		{"LOCALAPPDATA", "\\AppData\\Local"}, {"TEMP", "\\Temp"}, {"TMP", "\\Temp"},
		{"USERPROFILE", ""}};
	enum { N_OWN = sizeof(own) / sizeof(own[0]) };
	char made[N_OWN][WINPATH_MAX + 64];
	const char **all;
	struct growing g = {0};
	size_t n = 0;

	while (envp[n] != NULL) {
		n++;
	}
	all = calloc(n + N_OWN, sizeof(*all));
	if (all == NULL) {
		return NULL;
	}
	n = 0;
	for (size_t i = 0; i < N_OWN; i++) {
		snprintf(made[i], sizeof(made[i]), "%s=%s%s", own[i].name, home, own[i].below);
		all[n++] = made[i];
	}
	for (; *envp != NULL; envp++) {
		bool ours = (*envp)[0] == '=' || strchr(*envp, '=') == NULL;

		for (size_t i = 0; i < N_OWN; i++) {
			ours = ours || compare_names(envp, &all[i]) == 0;
		}
		if (!ours) {
			all[n++] = *envp;
		}
	}
	qsort(all, n, sizeof(*all), compare_names);
	for (size_t i = 0; i < n; i++) {
		put(&g, all[i], strlen(all[i]) + 1);
	}
	put(&g, "", 1);
	free(all);
	return take(&g);
}

/* ---- all of it ---- */

static int make_line(
	struct command *c, const struct jail_spec *spec, char *const *envp, struct jail_diag *diag)
{
	const char *root = variable(envp, "SystemRoot");
	char shell[WINPATH_MAX], script[WINPATH_MAX];

	if (!is_script(c->program)) {
		c->line = command_line(spec->argv);
		return 0;
	}
	snprintf(shell, sizeof(shell), "%.4000s\\System32\\cmd.exe",
		root != NULL ? root : "C:\\Windows");
	memcpy(script, c->program, sizeof(script));
	if (winpath_canonical(shell, c->program) != WINPATH_OK) {
		return jail_fail(diag, JAIL_ENOEXEC, "", "", "SystemRoot names no folder");
	}
	c->line = command_line_script(c->program, script, spec->argv);
	if (c->line == NULL) {
		return jail_fail(diag, JAIL_ENOEXEC, "",
			"call the program behind the script itself",
			"%.150s is a script for cmd.exe, and an argument holds a character that "
			"cannot be handed through it unharmed (\" %% ! or a backslash at the end)",
			script);
	}
	return 0;
}

int command_make(struct command *c, const struct jail_os *os, const struct jail_spec *spec,
	char *const *envp, const char *home, struct jail_diag *diag)
{
	int error;

	memset(c, 0, sizeof(*c));
	if (!find(os, spec, envp, c->program)) {
		return jail_fail(
			diag, JAIL_ENOTFOUND, "", "", "%.200s: no such program", spec->argv[0]);
	}
	error = make_line(c, spec, envp, diag);
	c->environment = make_environment(envp, home);
	if (error == 0 && (c->line == NULL || c->environment == NULL)) {
		error = jail_fail(diag, JAIL_EMEMORY, "", "", "memory is out");
	}
	if (error != 0) {
		command_finish(c);
	}
	return error;
}

void command_finish(struct command *c)
{
	free(c->line);
	free(c->environment);
	memset(c, 0, sizeof(*c));
}
