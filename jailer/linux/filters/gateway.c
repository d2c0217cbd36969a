/*
 * The gateway's filter: the system calls of a process that speaks on sockets, writes files in a
 * folder and runs threads. What is not on the list fails with EPERM: libraries ask for much that
 * they can do without (a time zone, the state of memory). What only somebody calls who has taken
 * the process over ends it. docs/gateway.md gives the reasons. Sources: seccomp(2),
 * seccomp_rule_add(3).
 */
#include "jailer/linux/filters/filters.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define WHOLE 0xffffffffu /* the kernel looks at 32 bits of an int */
#define NAMESPACES                                                                                 \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | \
		CLONE_NEWCGROUP)

/* Whatever the arguments. */
static const char *const allowed[] = {
	/* what is open */
	"read",
	"readv",
	"pread64",
	"write",
	"writev",
	"pwrite64",
	"lseek",
	"close",
	"fcntl",
	"dup",
	"fstat",
	"fsync",
	"fdatasync",
	"ftruncate",
	"fallocate",
	"fadvise64",
	"flock",
	"getdents64",
	"fstatfs",
	/* files: in the folder, as Landlock or the root says */
	"openat",
	"newfstatat",
	"faccessat",
	"faccessat2",
	"access",
	"mkdir",
	"mkdirat",
	"unlink",
	"unlinkat",
	"rename",
	"renameat",
	"renameat2",
	/* sockets; which may be made stands below */
	"connect",
	"bind",
	"listen",
	"accept",
	"accept4",
	"getsockname",
	"getpeername",
	"getsockopt",
	"shutdown",
	"sendto",
	"recvfrom",
	"sendmsg",
	"recvmsg",
	/* loops */
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"poll",
	"ppoll",
	"eventfd2",
	"timerfd_create",
	"timerfd_settime",
	/* time and chance */
	"clock_gettime",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"gettimeofday",
	"time",
	"getrandom",
	/* memory and threads */
	"brk",
	"munmap",
	"mremap",
	"madvise",
	"futex",
	"set_robust_list",
	"rseq",
	"sched_yield",
	"sched_getaffinity",
	"sysinfo",
	"exit",
	"exit_group",
	"restart_syscall",
	/* signals to itself, by libc's abort */
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigaltstack",
	/* who am I */
	"getpid",
	"gettid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	/* the end of the helper that carries checkpoints away */
	"wait4",
};

/* No library needs these to do its work: who calls them is not us. */
static const char *const deadly[] = {
	"execve",
	"execveat",
	"fork",
	"vfork",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"pidfd_getfd",
	"mount",
	"umount2",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsmount",
	"mount_setattr",
	"pivot_root",
	"chroot",
	"unshare",
	"setns",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"open_by_handle_at",
	"memfd_create",
	"memfd_secret",
	"add_key",
	"request_key",
	"keyctl",
	"setuid",
	"setgid",
	"setreuid",
	"setregid",
	"setresuid",
	"setresgid",
	"capset",
};

/* With those of conditions, below. */
const size_t filter_gateway_calls = sizeof(allowed) / sizeof(allowed[0]) + 10;

static int add_named(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);
		int error;

		if (number == __NR_SCMP_ERROR) {
			continue; /* newer than this libseccomp: not on the list, so EPERM */
		}
		error = seccomp_rule_add(filter, action, number, 0);
		if (error != 0 && error != -EDOM) {
			return error;
		}
	}
	return 0;
}

/* IPv4 and IPv6, streams and datagrams: no raw, unix, netlink, packet or vsock sockets. */
static int allow_sockets(scmp_filter_ctx filter)
{
	static const uint64_t families[] = {AF_INET, AF_INET6}, types[] = {SOCK_STREAM, SOCK_DGRAM};
	int error = 0;

	for (size_t i = 0; error == 0 && i < 4; i++) {
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
			SCMP_A0(SCMP_CMP_MASKED_EQ, WHOLE, families[i / 2]),
			SCMP_A1(SCMP_CMP_MASKED_EQ, WHOLE & ~(SOCK_NONBLOCK | SOCK_CLOEXEC),
				types[i % 2]));
	}
	return error;
}

/* No filters, no marks, no interfaces: an option of a socket is a program in the kernel, too. */
static int allow_options(scmp_filter_ctx filter)
{
	static const struct {
		int level, option;
	} options[] = {{SOL_SOCKET, SO_REUSEADDR}, {SOL_SOCKET, SO_KEEPALIVE},
		{SOL_SOCKET, SO_LINGER}, {IPPROTO_TCP, 1 /* TCP_NODELAY */}};
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof(options) / sizeof(options[0]); i++) {
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2,
			SCMP_A1(SCMP_CMP_MASKED_EQ, WHOLE, (uint64_t)options[i].level),
			SCMP_A2(SCMP_CMP_MASKED_EQ, WHOLE, (uint64_t)options[i].option));
	}
	return error;
}

/* Threads and nothing else. clone3 hides its flags behind a pointer: libc then takes clone. */
static int allow_threads(scmp_filter_ctx filter)
{
	const uint64_t looked_at = CLONE_THREAD | CLONE_VM | NAMESPACES;
	int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		SCMP_A0(SCMP_CMP_MASKED_EQ, looked_at, CLONE_THREAD | CLONE_VM));

	return error != 0 ? error
			  : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

/* What is written is never run. */
static int allow_memory(scmp_filter_ctx filter)
{
	int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
		SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	return error != 0 ? error
			  : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static int allow_odds(scmp_filter_ctx filter)
{
	static const uint64_t requests[] = {FIONREAD, FIONBIO};
	int error = 0;

	for (size_t i = 0; error == 0 && i < 2; i++) {
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, WHOLE, requests[i]));
	}
	/* futimens(3): Landlock does not know of times, so never by path. */
	error = error != 0 ? error
			   : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(utimensat), 1,
				     SCMP_A1(SCMP_CMP_EQ, 0));
	/* abort(3); whose number this is shows when the filter is put up */
	error = error != 0 ? error
			   : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, WHOLE, FILTER_OWN_PID));
	/* Limits can be asked for. */
	return error != 0 ? error
			  : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
				    SCMP_A0(SCMP_CMP_MASKED_EQ, WHOLE, 0), SCMP_A2(SCMP_CMP_EQ, 0));
}

int filter_gateway(scmp_filter_ctx filter)
{
	int error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	error = error != 0 ? error
			   : add_named(filter, SCMP_ACT_ALLOW, allowed,
				     sizeof(allowed) / sizeof(allowed[0]));
	error = error != 0 ? error
			   : add_named(filter, SCMP_ACT_KILL_PROCESS, deadly,
				     sizeof(deadly) / sizeof(deadly[0]));
	error = error != 0 ? error : allow_sockets(filter);
	error = error != 0 ? error : allow_options(filter);
	error = error != 0 ? error : allow_threads(filter);
	error = error != 0 ? error : allow_memory(filter);
	return error != 0 ? error : allow_odds(filter);
}
