/*
 * What a run changes outside itself, on disk before it is changed, so that the end of the run, or
 * after a crash the next run and `doctor --repair`, can take it back in reverse order.
 *
 * A line an entry: kind, SID or "-", name or path, with tabs between. Every undoing can be done
 * twice: what is absent already is undone.
 */
#include "jailer/windows/jail_windows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {
	"", "profile", "exempt", "grant", "junction", "folder", "tree", "file", "void"};

struct entry {
	enum journal_kind kind;
	char *sid, *what; /* borrowed from the text */
};

struct entries {
	char *text;          /* owned */
	struct entry *items; /* owned */
	size_t n;
};

/* ---- writing ---- */

static void journal_path(const char *folder, char ret_path[WINPATH_MAX])
{
	snprintf(ret_path, WINPATH_MAX, "%.*s\\journal", WINPATH_MAX - 16, folder);
}

int journal_create(
	struct journal *j, const struct jail_os *os, const char *folder, struct jail_diag *diag)
{
	char path[WINPATH_MAX];
	uint32_t error = os->folder_make(folder, OS_FOLDER_PRIVATE);

	memset(j, 0, sizeof(*j));
	if (error != OS_OK) {
		return jail_fail_os(os, error, diag, JAIL_ESYSTEM, "", "",
			"the run's folder %s cannot be made", folder);
	}
	journal_path(folder, path);
	error = os->journal_open(path, &j->handle);
	if (error != OS_OK) {
		(void)os->folder_remove(folder);
		return jail_fail_os(os, error, diag, JAIL_ESYSTEM, "", "",
			"the journal %s cannot be made", path);
	}
	j->os = os;
	snprintf(j->folder, sizeof(j->folder), "%s", folder);
	return 0;
}

int journal_add(struct journal *j, enum journal_kind kind, const char *sid, const char *what,
	struct jail_diag *diag)
{
	char line[WINPATH_MAX + OS_SID_MAX + 32];
	uint32_t error;

	snprintf(line, sizeof(line), "%s\t%s\t%s\n", kinds[kind], sid != NULL ? sid : "-", what);
	error = j->os->journal_append(j->handle, line);
	if (error != OS_OK) {
		return jail_fail_os(j->os, error, diag, JAIL_ESYSTEM, "journal",
			"free space on the system drive",
			"what is about to be changed cannot be written down first");
	}
	return 0;
}

int journal_void(struct journal *j, struct jail_diag *diag)
{
	return journal_add(j, JOURNAL_VOID, NULL, "-", diag);
}

/* ---- reading ---- */

static enum journal_kind kind_of(const char *word)
{
	for (int i = JOURNAL_PROFILE; i <= JOURNAL_VOID; i++) {
		if (strcmp(word, kinds[i]) == 0) {
			return (enum journal_kind)i;
		}
	}
	return JOURNAL_NONE;
}

/* Cuts one line into its three fields. */
static bool parse_line(char *line, struct entry *e)
{
	e->sid = strchr(line, '\t');
	e->what = e->sid != NULL ? strchr(e->sid + 1, '\t') : NULL;
	if (e->what == NULL) {
		return false;
	}
	*e->sid++ = '\0';
	*e->what++ = '\0';
	e->kind = kind_of(line);
	return e->kind != JOURNAL_NONE && *e->what != '\0';
}

/* A torn last line announced something that was not begun. A broken one in between is an error. */
static bool parse(struct entries *e)
{
	size_t lines = 0;

	for (char *c = e->text; *c != '\0'; c++) {
		lines += *c == '\n';
	}
	e->items = calloc(lines + 1, sizeof(*e->items));
	if (e->items == NULL) {
		return false;
	}
	for (char *line = e->text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		struct entry *item = &e->items[e->n];

		*end = '\0';
		if (!parse_line(line, item)) {
			return false;
		}
		if (item->kind == JOURNAL_VOID) {
			e->n -= e->n > 0;
		} else {
			e->n++;
		}
	}
	return true;
}

/* ---- undoing ---- */

