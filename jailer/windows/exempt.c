/*
 * Loopback exemptions: one list for the whole machine, which other programs keep too. It is read,
 * changed by exactly one SID and written under a lock, and all of it read back.
 */
#include "jailer/windows/jail_windows.h"

#include <stdlib.h>
#include <string.h>

/* Where `sid` stands in the list, with a length; NULL when it does not. */
static const char *find(const char *sids, const char *sid)
{
	size_t len = strlen(sid);

	for (const char *at = sids; (at = strstr(at, sid)) != NULL; at += len) {
		if ((at == sids || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0')) {
			return at;
		}
	}
	return NULL;
}

/* Owned by the caller; NULL when memory is out. */
static char *with(const char *sids, const char *sid)
{
	size_t len = strlen(sids), more = strlen(sid);
	char *list = malloc(len + more + 2);

	if (list != NULL) {
		memcpy(list, sids, len);
		list[len] = ' ';
		memcpy(list + len + (len > 0), sid, more + 1);
	}
	return list;
}

static char *without(const char *sids, const char *sid)
{
	const char *at = find(sids, sid);
	char *list = malloc(strlen(sids) + 1);

	if (list == NULL || at == NULL) {
		free(list);
		return NULL;
	}
	strcpy(list, sids);
	at = list + (at - sids) + strlen(sid);
	if (*at == ' ') {
		memmove(list + (find(sids, sid) - sids), at + 1, strlen(at + 1) + 1);
	} else {
		size_t end = (size_t)(find(sids, sid) - sids);

		list[end > 0 ? end - 1 : 0] = '\0';
	}
	return list;
}

/* Every one of `some`, in whatever order. */
static bool holds_all(const char *sids, const char *some)
{
	char one[OS_SID_MAX];

	for (size_t len; *some != '\0'; some += len + (some[len] == ' ')) {
		len = strcspn(some, " ");
		if (len >= sizeof(one)) {
			return false;
		}
		memcpy(one, some, len);
		one[len] = '\0';
		if (find(sids, one) == NULL) {
			return false;
		}
	}
	return true;
}

/* All of it, not our entry alone: whoever writes the list writes everybody's. */
static uint32_t write_and_read(const struct jail_os *os, const char *wanted)
{
	char *now = NULL;
	uint32_t error = os->exemptions_set(wanted);

	if (error == OS_OK) {
		error = os->exemptions_get(&now);
	}
	if (error == OS_OK && (!holds_all(now, wanted) || !holds_all(wanted, now))) {
		error = OS_EACCESS;
	}
	free(now);
	return error;
}

/* With the lock held. */
static uint32_t change(const struct jail_os *os, const char *sid, bool wanted)
{
	char *before = NULL, *after = NULL;
	uint32_t error = os->exemptions_get(&before);

	if (error != OS_OK) {
		return error;
	}
	if ((find(before, sid) != NULL) != wanted) {
		after = wanted ? with(before, sid) : without(before, sid);
		error = after != NULL ? write_and_read(os, after) : OS_EMEMORY;
	}
	free(before);
	free(after);
	return error;
}

static uint32_t change_locked(const struct jail_os *os, const char *sid, bool wanted)
{
	uintptr_t lock;
	uint32_t error = os->lock_take("exemptions", OS_LOCK_MACHINE, &lock);

	if (error == OS_OK) {
		error = change(os, sid, wanted);
		os->lock_give(lock);
	}
	return error;
}

int exempt_add(const struct jail_os *os, struct journal *j, const char *sid, struct jail_diag *diag)
{
	int error = journal_add(j, JOURNAL_EXEMPT, NULL, sid, diag);
	uint32_t number;

	if (error != 0) {
		return error;
	}
	number = change_locked(os, sid, true);
	if (number != OS_OK) {
		return jail_fail_os(os, number, diag, JAIL_EPROTECTION, "loopback exemption",
			"run it without --exempt-loopback: then a pipe is the door",
			"the container cannot be let through to the door alone");
	}
	return 0;
}

uint32_t exempt_remove(const struct jail_os *os, const char *sid)
{
	return change_locked(os, sid, false);
}

int exempt_check(const struct jail_os *os, const char *sid, struct jail_diag *diag)
{
	char *sids = NULL;
	uint32_t number = os->exemptions_get(&sids);
	bool found = number == OS_OK && find(sids, sid) != NULL;

	free(sids);
	if (number != OS_OK) {
		return jail_fail_os(os, number, diag, JAIL_EPROTECTION, "loopback exemption", "",
			"the machine's list cannot be read");
	}
	return found ? 0
		     : jail_fail(diag, JAIL_EPROTECTION, "loopback exemption", "",
			       "the container is not in the machine's list");
}
