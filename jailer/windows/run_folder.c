/*
 * The run's folder, which names the run and holds its journal and view; and what runs that died
 * left in theirs.
 *
 * Knows Windows only through the table of os.h.
 */
#include "jailer/windows/jail_windows.h"

#include <stdio.h>
#include <string.h>

static int make_folder(const struct jail_os *os, const char *path, struct jail_diag *diag)
{
	uint32_t number = os->folder_make(path, OS_FOLDER_PRIVATE);

	return number == OS_OK || number == OS_EEXISTS
		       ? 0
		       : jail_fail_os(os, number, diag, JAIL_ESYSTEM, "", "",
				 "the folder %.200s cannot be made", path);
}

/* ...\sallyport\runs */
static int runs_folder(const struct jail_os *os, char ret_path[WINPATH_MAX], struct jail_diag *diag)
{
	char state[WINPATH_MAX];
	uint32_t number = os->state_folder(state);
	int error;

	if (number != OS_OK || strlen(state) > WINPATH_MAX / 2) {
		return jail_fail_os(os, number, diag, JAIL_ESYSTEM, "", "",
			"there is no folder for local application data");
	}
	snprintf(ret_path, WINPATH_MAX, "%.2048s\\sallyport", state);
	error = make_folder(os, ret_path, diag);
	if (error == 0) {
		snprintf(ret_path, WINPATH_MAX, "%.2048s\\sallyport\\runs", state);
		error = make_folder(os, ret_path, diag);
	}
	return error;
}

/* Names the run, takes back what dead ones left, opens the journal. */
int run_folder_begin(const struct jail_os *os, struct journal *journal, char ret_name[OS_NAME_MAX],
	char ret_root[WINPATH_MAX], char ret_home[WINPATH_MAX], struct jail_diag *diag)
{
	unsigned char random[8];
	unsigned undone, failed;
	char runs[WINPATH_MAX], folder[WINPATH_MAX + OS_NAME_MAX];
	uintptr_t lock;
	int error = runs_folder(os, runs, diag);
	uint32_t number;

	if (error != 0) {
		return error;
	}
	number = os->random(random, sizeof(random));
	if (number != OS_OK) {
		return jail_fail_os(os, number, diag, JAIL_ESYSTEM, "", "", "no random bytes");
	}
	snprintf(ret_name, OS_NAME_MAX, "sallyport-%02x%02x%02x%02x%02x%02x%02x%02x", random[0],
		random[1], random[2], random[3], random[4], random[5], random[6], random[7]);
	snprintf(folder, sizeof(folder), "%s\\run-%s", runs, ret_name + 10);
	number = os->lock_take("runs", OS_LOCK_USER, &lock);
	if (number != OS_OK) {
		return jail_fail_os(os, number, diag, JAIL_ESYSTEM, "", "",
			"other runs cannot be kept out for a moment");
	}
	/* What cannot be taken back now stays written down; it does not concern this run. */
	error = journal_repair(os, runs, &undone, &failed, diag);
	if (error == 0) {
		error = journal_create(journal, os, folder, diag);
	}
	os->lock_give(lock);
	snprintf(ret_root, WINPATH_MAX, "%.4000s\\view", folder);
	snprintf(ret_home, WINPATH_MAX, "%.4000s\\home", folder);
	return error;
}

int jail_repair_with(const struct jail_os *os, unsigned *ret_undone, unsigned *ret_failed,
	struct jail_diag *diag)
{
	char runs[WINPATH_MAX];
	uintptr_t lock;
	int error = runs_folder(os, runs, diag);
	uint32_t number;

	if (error != 0) {
		return error;
	}
	number = os->lock_take("runs", OS_LOCK_USER, &lock);
	if (number != OS_OK) {
		return jail_fail_os(os, number, diag, JAIL_ESYSTEM, "", "",
			"other runs cannot be kept out for a moment");
	}
	error = journal_repair(os, runs, ret_undone, ret_failed, diag);
	os->lock_give(lock);
	return error;
}
