/*
 * The gateway's process gives up what it does not need, in the order in which one step needs the
 * next: powers, files, system calls. Called when everything outside the folder is read and open.
 */
#include "jailer/confine.h"
#include "jailer/linux/jail_linux.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char cure[] = "nothing: this never fails on a sound Linux kernel";

/* Landlock holds the thread that asks for it, and those it makes. */
static int check_alone(struct jail_diag *diag)
{
	struct stat st;

	if (stat("/proc/self/task", &st) != 0) {
		return jail_fail_errno(diag, JAIL_EPROTECTION, "confinement of the gateway",
			"a /proc", "/proc/self/task");
	}
	return st.st_nlink <= 3 ? 0
				: jail_fail(diag, JAIL_EPROTECTION, "confinement of the gateway",
					  "", "threads are running already");
}

/* Only who has powers can lock them away; who has none gets none, with no_new_privs. */
static int drop_powers(struct jail_diag *diag)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {{0}};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		return jail_fail_errno(diag, JAIL_EPROTECTION, "no_new_privs", cure, "prctl");
	}
	if (syscall(SYS_capget, &header, none) != 0) {
		return jail_fail_errno(diag, JAIL_EPROTECTION, "capabilities", cure, "capget");
	}
	if ((none[0].effective & 1u << CAP_SETPCAP) != 0) {
		const int error = caps_lock(diag);

		return error != 0 ? error : caps_drop(diag);
	}
	none[0] = none[1] = (struct __user_cap_data_struct){0};
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
		syscall(SYS_capset, &header, none) != 0) {
		return jail_fail_errno(diag, JAIL_EPROTECTION, "capabilities", cure, "capset");
	}
	return 0;
}

/* Root without powers is an owner of files like others. */
static int check_folder(const char *folder, struct jail_diag *diag)
{
	return access(folder, R_OK | W_OK | X_OK) == 0
		       ? 0
		       : jail_fail_errno(diag, JAIL_EPROTECTION, "confinement of the gateway",
				 "a record folder that belongs to the user who starts the run: "
				 "root's powers are given up before it is written",
				 "%s", folder);
}

void confine_describe(char *ret_how, size_t size)
{
	long abi = landlock_abi();

	if (abi > 0) {
		snprintf(ret_how, size, "Landlock ABI %ld and a list of %zu system calls", abi,
			confine_calls_count());
	} else {
		snprintf(ret_how, size,
			"a root of its own, empty but for the record, and a list of %zu system "
			"calls",
			confine_calls_count());
	}
}

int confine_process(const char *folder, char *ret_how, size_t size, struct jail_diag *diag)
{
	int error = check_alone(diag);

	/* Before its powers go: an empty root takes some, or a user namespace. */
	if (error == 0 && landlock_abi() == 0) {
		error = confine_root(folder, diag);
	}
	error = error != 0 ? error : drop_powers(diag);
	if (error == 0 && landlock_abi() > 0) {
		error = landlock_folder(folder, diag);
	}
	error = error != 0 ? error : check_folder(folder, diag);
	if (error == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
		error = jail_fail_errno(diag, JAIL_EPROTECTION, "dumpable", cure, "prctl");
	}
	if (error == 0) {
		confine_describe(ret_how, size);
		error = confine_calls(diag);
	}
	if (error == 0) {
		confine_is_up();
	}
	return error;
}

int confine_close_others(int keep, struct jail_diag *diag)
{
	return fds_close_all_but(&keep, 1, diag);
}
