/*
 * Messages between the caller and the jail's first process. Both are the same program, so structs
 * travel as they are; what has pointers the first process has in its copy of the caller's memory.
 */
#include "jailer/linux/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int wire_send(int socket, const struct wire_message *m, const int *fds, size_t n_fds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec data = {(void *)m, sizeof(*m)};
	struct msghdr header = {.msg_iov = &data, .msg_iovlen = 1};

	if (n_fds > 0) {
		struct cmsghdr *c;

		header.msg_control = control.buf;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	return sendmsg(socket, &header, MSG_NOSIGNAL) == (ssize_t)sizeof(*m) ? 0 : -1;
}

int wire_receive(int socket, struct wire_message *ret_message, int *ret_fds, size_t n_fds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec data = {ret_message, sizeof(*ret_message)};
	struct msghdr header = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf)};
	ssize_t got;

	for (size_t i = 0; i < n_fds; i++) {
		ret_fds[i] = -1;
	}
	do {
		got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got <= 0) {
		return got == 0 || errno == ECONNRESET ? 0 : -1;
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c != NULL; c = CMSG_NXTHDR(&header, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; c->cmsg_type == SCM_RIGHTS && i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (i < n_fds) {
				ret_fds[i] = fd;
			} else {
				close(fd);
			}
		}
	}
	if (got != (ssize_t)sizeof(*ret_message)) {
		errno = EPROTO;
		return -1;
	}
	return 1;
}
