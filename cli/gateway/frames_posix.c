/*
 * Frames over a Unix stream socket.
 */
#include "cli/gateway/frames.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FDS_MAX = 8, FRAME_MAX = 64 << 20, PIECE = 16384 };

struct head {
	uint32_t type, len;
};

static int send_all(int socket, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t put = send(socket, data, len, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR) {
			continue;
		}
		if (put <= 0) {
			return -1;
		}
		data += put;
		len -= (size_t)put;
	}
	return 0;
}

int frame_send(int socket, enum frame_type type, const void *data, size_t len, const int *fds,
	size_t n_fds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * FDS_MAX)];
		struct cmsghdr align;
	} control = {{0}};
	struct head head = {(uint32_t)type, (uint32_t)len};
	struct iovec piece = {&head, sizeof(head)};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

	if (n_fds > 0) {
		struct cmsghdr *c;

		message.msg_control = control.buf;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	if (sendmsg(socket, &message, MSG_NOSIGNAL) != (ssize_t)sizeof(head)) {
		return -1;
	}
	return send_all(socket, data, len);
}

static int receive_all(int socket, char *data, size_t len)
{
	while (len > 0) {
		ssize_t got = recv(socket, data, len, 0);

		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			return -1;
		}
		data += got;
		len -= (size_t)got;
	}
	return 0;
}

static void take_fds(struct msghdr *message, int *fds, size_t n_fds)
{
	size_t taken = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		size_t n =
			c->cmsg_type == SCM_RIGHTS ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (taken < n_fds) {
				fds[taken++] = fd;
			} else {
				close(fd);
			}
		}
	}
}

int frame_receive(
	int socket, enum frame_type *ret_type, struct text *ret_data, int *ret_fds, size_t n_fds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct head head;
	struct iovec piece = {&head, sizeof(head)};
	struct msghdr message = {.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf)};
	ssize_t got;

	for (size_t i = 0; i < n_fds; i++) {
		ret_fds[i] = -1;
	}
	do {
		got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
	} while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(head) || head.len > FRAME_MAX) {
		return -1;
	}
	take_fds(&message, ret_fds, n_fds);
	ret_data->len = 0;
	text_add(ret_data, "", 0);
	while (head.len > 0) {
		size_t n = head.len < PIECE ? head.len : PIECE;

		text_reserve(ret_data, n);
		if (receive_all(socket, ret_data->data + ret_data->len, n) != 0) {
			return -1;
		}
		ret_data->len += n;
		ret_data->data[ret_data->len] = '\0';
		head.len -= (uint32_t)n;
	}
	*ret_type = (enum frame_type)head.type;
	return 0;
}

enum frame_type frame_waiting(int socket)
{
	struct head head;
	ssize_t got = recv(socket, &head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);

	return got == (ssize_t)sizeof(head) ? (enum frame_type)head.type : FRAME_NONE;
}
