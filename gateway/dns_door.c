/*
 * The DNS door, over UDP and TCP: question in, judged, recorded, answered. Nothing ever leaves by
 * it: there is no socket here but the jail's own.
 */
#include "gateway/dns_door.h"
#include "audit/audit.h"
#include "gateway/dns_message.h"
#include "gateway/metrics.h"
#include "gateway/names.h"
#include "gateway/socket.h"
#include "gateway/worker.h"
#include "rules/rules.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TTL = 60,
	MESSAGE_MAX = 4096,
	ANSWER_MAX = 512,
	UDP_A_TURN = 64,
	TCP_SECONDS = 5,
	TCP_MAX = 256,
};

struct dns_tcp;

struct dns_door {
	struct worker *worker;
	struct event *udp[2], *tcp[2];
	LIST_HEAD(, dns_tcp) connections;
	unsigned n_connections;
};

/* One client over TCP: two octets of length before each message (RFC 1035 4.2.2). */
struct dns_tcp {
	LIST_ENTRY(dns_tcp) all;
	struct dns_door *door;
	evutil_socket_t fd; /* owned */
	struct event *event;
	uint8_t in[2 + MESSAGE_MAX];
	size_t n_in;
};

/* ---- judging ---- */

static int record(struct dns_door *d, const struct dns_question *q, int rcode,
	const struct rules_decision *decision)
{
	struct gateway *g = d->worker->gateway;
	struct audit_record r;
	struct audit_diag diag;
	uint64_t seq;

	audit_record_init(&r);
	r.kind = AUDIT_DNS;
	r.way = AUDIT_WAY_DNS;
	r.host = q->name;
	r.verdict = rcode == DNS_RCODE_OK ? "allow" : "deny";
	r.reason = rules_reason_word(decision->reason);
	r.detail = q->type == DNS_TYPE_A ? "A" : q->type == DNS_TYPE_AAAA ? "AAAA" : "other";
	r.rule = decision->where;
	if (rcode == DNS_RCODE_NXDOMAIN && decision->reason == RULES_NO_RULE) {
		char add[RULES_HOST_MAX + 16];

		snprintf(add, sizeof(add), "allow GET,HEAD %s/**", q->name);
		hosts_refused(g->hosts, q->name, "name", add);
	}
	metrics_record(g->metrics, &r);
	/* The answer has no effect outside: it need not wait for the disk, only for the record's
	 * order. */
	return audit_gather(g->config.audit, &r, &seq, &diag);
}

static bool is_loopback_name(const char *name)
{
	size_t len = strlen(name);

	/* RFC 6761 section 6.3 */
	return strcmp(name, "localhost") == 0 ||
	       (len > 10 && strcmp(name + len - 10, ".localhost") == 0);
}

static size_t answer_loopback(const uint8_t *query, const struct dns_question *q, uint8_t *buf)
{
	static const uint8_t v4[4] = {127, 0, 0, 1}, v6[16] = {[15] = 1};
	const uint8_t *address = q->type == DNS_TYPE_A ? v4 : q->type == DNS_TYPE_AAAA ? v6 : NULL;

	return dns_message_answer(query, q, DNS_RCODE_OK, address, q->type == DNS_TYPE_A ? 4 : 16,
		TTL, buf, ANSWER_MAX);
}

static size_t answer_name(
	struct dns_door *d, const uint8_t *query, const struct dns_question *q, uint8_t *buf)
{
	struct rules_decision decision = {0};
	char host[RULES_HOST_MAX];
	uint8_t v4[4], v6[16];
	const uint8_t *address = NULL;
	bool is_address;
	uint16_t port;
	int rcode = DNS_RCODE_NXDOMAIN;

	if (rules_authority(q->name, strlen(q->name), host, &is_address, &port) ==
			RULES_TARGET_OK &&
		!is_address && port == 0) {
		rules_judge_host(d->worker->gateway->rules, RULES_SCHEME_NONE, host, 0,
			rules_anyone, &decision);
	}
	if (decision.verdict != RULES_DENY) {
		rcode = names_address(d->worker->gateway->names, host, v4, v6) == 0
				? DNS_RCODE_OK
				: DNS_RCODE_FAILURE;
		address = rcode != DNS_RCODE_OK      ? NULL
			  : q->type == DNS_TYPE_A    ? v4
			  : q->type == DNS_TYPE_AAAA ? v6
						     : NULL;
	}
	if (record(d, q, rcode, &decision) != AUDIT_OK) {
		rcode = DNS_RCODE_FAILURE;
		address = NULL;
	}
	return dns_message_answer(
		query, q, rcode, address, address == v4 ? 4 : 16, TTL, buf, ANSWER_MAX);
}

/* The answer's length; 0: nothing is answered. */
static size_t answer(struct dns_door *d, const uint8_t *query, size_t len, uint8_t *buf)
{
	struct dns_question q;
	int rcode = dns_message_read(query, len, &q);

	if (rcode < 0) {
		return 0;
	}
	if (rcode != DNS_RCODE_OK) {
		return dns_message_answer(query, &q, rcode, NULL, 0, 0, buf, ANSWER_MAX);
	}
	return is_loopback_name(q.name) ? answer_loopback(query, &q, buf)
					: answer_name(d, query, &q, buf);
}

