/*
 * The last steps, in the command's own process: it gives up everything and becomes the command.
 */
#include "jailer/linux/jail_linux.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* As env(1) would start it: default handlers, nothing blocked. */
static void reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++) {
		struct sigaction now;

		/* Ignored signals stay ignored across exec, as the caller of env would expect
		 * (nohup). */
		if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_IGN &&
			now.sa_handler != SIG_DFL) {
			signal(number, SIG_DFL);
		}
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int command_exec(const struct jail_spec *spec, const struct jail_limits *limits, mode_t mask,
	struct jail_diag *diag)
{
	int error = fds_close_all_but(NULL, 0, diag);

	reset_signals();
	umask(mask);
	if (error == 0) {
		error = limits_apply(limits, diag);
	}
	if (error == 0 && chdir(spec->cwd) != 0) {
		error = jail_fail_errno(diag, JAIL_EVIEW, "",
			"start where the view shows the folder",
			"the working folder %s is not in the jail", spec->cwd);
	}
	if (error == 0) {
		error = caps_drop(diag);
	}
	if (error == 0) {
		error = landlock_setup(spec->view, spec->n_view, diag);
	}
	if (error == 0) {
		error = seccomp_setup(diag);
	}
	if (error != 0) {
		return error;
	}
	environ = (char **)spec->envp;
	execvp(spec->argv[0], spec->argv);
	return jail_fail_errno(
		diag, errno == ENOENT ? JAIL_ENOTFOUND : JAIL_ENOEXEC, "", "", "%s", spec->argv[0]);
}
