/*
 * The view on the disk: a tree of junctions below the run's folder that mirrors the drives, and
 * grants to the container on what they lead to. Every change is in the journal first; afterwards
 * all of it is read back.
 */
#include "jailer/windows/jail_windows.h"

#include <stdio.h>
#include <string.h>

struct putting {
	const struct jail_os *os;
	struct journal *journal;
	const struct plan *plan;
	const char *root, *sid;
	struct jail_diag *diag;
};

static int fail(const struct putting *p, uint32_t error, const char *what, const char *path)
{
	return jail_fail_os(
		p->os, error, p->diag, JAIL_EPROTECTION, "file view", "", "%s %.200s", what, path);
}

/* ---- steps ---- */

/* `identity`: of what was found there when the plan was made; NULL for what is ours. */
static int grant(const struct putting *p, const char *path, const struct os_identity *identity,
	enum os_access access)
{
	uintptr_t lock;
	uint32_t number;
	int error = journal_add(p->journal, JOURNAL_GRANT, p->sid, path, p->diag);

	if (error != 0) {
		return error;
	}
	number = p->os->lock_take("grants", OS_LOCK_USER, &lock);
	if (number == OS_OK) {
		number = p->os->grant_add(path, identity, p->sid, access);
		p->os->lock_give(lock);
	}
	if (number != OS_OK) {
		return jail_fail_os(p->os, number, p->diag, JAIL_EPROTECTION, "file view",
			"own the folder, or leave it out", "the container cannot be given %.200s",
			path);
	}
	return 0;
}

/* One folder of the mirror; what stands there already must be a folder, ours, and no link. */
static int make_folder(const struct putting *p, const char *path, enum os_folder whose)
{
	struct os_file file;
	uint32_t number = p->os->file_look(path, &file);
	int error;

	if (number != OS_OK) {
		return fail(p, number, "cannot look at", path);
	}
	if (file.exists) {
		return file.is_folder && !file.is_reparse
			       ? 0
			       : jail_fail(p->diag, JAIL_EPROTECTION, "file view", "",
					 "something that is no folder stands at %.200s", path);
	}
	error = journal_add(p->journal, JOURNAL_FOLDER, NULL, path, p->diag);
	if (error != 0) {
		return error;
	}
	number = p->os->folder_make(path, whose);
	if (number == OS_EEXISTS) {
		error = journal_void(p->journal, p->diag);
	}
	return number == OS_OK ? 0 : error != 0 ? error : fail(p, number, "cannot make", path);
}

/* All folders above the last name. */
static int make_parents(const struct putting *p, char *path, size_t from)
{
	for (char *slash = strchr(path + from, '\\'); slash != NULL;
		slash = strchr(slash + 1, '\\')) {
		int error;

		*slash = '\0';
		error = make_folder(p, path, OS_FOLDER_INHERITS);
		*slash = '\\';
		if (error != 0) {
			return error;
		}
	}
	return 0;
}

static int place_of(const struct putting *p, const struct plan_entry *e, char place[WINPATH_MAX])
{
	return plan_place(p->plan, p->root, e->target, place, p->diag);
}

static int link_folder(const struct putting *p, const struct plan_entry *e)
{
	char place[WINPATH_MAX];
	uint32_t number;
	int error = place_of(p, e, place);

	if (error == 0) {
		error = make_parents(p, place, strlen(p->root) + 1);
	}
	if (error == 0) {
		error = journal_add(p->journal, JOURNAL_JUNCTION, NULL, place, p->diag);
	}
	if (error != 0) {
		return error;
	}
	number = p->os->junction_make(place, e->source);
	return number == OS_OK ? 0 : fail(p, number, "no junction can be made at", place);
}

