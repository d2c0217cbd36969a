/*
 * No capability in any set, and none to be had again. Source: capabilities(7), prctl(2).
 */
#include "jailer/linux/jail_linux.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char cure[] = "nothing: this never fails on a sound Linux kernel";

int caps_lock(struct jail_diag *diag)
{
	const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
				   SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
				   SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		return jail_fail_errno(diag, JAIL_EPROTECTION, "no_new_privs", cure, "prctl");
	}
	/* Root in the jail is an owner of files and nothing more: no exec gives it capabilities. */
	if (prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) != 0) {
		return jail_fail_errno(diag, JAIL_EPROTECTION, "capabilities", cure, "securebits");
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
		return jail_fail_errno(diag, JAIL_EPROTECTION, "capabilities", cure, "ambient set");
	}
	/* They are numbered without gaps: EINVAL is the end of them. */
	for (int cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++) {
	}
	return errno == EINVAL ? 0
			       : jail_fail_errno(diag, JAIL_EPROTECTION, "capabilities", cure,
					 "bounding set");
}

int caps_drop(struct jail_diag *diag)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {{0}};

	if (syscall(SYS_capset, &header, none) != 0) {
		return jail_fail_errno(diag, JAIL_EPROTECTION, "capabilities", cure, "capset");
	}
	return 0;
}
