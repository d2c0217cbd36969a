/*
 * The door: listening sockets made inside the jail's network, to be served outside of it.
 */
#include "jailer/linux/jail_linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static int make(int family, int type, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, bound;

	if (fd < 0) {
		return -1;
	}
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	v6.sin6_addr = in6addr_loopback;
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) {
		close(fd);
		return -1;
	}
	bound = family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof(v4))
				  : bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	if (bound != 0 || (type == SOCK_STREAM && listen(fd, BACKLOG) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

int door_make(const struct jail_spec *spec, int ret_fds[6], struct jail_diag *diag)
{
	static const struct {
		int family, type;
		bool dns;
	} doors[6] = {
		{AF_INET, SOCK_STREAM, false},
		{AF_INET6, SOCK_STREAM, false},
		{AF_INET, SOCK_DGRAM, true},
		{AF_INET6, SOCK_DGRAM, true},
		{AF_INET, SOCK_STREAM, true},
		{AF_INET6, SOCK_STREAM, true},
	};

	for (int i = 0; i < 6; i++) {
		ret_fds[i] = make(doors[i].family, doors[i].type,
			doors[i].dns ? spec->dns_port : spec->proxy_port);
		if (ret_fds[i] < 0) {
			int error = jail_fail_errno(diag, JAIL_EPROTECTION, "network namespace",
				"a kernel with IPv6 in network namespaces",
				"listening inside the jail");

			while (--i >= 0) {
				close(ret_fds[i]);
			}
			return error;
		}
	}
	return 0;
}