/* ---- UDP ---- */

static void on_udp(evutil_socket_t fd, short what, void *arg)
{
	struct dns_door *d = arg;

	(void)what;
	for (int i = 0; i < UDP_A_TURN; i++) {
		struct sockaddr_storage from;
		ev_socklen_t from_len = sizeof(from);
		uint8_t query[MESSAGE_MAX], buf[ANSWER_MAX];
		ssize_t got = recvfrom(
			fd, (void *)query, sizeof(query), 0, (struct sockaddr *)&from, &from_len);
		size_t len;

		if (got < 0) {
			return;
		}
		len = answer(d, query, (size_t)got, buf);
		if (len > 0) {
			/* Lost like any datagram when it cannot be sent: the client asks again. */
			(void)sendto(fd, (void *)buf, len, 0, (struct sockaddr *)&from, from_len);
		}
	}
}

/* ---- TCP ---- */

static void close_tcp(struct dns_tcp *t)
{
	LIST_REMOVE(t, all);
	t->door->n_connections--;
	event_free(t->event);
	evutil_closesocket(t->fd);
	free(t);
}

/* Answers every whole message that is there. False: the connection is not worth keeping. */
static bool answer_tcp(struct dns_tcp *t)
{
	for (;;) {
		size_t len = t->n_in >= 2 ? (size_t)t->in[0] << 8 | t->in[1] : 0, n;
		uint8_t buf[2 + ANSWER_MAX];

		if (t->n_in < 2) {
			return true;
		}
		if (len > MESSAGE_MAX) {
			return false;
		}
		if (t->n_in < 2 + len) {
			return true;
		}
		n = answer(t->door, t->in + 2, len, buf + 2);
		buf[0] = (uint8_t)(n >> 8);
		buf[1] = (uint8_t)n;
		/* Answers are small: a client that does not take one is not worth a queue. */
		if (n == 0 ||
			send(t->fd, (void *)buf, n + 2, socket_no_signal) != (ssize_t)(n + 2)) {
			return false;
		}
		memmove(t->in, t->in + 2 + len, t->n_in - 2 - len);
		t->n_in -= 2 + len;
	}
}

static void on_tcp(evutil_socket_t fd, short what, void *arg)
{
	struct dns_tcp *t = arg;
	ssize_t got;
	bool again;

	if ((what & EV_TIMEOUT) != 0) {
		close_tcp(t);
		return;
	}
	got = socket_recv(fd, t->in + t->n_in, sizeof(t->in) - t->n_in, &again);
	if (got > 0) {
		t->n_in += (size_t)got;
		if (answer_tcp(t)) {
			return;
		}
	} else if (got < 0 && again) {
		return;
	}
	close_tcp(t);
}

static void on_accept(evutil_socket_t listener, short what, void *arg)
{
	struct timeval limit = {.tv_sec = TCP_SECONDS};
	struct dns_door *d = arg;
	struct dns_tcp *t;
	bool again;
	evutil_socket_t fd = socket_accept(listener, &again);

	(void)what;
	if (fd < 0) {
		return;
	}
	t = d->n_connections < TCP_MAX ? calloc(1, sizeof(*t)) : NULL;
	if (t != NULL) {
		t->event = event_new(d->worker->base, fd, EV_READ | EV_PERSIST, on_tcp, t);
	}
	if (t == NULL || t->event == NULL) {
		free(t);
		evutil_closesocket(fd);
		return;
	}
	t->door = d;
	t->fd = fd;
	LIST_INSERT_HEAD(&d->connections, t, all);
	d->n_connections++;
	event_add(t->event, &limit);
}

/* ---- life ---- */

static struct event *serve(struct dns_door *d, intptr_t fd, event_callback_fn fn)
{
	struct event *event =
		event_new(d->worker->base, (evutil_socket_t)fd, EV_READ | EV_PERSIST, fn, d);

	if (event != NULL) {
		event_add(event, NULL);
	}
	return event;
}

int dns_door_create(struct worker *w, const struct gateway_door *door, struct dns_door **ret_dns)
{
	struct dns_door *d = calloc(1, sizeof(*d));

	if (d == NULL) {
		return -1;
	}
	d->worker = w;
	LIST_INIT(&d->connections);
	for (int i = 0; i < 2; i++) {
		if ((door->dns_udp[i] >= 0 &&
			    (d->udp[i] = serve(d, door->dns_udp[i], on_udp)) == NULL) ||
			(door->dns_tcp[i] >= 0 &&
				(d->tcp[i] = serve(d, door->dns_tcp[i], on_accept)) == NULL)) {
			dns_door_destroy(d);
			return -1;
		}
	}
	*ret_dns = d;
	return 0;
}

void dns_door_destroy(struct dns_door *d)
{
	struct dns_tcp *t;

	if (d == NULL) {
		return;
	}
	while ((t = LIST_FIRST(&d->connections)) != NULL) {
		close_tcp(t);
	}
	for (int i = 0; i < 2; i++) {
		if (d->udp[i] != NULL) {
			event_free(d->udp[i]);
		}
		if (d->tcp[i] != NULL) {
			event_free(d->tcp[i]);
		}
	}
	free(d);
}
