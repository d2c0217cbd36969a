/*
 * The jail's network: loopback alone, and every address of the world local to it, so that a
 * connection to anywhere is a connection inside. Source: rtnetlink(7).
 */
#include "jailer/linux/jail_linux.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static const char cure[] = "a kernel with network namespaces and IPv6";

/* Sends one request and waits for its acknowledgement. */
static int ask(struct mnl_socket *socket, struct nlmsghdr *request)
{
	char answer[4096];
	ssize_t got;

	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	request->nlmsg_seq = 1;
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0) {
		return -1;
	}
	got = mnl_socket_recvfrom(socket, answer, sizeof(answer));
	if (got < 0) {
		return -1;
	}
	return mnl_cb_run(answer, (size_t)got, 1, mnl_socket_get_portid(socket), NULL, NULL) < 0
		       ? -1
		       : 0;
}

static int loopback_up(struct mnl_socket *socket, unsigned index)
{
	char buf[1024];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *link;

	request->nlmsg_type = RTM_NEWLINK;
	link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = (int)index;
	link->ifi_change = IFF_UP;
	link->ifi_flags = IFF_UP;
	return ask(socket, request);
}

/* ip route add local default dev lo */
static int everything_local(struct mnl_socket *socket, int family, unsigned index)
{
	char buf[1024];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct rtmsg *route;

	request->nlmsg_type = RTM_NEWROUTE;
	request->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	route = mnl_nlmsg_put_extra_header(request, sizeof(*route));
	route->rtm_family = (unsigned char)family;
	route->rtm_table = RT_TABLE_LOCAL;
	route->rtm_protocol = RTPROT_STATIC;
	route->rtm_scope = RT_SCOPE_HOST;
	route->rtm_type = RTN_LOCAL;
	mnl_attr_put_u32(request, RTA_OIF, index);
	return ask(socket, request);
}

int net_setup(struct jail_diag *diag)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	unsigned index = if_nametoindex("lo");
	int error = 0;

	if (socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 || index == 0) {
		error = jail_fail_errno(
			diag, JAIL_EPROTECTION, "network namespace", cure, "rtnetlink");
	} else if (loopback_up(socket, index) != 0) {
		error = jail_fail_errno(
			diag, JAIL_EPROTECTION, "network namespace", cure, "loopback up");
	} else if (everything_local(socket, AF_INET, index) != 0) {
		error = jail_fail_errno(
			diag, JAIL_EPROTECTION, "network namespace", cure, "IPv4 local route");
	} else if (everything_local(socket, AF_INET6, index) != 0) {
		error = jail_fail_errno(
			diag, JAIL_EPROTECTION, "network namespace", cure, "IPv6 local route");
	}
	if (socket != NULL) {
		mnl_socket_close(socket);
	}
	return error;
}
