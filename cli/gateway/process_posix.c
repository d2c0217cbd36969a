/*
 * The run's half: fork the gateway, hand it the door, hear its totals.
 */
#include "cli/cures.h"
#include "cli/gateway/process_frames.h"
#include "cli/gateway/process_main.h"
#include "cli/verbs.h"
#include "jailer/confine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

const int gateway_process_sockets = 7;
const bool gateway_process_ends = true;

/* A crash must not put the run's key on a disk. 1 and not 0: see core(5), piping to a program. */
static void forbid_core(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max != 0) {
		limit = (struct rlimit){1, 1};
		if (setrlimit(RLIMIT_CORE, &limit) != 0) {
			_exit(EXIT_OURS);
		}
	}
}

int gateway_process_start(const struct gateway_plan *plan, struct gateway_process *ret_process)
{
	struct gateway_process p = {0};
	struct jail_diag diag;
	int pair[2], status;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		return complain("no pair of sockets: %s: " CURE_FILES, strerror(errno));
	}
	p.pid = fork();
	if (p.pid < 0) {
		close(pair[0]);
		close(pair[1]);
		return complain(
			"cannot start the gateway process: %s: " CURE_PROCESSES, strerror(errno));
	}
	if (p.pid == 0) {
		close(pair[0]);
		/* Out of the terminal's reach: ^C is for the command; the run says when it is over.
		 */
		setsid();
		signal(SIGPIPE, SIG_IGN);
		forbid_core();
		if (confine_close_others(pair[1], &diag) != JAIL_OK) {
			_exit(complain("%s", diag.message));
		}
		exit(gateway_main(plan, pair[1]));
	}
	close(pair[1]);
	p.socket = pair[0];
	status = gateway_process_expect(&p, FRAME_CA, &p.ca);
	if (status != 0) {
		gateway_process_finish(&p);
		return status;
	}
	*ret_process = p;
	return 0;
}

unsigned gateway_process_connections(void)
{
	enum {
		OWN = 128,         /* door, record, workers, names being asked for */
		ENOUGH = 64 * 1024 /* for what the gateway takes at most by itself */
	};
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
		return 0;
	}
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
		(void)!getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur > ENOUGH) {
		return 0;
	}
	return limit.rlim_cur > 2 * OWN ? (unsigned)(limit.rlim_cur - OWN) / 2 : OWN / 2;
}

int gateway_process_open(struct gateway_process *p, const struct gateway_door *door,
	const struct gateway_story *story)
{
	const int fds[7] = {(int)door->tcp[0], (int)door->tcp[1], (int)door->dns_udp[0],
		(int)door->dns_udp[1], (int)door->dns_tcp[0], (int)door->dns_tcp[1],
		(int)door->who};
	struct text text = {0};
	size_t n_fds = 7;
	int status;

	gateway_process_tell(story, &text);
	while (n_fds > 0 && fds[n_fds - 1] < 0) {
		n_fds--; /* a service has no DNS door, and perhaps one listener */
	}
	/* A gateway that failed meanwhile takes no frame, but has left one that says why. */
	(void)frame_send(p->socket, FRAME_DOOR, text.data, text.len, fds, n_fds);
	for (size_t i = 0; i < n_fds; i++) {
		close(fds[i]);
	}
	status = gateway_process_expect(p, FRAME_OPEN, &text);
	text_finish(&text);
	return status;
}

int gateway_process_stop(
	struct gateway_process *p, int exit_status, const char *limit, struct text *ret_summary)
{
	char text[64];
	int status = 0,
	    n = snprintf(text, sizeof(text), "%d %s", exit_status, limit != NULL ? limit : "");

	if (frame_send(p->socket, FRAME_STOP, text, (size_t)n, NULL, 0) != 0) {
		status = complain("the gateway process is gone, the record has no end: " CURE_DIED);
	} else {
		status = gateway_process_expect(p, FRAME_SUMMARY, ret_summary);
	}
	while (p->pid > 0 && status == 0 && waitpid(p->pid, NULL, 0) < 0 && errno == EINTR) {
	}
	if (status == 0) {
		p->pid = 0;
	}
	return status;
}

void gateway_process_finish(struct gateway_process *p)
{
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR) {
		}
	}
	if (p->socket > 0) {
		close(p->socket);
	}
	text_finish(&p->ca);
	memset(p, 0, sizeof(*p));
}
