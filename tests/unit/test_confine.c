/*
 * What a confined process can and cannot do: each attempt is made by a child of its own, once
 * confined and once not, for an attempt that fails anyway shows nothing.
 */
#include "jailer/confine.h"
#include "jailer/linux/jail_linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { KILLED = 200, NOT_CONFINED = 201, HANDED = 9 };

static char folder[64];
static uint16_t port; /* somebody listens there */

typedef int attempt(void); /* 0: done; else errno */

static int of(long result)
{
	return result < 0 ? errno : 0;
}

/* What became of it in a child: 0, an errno, KILLED or NOT_CONFINED. */
static int outcome(attempt *try, int (*confine)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (confine != NULL && confine() != 0) {
			_exit(NOT_CONFINED);
		}
		_exit(try());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGSYS);
		return KILLED;
	}
	return WEXITSTATUS(status);
}

static int confine(void)
{
	char how[128];
	struct jail_diag diag;
	int error = confine_process(folder, how, sizeof(how), &diag);

	if (error != JAIL_OK) {
		fprintf(stderr, "%s: %s\n", diag.protection, diag.message);
	}
	return error != JAIL_OK || how[0] == '\0';
}

/* As on a kernel without Landlock. */
static int confine_by_root(void)
{
	struct jail_diag diag;

	if (confine_root(folder, &diag) != 0 || confine_calls(&diag) != 0) {
		fprintf(stderr, "%s: %s\n", diag.protection, diag.message);
		return 1;
	}
	return 0;
}

/* ---- what it is for ---- */

static int write_and_rotate(void)
{
	char path[128], other[128];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/bodies", folder);
	if (mkdir(path, 0700) != 0 && errno != EEXIST) {
		return errno;
	}
	snprintf(path, sizeof(path), "%s/bodies/part", folder);
	snprintf(other, sizeof(other), "%s/bodies/whole", folder);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1 || ftruncate(fd, 0) != 0 || futimens(fd, NULL) != 0 ||
		fdatasync(fd) != 0 || rename(path, other) != 0 || stat(other, &st) != 0 ||
		access(other, F_OK) != 0 || unlink(other) != 0) {
		return errno;
	}
	return 0;
}

