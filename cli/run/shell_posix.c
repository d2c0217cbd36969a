/*
 * sallyport shell: an interactive shell in the jail, on a terminal of its own. The user's terminal
 * stays with us: what is typed and what is shown passes through here as bytes, so that nothing
 * inside holds a descriptor of it.
 */
#include "cli/cures.h"
#include "cli/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static const char usage[] =
	"usage: sallyport shell [OPTION...]\n\n"
	"An interactive shell in the jail, with a terminal of its own. It sees, may reach and "
	"records what\n"
	"a command of `sallyport run` does, and takes the same options: sallyport run --help lists "
	"them.\n"
	"The shell is $SHELL where the jail shows it, else /bin/sh; its exit status is ours.\n";

static volatile sig_atomic_t resized, ending;

static void on_signal(int number)
{
	if (number == SIGWINCH) {
		resized = 1;
	} else {
		ending = number;
	}
}

static const char *shell_of_user(void)
{
	static const char *const shown[] = {"/bin/", "/usr/bin/", "/usr/local/bin/"};
	const char *shell = getenv("SHELL");

	for (size_t i = 0; shell != NULL && i < sizeof(shown) / sizeof(shown[0]); i++) {
		size_t len = strlen(shown[i]);

		if (strncmp(shell, shown[i], len) == 0 && strchr(shell + len, '/') == NULL &&
			access(shell, X_OK) == 0) {
			return shell;
		}
	}
	return "/bin/sh";
}

/* In the child: `run` with the new terminal as its own, and as the one of its session. */
static int run_on(int terminal, int argc, char **argv)
{
	char **words = calloc((size_t)argc + 4, sizeof(*words));
	char run[] = "run", end[] = "--", interactive[] = "-i";
	int n = 0;

	if (words == NULL || setsid() < 0 || ioctl(terminal, TIOCSCTTY, 0) != 0) {
		return complain("the new terminal cannot be taken: %s", strerror(errno));
	}
	for (int fd = 0; fd < 3; fd++) {
		dup2(terminal, fd);
	}
	if (terminal > 2) {
		close(terminal);
	}
	words[n++] = run;
	for (int i = 1; i < argc; i++) {
		words[n++] = argv[i];
	}
	words[n++] = end;
	words[n++] = (char *)(uintptr_t)shell_of_user();
	words[n++] = interactive;
	return verb_run(n, words);
}

static bool pass(int from, int to)
{
	char bytes[4096];
	ssize_t n = read(from, bytes, sizeof(bytes));

	for (ssize_t done = 0; done < n;) {
		ssize_t put = write(to, bytes + done, (size_t)(n - done));

		if (put < 0 && errno != EINTR) {
			return false;
		}
		done += put > 0 ? put : 0;
	}
	return n > 0 || (n < 0 && errno == EINTR);
}

static void take_size(int leader)
{
	struct winsize size;

	if (ioctl(0, TIOCGWINSZ, &size) == 0) {
		ioctl(leader, TIOCSWINSZ, &size);
	}
}

/* Until the other side of the terminal has no owner any more. */
static void relay(int leader, pid_t child)
{
	struct pollfd polled[2] = {{0, POLLIN, 0}, {leader, POLLIN, 0}};

	for (;;) {
		if (resized) {
			resized = 0;
			take_size(leader);
		}
		if (ending) {
			kill(child, (int)ending);
			ending = 0;
		}
		if (poll(polled, 2, -1) < 0) {
			if (errno == EINTR) {
				continue;
			}
			return;
		}
		if (polled[1].revents != 0 && !pass(leader, 1)) {
			return;
		}
		if (polled[0].revents != 0 && !pass(0, leader)) {
			/* The user's terminal is gone: hang up. */
			kill(child, SIGHUP);
			polled[0].fd = -1;
		}
	}
}

static void catch_signals(void)
{
	static const int numbers[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT};
	struct sigaction action = {.sa_handler = on_signal};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sigaction(numbers[i], &action, NULL);
	}
}

int verb_shell(int argc, char **argv)
{
	struct termios before, raw;
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	int leader, terminal, status;
	pid_t child;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (tcgetattr(0, &before) != 0 || !isatty(1)) {
		return complain("shell wants a terminal; sallyport run -- sh SCRIPT runs a script");
	}
	(void)ioctl(0, TIOCGWINSZ, &size);
	if (openpty(&leader, &terminal, NULL, &before, &size) != 0) {
		return complain("there is no new terminal: %s: is /dev/pts mounted, and writable?",
			strerror(errno));
	}
	fcntl(leader, F_SETFD, FD_CLOEXEC);
	child = fork();
	if (child == 0) {
		close(leader);
		exit(run_on(terminal, argc, argv));
	}
	close(terminal);
	if (child < 0) {
		return complain("no new process: %s: " CURE_PROCESSES, strerror(errno));
	}
	catch_signals();
	raw = before;
	cfmakeraw(&raw);
	tcsetattr(0, TCSADRAIN, &raw);
	relay(leader, child);
	/* Where it is the user's end that broke, this hangs up on the shell. */
	close(leader);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
	}
	tcsetattr(0, TCSADRAIN, &before);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
