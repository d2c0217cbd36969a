/*
 * All namespaces at once, by the clone that makes the jail's first process. Source: namespaces(7).
 */
#include "jailer/linux/jail_linux.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char cure[] =
	"allow user namespaces: sysctl user.max_user_namespaces=10000; on Debian "
	"kernel.unprivileged_userns_clone=1; on Ubuntu "
	"kernel.apparmor_restrict_unprivileged_userns=0; in a container let it "
	"call clone and mount (seccomp=unconfined)";

pid_t namespaces_clone(struct jail_diag *diag)
{
	const unsigned long flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID |
				    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
	long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid < 0) {
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
