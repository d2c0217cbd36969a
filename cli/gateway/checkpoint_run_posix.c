/*
 * A process beside the gateway's that knows one command and nothing of the run. A note comes, the
 * command gets it, a byte goes back: was its status 0? It ends when the gateway's process does.
 */
#include "cli/gateway/checkpoint_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOTE_SIZE = 2048 };

struct checkpoint_run {
	int socket; /* owned */
	pid_t pid;
};

static bool run(const char *command, const char *note, size_t len)
{
	FILE *pipe = popen(command, "w");
	bool written;

	if (pipe == NULL) {
		return false;
	}
	written = fwrite(note, 1, len, pipe) == len;
	return pclose(pipe) == 0 && written;
}

static _Noreturn void serve(const char *command, int socket)
{
	char note[NOTE_SIZE];
	ssize_t len;

	while ((len = recv(socket, note, sizeof(note), 0)) > 0 || (len < 0 && errno == EINTR)) {
		char done = len > 0 && run(command, note, (size_t)len);

		if (len > 0 && send(socket, &done, 1, MSG_NOSIGNAL) != 1) {
			break;
		}
	}
	_exit(0);
}

struct checkpoint_run *checkpoint_run_start(const char *command)
{
	struct checkpoint_run *r = calloc(1, sizeof(*r));
	int pair[2];

	if (r == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		free(r);
		return NULL;
	}
	r->pid = fork();
	if (r->pid == 0) {
		/* The run's socket above all: while it is open here, the gateway has not ended. */
		if (dup2(pair[1], 3) != 3 || close_range(4, ~0U, 0) != 0) {
			_exit(1);
		}
		(void)fcntl(3, F_SETFD, FD_CLOEXEC);
		serve(command, 3);
	}
	close(pair[1]);
	r->socket = pair[0];
	if (r->pid < 0) {
		close(r->socket);
		free(r);
		return NULL;
	}
	return r;
}

bool checkpoint_run(struct checkpoint_run *r, const char *note, size_t len)
{
	char done = 0;
	ssize_t got;

	if (send(r->socket, note, len, MSG_NOSIGNAL) != (ssize_t)len) {
		return false;
	}
	do {
		got = recv(r->socket, &done, 1, 0);
	} while (got < 0 && errno == EINTR);
	return got == 1 && done == 1;
}

void checkpoint_run_finish(struct checkpoint_run *r, bool idle)
{
	if (r == NULL) {
		return;
	}
	close(r->socket);
	while (idle && waitpid(r->pid, NULL, 0) < 0 && errno == EINTR) {
	}
	free(r);
}
