/*
 * Frames over a socket pair. Run and gateway are threads of one process here (see
 * process_windows.c), so a descriptor is handed over by its number.
 */
#include "cli/gateway/frames.h"

#include <stdint.h>
#include <string.h>

#include <winsock2.h>

enum { FDS_MAX = 8, FRAME_MAX = 64 << 20 };

struct head {
	uint32_t type, len, n_fds;
	int32_t fds[FDS_MAX];
};

static int send_all(int socket, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		int put = send((SOCKET)socket, at, len < INT_MAX ? (int)len : INT_MAX, 0);

		if (put <= 0) {
			return -1;
		}
		at += put;
		len -= (size_t)put;
	}
	return 0;
}

int frame_send(int socket, enum frame_type type, const void *data, size_t len, const int *fds,
	size_t n_fds)
{
	struct head head = {(uint32_t)type, (uint32_t)len, (uint32_t)n_fds, {0}};

	if (n_fds > FDS_MAX || len > FRAME_MAX) {
		return -1;
	}
	for (size_t i = 0; i < n_fds; i++) {
		head.fds[i] = fds[i];
	}
	return send_all(socket, &head, sizeof(head)) == 0 ? send_all(socket, data, len) : -1;
}

static int receive_all(int socket, void *data, size_t len)
{
	char *at = data;

	while (len > 0) {
		int got = recv((SOCKET)socket, at, len < INT_MAX ? (int)len : INT_MAX, 0);

		if (got <= 0) {
			return -1;
		}
		at += got;
		len -= (size_t)got;
	}
	return 0;
}

int frame_receive(
	int socket, enum frame_type *ret_type, struct text *ret_data, int *ret_fds, size_t n_fds)
{
	struct head head;
	char chunk[16384];

	if (receive_all(socket, &head, sizeof(head)) != 0 || head.len > FRAME_MAX ||
		head.n_fds > FDS_MAX) {
		return -1;
	}
	for (size_t i = 0; i < n_fds; i++) {
		ret_fds[i] = i < head.n_fds ? head.fds[i] : -1;
	}
	ret_data->len = 0;
	text_add(ret_data, "", 0);
	while (head.len > 0) {
		size_t n = head.len < sizeof(chunk) ? head.len : sizeof(chunk);

		if (receive_all(socket, chunk, n) != 0) {
			return -1;
		}
		text_add(ret_data, chunk, n);
		head.len -= (uint32_t)n;
	}
	*ret_type = (enum frame_type)head.type;
	return 0;
}

enum frame_type frame_waiting(int socket)
{
	struct head head;
	u_long there = 0;

	if (ioctlsocket((SOCKET)socket, FIONREAD, &there) != 0 || there < sizeof(head) ||
		recv((SOCKET)socket, (char *)&head, sizeof(head), MSG_PEEK) != (int)sizeof(head)) {
		return FRAME_NONE;
	}
	return (enum frame_type)head.type;
}
