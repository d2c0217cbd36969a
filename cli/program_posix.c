/*
 * Runs a program and listens.
 */
#include "cli/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 30 };

static _Noreturn void become(const char *const *argv, int out, bool errors_too)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(out, 1) < 0 ||
		dup2(errors_too ? out : nothing, 2) < 0 || chdir("/") != 0) {
		_exit(127);
	}
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static void listen_to(int fd, struct text *output)
{
	time_t deadline = time(NULL) + SECONDS;
	struct pollfd polled = {fd, POLLIN, 0};

	for (;;) {
		time_t left = deadline - time(NULL);
		char chunk[4096];
		ssize_t got;

		if (left <= 0 || poll(&polled, 1, (int)left * 1000) <= 0) {
			return;
		}
		got = read(fd, chunk, sizeof(chunk));
		if (got <= 0) {
			return;
		}
		text_add(output, chunk, (size_t)got);
	}
}

/* It has closed its output and is about to end, or its time is over. */
static void end(pid_t pid, int *ret_status)
{
	for (int i = 0; i < 100; i++) {
		struct timespec pause = {.tv_nsec = 10000000};

		if (waitpid(pid, ret_status, WNOHANG) == pid) {
			return;
		}
		nanosleep(&pause, NULL);
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR) {
	}
}

static int run(const char *const *argv, struct text *output, bool errors_too, int *ret_status)
{
	int ends[2];
	pid_t pid;

	text_add(output, "", 0);
	if (pipe2(ends, O_CLOEXEC) != 0) {
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		become(argv, ends[1], errors_too);
	}
	close(ends[1]);
	if (pid > 0) {
		listen_to(ends[0], output);
		end(pid, ret_status);
	}
	close(ends[0]);
	return pid > 0 ? 0 : -1;
}

int program_output(const char *const *argv, struct text *ret_output)
{
	int status;

	return run(argv, ret_output, false, &status) == 0 && WIFEXITED(status) &&
			       WEXITSTATUS(status) == 0
		       ? 0
		       : -1;
}

int program_output_all(const char *const *argv, struct text *ret_output)
{
	int status;

	return run(argv, ret_output, true, &status);
}
