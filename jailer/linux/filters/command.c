/*
 * The command's filter. System calls that nobody in the jail needs and that have been ways out:
 * refused with EPERM (ENOSYS for clone3, so that libc falls back to clone, whose flags can be
 * seen). Everything else is allowed: build tools use much. docs/jail.md lists the reasons. Source:
 * seccomp(2), seccomp_rule_add(3).
 */
#include "jailer/linux/filters/filters.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif
#ifndef F_SETSIG
#define F_SETSIG 10
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

enum { OPEN_TREE_ATTR = 467, FCHMODAT2 = 452 }; /* newer than libseccomp's names */

/* Refused whatever the arguments. */
static const char *const refused[] = {
	/* mounts and roots */
	"mount",
	"umount",
	"umount2",
	"pivot_root",
	"chroot",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"mount_setattr",
	"open_by_handle_at",
	/* namespaces */
	"setns",
	"unshare",
	/* the kernel itself */
	"init_module",
	"finit_module",
	"delete_module",
	"create_module",
	"kexec_load",
	"kexec_file_load",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"syslog",
	"acct",
	"swapon",
	"swapoff",
	"reboot",
	"settimeofday",
	"clock_settime",
	"clock_adjtime",
	"adjtimex",
	"sethostname",
	"setdomainname",
	"iopl",
	"ioperm",
	"quotactl",
	"quotactl_fd",
	"nfsservctl",
	"lookup_dcookie",
	"vhangup",
	/* keyrings are not namespaced */
	"add_key",
	"request_key",
	"keyctl",
	/* other processes' descriptors */
	"pidfd_getfd",
	"kcmp",
};

static int refuse_named(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		int number = seccomp_syscall_resolve_name(refused[i]);
		int error;

		if (number == __NR_SCMP_ERROR) {
			continue; /* a call this libseccomp has never heard of does not exist here
				   */
		}
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
		if (error != 0 && error != -EDOM) {
			return error;
		}
	}
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), OPEN_TREE_ATTR, 0);
}

/* New namespaces by clone: any of the flags. */
static int refuse_clone_flags(scmp_filter_ctx filter)
{
	static const uint64_t flags[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID,
		CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWTIME};
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof(flags) / sizeof(flags[0]); i++) {
		/* CLONE_NEWTIME lies in the bits of the exit signal: only unshare knows it. */
		if (flags[i] != CLONE_NEWTIME) {
			error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
		}
	}
	return error != 0 ? error
			  : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

/* Typing into the terminal we share with the caller. The kernel looks at 32 bits of the request. */
static int refuse_terminal_injection(scmp_filter_ctx filter)
{
	static const uint64_t requests[] = {TIOCSTI, TIOCLINUX};
	int error = 0;

	for (size_t i = 0; error == 0 && i < 2; i++) {
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, requests[i]));
	}
	return error;
}

/* What an argument of 32 bits says, whatever stands in the other half. */
#define IS(argument, value) SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, 0xffffffffu, value)

/*
 * The jail's first process is the command's user's too: without descriptors or turns of the
 * processor it could not count what limits hold. And a group of processes may be the caller's, for
 * the command begins in its group.
 */
static int refuse_meddling(scmp_filter_ctx filter)
{
	static const int by_pid[] = {SCMP_SYS(prlimit64), SCMP_SYS(sched_setaffinity),
		SCMP_SYS(sched_setscheduler), SCMP_SYS(sched_setparam), SCMP_SYS(sched_setattr)};
	static const struct {
		int call;
		uint64_t process, group, user;
	} by_kind[] = {{SCMP_SYS(setpriority), PRIO_PROCESS, PRIO_PGRP, PRIO_USER},
		{SCMP_SYS(ioprio_set), IOPRIO_WHO_PROCESS, IOPRIO_WHO_PGRP, IOPRIO_WHO_USER}};
	const uint32_t no = SCMP_ACT_ERRNO(EPERM);
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof(by_pid) / sizeof(by_pid[0]); i++) {
		error = seccomp_rule_add(filter, no, by_pid[i], 1, IS(0, 1));
	}
	for (size_t i = 0; error == 0 && i < sizeof(by_kind) / sizeof(by_kind[0]); i++) {
		int call = by_kind[i].call;

		error = seccomp_rule_add(filter, no, call, 2, IS(0, by_kind[i].process), IS(1, 1));
		error = error != 0 ? error
				   : seccomp_rule_add(filter, no, call, 1, IS(0, by_kind[i].group));
		error = error != 0 ? error
				   : seccomp_rule_add(filter, no, call, 1, IS(0, by_kind[i].user));
	}
	return error;
}

