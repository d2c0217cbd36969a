/*
 * Probes of powers: capabilities, namespaces, mounts, and the kernel's large doors.
 */
#include "probes/probes_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

PROBE(probe_capabilities)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct have[2] = {{0}},
				      want[2] = {{1u << CAP_NET_RAW, 1u << CAP_NET_RAW, 0}};

	(void)t;
	if (syscall(SYS_capget, &header, have) != 0) {
		probe_judge(result, true, "capget");
	} else if ((have[0].effective | have[0].permitted | have[1].effective) != 0) {
		probe_say(result, PROBE_ESCAPED, "effective %x", have[0].effective);
	} else if (prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) == 1) {
		probe_say(result, PROBE_ESCAPED, "the bounding set is not empty");
	} else {
		probe_judge(result, syscall(SYS_capset, &header, want) != 0, "capset");
	}
}

PROBE(probe_setuid)
{
	(void)t;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
		probe_say(result, PROBE_HELD, "no_new_privs is set");
	} else {
		probe_say(result, PROBE_ESCAPED, "setuid programs raise rights");
	}
}

/* In a child: what it makes must not change this process. */
static void in_child(struct probe_result *result, int (*fn)(void), const char *what)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		errno = 0;
		_exit(fn() == 0 ? 0 : errno != 0 ? errno : EPERM);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		probe_say(result, PROBE_UNKNOWN, "fork: %s", strerror(errno));
		return;
	}
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
	probe_judge(result, !WIFEXITED(status) || WEXITSTATUS(status) != 0, what);
}

static int new_user_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

PROBE(probe_user_namespace)
{
	(void)t;
	in_child(result, new_user_namespace, "unshare");
	if (result->outcome == PROBE_HELD) {
		pid_t pid =
			(pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

		if (pid == 0) {
			_exit(0);
		}
		probe_judge(result, pid < 0, "clone");
		if (pid > 0) {
			waitpid(pid, NULL, 0);
		}
	}
}

static int new_namespaces(void)
{
	static const int flags[] = {CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWIPC,
		CLONE_NEWUTS, CLONE_NEWCGROUP};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (unshare(flags[i]) == 0) {
			return 0;
		}
	}
	return -1;
}

PROBE(probe_namespaces)
{
	struct {
		uint64_t flags, room[10];
	} args = {CLONE_NEWNS, {0}};

	(void)t;
	in_child(result, new_namespaces, "unshare");
	if (result->outcome == PROBE_HELD) {
		pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

		if (pid == 0) {
			_exit(0);
		}
		probe_judge(result, pid < 0, "clone3");
	}
}

static int enter_first(void)
{
	int fd = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);

	/* Where the first process cannot be looked at, one's own namespace shows whether the call
	 * is there. */
	if (fd < 0) {
		fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	}
	return setns(fd, 0);
}

PROBE(probe_setns)
{
	(void)t;
	in_child(result, enter_first, "setns");
}

/* Outside a jail the attempt happens in mounts of its own, or it would be the machine's. */
static int mount_something(void)
{
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		return -1;
	}
	return mount("none", "/tmp", "tmpfs", 0, NULL) == 0 ||
			       mount("/", "/tmp", NULL, MS_BIND, NULL) == 0 ||
			       umount2("/run/sallyport/ca.pem", MNT_DETACH) == 0
		       ? 0
		       : -1;
}

PROBE(probe_mount)
{
	(void)t;
	in_child(result, mount_something, "mount");
}

static int remount_something(void)
{
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		return -1;
	}
	return mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL);
}

PROBE(probe_remount)
{
	(void)t;
	in_child(result, remount_something, "remount");
}

static int open_a_tree(void)
{
	if (syscall(SYS_open_tree, AT_FDCWD, "/usr", 1) >= 0 ||
		syscall(SYS_fsopen, "tmpfs", 0) >= 0 ||
		syscall(SYS_mount_setattr, AT_FDCWD, "/usr", 0, NULL, 0) == 0) {
		return 0;
	}
	return -1;
}

PROBE(probe_new_mount_api)
{
	(void)t;
	in_child(result, open_a_tree, "open_tree, fsopen, mount_setattr");
}

static int change_root(void)
{
	return chroot(".");
}

PROBE(probe_chroot)
{
	(void)t;
	in_child(result, change_root, "chroot");
}

