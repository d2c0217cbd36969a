/*
 * The system's sockets on Windows. Everything here is non-blocking and not inherited. There is no
 * captured traffic: an AppContainer cannot be redirected, only refused, so every client says where
 * it wants to go.
 */
#include "gateway/socket.h"

#include <string.h>

#include <winsock2.h>
#include <ws2tcpip.h>

const int socket_no_signal = 0;
const int socket_pair_family = AF_INET;

unsigned socket_cores(void)
{
	SYSTEM_INFO info;

	GetSystemInfo(&info);
	return info.dwNumberOfProcessors > 0 ? info.dwNumberOfProcessors : 1;
}

void socket_close_door(intptr_t fd)
{
	if (fd != -1) {
		closesocket((SOCKET)fd);
	}
}

static bool again(int error)
{
	return error == WSAEWOULDBLOCK || error == WSAEINTR;
}

ssize_t socket_recv(evutil_socket_t fd, void *buf, size_t size, bool *ret_again)
{
	int got = recv((SOCKET)fd, buf, size < INT_MAX ? (int)size : INT_MAX, 0);

	*ret_again = got < 0 && again(WSAGetLastError());
	return got;
}

bool socket_send_packet(evutil_socket_t fd, const void *data, size_t len, bool *ret_again)
{
	int sent = send((SOCKET)fd, data, (int)len, 0);

	*ret_again = sent < 0 && again(WSAGetLastError());
	return sent == (int)len;
}

ssize_t socket_send(evutil_socket_t fd, const struct buffer_piece *pieces, int n, bool *ret_again)
{
	WSABUF vector[BUFFER_PIECES];
	DWORD sent = 0;
	int result;

	for (int i = 0; i < n; i++) {
		vector[i].buf = pieces[i].data;
		vector[i].len = (ULONG)pieces[i].len;
	}
	result = WSASend((SOCKET)fd, vector, (DWORD)n, &sent, 0, NULL, NULL);
	*ret_again = result != 0 && again(WSAGetLastError());
	return result == 0 ? (ssize_t)sent : -1;
}

void socket_shut(evutil_socket_t fd)
{
	shutdown((SOCKET)fd, SD_SEND);
}

/* Neither blocking nor inherited; closed when that cannot be had. */
static evutil_socket_t tame(SOCKET fd)
{
	u_long on = 1;

	if (fd == INVALID_SOCKET) {
		return -1;
	}
	if (ioctlsocket(fd, FIONBIO, &on) != 0 ||
		!SetHandleInformation((HANDLE)fd, HANDLE_FLAG_INHERIT, 0)) {
		closesocket(fd);
		return -1;
	}
	return (evutil_socket_t)fd;
}

bool socket_is_quiet(evutil_socket_t fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK) < 0 && WSAGetLastError() == WSAEWOULDBLOCK;
}

evutil_socket_t socket_accept(evutil_socket_t listener, bool *ret_again)
{
	SOCKET fd = accept((SOCKET)listener, NULL, NULL);
	int error = WSAGetLastError();

	*ret_again = fd == INVALID_SOCKET && (again(error) || error == WSAECONNRESET);
	return tame(fd);
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

bool socket_local(evutil_socket_t fd, struct socket_name *ret_name)
{
	struct sockaddr_storage address = {0};
	int len = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
	       name_from(&address, ret_name);
}

bool socket_peer(evutil_socket_t fd, struct socket_name *ret_name)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);

	return getpeername((SOCKET)fd, (struct sockaddr *)&address, &len) == 0 &&
	       name_from(&address, ret_name);
}

bool socket_original(evutil_socket_t fd, struct socket_name *ret_name)
{
	(void)fd;
	(void)ret_name;
	return false;
}

bool socket_is_local(const struct resolve_address *address)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	bool is_v4 = address->n_bytes == 4;
	evutil_socket_t fd = tame(socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM, IPPROTO_UDP));
	int result;

	if (fd < 0) {
		return true; /* who cannot tell must not dial */
	}
	memcpy(&v4.sin_addr, address->bytes, 4);
	memcpy(&v6.sin6_addr, address->bytes, 16);
	result = is_v4 ? bind((SOCKET)fd, (struct sockaddr *)&v4, sizeof(v4))
		       : bind((SOCKET)fd, (struct sockaddr *)&v6, sizeof(v6));
	closesocket((SOCKET)fd);
	return result == 0;
}

evutil_socket_t socket_connect(const struct resolve_address *address, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool is_v4 = address->n_bytes == 4;
	evutil_socket_t fd = tame(socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM, IPPROTO_TCP));
	int result;

	if (fd < 0) {
		return -1;
	}
	memcpy(&v4.sin_addr, address->bytes, 4);
	memcpy(&v6.sin6_addr, address->bytes, 16);
	result = is_v4 ? connect((SOCKET)fd, (struct sockaddr *)&v4, sizeof(v4))
		       : connect((SOCKET)fd, (struct sockaddr *)&v6, sizeof(v6));
	if (result != 0 && WSAGetLastError() != WSAEWOULDBLOCK) {
		closesocket((SOCKET)fd);
		return -1;
	}
	socket_no_delay(fd);
	return fd;
}

int socket_error(evutil_socket_t fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt((SOCKET)fd, SOL_SOCKET, SO_ERROR, (char *)&error, &len) != 0) {
		return WSAGetLastError();
	}
	return error;
}

int socket_last_error(void)
{
	return WSAGetLastError();
}

const char *socket_error_text(int error)
{
	return evutil_socket_error_to_string(error);
}

void socket_no_delay(evutil_socket_t fd)
{
	BOOL on = TRUE;

	/* A refusal costs latency only. */
	(void)setsockopt((SOCKET)fd, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof(on));
}

void socket_reset_on_close(evutil_socket_t fd)
{
	struct linger now = {.l_onoff = 1};

	(void)setsockopt((SOCKET)fd, SOL_SOCKET, SO_LINGER, (const char *)&now, sizeof(now));
}

void socket_refuse_clients(intptr_t fd)
{
	(void)fd; /* a listening socket cannot be shut there: it is closed at the end */
}
