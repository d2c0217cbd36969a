/*
 * One table in the jail's own network: every TCP connection goes to the door, every DNS question to
 * the DNS door, everything else that is not the jail's own loopback is refused at once.
 *
 *   chain out    (nat, output):    udp/tcp 53 -> DNS door; own loopback untouched; tcp -> door
 *   chain refuse (filter, output): own loopback and DNS answers pass; tcp passes (it was
 * redirected); all else: icmp admin-prohibited / port-unreachable
 *
 * Source: nft(8), libnftnl's examples for the netlink form.
 */
#include "jailer/linux/jail_linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char cure[] = "a kernel with nf_tables (CONFIG_NF_TABLES_INET, NFT_REDIR, NFT_REJECT)";
static const char table_name[] = "sallyport";

enum { PRIORITY_NAT = -100, PRIORITY_FILTER = 0 };

/* A batch of messages under construction. */
struct batch {
	struct mnl_nlmsg_batch *batch; /* owned */
	char buf[16384]; /* twice what the batch may hold, as libmnl wants it; half of that is used
			  */
	uint32_t seq;
	struct nlmsghdr *last; /* of the messages so far */
	bool failed;
};

static struct nlmsghdr *message(struct batch *b, uint16_t type, uint16_t flags)
{
	b->last = nftnl_nlmsg_build_hdr(mnl_nlmsg_batch_current(b->batch), type, NFPROTO_INET,
		NLM_F_CREATE | flags, b->seq++);
	return b->last;
}

static void add_table(struct batch *b)
{
	struct nftnl_table *table = nftnl_table_alloc();

	if (table == NULL) {
		b->failed = true;
		return;
	}
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, table_name);
	nftnl_table_set_u32(table, NFTNL_TABLE_FAMILY, NFPROTO_INET);
	nftnl_table_nlmsg_build_payload(message(b, NFT_MSG_NEWTABLE, 0), table);
	nftnl_table_free(table);
	mnl_nlmsg_batch_next(b->batch);
}

static void add_chain(struct batch *b, const char *name, const char *type, int32_t priority)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (chain == NULL) {
		b->failed = true;
		return;
	}
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table_name);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, type);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, NF_INET_LOCAL_OUT);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, priority);
	nftnl_chain_nlmsg_build_payload(message(b, NFT_MSG_NEWCHAIN, 0), chain);
	nftnl_chain_free(chain);
	mnl_nlmsg_batch_next(b->batch);
}

/* ---- a rule: a list of expressions, each an AND ---- */

static struct nftnl_rule *rule_begin(struct batch *b, const char *chain)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	if (rule == NULL) {
		b->failed = true;
		return NULL;
	}
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table_name);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
	return rule;
}

static void rule_end(struct batch *b, struct nftnl_rule *rule)
{
	if (rule != NULL) {
		nftnl_rule_nlmsg_build_payload(message(b, NFT_MSG_NEWRULE, NLM_F_APPEND), rule);
		nftnl_rule_free(rule);
		mnl_nlmsg_batch_next(b->batch);
	}
}

static struct nftnl_expr *expression(struct batch *b, struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *e = rule != NULL ? nftnl_expr_alloc(name) : NULL;

	if (e == NULL) {
		b->failed = true;
	} else {
		nftnl_rule_add_expr(rule, e);
	}
	return e;
}

static void if_equal(struct batch *b, struct nftnl_rule *rule, const void *data, uint32_t len)
{
	struct nftnl_expr *e = expression(b, rule, "cmp");

	if (e != NULL) {
		nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
		nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
		nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
	}
}

static void if_meta(struct batch *b, struct nftnl_rule *rule, uint32_t key, uint8_t value)
{
	struct nftnl_expr *e = expression(b, rule, "meta");

	if (e != NULL) {
		nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
		nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
		if_equal(b, rule, &value, sizeof(value));
	}
}

static void if_payload(struct batch *b, struct nftnl_rule *rule, uint32_t base, uint32_t offset,
	const void *data, uint32_t len)
{
	struct nftnl_expr *e = expression(b, rule, "payload");

	if (e != NULL) {
		nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
		nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
		nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
		nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
		if_equal(b, rule, data, len);
	}
}

/* Destination port: at the same place in TCP and UDP. */
static void if_port(struct batch *b, struct nftnl_rule *rule, uint16_t port)
{
	uint16_t wire = htons(port);

	if_payload(b, rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, &wire, sizeof(wire));
}

static void if_source_port(struct batch *b, struct nftnl_rule *rule, uint16_t port)
{
	uint16_t wire = htons(port);

	if_payload(b, rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, &wire, sizeof(wire));
}

/* Destination is the jail's own loopback: 127.0.0.0/8 or ::1. */
static void if_loopback(struct batch *b, struct nftnl_rule *rule, uint8_t family)
{
	static const uint8_t v4 = 127, v6[16] = {[15] = 1};

	if_meta(b, rule, NFT_META_NFPROTO, family);
	if (family == NFPROTO_IPV4) {
		if_payload(b, rule, NFT_PAYLOAD_NETWORK_HEADER, 16, &v4, 1);
	} else {
		if_payload(b, rule, NFT_PAYLOAD_NETWORK_HEADER, 24, v6, 16);
	}
}

static void then_verdict(struct batch *b, struct nftnl_rule *rule, uint32_t verdict)
{
	struct nftnl_expr *e = expression(b, rule, "immediate");

	if (e != NULL) {
		nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
		nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, verdict);
	}
}