PROBE(probe_keyring)
{
	(void)t;
	/* KEYCTL_GET_KEYRING_ID of the session keyring */
	probe_judge(result,
		syscall(SYS_keyctl, 0, -3, 1) < 0 &&
			syscall(SYS_add_key, "user", "sallyport-probe", "x", 1, -3) < 0,
		"keyctl");
}

static void judge_descriptor(struct probe_result *result, long fd, const char *what)
{
	probe_judge(result, fd < 0, what);
	if (fd >= 0) {
		close((int)fd);
	}
}

PROBE(probe_bpf)
{
	/* BPF_MAP_CREATE of an array */
	struct {
		uint32_t type, key, value, entries;
	} map = {2, 4, 8, 1};

	(void)t;
	judge_descriptor(result, syscall(SYS_bpf, 0, &map, sizeof(map)), "bpf");
}

PROBE(probe_perf)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.exclude_kernel = 1};

	(void)t;
	judge_descriptor(
		result, syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0), "perf_event_open");
}

PROBE(probe_userfaultfd)
{
	(void)t;
	judge_descriptor(result, syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* user mode only */),
		"userfaultfd");
}

PROBE(probe_io_uring)
{
	unsigned char params[120] = {0};

	(void)t;
	judge_descriptor(result, syscall(SYS_io_uring_setup, 4, params), "io_uring_setup");
}

/* Events of the whole file system that the working folder lies on: who does what, where. */
PROBE(probe_fanotify)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_CLOEXEC, O_RDONLY);

	(void)t;
	probe_judge(result,
		fd < 0 || fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
				  FAN_OPEN | FAN_MODIFY, AT_FDCWD, ".") != 0,
		"fanotify of a file system");
	if (fd >= 0) {
		close(fd);
	}
	if (result->outcome == PROBE_HELD) {
		/* To be asked before others open something. */
		judge_descriptor(result, fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY),
			"fanotify_init");
	}
}

/* Any other error means that the call was ready to look at its arguments. */
static bool is_refusal(long status)
{
	return status != 0 && (errno == EPERM || errno == ENOSYS);
}

PROBE(probe_modules)
{
	long status;

	(void)t;
	/* A descriptor that is none: whoever may load modules hears EBADF. */
	status = syscall(SYS_finit_module, -1, "", 0);
	if (is_refusal(status)) {
		status = syscall(SYS_init_module, NULL, 0, "");
	}
	probe_judge(result, is_refusal(status), "finit_module, init_module");
}

PROBE(probe_kexec)
{
	(void)t;
	probe_judge(result, syscall(SYS_kexec_load, 0, 0, NULL, 0) != 0 && errno == EPERM,
		"kexec_load");
}

static int type_into_terminal(void)
{
	char byte = 'x';
	int leader, terminal;

	if (openpty(&leader, &terminal, NULL, NULL, NULL) != 0) {
		return -1;
	}
	setsid();
	(void)ioctl(terminal, TIOCSCTTY, 0);
	return ioctl(terminal, TIOCSTI, &byte) == 0 || ioctl(0, TIOCSTI, &byte) == 0 ||
			       syscall(SYS_ioctl, 0, 0x100000000ULL | TIOCSTI, &byte) == 0
		       ? 0
		       : -1;
}

PROBE(probe_terminal)
{
	(void)t;
	in_child(result, type_into_terminal, "TIOCSTI");
}

#if defined(__x86_64__)
static int call_i386(void)
{
	long value;

	/* getpid of the 32-bit table */
	__asm__ volatile("int $0x80" : "=a"(value) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
	errno = value < 0 ? (int)-value : 0;
	return value == getpid() ? 0 : -1;
}

PROBE(probe_32_bit)
{
	(void)t;
	in_child(result, call_i386, "int 0x80");
}

static int call_x32(void)
{
	return syscall(0x40000000 | SYS_getpid) == getpid() ? 0 : -1;
}

PROBE(probe_x32)
{
	(void)t;
	in_child(result, call_x32, "x32 getpid");
}
#else
PROBE(probe_32_bit)
{
	(void)t;
	probe_say(result, PROBE_UNKNOWN, "known for x86-64 alone");
}

PROBE(probe_x32)
{
	(void)t;
	probe_say(result, PROBE_UNKNOWN, "known for x86-64 alone");
}
#endif
