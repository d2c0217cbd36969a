/*
 * The kernel's word on which socket a connection is. Source: sock_diag(7), linux/inet_diag.h.
 */
#include "jailer/linux/who.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct question {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

int who_diag_open(void)
{
	/* The kernel answers within the call; should it not, nobody waits for ever. */
	const struct timeval patience = {.tv_usec = 200000};
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool ask(int diag, const struct jail_connection *c, uint32_t number)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct question q = {
		.head = {.nlmsg_len = sizeof(q),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST,
			.nlmsg_seq = number},
		.body = {.sdiag_family = c->n_bytes == 4 ? AF_INET : AF_INET6,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = ~0u},
	};

	q.body.id.idiag_sport = htons(c->from_port);
	q.body.id.idiag_dport = htons(c->to_port);
	memcpy(q.body.id.idiag_src, c->from, c->n_bytes);
	memcpy(q.body.id.idiag_dst, c->to, c->n_bytes);
	q.body.id.idiag_cookie[0] = q.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return sendto(diag, &q, sizeof(q), 0, (const struct sockaddr *)&kernel, sizeof(kernel)) ==
	       (ssize_t)sizeof(q);
}

/* An established lookup that fails falls back to listeners of the port: those are nobody's ends.
 * One that still dials is another's, who took over the numbers of one that ended. */
static bool is_it(const struct inet_diag_msg *m, const struct jail_connection *c)
{
	return m->idiag_state != TCP_SYN_SENT && m->idiag_state != TCP_LISTEN &&
	       m->id.idiag_sport == htons(c->from_port) && m->id.idiag_dport == htons(c->to_port);
}

uint32_t who_diag_inode(int diag, const struct jail_connection *c)
{
	static uint32_t asked; /* one thread asks */
	union {
		struct nlmsghdr head;
		char bytes[4096];
	} answer;
	const uint32_t number = ++asked;
	const struct inet_diag_msg *found = NLMSG_DATA(&answer.head);

	if ((c->n_bytes != 4 && c->n_bytes != 16) || !ask(diag, c, number)) {
		return 0;
	}
	for (;;) {
		ssize_t got = recv(diag, &answer, sizeof(answer), 0);

		if (got < (ssize_t)sizeof(answer.head)) {
			return 0;
		}
		if (answer.head.nlmsg_seq != number) {
			continue; /* of a question that nobody waited for */
		}
		if (answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
			got < (ssize_t)NLMSG_LENGTH(sizeof(*found))) {
			return 0;
		}
		return is_it(found, c) ? found->idiag_inode : 0;
	}
}
