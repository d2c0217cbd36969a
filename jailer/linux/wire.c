/*
 * Messages between the caller and the jail's first process. Both are the same program, so structs
 * travel as they are; what has pointers is packed.
 */
#include "jailer/linux/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

/* ---- packing: every item a 64-bit length and its bytes; length ~0 stands for NULL ---- */

struct packer {
	int fd;
	int error;
};

static void put(struct packer *p, const void *data, size_t len)
{
	const char *from = data;
	uint64_t length = from != NULL ? len : ~0ULL;

	if (p->error == 0 && write(p->fd, &length, sizeof(length)) != sizeof(length)) {
		p->error = -1;
	}
	while (p->error == 0 && from != NULL && len > 0) {
		ssize_t n = write(p->fd, from, len);

		if (n <= 0) {
			p->error = -1;
			return;
		}
		from += n;
		len -= (size_t)n;
	}
}

static void put_text(struct packer *p, const char *text)
{
	put(p, text, text != NULL ? strlen(text) + 1 : 0);
}

int wire_pack(const struct jail_view *view, size_t n_view, char *const *envp)
{
	struct packer p = {memfd_create("view", MFD_CLOEXEC | MFD_ALLOW_SEALING), 0};
	uint64_t n = n_view;

	if (p.fd < 0) {
		return -1;
	}
	put(&p, &n, sizeof(n));
	for (size_t i = 0; i < n_view; i++) {
		uint32_t flags[2] = {(uint32_t)view[i].mode, view[i].optional};

		put(&p, flags, sizeof(flags));
		put_text(&p, view[i].target);
		put_text(&p, view[i].source);
		put_text(&p, view[i].changes);
		put(&p, view[i].content, view[i].content_len);
	}
	for (n = 0; envp[n] != NULL; n++) {
	}
	put(&p, &n, sizeof(n));
	for (size_t i = 0; i < n; i++) {
		put_text(&p, envp[i]);
	}
	if (p.error != 0 || lseek(p.fd, 0, SEEK_SET) != 0) {
		close(p.fd);
		return -1;
	}
	return p.fd;
}

struct unpacker {
	char *at, *end;
	bool bad;
};

static void *take(struct unpacker *u, size_t *ret_len)
{
	uint64_t length;
	void *data;

	*ret_len = 0;
	if (u->bad || (size_t)(u->end - u->at) < sizeof(length)) {
		u->bad = true;
		return NULL;
	}
	memcpy(&length, u->at, sizeof(length));
	u->at += sizeof(length);
	if (length == ~0ULL) {
		return NULL;
	}
	if (length > (size_t)(u->end - u->at)) {
		u->bad = true;
		return NULL;
	}
	data = u->at;
	u->at += length;
	*ret_len = length;
	return data;
}

static uint64_t take_count(struct unpacker *u)
{
	uint64_t n = 0;
	size_t len;
	void *data = take(u, &len);

	if (data != NULL && len == sizeof(n)) {
		memcpy(&n, data, sizeof(n));
	}
	return n;
}

int wire_unpack(int fd, struct wire_start *ret_start)
{
	struct unpacker u = {NULL, NULL, false};
	struct stat st;
	size_t len, n_env;

	memset(ret_start, 0, sizeof(*ret_start));
	if (fstat(fd, &st) != 0 || st.st_size <= 0 || (u.at = malloc((size_t)st.st_size)) == NULL) {
		return -1;
	}
	ret_start->block = u.at;
	u.end = u.at + st.st_size;
	for (char *to = u.at; to < u.end;) {
		ssize_t got = read(fd, to, (size_t)(u.end - to));

		if (got <= 0) {
			return -1;
		}
		to += got;
	}
	ret_start->n_view = take_count(&u);
	ret_start->view = calloc(ret_start->n_view + 1, sizeof(*ret_start->view));
	for (size_t i = 0; ret_start->view != NULL && i < ret_start->n_view && !u.bad; i++) {
		struct jail_view *v = &ret_start->view[i];
		uint32_t flags[2] = {0};
		void *data = take(&u, &len);

		if (data != NULL && len == sizeof(flags)) {
			memcpy(flags, data, sizeof(flags));
		}
		v->mode = (enum jail_mode)flags[0];
		v->optional = flags[1] != 0;
		v->target = take(&u, &len);
		v->source = take(&u, &len);
		v->changes = take(&u, &len);
		v->content = take(&u, &v->content_len);
	}
	n_env = take_count(&u);
	ret_start->envp = calloc(n_env + 1, sizeof(char *));
	for (size_t i = 0; ret_start->envp != NULL && i < n_env; i++) {
		ret_start->envp[i] = take(&u, &len);
	}
	return u.bad || ret_start->view == NULL || ret_start->envp == NULL ? -1 : 0;
}