static int write_file(const struct putting *p, const struct plan_entry *e)
{
	char folder[WINPATH_MAX];
	uint32_t number;
	int error;

	snprintf(folder, sizeof(folder), "%s", e->target);
	*strrchr(folder, '\\') = '\0';
	error = make_folder(p, folder, OS_FOLDER_PRIVATE);
	if (error == 0) {
		error = journal_add(p->journal, JOURNAL_FILE, NULL, e->target, p->diag);
	}
	if (error != 0) {
		return error;
	}
	number = p->os->file_write(e->target, e->content, e->content_len);
	if (number == OS_EEXISTS && journal_void(p->journal, p->diag) != 0) {
		return JAIL_ESYSTEM;
	}
	return number == OS_OK ? grant(p, e->target, NULL, OS_ACCESS_READ)
			       : fail(p, number, "cannot write", e->target);
}

/* ---- all of it ---- */

static enum os_access access_of(const struct plan_entry *e)
{
	return e->mode == JAIL_WRITE ? OS_ACCESS_WRITE : OS_ACCESS_READ;
}

static int put_up(const struct putting *p, const struct plan_entry *e)
{
	int error = 0;

	switch (e->mode) {
	case JAIL_READ:
	case JAIL_WRITE:
		if (e->has_junction) {
			error = link_folder(p, e);
		}
		return error == 0 ? grant(p, e->source, &e->identity, access_of(e)) : error;
	case JAIL_FILE: return write_file(p, e);
	default: return 0; /* hidden: not there */
	}
}

int files_put_up(const struct jail_os *os, struct journal *j, const struct plan *plan,
	const char *root, const char *sid, struct jail_diag *diag)
{
	const struct putting p = {os, j, plan, root, sid, diag};
	int error = make_folder(&p, root, OS_FOLDER_PRIVATE);

	/* While it is empty: folders and junctions below inherit it, what those lead to does not.
	 */
	if (error == 0) {
		error = grant(&p, root, NULL, OS_ACCESS_READ);
	}
	for (size_t i = 0; error == 0 && i < plan->n; i++) {
		error = put_up(&p, &plan->entries[i]);
	}
	return error;
}

/* ---- reading back ---- */

static int check_grant(const struct putting *p, const char *path,
	const struct os_identity *identity, enum os_access wanted)
{
	enum os_access access = OS_ACCESS_NONE;
	uint32_t number = p->os->grant_read(path, identity, p->sid, &access);

	if (number != OS_OK) {
		return fail(p, number, "the access list cannot be read of", path);
	}
	if (access != wanted) {
		return jail_fail(p->diag, JAIL_EPROTECTION, "file view", "use an NTFS drive",
			"the access list of %.200s is not what was written", path);
	}
	return 0;
}

static int check_junction(const struct putting *p, const struct plan_entry *e)
{
	char place[WINPATH_MAX], target[WINPATH_MAX];
	struct os_file file;
	uint32_t number;
	int error = place_of(p, e, place);

	if (error != 0) {
		return error;
	}
	number = p->os->junction_read(place, target);
	if (number == OS_OK) {
		number = p->os->file_look(place, &file);
	}
	if (number != OS_OK) {
		return fail(p, number, "the junction cannot be read at", place);
	}
	if (winpath_relate(target, e->source) != WINPATH_SAME || !file.is_reparse ||
		winpath_relate(file.real, e->source) != WINPATH_SAME) {
		return jail_fail(p->diag, JAIL_EPROTECTION, "file view", "",
			"the junction %.150s does not lead to %.150s", place, e->source);
	}
	/* Its own list, which Windows asks before it follows. */
	return check_grant(p, place, NULL, OS_ACCESS_READ);
}

int files_check(const struct jail_os *os, const struct plan *plan, const char *root,
	const char *sid, struct jail_diag *diag)
{
	const struct putting p = {os, NULL, plan, root, sid, diag};
	int error = check_grant(&p, root, NULL, OS_ACCESS_READ);

	for (size_t i = 0; error == 0 && i < plan->n; i++) {
		const struct plan_entry *e = &plan->entries[i];

		if (e->mode == JAIL_HIDE) {
			continue;
		}
		error = check_grant(
			&p, e->source, e->mode != JAIL_FILE ? &e->identity : NULL, access_of(e));
		if (error == 0 && e->has_junction) {
			error = check_junction(&p, e);
		}
	}
	return error;
}
