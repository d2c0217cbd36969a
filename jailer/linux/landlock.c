/*
 * Landlock, the second and independent lock on files and TCP: told apart by the kernel's ABI.
 * Source: landlock(7).
 */
#include "jailer/linux/jail_linux.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

int landlock_setup(struct jail_reports *reports, struct jail_diag *diag)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	(void)diag;
	jail_report_add(reports, "landlock", JAIL_ABSENT, "%s",
		abi > 0 ? "the kernel has it, this version does not use it yet"
			: "this kernel does not have it");
	return 0;
}