/*
 * Where Landlock does not keep signals inside: the group of processes that the command shares with
 * its caller, for the terminal's sake, can be signalled without a number, and by asking for a
 * signal when the terminal has input.
 */
int filter_signals(scmp_filter_ctx filter)
{
	const uint32_t no = SCMP_ACT_ERRNO(EPERM);
	int error = seccomp_rule_add(filter, no, SCMP_SYS(kill), 1, IS(0, 0));

	error = error != 0 ? error
			   : seccomp_rule_add(filter, no, SCMP_SYS(ioctl), 1, IS(1, FIOASYNC));
	error = error != 0 ? error
			   : seccomp_rule_add(filter, no, SCMP_SYS(fcntl), 1, IS(1, F_SETSIG));
	return error != 0 ? error
			  : seccomp_rule_add(filter, no, SCMP_SYS(fcntl), 2, IS(1, F_SETFL),
				    SCMP_A2(SCMP_CMP_MASKED_EQ, O_ASYNC, O_ASYNC));
}

/* Only unix, IPv4, IPv6 and reading routes; no raw sockets; pairs of unix sockets alone. */
static int refuse_sockets(scmp_filter_ctx filter)
{
	int error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socketpair), 1,
		SCMP_A0(SCMP_CMP_GT, AF_UNIX));

	/* Netlink is the last of them. By whole numbers, which are shorter to compare than their
	 * lower halves: what has an upper half is beyond it too. */
	for (uint64_t family = 0; error == 0 && family < AF_NETLINK; family++) {
		if (family == AF_UNIX || family == AF_INET || family == AF_INET6) {
			continue;
		}
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
			SCMP_A0(SCMP_CMP_EQ, family));
	}
	if (error == 0) {
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
			SCMP_A0(SCMP_CMP_GT, AF_NETLINK));
	}
	/* Raw netlink sockets are the ordinary ones; raw IP is what goes around a port's owner. */
	for (size_t i = 0; error == 0 && i < 2; i++) {
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 2,
			SCMP_A0(SCMP_CMP_EQ, i == 0 ? AF_INET : AF_INET6),
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_RAW));
	}
	/* NETLINK_ROUTE is 0. */
	return error != 0 ? error
			  : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 2,
				    SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
				    SCMP_A2(SCMP_CMP_GT, NETLINK_ROUTE));
}

/*
 * A file left in the working folder that runs with its owner's rights, whoever starts it: the bit
 * means nothing in here, and much outside. By chmod, and by whatever makes a file; openat2 hides
 * its mode behind a pointer, and programs fall back to openat.
 */
static int refuse_setuid_files(scmp_filter_ctx filter)
{
	static const struct {
		int call;
		unsigned mode, flags; /* which arguments; flags 0: the mode always counts */
	} calls[] = {{SCMP_SYS(chmod), 1, 0}, {SCMP_SYS(fchmod), 1, 0}, {SCMP_SYS(fchmodat), 2, 0},
		{FCHMODAT2, 2, 0}, {SCMP_SYS(creat), 1, 0}, {SCMP_SYS(mknod), 1, 0},
		{SCMP_SYS(mknodat), 2, 0}, {SCMP_SYS(open), 2, 1}, {SCMP_SYS(openat), 3, 2}};
	static const uint64_t making[] = {O_CREAT, O_TMPFILE & ~O_DIRECTORY};
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct scmp_arg_cmp mode =
			SCMP_CMP(calls[i].mode, SCMP_CMP_MASKED_EQ, S_ISUID, S_ISUID);

		if (calls[i].flags == 0) {
			error = seccomp_rule_add(
				filter, SCMP_ACT_ERRNO(EPERM), calls[i].call, 1, mode);
		}
		for (size_t k = 0; error == 0 && calls[i].flags != 0 && k < 2; k++) {
			error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i].call, 2,
				SCMP_CMP(calls[i].flags, SCMP_CMP_MASKED_EQ, making[k], making[k]),
				mode);
		}
	}
	return error != 0 ? error
			  : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0);
}

int filter_command(scmp_filter_ctx filter)
{
	/*
	 * The 32-bit and x32 tables are refused whole: their calls take arguments by pointer
	 * (socketcall) or by other numbers, and what cannot be judged is not let through.
	 */
	int error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));

	error = error != 0 ? error : refuse_named(filter);
	error = error != 0 ? error : refuse_clone_flags(filter);
	error = error != 0 ? error : refuse_terminal_injection(filter);
	error = error != 0 ? error : refuse_meddling(filter);
	error = error != 0 ? error : refuse_setuid_files(filter);
	return error != 0 ? error : refuse_sockets(filter);
}