static void then_redirect(struct batch *b, struct nftnl_rule *rule, uint16_t port)
{
	uint16_t wire = htons(port);
	struct nftnl_expr *e = expression(b, rule, "immediate");

	if (e != NULL) {
		nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
		nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &wire, sizeof(wire));
	}
	e = expression(b, rule, "redir");
	if (e != NULL) {
		nftnl_expr_set_u32(e, NFTNL_EXPR_REDIR_REG_PROTO_MIN, NFT_REG_1);
	}
}

static void then_reject(struct batch *b, struct nftnl_rule *rule, uint8_t code)
{
	struct nftnl_expr *e = expression(b, rule, "reject");

	if (e != NULL) {
		nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
		nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, code);
	}
}

/* ---- the two chains ---- */

static void redirect_dns(struct batch *b, uint8_t protocol, uint16_t dns_port)
{
	struct nftnl_rule *rule = rule_begin(b, "out");

	if_meta(b, rule, NFT_META_L4PROTO, protocol);
	if_port(b, rule, 53);
	then_redirect(b, rule, dns_port);
	rule_end(b, rule);
}

static void leave_loopback(struct batch *b, const char *chain, uint8_t family)
{
	struct nftnl_rule *rule = rule_begin(b, chain);

	if_loopback(b, rule, family);
	then_verdict(b, rule, (uint32_t)NF_ACCEPT);
	rule_end(b, rule);
}

static void add_rules(struct batch *b, const struct jail_spec *spec)
{
	struct nftnl_rule *rule;

	redirect_dns(b, IPPROTO_UDP, spec->dns_port);
	redirect_dns(b, IPPROTO_TCP, spec->dns_port);
	leave_loopback(b, "out", NFPROTO_IPV4);
	leave_loopback(b, "out", NFPROTO_IPV6);
	rule = rule_begin(b, "out");
	if_meta(b, rule, NFT_META_L4PROTO, IPPROTO_TCP);
	then_redirect(b, rule, spec->proxy_port);
	rule_end(b, rule);

	/*
	 * After the redirect the destination is loopback, so what still goes elsewhere was not
	 * captured, but for answers of the door: they come from there and go to the address the
	 * jail had on its side.
	 */
	leave_loopback(b, "refuse", NFPROTO_IPV4);
	leave_loopback(b, "refuse", NFPROTO_IPV6);
	rule = rule_begin(b, "refuse");
	if_meta(b, rule, NFT_META_L4PROTO, IPPROTO_TCP);
	then_verdict(b, rule, (uint32_t)NF_ACCEPT);
	rule_end(b, rule);
	rule = rule_begin(b, "refuse");
	if_meta(b, rule, NFT_META_L4PROTO, IPPROTO_UDP);
	if_source_port(b, rule, spec->dns_port);
	then_verdict(b, rule, (uint32_t)NF_ACCEPT);
	rule_end(b, rule);
	rule = rule_begin(b, "refuse");
	if_meta(b, rule, NFT_META_L4PROTO, IPPROTO_UDP);
	then_reject(b, rule, NFT_REJECT_ICMPX_PORT_UNREACH);
	rule_end(b, rule);
	rule = rule_begin(b, "refuse");
	then_reject(b, rule, NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
	rule_end(b, rule);
}

/* Whether this is the answer to the last message, which comes after the errors of all others. */
static bool has_last(const struct batch *b, const char *answer, ssize_t got)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)answer;

	for (int left = (int)got; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		if (h->nlmsg_seq == b->last->nlmsg_seq) {
			return true;
		}
	}
	return false;
}

/*
 * The kernel takes a batch whole or not at all, and tells of each message that it does not take.
 * For the last one an answer is asked for in any case: it must come, and no error before it.
 */
static int talk(struct batch *b)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	char answer[8192];
	ssize_t got;
	int result = -1;

	b->last->nlmsg_flags |= NLM_F_ACK;
	if (socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
		mnl_socket_sendto(socket, mnl_nlmsg_batch_head(b->batch),
			mnl_nlmsg_batch_size(b->batch)) < 0) {
		goto out;
	}
	do {
		got = mnl_socket_recvfrom(socket, answer, sizeof(answer));
		if (got <= 0 || mnl_cb_run(answer, (size_t)got, 0, mnl_socket_get_portid(socket),
					NULL, NULL) < 0) {
			goto out;
		}
	} while (!has_last(b, answer, got));
	result = 0;
out:
	if (socket != NULL) {
		mnl_socket_close(socket);
	}
	return result;
}

int nft_setup(const struct jail_spec *spec, struct jail_diag *diag)
{
	struct batch *b = calloc(1, sizeof(*b));
	int error = 0;

	if (b == NULL || (b->batch = mnl_nlmsg_batch_start(b->buf, sizeof(b->buf) / 2)) == NULL) {
		free(b);
		return jail_fail(diag, JAIL_EMEMORY, "redirect", "", "memory is out");
	}
	nftnl_batch_begin(mnl_nlmsg_batch_current(b->batch), b->seq++);
	mnl_nlmsg_batch_next(b->batch);
	add_table(b);
	add_chain(b, "out", "nat", PRIORITY_NAT);
	add_chain(b, "refuse", "filter", PRIORITY_FILTER);
	add_rules(b, spec);
	nftnl_batch_end(mnl_nlmsg_batch_current(b->batch), b->seq++);
	mnl_nlmsg_batch_next(b->batch);
	if (b->failed) {
		error = jail_fail(diag, JAIL_EMEMORY, "redirect", "", "memory is out");
	} else if (talk(b) != 0) {
		error = jail_fail_errno(diag, JAIL_EPROTECTION, "redirect", cure, "nf_tables");
	}
	mnl_nlmsg_batch_stop(b->batch);
	free(b);
	return error;
}
