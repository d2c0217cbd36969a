/*
 * Messages between the caller and the jail's first process. Both are the same program, so structs
 * travel as they are; what has pointers is packed.
 */
#include "jailer/linux/wire.h"

#include <errno.h>
#include <stdio.h>
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

static void put(FILE *to, const void *data, size_t len)
{
	uint64_t length = data != NULL ? len : ~0ULL;

	/* What fails here is seen by ferror(3) in the end. */
	(void)fwrite(&length, sizeof(length), 1, to);
	if (data != NULL && len > 0) {
		(void)fwrite(data, 1, len, to);
	}
}

static void put_text(FILE *to, const char *text)
{
	put(to, text, text != NULL ? strlen(text) + 1 : 0);
}

/* Some stand under several names, and are large. */
static size_t first_with(const struct jail_view *view, size_t i)
{
	size_t k = 0;

	while (view[k].content != view[i].content || view[k].content_len != view[i].content_len) {
		k++;
	}
	return k;
}

static void put_view(FILE *to, const struct jail_view *view, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t same = first_with(view, i);
		uint32_t head[3] = {(uint32_t)view[i].mode, view[i].optional, (uint32_t)same};

		put(to, head, sizeof(head));
		put_text(to, view[i].target);
		put_text(to, view[i].source);
		put_text(to, view[i].changes);
		if (same == i) {
			put(to, view[i].content, view[i].content_len);
		}
	}
}

static int pack(int fd, const struct jail_view *view, size_t n_view, char *const *envp)
{
	int copy = dup(fd);
	FILE *to = copy >= 0 ? fdopen(copy, "w") : NULL;
	uint64_t n = n_view;
	bool failed;

	if (to == NULL) {
		if (copy >= 0) {
			close(copy);
		}
		return -1;
	}
	put(to, &n, sizeof(n));
	put_view(to, view, n_view);
	for (n = 0; envp[n] != NULL; n++) {
	}
	put(to, &n, sizeof(n));
	for (size_t i = 0; i < n; i++) {
		put_text(to, envp[i]);
	}
	failed = ferror(to) != 0;
	return fclose(to) == 0 && !failed ? 0 : -1;
}

int wire_pack(const struct jail_view *view, size_t n_view, char *const *envp)
{
	int fd = memfd_create("view", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && (pack(fd, view, n_view, envp) != 0 || lseek(fd, 0, SEEK_SET) != 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
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
	if (fstat(fd, &st) != 0 || st.st_size <= 0) {
		return -1;
	}
	/* It holds whole bundles of certificates: as it is, not copied (which writable it would
	 * be). */
	ret_start->block =
		mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (ret_start->block == MAP_FAILED) {
		ret_start->block = NULL;
		return -1;
	}
	u.at = ret_start->block;
	u.end = u.at + st.st_size;
	ret_start->n_view = take_count(&u);
	ret_start->view = calloc(ret_start->n_view + 1, sizeof(*ret_start->view));
	for (size_t i = 0; ret_start->view != NULL && i < ret_start->n_view && !u.bad; i++) {
		struct jail_view *v = &ret_start->view[i];
		uint32_t head[3] = {0};
		void *data = take(&u, &len);

		if (data != NULL && len == sizeof(head)) {
			memcpy(head, data, sizeof(head));
		}
		v->mode = (enum jail_mode)head[0];
		v->optional = head[1] != 0;
		v->target = take(&u, &len);
		v->source = take(&u, &len);
		v->changes = take(&u, &len);
		if (head[2] == i) {
			v->content = take(&u, &v->content_len);
		} else if (head[2] < i) {
			v->content = ret_start->view[head[2]].content;
			v->content_len = ret_start->view[head[2]].content_len;
		} else {
			u.bad = true;
		}
	}
	n_env = take_count(&u);
	ret_start->envp = calloc(n_env + 1, sizeof(char *));
	for (size_t i = 0; ret_start->envp != NULL && i < n_env; i++) {
		ret_start->envp[i] = take(&u, &len);
	}
	return u.bad || ret_start->view == NULL || ret_start->envp == NULL ? -1 : 0;
}
