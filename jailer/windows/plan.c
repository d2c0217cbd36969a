/*
 * What the view becomes on Windows: folders to grant and to link, files to write. Whatever an
 * AppContainer would not hold to is refused here, before anything is changed: rights only add up,
 * so nothing inside a shown folder can be hidden, and nothing inside a writable one kept from
 * writing.
 */
#include "jailer/windows/jail_windows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char no_deny[] = "show only the folders that may be seen, side by side";

static int canonical(const char *path, char ret_path[WINPATH_MAX], struct jail_diag *diag)
{
	int error = winpath_canonical(path, ret_path);

	if (error != WINPATH_OK) {
		return jail_fail(diag, JAIL_EVIEW, "", "", "%.200s cannot be shown: %s", path,
			winpath_strerror(error));
	}
	return 0;
}

static struct plan_entry *add(
	struct plan *p, const struct jail_view *view, const char *target, const char *source)
{
	struct plan_entry *entries = realloc(p->entries, (p->n + 1) * sizeof(*entries)), *e;

	if (entries == NULL) {
		return NULL;
	}
	p->entries = entries;
	e = &entries[p->n];
	memset(e, 0, sizeof(*e));
	e->mode = view->mode;
	e->content = view->content;
	e->content_len = view->content_len;
	e->target = strdup(target);
	e->source = strdup(source);
	p->n++;
	return e->target != NULL && e->source != NULL ? e : NULL;
}

/* ---- one entry ---- */

/* The folder itself, not something that leads to it. Sets *ret_skip for one that may be absent. */
static int check_source(const struct jail_os *os, const struct jail_view *view, const char *source,
	bool *ret_skip, struct os_identity *ret_identity, struct jail_diag *diag)
{
	struct os_file file;
	uint32_t error = os->file_look(source, &file);

	if (error != OS_OK) {
		return jail_fail_os(
			os, error, diag, JAIL_EVIEW, "", "", "%.200s cannot be looked at", source);
	}
	/* A tool of PATH that an administrator put there is not this user's to give. */
	*ret_skip = view->optional &&
		    (!file.exists || !file.is_folder || file.is_reparse || !file.may_grant ||
			    winpath_relate(file.real, source) != WINPATH_SAME);
	if (*ret_skip) {
		return 0;
	}
	if (!file.exists) {
		return jail_fail(diag, JAIL_EVIEW, "", "", "%.200s does not exist", source);
	}
	if (file.is_reparse || winpath_relate(file.real, source) != WINPATH_SAME) {
		return jail_fail(diag, JAIL_EVIEW, "", "name the folder it leads to",
			"%.150s is or lies behind a link, to %.150s", source, file.real);
	}
	if (!file.is_folder) {
		return jail_fail(diag, JAIL_EVIEW, "", "name its folder",
			"%.200s is no folder: only folders are shown on Windows", source);
	}
	*ret_identity = file.identity;
	return 0;
}

static bool is_repeated(
	const struct plan *p, const struct jail_view *view, const char *target, const char *source)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_entry *e = &p->entries[i];

		if (e->mode == view->mode && winpath_relate(e->target, target) == WINPATH_SAME &&
			winpath_relate(e->source, source) == WINPATH_SAME) {
			return true;
		}
	}
	return false;
}

static int add_shown(struct plan *p, const struct jail_os *os, const struct jail_view *view,
	const char *target, struct jail_diag *diag)
{
	struct os_identity identity;
	char source[WINPATH_MAX];
	struct plan_entry *e;
	bool skip = false;
	int error = canonical(view->source != NULL ? view->source : target, source, diag);

	if (error == 0) {
		error = check_source(os, view, source, &skip, &identity, diag);
	}
	if (error != 0 || skip || is_repeated(p, view, target, source)) {
		return error;
	}
	if (strlen(target) <= 3) {
		return jail_fail(
			diag, JAIL_EVIEW, "", "name folders of it", "%s is a whole drive", target);
	}
	e = add(p, view, target, source);
	if (e == NULL) {
		return jail_fail(diag, JAIL_EMEMORY, "", "", "memory is out");
	}
	e->identity = identity;
	e->has_junction = true;
	return 0;
}

/* Where it really lies: by a link it would be hidden under one name only. */
static int add_hidden(struct plan *p, const struct jail_os *os, const struct jail_view *view,
	const char *target, struct jail_diag *diag)
{
	char real[WINPATH_MAX];
	struct os_file file;
	uint32_t number = os->file_look(target, &file);
	int error;

	if (number != OS_OK) {
		return jail_fail_os(
			os, number, diag, JAIL_EVIEW, "", "", "%.200s cannot be looked at", target);
	}
	error = canonical(file.real, real, diag);
	if (error != 0) {
		return error;
	}
	return add(p, view, target, target) != NULL &&
			       (winpath_relate(real, target) == WINPATH_SAME ||
				       add(p, view, real, real) != NULL)
		       ? 0
		       : jail_fail(diag, JAIL_EMEMORY, "", "", "memory is out");
}

static int add_entry(struct plan *p, const struct jail_os *os, const struct jail_view *view,
	struct jail_diag *diag)
{
	char target[WINPATH_MAX];
	int error = canonical(view->target, target, diag);

