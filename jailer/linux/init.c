/*
 * The jail's first process, pid 1 inside. It puts up everything, starts the command, reaps, and
 * when the command ends (or the caller does) it ends, and the kernel ends everything else with it.
 */
#include "jailer/linux/who.h"
#include "jailer/linux/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* How often the limits that no cgroup keeps are looked at. */
enum { WATCH_MS = 100 };

/* What a process usually has: execvp(3) of a script copies all arguments there. */
enum { COMMAND_STACK = 8 * 1024 * 1024 };

struct init {
	const struct jail_spec *spec;
	int ctl;
	pid_t command;
	mode_t umask;                /* the caller's, for the command */
	struct jail_limits limits;   /* those that no cgroup keeps */
	struct jail_failure failure; /* the command's process says why it did not become it */
	struct jail_reports reports;
};

static _Noreturn void give_up(struct init *i, int error, const struct jail_diag *diag)
{
	struct wire_message m = {.type = JAIL_MSG_FAILED};

	m.failure.error = error;
	m.failure.diag = *diag;
	(void)wire_send(i->ctl, &m, NULL, 0);
	_exit(1);
}

static void say(struct init *i, enum jail_message type, const int *fds, size_t n)
{
	struct wire_message m = {.type = type};

	if (wire_send(i->ctl, &m, fds, n) != 0) {
		_exit(1); /* the caller is gone */
	}
}

static struct wire_message hear(struct init *i, enum jail_message type)
{
	struct wire_message m;

	if (wire_receive(i->ctl, &m, NULL, 0) != 1 || m.type != type) {
		_exit(1);
	}
	return m;
}

static void step(struct init *i, int error, const struct jail_diag *diag, const char *name)
{
	if (error != 0) {
		give_up(i, error, diag);
	}
	if (name != NULL) {
		jail_report_add(&i->reports, name, JAIL_UP, "%s", "");
	}
}

/* Network and door: the gateway opens its record meanwhile. */
static void set_up_network(struct init *i)
{
	struct jail_diag diag = {0};
	int fds[7];

	step(i, namespaces_name(&diag), &diag, "user, mount, pid, ipc, uts, cgroup namespaces");
	step(i, net_setup(&diag), &diag, "network namespace");
	step(i, nft_setup(i->spec, &diag), &diag, "redirect of all connections");
	step(i, door_make(i->spec, fds, &diag), &diag, NULL);
	fds[6] = who_diag_open();
	say(i, JAIL_MSG_DOOR, fds, fds[6] >= 0 ? 7 : 6);
	for (int n = 0; n < 7 && fds[n] >= 0; n++) {
		close(fds[n]);
	}
}

static void set_up_view(struct init *i)
{
	struct jail_diag diag = {0};

	step(i, view_setup(i->spec->view, i->spec->n_view, &diag), &diag, "file view");
}

/* In the command's process and the first one's memory, of which only `failure` and environ change.
 */
static int become_command(void *arg)
{
	struct init *i = arg;

	i->failure.error = command_exec(i->spec, &i->limits, i->umask, &i->failure.diag);
	return 1;
}

/*
 * Starts it; then everything is up. As vfork(2) does, this process stands still until the other is
 * the command, and none of its memory is copied; unlike there, the other has a stack of its own.
 */
static void start_command(struct init *i)
{
	struct jail_diag diag = {0};
	char *stack = mmap(NULL, COMMAND_STACK, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

	if (stack == MAP_FAILED || (i->command = clone(become_command, stack + COMMAND_STACK,
					    CLONE_VM | CLONE_VFORK | SIGCHLD, i)) < 0) {
		give_up(i, jail_fail_errno(&diag, JAIL_ESYSTEM, "", "", "clone"), &diag);
	}
	munmap(stack, COMMAND_STACK);
	if (i->failure.error != 0) {
		give_up(i, i->failure.error, &i->failure.diag);
	}
	jail_report_add(&i->reports, "no_new_privs, no capabilities", JAIL_UP, "%s", "");
	jail_report_add(&i->reports, "seccomp", JAIL_UP, "%s", "");
	landlock_report(&i->reports);
}

/* Whatever still runs is killed before the end is told: nothing outlives a run. */
static _Noreturn void finish(struct init *i, int status, const char *limit)
{
	struct wire_message m = {.type = JAIL_MSG_END};

	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {
	}
	m.result.end = WIFSIGNALED(status) ? JAIL_END_SIGNAL : JAIL_END_EXIT;
	m.result.value = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	if (limit != NULL) {
		m.result.end = JAIL_END_LIMIT;
		strncpy(m.result.limit, limit, sizeof(m.result.limit) - 1);
	}
	(void)wire_send(i->ctl, &m, NULL, 0);
	_exit(0);
}

static void reap(struct init *i)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == i->command) {
			finish(i, status, limits_told_by(&i->limits, status));
		}
	}
}

static void obey(struct init *i)
{
	struct wire_message m;

	if (wire_receive(i->ctl, &m, NULL, 0) != 1) {
		_exit(1); /* the caller is gone: so is the jail */
	}
	if (m.type == JAIL_MSG_SIGNAL) {
		kill(i->command, m.signal);
	}
}

static _Noreturn void keep(struct init *i, int signals)
{
	struct pollfd polled[2] = {{i->ctl, POLLIN, 0}, {signals, POLLIN, 0}};

	const bool watch = i->limits.memory != 0 || i->limits.processes != 0;

	for (;;) {
		struct signalfd_siginfo info;
		const char *limit;

		if (poll(polled, 2, watch ? WATCH_MS : -1) < 0) {
			continue;
		}
		/* Before the dead are reaped: they may have died of it. */
		limit = watch ? limits_reached(&i->limits) : NULL;
		if (limit != NULL) {
			finish(i, 0, limit);
		}
		if (polled[1].revents != 0) {
			(void)!read(signals, &info, sizeof(info));
			reap(i);
		}
		if (polled[0].revents != 0) {
			obey(i);
		}
	}
}

_Noreturn void init_main(const struct jail_spec *spec, int ctl)
{
	struct init i = {.spec = spec, .ctl = ctl, .umask = umask(0)};
	struct jail_diag diag = {0};
	struct wire_message m = {.type = JAIL_MSG_STARTED};
	sigset_t child, before;
	int signals, kept[4], places[2];

	/* Dies with the caller's thread, and with its socket (obey) whatever happens to that
	 * thread. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	say(&i, JAIL_MSG_UNSHARED, NULL, 0);
	i.limits = hear(&i, JAIL_MSG_MAPPED).limits;
	set_up_network(&i);
	(void)hear(&i, JAIL_MSG_START);
	set_up_view(&i);
	/* It shows nothing of itself from before there is anybody to look; the command, once it is
	 * one, has a memory of its own. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	step(&i, caps_lock(&diag), &diag, NULL); /* for the command as well */
	start_command(&i);

	/* From here on it only waits: it needs no power. */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before);
	signals = signalfd(-1, &child, SFD_CLOEXEC);
	/* For the caller to look at who holds a connection (who.h). */
	places[0] = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	places[1] = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (places[0] < 0 || places[1] < 0) {
		_exit(1);
	}
	kept[0] = ctl;
	kept[1] = signals;
	kept[2] = places[0];
	kept[3] = places[1];
	step(&i, fds_close_all_but(kept, 4, &diag), &diag, NULL);
	step(&i, caps_drop(&diag), &diag, NULL);
	m.reports = i.reports;
	if (signals < 0 || wire_send(ctl, &m, places, 2) != 0) {
		_exit(1);
	}
	close(places[0]);
	close(places[1]);
	reap(&i);
	keep(&i, signals);
}
