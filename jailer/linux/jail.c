/*
 * The jail as its caller sees it. The order of what is put up can be read in init_main() (init.c)
 * and command_exec() (command.c); here are the caller's half of it and the waiting.
 */
#include "jailer/linux/who.h"
#include "jailer/linux/wire.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How often a cgroup is asked whether a limit was reached. */
enum { WATCH_MS = 100 };

struct jail {
	pid_t init;
	int ctl;     /* owned */
	int door[6]; /* owned until taken */
	bool taken;
	struct who who; /* owned */
	struct jail_limits limits;
	struct jail_limits left; /* to rlimits */
	struct cgroup cgroup;
	struct jail_reports reports;
};

static int lost(struct jail_diag *diag)
{
	return jail_fail(diag, JAIL_ESYSTEM, "", "",
		"the jail's first process died: if it was killed, the system's log (`dmesg`) says "
		"why");
}

/* Waits for one kind of message; a failure told instead is the caller's failure. */
static int expect(struct jail *jail, enum jail_message type, struct wire_message *m, int *fds,
	size_t n_fds, struct jail_diag *diag)
{
	if (wire_receive(jail->ctl, m, fds, n_fds) != 1) {
		return lost(diag);
	}
	if (m->type == JAIL_MSG_FAILED) {
		*diag = m->failure.diag;
		return m->failure.error;
	}
	return m->type == type ? 0 : lost(diag);
}

static int start_init(struct jail *jail, const struct jail_spec *spec, struct jail_diag *diag)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		return jail_fail_errno(diag, JAIL_ESYSTEM, "", "", "socketpair");
	}
	jail->init = namespaces_clone(diag);
	if (jail->init == 0) {
		close(pair[0]);
		init_main(spec, pair[1]);
	}
	close(pair[1]);
	jail->ctl = pair[0];
	return jail->init > 0 ? 0 : JAIL_EPROTECTION;
}

int jail_create(const struct jail_spec *spec, struct jail **ret_jail, struct jail_diag *diag)
{
	struct jail *jail = calloc(1, sizeof(*jail));
	struct wire_message m;
	int error;

	memset(diag, 0, sizeof(*diag));
	if (jail == NULL) {
		return jail_fail(diag, JAIL_EMEMORY, "",
			"more memory (`ulimit -v`, the cgroup's memory.max)", "memory is out");
	}
	jail->ctl = -1;
	memset(jail->door, 0xff, sizeof(jail->door));
	jail->who = (struct who){-1, -1, -1};
	jail->limits = spec->limits;
	error = spec->exempt_loopback ? jail_fail(diag, JAIL_EPROTECTION, "loopback exemption",
						"run it without --exempt-loopback",
						"there is none but on Windows")
				      : start_init(jail, spec, diag);
	if (error == 0) {
		error = expect(jail, JAIL_MSG_UNSHARED, &m, NULL, 0, diag);
	}
	if (error == 0) {
		error = idmap_write(jail->init, diag);
	}
	if (error == 0) {
		m = (struct wire_message){.type = JAIL_MSG_MAPPED, .limits = spec->limits};
		error = cgroup_enter(&jail->cgroup, jail->init, &m.limits, diag);
		jail->left = m.limits;
	}
	if (error == 0 && wire_send(jail->ctl, &m, NULL, 0) != 0) {
		error = lost(diag);
	}
	if (error != 0) {
		jail_destroy(jail);
		return error;
	}
	*ret_jail = jail;
	return 0;
}

int jail_take_door(struct jail *jail, struct jail_door *ret_door, struct jail_diag *diag)
{
	struct wire_message m;
	int fds[7], error = expect(jail, JAIL_MSG_DOOR, &m, fds, 7, diag);

	if (error != 0) {
		return error;
	}
	memcpy(jail->door, fds, sizeof(jail->door));
	jail->who.diag = fds[6]; /* -1 where the kernel has none: then nobody is known */
	for (int i = 0; i < 6; i++) {
		if (jail->door[i] < 0) {
			return lost(diag);
		}
	}
	for (int i = 0; i < 2; i++) {
		ret_door->tcp[i] = jail->door[i];
		ret_door->dns_udp[i] = jail->door[2 + i];
		ret_door->dns_tcp[i] = jail->door[4 + i];
	}
	jail->taken = true;
	return 0;
}

/* What is passed on to the command. */
static void passed_signals(sigset_t *ret_set)
{
	static const int passed[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

	sigemptyset(ret_set);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
		sigaddset(ret_set, passed[i]);
	}
}