static int dial(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno : of(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

static int ask_by_udp(void)
{
	struct sockaddr_in6 to = {
		.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 && errno != EAFNOSUPPORT
		       ? errno
		       : (fd < 0 || sendto(fd, "", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1 ||
						 errno == ENETUNREACH || errno == EADDRNOTAVAIL
					 ? 0
					 : errno);
}

static void *nothing(void *arg)
{
	return arg;
}

static int start_thread(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, nothing, NULL);

	return error != 0 ? error : pthread_join(thread, NULL);
}

/* ---- what it is not for ---- */

static int read_outside(void)
{
	return of(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int read_beside(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/../../../etc/passwd", folder);
	return of(open(path, O_RDONLY | O_CLOEXEC));
}

static int list_outside(void)
{
	return of(open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int write_outside(void)
{
	return of(open("/tmp", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600));
}

static int read_own_memory(void)
{
	return of(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
}

static int make_link(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/link", folder);
	(void)unlink(path);
	return of(symlink("/etc/passwd", path));
}

static int change_mode(void)
{
	return of(chmod(folder, 0700));
}

static int execute(void)
{
	execl("/bin/true", "true", NULL);
	return errno;
}

static int fork_off(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		_exit(0);
	}
	return of(pid);
}

static int trace(void)
{
	return of(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int send_signal(void)
{
	return of(kill(getppid(), 0));
}

static int new_namespace(void)
{
	return of(unshare(CLONE_NEWUSER));
}

static int mount_something(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0
		       ? errno
		       : of(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int only_mount(void)
{
	return of(mount("none", folder, "tmpfs", 0, NULL));
}

static int use_bpf(void)
{
	return of(syscall(SYS_bpf, 0, NULL, 0));
}

static int use_io_uring(void)
{
	return of(syscall(SYS_io_uring_setup, 1, NULL));
}

static int make_executable(void)
{
	void *page = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? errno : 0;
}

static int unix_socket(void)
{
	return of(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int netlink_socket(void)
{
	return of(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int packet_socket(void)
{
	return of(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int vsock_socket(void)
{
	return of(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int raw_socket(void)
{
	return of(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
}

static int attach_filter(void)
{
	struct sock_filter accept = {BPF_RET | BPF_K, 0, 0, 0xffff};
	struct sock_fprog program = {1, &accept};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return of(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
}

static int change_limit(void)
{
	struct rlimit limit = {0, 0};

	return of(setrlimit(RLIMIT_CORE, &limit));
}

static const struct {
	const char *name;
	attempt *try;
	int wanted;  /* 0, an errno, KILLED */
	int outside; /* what it is without confinement; -1: not tried there, or the machine decides
		      */
} attempts[] = {
	{"write and rotate in the folder", write_and_rotate, 0, 0},
	{"connect", dial, 0, 0},
	{"a datagram", ask_by_udp, 0, 0},
	{"a thread", start_thread, 0, 0},
	{"read a file outside", read_outside, EACCES, 0},
	{"read a file outside by a way up", read_beside, EACCES, 0},
	{"list a folder outside", list_outside, EACCES, 0},
	{"make a file outside", write_outside, EACCES, 0},
	{"read its own memory by /proc", read_own_memory, EACCES, 0},
	{"a symbolic link", make_link, EPERM, 0},
	{"chmod", change_mode, EPERM, 0},
	{"exec", execute, KILLED, 0},
	{"fork", fork_off, EPERM, 0},
	{"ptrace", trace, KILLED, -1},
	{"signal another process", send_signal, EPERM, 0},
	{"a user namespace", new_namespace, KILLED, -1},
	{"a mount in a new namespace", mount_something, KILLED, -1},
	{"a mount", only_mount, KILLED, -1},
	{"bpf", use_bpf, KILLED, -1},
	{"io_uring", use_io_uring, KILLED, -1},
	{"memory to write and run", make_executable, EPERM, 0},
	{"AF_UNIX", unix_socket, EPERM, 0},
	{"AF_NETLINK", netlink_socket, EPERM, 0},
	{"AF_PACKET", packet_socket, EPERM, -1},
	{"AF_VSOCK", vsock_socket, EPERM, -1},
	{"a raw socket", raw_socket, EPERM, -1},
	{"a filter on a socket", attach_filter, EPERM, 0},
	{"other limits", change_limit, EPERM, 0},
};

static void each_attempt_is_held_or_let_through(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		int outside = attempts[i].outside < 0 ? -1 : outcome(attempts[i].try, NULL);
		int inside = outcome(attempts[i].try, confine);

		if (inside != attempts[i].wanted ||
			(attempts[i].outside >= 0 && outside != attempts[i].outside)) {
			fail_msg("%s: %d, wanted %d; outside %d", attempts[i].name, inside,
				attempts[i].wanted, outside);
		}
	}
}

/* ---- a kernel without Landlock ---- */

static int read_cwd(void)
{
	char cwd[128];

	return getcwd(cwd, sizeof(cwd)) == NULL || cwd[0] != '/' ? 1 : 0;
}

static void an_empty_root_serves_where_there_is_no_landlock(void **state)
{
	(void)state;
	if (outcome(read_cwd, confine_by_root) == NOT_CONFINED && geteuid() != 0) {
		print_message("skipped: this user can make no user namespaces\n");
		skip();
	}
	assert_int_equal(outcome(write_and_rotate, confine_by_root), 0);
	assert_int_equal(outcome(dial, confine_by_root), 0);
	assert_int_equal(outcome(read_outside, confine_by_root), ENOENT);
	assert_int_equal(outcome(read_beside, confine_by_root), ENOENT);
	assert_int_equal(outcome(list_outside, confine_by_root), ENOENT);
	assert_int_equal(outcome(read_own_memory, confine_by_root), ENOENT);
	assert_int_not_equal(outcome(write_outside, confine_by_root), 0);
	assert_int_equal(outcome(execute, confine_by_root), KILLED);
}

/* The next calls of these numbers fail, as where a kernel or a container has them switched off. */
static int take_away(const int *numbers, size_t n)
{
	struct sock_filter filter[16] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
	struct sock_fprog program = {.filter = filter};
	unsigned short at = 1;

	for (size_t i = 0; i < n; i++) {
		filter[at++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned)numbers[i], 0, 1);
		filter[at++] =
			(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	}
	filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = at;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
			       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0
		       ? 0
		       : -1;
}

static int confined_without(const int *numbers, size_t n, const char *names, const char *says)
{
	struct jail_diag diag = {""};
	char how[128] = "";
	int error;

	if (take_away(numbers, n) != 0) {
		return 2;
	}
	error = confine_process(folder, how, sizeof(how), &diag);
	if (error == JAIL_OK) {
		return 0;
	}
	return error == JAIL_EPROTECTION && strstr(diag.protection, names) != NULL &&
			       strstr(diag.message, says) != NULL && diag.cure[0] != '\0'
		       ? HANDED
		       : 3;
}

static int without_landlock_and_namespaces(void)
{
	static const int numbers[] = {SYS_landlock_create_ruleset, SYS_unshare};

	return confined_without(numbers, 2, "confinement", "no Landlock");
}

static int without_filters(void)
{
	static const int numbers[] = {SYS_seccomp, SYS_prctl};

	return confined_without(numbers, 2, "", "");
}

static int with_a_thread(void)
{
	struct jail_diag diag = {""};
	char how[128];
	pthread_t thread;

	if (pthread_create(&thread, NULL, (void *(*)(void *))(void (*)(void))pause, NULL) != 0) {
		return 2;
	}
	return confine_process(folder, how, sizeof(how), &diag) == JAIL_EPROTECTION &&
			       strstr(diag.message, "threads") != NULL
		       ? HANDED
		       : 3;
}

static int in_a_folder_of_another(void)
{
	struct jail_diag diag = {""};
	char how[128];

	return confine_process("/nowhere/at/all", how, sizeof(how), &diag) == JAIL_EPROTECTION
		       ? HANDED
		       : 3;
}

static void what_cannot_be_put_up_is_refused_with_a_reason(void **state)
{
	(void)state;
	assert_int_equal(outcome(without_landlock_and_namespaces, NULL), HANDED);
	assert_int_equal(outcome(without_filters, NULL), HANDED);
	assert_int_equal(outcome(with_a_thread, NULL), HANDED);
	assert_int_equal(outcome(in_a_folder_of_another, NULL), HANDED);
}

/* ---- what it is then ---- */

static int in_status(const char *wanted)
{
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0 || confine() != 0) {
		return 2;
	}
	len = read(fd, text, sizeof(text) - 1);
	text[len > 0 ? len : 0] = '\0';
	return strstr(text, wanted) != NULL ? 0 : 3;
}

static int has_filter(void)
{
	return in_status("\nSeccomp:\t2\n");
}

static int has_no_new_privileges(void)
{
	return in_status("\nNoNewPrivs:\t1\n");
}

static int has_no_power(void)
{
	return in_status("\nCapEff:\t0000000000000000\n");
}

static int can_gain_no_power(void)
{
	return in_status("\nCapPrm:\t0000000000000000\n");
}

static int is_left_alone(void)
{
	int keep = open("/etc/passwd", O_RDONLY | O_CLOEXEC), other = dup(keep);
	struct jail_diag diag;

	if (other <= keep || confine_close_others(keep, &diag) != JAIL_OK) {
		return 2;
	}
	return fcntl(keep, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0 && fcntl(other, F_GETFD) < 0 ? 0
												: 3;
}

static void the_kernel_says_so(void **state)
{
	(void)state;
	assert_int_equal(outcome(has_filter, NULL), 0);
	assert_int_equal(outcome(has_no_new_privileges, NULL), 0);
	assert_int_equal(outcome(has_no_power, NULL), 0);
	assert_int_equal(outcome(can_gain_no_power, NULL), 0);
	assert_int_equal(outcome(is_left_alone, NULL), 0);
}

static int set_up(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	snprintf(folder, sizeof(folder), "/var/tmp/confine.XXXXXX");
	if (mkdtemp(folder) == NULL || bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
		listen(listener, 64) != 0 ||
		getsockname(listener, (struct sockaddr *)&at, &len) != 0) {
		return -1;
	}
	port = ntohs(at.sin_port);
	return 0;
}

static int tear_down(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/link", folder);
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s/bodies", folder);
	(void)rmdir(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_attempt_is_held_or_let_through),
		cmocka_unit_test(an_empty_root_serves_where_there_is_no_landlock),
		cmocka_unit_test(what_cannot_be_put_up_is_refused_with_a_reason),
		cmocka_unit_test(the_kernel_says_so),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
