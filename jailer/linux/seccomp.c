/*
 * Puts up a filter of system calls. What the filters say stands in filters/; the build made their
 * programs of it. Source: seccomp(2).
 */
#include "jailer/linux/jail_linux.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jailer/linux/filters/own_pid.h"
#include "filters_made.h" /* by the build */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char cure[] = "a kernel with CONFIG_SECCOMP_FILTER";

static int put_up(
	const struct sock_filter *filter, size_t n, const char *what, struct jail_diag *diag)
{
	/* The kernel copies it: seccomp(2) only forgot to say const. */
	struct sock_fprog program = {
		.len = (unsigned short)n, .filter = (struct sock_filter *)filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
		return jail_fail_errno(diag, JAIL_EPROTECTION, "seccomp", cure, "%s", what);
	}
	return 0;
}

int seccomp_setup(struct jail_diag *diag)
{
	int error = put_up(command_filter, COUNT(command_filter), "system call filter", diag);

	if (error == 0 && !landlock_keeps_signals()) {
		error = put_up(signals_filter, COUNT(signals_filter), "filter of signals", diag);
	}
	return error;
}

size_t confine_calls_count(void)
{
	return GATEWAY_CALLS;
}

/* Whose signals may be sent: its own, once in the filter. */
static size_t set_own_pid(struct sock_filter *filter, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		if (filter[i].k == FILTER_OWN_PID) {
			filter[i].k = (uint32_t)getpid();
			found++;
		}
	}
	return found;
}

int confine_calls(struct jail_diag *diag)
{
	struct sock_filter filter[COUNT(gateway_filter)];

	memcpy(filter, gateway_filter, sizeof(filter));
	if (set_own_pid(filter, COUNT(filter)) != 1) {
		return jail_fail(diag, JAIL_EPROTECTION, "seccomp", "",
			"the gateway's filter does not know its process");
	}
	return put_up(filter, COUNT(filter), "the gateway's system call filter", diag);
}
