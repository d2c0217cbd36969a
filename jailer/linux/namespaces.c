/*
 * All namespaces at once, by the clone that makes the jail's first process. Source: namespaces(7).
 */
#include "jailer/linux/jail_linux.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char cure[] =
	"allow user namespaces: sysctl user.max_user_namespaces=10000; on Debian "
	"kernel.unprivileged_userns_clone=1; on Ubuntu "
	"kernel.apparmor_restrict_unprivileged_userns=0; in a container let it "
	"call clone and mount (seccomp=unconfined)";

static const struct {
	const char *setting, *protection;
} kinds[] = {{"user", "user namespace"}, {"mnt", "mount namespace"}, {"pid", "pid namespace"},
	{"ipc", "ipc namespace"}, {"uts", "uts namespace"}, {"cgroup", "cgroup namespace"},
	{"net", "network namespace"}};

static bool is_forbidden(const char *setting)
{
	char path[64], value[2] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/user/max_%s_namespaces", setting);
	file = fopen(path, "re");
	if (file == NULL) {
		return false;
	}
	(void)!fread(value, 1, sizeof(value), file);
	fclose(file);
	return value[0] == '0';
}

/* ENOSPC: as many as may be, here or in a user namespace around this one; or 32 levels of those. */
static int too_many(struct jail_diag *diag)
{
	static const char around[] = "a container around this one lets nobody make more: raise "
				     "user.max_*_namespaces there";
	char own[64];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (is_forbidden(kinds[i].setting)) {
			snprintf(own, sizeof(own), "sysctl user.max_%s_namespaces=10000",
				kinds[i].setting);
			errno = ENOSPC;
			return jail_fail_errno(
				diag, JAIL_EPROTECTION, kinds[i].protection, own, "clone");
		}
	}
	errno = ENOSPC;
	return jail_fail_errno(diag, JAIL_EPROTECTION, "user namespace", around, "clone");
}

pid_t namespaces_clone(struct jail_diag *diag)
{
	const unsigned long flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID |
				    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
	long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid < 0 && errno == ENOSPC) {
		(void)too_many(diag);
	} else if (pid < 0) {
		(void)jail_fail_errno(diag, JAIL_EPROTECTION, "user namespace", cure, "clone");
	}
	return (pid_t)pid;
}

int namespaces_name(struct jail_diag *diag)
{
	static const char name[] = "sallyport";

	if (sethostname(name, strlen(name)) != 0) {
		return jail_fail_errno(
			diag, JAIL_EPROTECTION, "uts namespace", cure, "sethostname");
	}
	return 0;
}
