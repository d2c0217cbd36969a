/*
 * The system's sockets on Linux. Everything here is non-blocking and close-on-exec.
 */
#include "gateway/socket.h"

#include <errno.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

const int socket_no_signal = MSG_NOSIGNAL;
const int socket_pair_family = AF_UNIX;

unsigned socket_cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned)n : 1;
}

void socket_close_door(intptr_t fd)
{
	if (fd >= 0) {
		close((int)fd);
	}
}

static bool again(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

ssize_t socket_recv(evutil_socket_t fd, void *buf, size_t size, bool *ret_again)
{
	ssize_t got = recv(fd, buf, size, 0);

	*ret_again = got < 0 && again(errno);
	return got;
}

bool socket_send_packet(evutil_socket_t fd, const void *data, size_t len, bool *ret_again)
{
	ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

	*ret_again = sent < 0 && again(errno);
	return sent == (ssize_t)len;
}

ssize_t socket_send(evutil_socket_t fd, const struct buffer_piece *pieces, int n, bool *ret_again)
{
	struct iovec vector[BUFFER_PIECES];
	struct msghdr message = {.msg_iov = vector, .msg_iovlen = (size_t)n};
	ssize_t sent;

	for (int i = 0; i < n; i++) {
		vector[i].iov_base = pieces[i].data;
		vector[i].iov_len = pieces[i].len;
	}
	sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	*ret_again = sent < 0 && again(errno);
	return sent;
}

void socket_shut(evutil_socket_t fd)
{
	shutdown(fd, SHUT_WR);
}

bool socket_is_quiet(evutil_socket_t fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK) < 0 && again(errno);
}

evutil_socket_t socket_accept(evutil_socket_t listener, bool *ret_again)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	*ret_again = fd < 0 && (again(errno) || errno == ECONNABORTED);
	return fd;
}

static bool name_from(const struct sockaddr_storage *address, struct socket_name *ret_name)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	memset(ret_name, 0, sizeof(*ret_name));
	if (address->ss_family == AF_INET) {
		ret_name->address.n_bytes = 4;
		memcpy(ret_name->address.bytes, &v4->sin_addr, 4);
		ret_name->port = ntohs(v4->sin_port);
	} else if (address->ss_family == AF_INET6) {
		ret_name->address.n_bytes = 16;
		memcpy(ret_name->address.bytes, &v6->sin6_addr, 16);
		ret_name->port = ntohs(v6->sin6_port);
	} else {
		return false;
	}
	resolve_format(&ret_name->address, ret_name->port, ret_name->text, sizeof(ret_name->text));
	return true;
}

bool socket_peer(evutil_socket_t fd, struct socket_name *ret_name)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);

	return getpeername(fd, (struct sockaddr *)&address, &len) == 0 &&
	       name_from(&address, ret_name);
}

bool socket_local(evutil_socket_t fd, struct socket_name *ret_name)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
	       name_from(&address, ret_name);
}

bool socket_original(evutil_socket_t fd, struct socket_name *ret_name)
{
	struct sockaddr_storage wanted = {0}, local = {0};
	socklen_t wanted_len = sizeof(wanted), local_len = sizeof(local);
	struct socket_name here;
	bool v6;

	if (getsockname(fd, (struct sockaddr *)&local, &local_len) != 0 ||
		!name_from(&local, &here)) {
		return false;
	}
	v6 = local.ss_family == AF_INET6;
	if (getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
		    v6 ? IP6T_SO_ORIGINAL_DST : SO_ORIGINAL_DST, &wanted, &wanted_len) != 0) {
		return false;
	}
	return name_from(&wanted, ret_name) &&
	       (ret_name->port != here.port || ret_name->address.n_bytes != here.address.n_bytes ||
		       memcmp(ret_name->address.bytes, here.address.bytes, here.address.n_bytes) !=
			       0);
}

/* What a socket can be bound to is ours (ip(7)); UDP, so that no port of TCP is in the way. */
bool socket_is_local(const struct resolve_address *address)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	bool is_v4 = address->n_bytes == 4;
	int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), result;

	if (fd < 0) {
		return true; /* who cannot tell must not dial */
	}
	memcpy(&v4.sin_addr, address->bytes, 4);
	memcpy(&v6.sin6_addr, address->bytes, 16);
	result = is_v4 ? bind(fd, (struct sockaddr *)&v4, sizeof(v4))
		       : bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	close(fd);
	return result == 0;
}

evutil_socket_t socket_connect(const struct resolve_address *address, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool is_v4 = address->n_bytes == 4;
	int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int result;

	if (fd < 0) {
		return -1;
	}
	memcpy(&v4.sin_addr, address->bytes, 4);
	memcpy(&v6.sin6_addr, address->bytes, 16);
	result = is_v4 ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
		       : connect(fd, (struct sockaddr *)&v6, sizeof(v6));
	if (result != 0 && errno != EINPROGRESS) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	socket_no_delay(fd);
	return fd;
}

int socket_error(evutil_socket_t fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
		return errno;
	}
	return error;
}

int socket_last_error(void)
{
	return errno;
}

const char *socket_error_text(int error)
{
	return strerror(error);
}

void socket_no_delay(evutil_socket_t fd)
{
	int on = 1;

	/* A refusal costs latency only. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void socket_reset_on_close(evutil_socket_t fd)
{
	struct linger now = {.l_onoff = 1};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

void socket_refuse_clients(intptr_t fd)
{
	if (fd >= 0) {
		(void)shutdown((int)fd, SHUT_RDWR);
	}
}
