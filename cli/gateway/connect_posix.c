/*
 * sallyport connect HOST PORT: a connection through the proxy, on standard input and output. What
 * ssh calls a ProxyCommand, so that git over ssh gets out through a `tunnel` statement and a
 * refusal says why, where the user sees it.
 */
#include "cli/verbs.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_MAX = 16 * 1024, PIECE = 64 * 1024 };

static const char help[] =
	"usage: sallyport connect HOST PORT\n"
	"\n"
	"Asks the proxy named by https_proxy or http_proxy for a connection and carries standard "
	"input and\n"
	"output over it. For ssh: -o ProxyCommand='sallyport connect %h %p'.\n";

static const char *proxy_url(void)
{
	static const char *const names[] = {
		"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *url = getenv(names[i]);

		if (url != NULL && url[0] != '\0') {
			return url;
		}
	}
	return NULL;
}

/* "http://HOST:PORT" or "http://[ADDRESS]:PORT", as the jail sets it. */
static int dial_proxy(const char *url, int *ret_fd)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *a;
	char host[256], port[8];
	int error, fd = -1;

	if (sscanf(url, "http://[%255[^]]]:%7[0-9]", host, port) != 2 &&
		sscanf(url, "http://%255[^:/]:%7[0-9]", host, port) != 2) {
		return complain("the proxy's URL is none that can be used: %s", url);
	}
	error = getaddrinfo(host, port, &hints, &found);
	if (error != 0) {
		return complain("the proxy %s: %s", host, gai_strerror(error));
	}
	for (a = found; a != NULL && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	if (fd < 0) {
		return complain("the proxy %s port %s: %s", host, port, strerror(errno));
	}
	*ret_fd = fd;
	return 0;
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t put = write(fd, data, len);

		if (put < 0 && errno == EINTR) {
			continue;
		}
		if (put <= 0) {
			return false;
		}
		data += put;
		len -= (size_t)put;
	}
	return true;
}

/* The reason is the body; each line of it goes where ssh's user reads. */
static int tell_refusal(int fd)
{
	char piece[4096];
	ssize_t got;

	while ((got = read(fd, piece, sizeof(piece))) > 0) {
		fwrite(piece, 1, (size_t)got, stderr);
	}
	return EXIT_OURS;
}

/* Reads the answer's head octet by octet: what follows belongs to the tunnel. */
static int ask(int fd, const char *host, const char *port)
{
	bool v6 = strchr(host, ':') != NULL;
	char head[HEAD_MAX];
	size_t n;
	int len = snprintf(head, sizeof(head),
		"CONNECT %s%s%s:%s HTTP/1.1\r\nHost: %s%s%s:%s\r\nSallyport-Connect: "
		"tunnel\r\n\r\n",
		v6 ? "[" : "", host, v6 ? "]" : "", port, v6 ? "[" : "", host, v6 ? "]" : "", port);

	if (len >= (int)sizeof(head) || !write_all(fd, head, (size_t)len)) {
		return complain("the proxy does not listen");
	}
	for (n = 0; n + 1 < sizeof(head); n++) {
		if (read(fd, head + n, 1) != 1) {
			return complain("the proxy closed the connection");
		}
		if (n >= 3 && memcmp(head + n - 3, "\r\n\r\n", 4) == 0) {
			break;
		}
	}
	head[n + 1 < sizeof(head) ? n + 1 : n] = '\0';
	if (strncmp(head, "HTTP/1.1 200", 12) == 0) {
		return 0;
	}
	return strncmp(head, "HTTP/1.1 ", 9) == 0 ? tell_refusal(fd)
						  : complain("the proxy answered no HTTP");
}

/* What one side has goes to the other; its end does too. False: nothing more that way. */
static bool carry(int from, int to)
{
	static char piece[PIECE];
	ssize_t got = read(from, piece, sizeof(piece));

	if (got < 0 && errno == EINTR) {
		return true;
	}
	if (got > 0 && write_all(to, piece, (size_t)got)) {
		return true;
	}
	/* Standard output is no socket: closing it is how its reader sees the end. */
	if (shutdown(to, SHUT_WR) != 0 && to == STDOUT_FILENO) {
		close(to);
	}
	return false;
}

static int carry_both(int fd)
{
	struct pollfd both[2] = {{STDIN_FILENO, POLLIN, 0}, {fd, POLLIN, 0}};

	/* Once the far end is done, whatever is still typed has no reader. */
	while (both[1].fd >= 0) {
		if (poll(both, 2, -1) < 0 && errno != EINTR) {
			return complain("poll: %s", strerror(errno));
		}
		if (both[0].revents != 0 && !carry(STDIN_FILENO, fd)) {
			both[0].fd = -1;
		}
		if (both[1].revents != 0 && !carry(fd, STDOUT_FILENO)) {
			both[1].fd = -1;
		}
	}
	return 0;
}

int verb_connect(int argc, char **argv)
{
	const char *url = proxy_url();
	int fd = -1, status;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return 0;
	}
	if (argc != 3 || strspn(argv[2], "0123456789") != strlen(argv[2])) {
		return complain("connect wants HOST and PORT");
	}
	if (strpbrk(argv[1], " \r\n\t") != NULL) {
		return complain("no host is called that");
	}
	if (url == NULL) {
		return complain("neither https_proxy nor http_proxy is set");
	}
	signal(SIGPIPE, SIG_IGN);
	status = dial_proxy(url, &fd);
	if (status == 0) {
		status = ask(fd, argv[1], argv[2]);
	}
	if (status == 0) {
		status = carry_both(fd);
	}
	if (fd >= 0) {
		close(fd);
	}
	return status;
}
