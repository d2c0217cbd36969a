/*
 * Probes of other processes, and of limits.
 */
#include "probes/probes_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* By its command line, which holds the token: numbers mean something else in here. */
PROBE(probe_victim_seen)
{
	for (int pid = 1; pid < 65536; pid++) {
		char path[48], line[512];
		FILE *file;
		size_t n;

		snprintf(path, sizeof(path), "/proc/%d/environ", pid);
		file = fopen(path, "re");
		if (file == NULL) {
			continue;
		}
		n = fread(line, 1, sizeof(line) - 1, file);
		line[n] = '\0';
		fclose(file);
		if (strncmp(line, "VICTIM=", 7) == 0 && strcmp(line + 7, t->token) == 0) {
			probe_say(result, PROBE_ESCAPED, "it is process %d", pid);
			return;
		}
	}
	probe_say(result, PROBE_HELD, "not among those seen");
}

PROBE(probe_kill)
{
	/* The canary is whether it still lives. */
	probe_judge(result, kill(t->victim, SIGKILL) != 0, "kill");
	if (result->outcome == PROBE_ESCAPED && access("/run/sallyport", F_OK) == 0) {
		probe_say(result, PROBE_HELD, "that number is somebody else in here");
	}
}

PROBE(probe_kill_all)
{
	(void)t;
	if (access("/run/sallyport", F_OK) != 0) {
		probe_say(result, PROBE_UNKNOWN, "not to be tried outside a jail");
		return;
	}
	(void)kill(-1, SIGKILL);
	(void)kill(1, SIGKILL);
	probe_say(result, PROBE_HELD, "we and the run are still here");
}

static void attach(struct probe_result *result, pid_t pid)
{
	probe_judge(result, ptrace(PTRACE_SEIZE, pid, NULL, NULL) != 0, "ptrace");
	if (result->outcome == PROBE_ESCAPED) {
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
	}
}

PROBE(probe_ptrace)
{
	attach(result, t->victim);
}

PROBE(probe_ptrace_init)
{
	(void)t;
	attach(result, 1);
	if (result->outcome == PROBE_HELD) {
		int fd = open("/proc/1/mem", O_RDWR | O_CLOEXEC);

		probe_judge(result, fd < 0, "/proc/1/mem");
		if (fd >= 0) {
			close(fd);
		}
	}
}

/*
 * Without descriptors or turns of the processor it could not count what a limit holds. What it has
 * already is set again, which asks for the same right.
 */
PROBE(probe_meddle_init)
{
	struct rlimit limit;
	const struct sched_param param = {0};

	(void)t;
	if (syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, NULL, &limit) == 0) {
		probe_say(result, PROBE_ESCAPED, "prlimit succeeded");
	} else if (sched_setscheduler(1, sched_getscheduler(1), &param) == 0) {
		probe_say(result, PROBE_ESCAPED, "sched_setscheduler succeeded");
	} else {
		probe_judge(result, setpriority(PRIO_PROCESS, 1, getpriority(PRIO_PROCESS, 1)) != 0,
			"setpriority");
	}
}

/*
 * Memory of any process but our own: a call that was let in says EFAULT of an address that is none.
 * The gateway has no number in here.
 */
static const char *reach_into(pid_t pid)
{
	char path[32], byte;
	struct iovec here = {&byte, 1}, there = {NULL, 1};
	int fd;

	if (process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT) {
		return "process_vm_readv";
	}
	if (process_vm_writev(pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT) {
		return "process_vm_writev";
	}
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		return "mem";
	}
	return NULL;
}

/* Its first descriptor. */
static bool takes_descriptor(pid_t pid)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0), fd = -1;

	if (process >= 0) {
		fd = (int)syscall(SYS_pidfd_getfd, process, 0, 0);
		close(process);
	}
	if (fd >= 0) {
		close(fd);
	}
	return fd >= 0;
}

PROBE(probe_other_memory)
{
	(void)t;
	for (pid_t pid = 1; pid < 65536; pid++) {
		const char *how = pid != getpid() && kill(pid, 0) == 0 ? reach_into(pid) : NULL;

		if (how != NULL) {
			probe_say(result, PROBE_ESCAPED, "%s of process %d", how, (int)pid);
			return;
		}
	}
	probe_say(result, PROBE_HELD, "of none");
}

PROBE(probe_other_descriptors)
{
	(void)t;
	for (pid_t pid = 1; pid < 65536; pid++) {
		if (pid != getpid() && kill(pid, 0) == 0 && takes_descriptor(pid)) {
			probe_say(result, PROBE_ESCAPED, "of process %d", (int)pid);
			return;
		}
	}
	probe_say(result, PROBE_HELD, "of none");
}

PROBE(probe_shm)
{
	probe_judge(result, shmget(t->shm_key, 0, 0) < 0, "shmget");
}

/* The canary is the lock: does anybody still hold it after the run? */
PROBE(probe_daemon)
{
	int fd = open("probe-daemon", O_RDWR | O_CREAT | O_CLOEXEC, 0600), ends[2];
	char byte;

	(void)t;
	if (fd < 0 || pipe(ends) != 0) {
		probe_say(result, PROBE_UNKNOWN, "%s", strerror(errno));
		return;
	}
	if (fork() == 0) {
		setsid();
		if (fork() == 0) {
			for (int number = 1; number < NSIG; number++) {
				signal(number, SIG_IGN);
			}
			close(0);
			close(1);
			close(2);
			(void)flock(fd, LOCK_EX);
			(void)dprintf(fd, "%d", (int)getpid());
			(void)!write(ends[1], "x", 1);
			close(ends[1]);
			sleep(20);
		}
		_exit(0);
	}
	(void)!read(ends[0], &byte, 1);
	probe_say(result, PROBE_HELD, "a daemon was left behind");
}

PROBE(probe_forks)
{
	enum { MANY = 150 }; /* the limit of the probes is 64 */
	pid_t made[MANY];
	int n = 0;

	(void)t;
	for (; n < MANY; n++) {
		made[n] = fork();
		if (made[n] == 0) {
			pause();
			_exit(0);
		}
		if (made[n] < 0) {
			break;
		}
	}
	probe_judge(result, n < MANY, "150 processes at once");
	for (int i = 0; i < n; i++) {
		kill(made[i], SIGKILL);
		waitpid(made[i], NULL, 0);
	}
}

PROBE(probe_memory)
{
	const size_t size = 768ul << 20; /* the limit of the probes is 256 MiB */
	volatile char *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)t;
	/* Asked for is not had: only what is touched is memory. */
	for (size_t i = 0; at != MAP_FAILED && i < size; i += 4096) {
		at[i] = 1;
	}
	probe_judge(result, at == MAP_FAILED, "768 MiB");
	if (at != MAP_FAILED) {
		munmap((void *)at, size);
	}
}