int jail_start(struct jail *jail, struct jail_diag *diag)
{
	struct wire_message m = {.type = JAIL_MSG_START};
	int error, places[2];
	sigset_t set;

	/* From its first moment on the command's signals are the command's: jail_wait finds them.
	 */
	passed_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	error = wire_send(jail->ctl, &m, NULL, 0) == 0
			? expect(jail, JAIL_MSG_STARTED, &m, places, 2, diag)
			: lost(diag);
	if (error == 0) {
		jail->who.proc = places[0];
		jail->who.root = places[1];
		jail->reports = m.reports;
		cgroup_report(&jail->cgroup, &jail->left, &jail->reports);
	}
	return error;
}

/* ---- waiting ---- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What the terminal sends goes to its whole foreground group, the command included: not twice. */
static void pass_signal(struct jail *jail, int signals)
{
	struct signalfd_siginfo info;
	struct wire_message m = {.type = JAIL_MSG_SIGNAL};

	if (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info) && info.ssi_code <= 0) {
		m.signal = (int)info.ssi_signo;
		(void)wire_send(jail->ctl, &m, NULL, 0);
	}
}

static void end_by(struct jail_result *result, const char *limit)
{
	memset(result, 0, sizeof(*result));
	result->end = JAIL_END_LIMIT;
	strncpy(result->limit, limit, sizeof(result->limit) - 1);
}

static void wait_end(struct jail *jail, int wake_fd, int signals, struct jail_result *result)
{
	struct pollfd polled[3] = {
		{jail->ctl, POLLIN, 0}, {signals, POLLIN, 0}, {wake_fd, POLLIN, 0}};
	int64_t deadline =
		jail->limits.time != 0 ? now_ms() + (int64_t)jail->limits.time * 1000 : 0;
	struct wire_message m;

	for (;;) {
		int64_t left = deadline != 0 ? deadline - now_ms() : -1;

		if (deadline != 0 && left <= 0) {
			end_by(result, "time");
			return;
		}
		if (cgroup_is_used(&jail->cgroup)) {
			if (cgroup_reached(&jail->cgroup) != NULL) {
				return; /* jail_wait says which */
			}
			left = left < 0 || left > WATCH_MS ? WATCH_MS : left;
		}
		if (poll(polled, wake_fd >= 0 ? 3 : 2, left > 1000000 ? 1000000 : (int)left) < 0) {
			continue;
		}
		if (polled[0].revents != 0) {
			if (wire_receive(jail->ctl, &m, NULL, 0) == 1 && m.type == JAIL_MSG_END) {
				*result = m.result;
			} else {
				result->end = JAIL_END_SIGNAL;
				result->value = SIGKILL;
			}
			return;
		}
		if (polled[1].revents != 0) {
			pass_signal(jail, signals);
		}
		if (wake_fd >= 0 && polled[2].revents != 0) {
			end_by(result, "gateway");
			return;
		}
	}
}

int jail_wait(
	struct jail *jail, intptr_t wake_fd, struct jail_result *ret_result, struct jail_diag *diag)
{
	const char *limit;
	sigset_t set;
	int signals;

	passed_signals(&set);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0) {
		return jail_fail_errno(diag, JAIL_ESYSTEM, "", "", "signalfd");
	}
	memset(ret_result, 0, sizeof(*ret_result));
	wait_end(jail, (int)wake_fd, signals, ret_result);
	/* Also when the command ended by it before it was seen. */
	limit = cgroup_reached(&jail->cgroup);
	if (limit != NULL) {
		end_by(ret_result, limit);
	}
	kill(jail->init, SIGKILL);
	while (waitpid(jail->init, NULL, 0) < 0 && errno == EINTR) {
	}
	jail->init = 0;
	close(signals);
	/* The signals stay blocked: the caller still has a record to close. */
	return 0;
}

void jail_who(struct jail *jail, const struct jail_connection *connections, size_t n,
	struct jail_program *ret_programs)
{
	who_look(&jail->who, connections, n, ret_programs);
}

const struct jail_protection *jail_report(const struct jail *jail, size_t *ret_n)
{
	*ret_n = jail->reports.n;
	return jail->reports.list;
}

void jail_destroy(struct jail *jail)
{
	if (jail == NULL) {
		return;
	}
	if (jail->init > 0) {
		kill(jail->init, SIGKILL);
		while (waitpid(jail->init, NULL, 0) < 0 && errno == EINTR) {
		}
	}
	cgroup_leave(&jail->cgroup);
	if (jail->ctl >= 0) {
		close(jail->ctl);
	}
	for (int i = 0; i < 3; i++) {
		const int fds[3] = {jail->who.diag, jail->who.proc, jail->who.root};

		if (fds[i] >= 0) {
			close(fds[i]);
		}
	}
	for (int i = 0; i < 6; i++) {
		if (!jail->taken && jail->door[i] >= 0) {
			close(jail->door[i]);
		}
	}
	free(jail);
}