	if (error != 0) {
		return view->optional ? 0 : error;
	}
	switch (view->mode) {
	case JAIL_READ:
	case JAIL_WRITE: return add_shown(p, os, view, target, diag);
	case JAIL_HIDE: return add_hidden(p, os, view, target, diag);
	case JAIL_FILE:
		return add(p, view, target, target) != NULL
			       ? 0
			       : jail_fail(diag, JAIL_EMEMORY, "", "", "memory is out");
	case JAIL_TMPFS:
	case JAIL_SYMLINK:
	case JAIL_REVIEW:
	case JAIL_DIR: break;
	}
	return jail_fail(
		diag, JAIL_EVIEW, "", "", "%.200s: Windows has no such entry of a view", target);
}

/* ---- two entries ---- */

static bool is_shown(const struct plan_entry *e)
{
	return e->mode == JAIL_READ || e->mode == JAIL_WRITE;
}

static int refuse_pair(const struct plan_entry *a, const struct plan_entry *b, const char *why,
	struct jail_diag *diag)
{
	return jail_fail(
		diag, JAIL_EVIEW, "", no_deny, "%.120s and %.120s: %s", a->target, b->target, why);
}

static int check_hidden(
	const struct plan_entry *hidden, const struct plan_entry *shown, struct jail_diag *diag)
{
	enum winpath_relation relation = winpath_relate(hidden->target, shown->target);

	/* What is not shown is hidden already. */
	if (relation == WINPATH_APART || relation == WINPATH_ABOVE) {
		return 0;
	}
	return refuse_pair(hidden, shown,
		"the first cannot be hidden inside the second: in an AppContainer a right that is "
		"given further up is not taken back further down",
		diag);
}

/* A shown folder inside another: no junction of its own, and only where its rights add some. */
static int check_inside(struct plan_entry *inner, struct plan_entry *outer, struct jail_diag *diag)
{
	if (strcmp(inner->source, inner->target) != 0 ||
		strcmp(outer->source, outer->target) != 0) {
		return refuse_pair(inner, outer, "the first cannot be laid over the second", diag);
	}
	if (outer->mode == JAIL_WRITE && inner->mode != JAIL_WRITE) {
		return refuse_pair(inner, outer,
			"the first cannot be kept from writing inside the second: in an "
			"AppContainer a right that is given further up is not taken back further "
			"down",
			diag);
	}
	inner->has_junction = false;
	return 0;
}

static int check_shown(struct plan_entry *a, struct plan_entry *b, struct jail_diag *diag)
{
	switch (winpath_relate(a->target, b->target)) {
	case WINPATH_APART: return 0;
	case WINPATH_ABOVE: return check_inside(b, a, diag);
	case WINPATH_BELOW: return check_inside(a, b, diag);
	case WINPATH_SAME: return refuse_pair(a, b, "one folder with two kinds of rights", diag);
	case WINPATH_UNSURE: break;
	}
	return refuse_pair(a, b, "they may be one folder or two", diag);
}

/* A file of ours where the command could write it is none of ours. */
static int check_file(
	const struct plan_entry *file, const struct plan_entry *shown, struct jail_diag *diag)
{
	return winpath_is_apart(file->target, shown->target)
		       ? 0
		       : refuse_pair(file, shown, "the first would lie inside the second", diag);
}

static int check_pair(struct plan_entry *a, struct plan_entry *b, struct jail_diag *diag)
{
	if (is_shown(a) && is_shown(b)) {
		return check_shown(a, b, diag);
	}
	if (!is_shown(a) && !is_shown(b)) {
		return 0;
	}
	if (!is_shown(b)) {
		struct plan_entry *shown = a;

		a = b;
		b = shown;
	}
	return a->mode == JAIL_HIDE ? check_hidden(a, b, diag) : check_file(a, b, diag);
}

int plan_make(struct plan *p, const struct jail_os *os, const struct jail_view *view, size_t n_view,
	struct jail_diag *diag)
{
	int error = 0;

	memset(p, 0, sizeof(*p));
	for (size_t i = 0; error == 0 && i < n_view; i++) {
		error = add_entry(p, os, &view[i], diag);
	}
	for (size_t i = 0; error == 0 && i < p->n; i++) {
		for (size_t k = 0; error == 0 && k < i; k++) {
			error = check_pair(&p->entries[k], &p->entries[i], diag);
		}
	}
	if (error != 0) {
		plan_finish(p);
	}
	return error;
}

int plan_keep_out(const struct plan *p, const char *folder, struct jail_diag *diag)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_entry *e = &p->entries[i];

		if (is_shown(e) && !winpath_is_apart(e->source, folder)) {
			return jail_fail(diag, JAIL_EVIEW, "", no_deny,
				"%.150s and %.150s, where the journals of runs lie, lie one in the "
				"other",
				e->source, folder);
		}
	}
	return 0;
}

int plan_place(const struct plan *p, const char *root, const char *path,
	char ret_place[WINPATH_MAX], struct jail_diag *diag)
{
	char plain[WINPATH_MAX];
	int error = canonical(path, plain, diag);

	if (error != 0) {
		return error;
	}
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_entry *e = &p->entries[i];
		enum winpath_relation relation = winpath_relate(plain, e->target);

		if (is_shown(e) && (relation == WINPATH_SAME || relation == WINPATH_BELOW)) {
			/* "C:\x" lies at root\C\x. */
			if (snprintf(ret_place, WINPATH_MAX, "%s\\%c%s", root, plain[0],
				    plain + 2) >= WINPATH_MAX) {
				break;
			}
			return 0;
		}
	}
	return jail_fail(diag, JAIL_EVIEW, "", "", "%.200s is not in the view", plain);
}

void plan_finish(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->entries[i].target);
		free(p->entries[i].source);
	}
	free(p->entries);
	memset(p, 0, sizeof(*p));
}
