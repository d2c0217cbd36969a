/*
 * A service on POSIX systems: signals, modes of files.
 */
#include "cli/gateway/service.h"
#include "cli/verbs.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

const char service_help[] =
	"SIGHUP, or --reload PID, reads the rules again; when they are wrong the old ones stay, "
	"and "
	"it is said\n"
	"here and in the record. SIGTERM and SIGINT, or --end PID, take no more clients, answer "
	"what was asked,\n"
	"and end.\n";

static sigset_t wishes(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGCHLD);
	return signals;
}

int service_hear(void)
{
	sigset_t signals = wishes();

	return sigprocmask(SIG_BLOCK, &signals, NULL) == 0
		       ? 0
		       : complain("signals cannot be kept: %s", strerror(errno));
}

static bool is_gone(int gateway)
{
	char byte;

	return recv(gateway, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

enum service_wish service_wait(int gateway)
{
	sigset_t signals = wishes();
	int signal;

	while (sigwait(&signals, &signal) == 0) {
		if (signal == SIGHUP) {
			return SERVICE_RELOAD;
		}
		if (signal != SIGCHLD) {
			return SERVICE_END;
		}
		if (is_gone(gateway)) {
			return SERVICE_GONE;
		}
	}
	return SERVICE_END;
}

int service_ask(const char *process, enum service_wish wish)
{
	char *end;
	long id = strtol(process, &end, 10);

	if (process[0] < '1' || process[0] > '9' || *end != '\0') {
		return complain("expected the number of a process: %s", process);
	}
	return kill((pid_t)id, wish == SERVICE_RELOAD ? SIGHUP : SIGTERM) == 0
		       ? 0
		       : complain("process %s: %s", process, strerror(errno));
}

int service_listen(const struct sockaddr_storage *address, intptr_t *ret_socket)
{
	socklen_t len = address->ss_family == AF_INET ? sizeof(struct sockaddr_in)
						      : sizeof(struct sockaddr_in6);
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0) {
		return complain("--listen: %s", strerror(errno));
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->ss_family == AF_INET6) {
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	}
	if (bind(fd, (const struct sockaddr *)address, len) != 0 || listen(fd, SOMAXCONN) != 0) {
		int error = errno;

		close(fd);
		return complain("--listen: %s", strerror(error));
	}
	*ret_socket = fd;
	return 0;
}

int service_read_private(const char *option, const char *path, struct text *ret_text)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		return complain("%s %s: %s", option, path, strerror(errno));
	}
	if ((st.st_mode & 077) != 0) {
		return complain(
			"%s %s can be read by others than its owner: chmod 600", option, path);
	}
	if (text_read_file(ret_text, path) != 0) {
		return complain("%s %s: %s", option, path, strerror(errno));
	}
	return 0;
}