static uint32_t remove_grant(const struct jail_os *os, const struct entry *e)
{
	uintptr_t lock;
	uint32_t error = os->lock_take("grants", OS_LOCK_USER, &lock);
	enum os_access left = OS_ACCESS_NONE;
	struct os_file file;

	if (error != OS_OK) {
		return error;
	}
	error = os->file_look(e->what, &file);
	if (error == OS_OK && file.exists) {
		error = os->grant_remove(e->what, e->sid);
		if (error == OS_OK) {
			error = os->grant_read(e->what, NULL, e->sid, &left);
		}
		if (error == OS_OK && left != OS_ACCESS_NONE) {
			error = OS_EACCESS;
		}
	}
	os->lock_give(lock);
	return error;
}

static uint32_t undo(const struct jail_os *os, const struct entry *e)
{
	switch (e->kind) {
	case JOURNAL_PROFILE: return os->profile_delete(e->what);
	case JOURNAL_EXEMPT: return exempt_remove(os, e->what);
	case JOURNAL_GRANT: return remove_grant(os, e);
	case JOURNAL_JUNCTION:
	case JOURNAL_FOLDER: return os->folder_remove(e->what);
	case JOURNAL_TREE: return os->tree_remove(e->what);
	case JOURNAL_FILE: return os->file_remove(e->what);
	case JOURNAL_NONE:
	case JOURNAL_VOID: break;
	}
	return OS_EFILE;
}

static void undo_all(struct journal *j, unsigned *ret_undone, unsigned *ret_failed)
{
	struct entries e = {NULL, NULL, 0};

	if (j->os->journal_read(j->handle, &e.text) != OS_OK || !parse(&e)) {
		(*ret_failed)++;
	}
	/* One that fails does not keep the others from being undone. */
	for (size_t i = e.n; i > 0; i--) {
		if (undo(j->os, &e.items[i - 1]) == OS_OK) {
			(*ret_undone)++;
		} else {
			(*ret_failed)++;
		}
	}
	free(e.items);
	free(e.text);
}

/* Undoes what is open and closes it; the journal goes only when nothing is left to undo. */
static void finish(struct journal *j, unsigned *ret_undone, unsigned *ret_failed)
{
	char path[WINPATH_MAX];
	unsigned failed = 0;

	undo_all(j, ret_undone, &failed);
	j->os->journal_close(j->handle);
	j->handle = 0;
	journal_path(j->folder, path);
	if (failed == 0 &&
		(j->os->file_remove(path) != OS_OK || j->os->folder_remove(j->folder) != OS_OK)) {
		failed++;
	}
	*ret_failed += failed;
}

int journal_undo(struct journal *j)
{
	unsigned undone = 0, failed = 0;

	if (j->handle == 0) {
		return 0;
	}
	finish(j, &undone, &failed);
	return failed == 0 ? 0 : -1;
}

/* ---- repair ---- */

struct repair {
	const struct jail_os *os;
	const char *runs;
	unsigned undone, failed;
};

static void repair_one(void *arg, const char *name)
{
	struct repair *r = arg;
	struct journal j = {.os = r->os};
	char path[WINPATH_MAX];
	uint32_t error;

	if (strncmp(name, "run-", 4) != 0 || strlen(name) > OS_NAME_MAX) {
		return;
	}
	snprintf(j.folder, sizeof(j.folder), "%.*s\\%s", WINPATH_MAX - 2 * OS_NAME_MAX, r->runs,
		name);
	journal_path(j.folder, path);
	error = r->os->journal_open(path, &j.handle);
	if (error == OS_ESHARING) {
		return; /* a living run holds it */
	}
	if (error == OS_EPATH || error == OS_EFILE) {
		return; /* it ended between list and look, and took its folder along */
	}
	if (error != OS_OK) {
		r->failed++;
		return;
	}
	finish(&j, &r->undone, &r->failed);
}

int journal_repair(const struct jail_os *os, const char *runs, unsigned *ret_undone,
	unsigned *ret_failed, struct jail_diag *diag)
{
	struct repair r = {os, runs, 0, 0};
	struct os_file file;
	uint32_t error = os->file_look(runs, &file);

	if (error == OS_OK && file.exists) {
		error = os->folder_list(runs, repair_one, &r);
	}
	if (error != OS_OK) {
		return jail_fail_os(os, error, diag, JAIL_ESYSTEM, "", "",
			"the folder of earlier runs %s cannot be listed", runs);
	}
	*ret_undone = r.undone;
	*ret_failed = r.failed;
	return 0;
}
