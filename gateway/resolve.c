/*
 * Names to judged addresses, over libevent's evdns, with a cache that lives as long as the answers'
 * TTLs.
 *
 * One entry a name: while it is asked for, everybody waits at it; afterwards it answers until it is
 * old. Who may have which address is decided for each asker anew.
 */
#include "gateway/resolve.h"
#include "gateway/egress.h"
#include "rules/target.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

enum {
	BUCKETS = 512,
	ENTRIES_MAX = 8192,
	TTL_MIN = 1,
	TTL_MAX = 300,
	TTL_NEGATIVE = 5,
	HOSTS_FILE_MAX = 1 << 20,
	ATTEMPTS = 3,
	QUESTION = 12 + 2 + 4 + 11, /* around the name: header, ends, type and class, EDNS */
};

struct entry {
	LIST_ENTRY(entry) bucket;
	TAILQ_ENTRY(entry) age;
	struct resolver *resolver;
	char host[RULES_HOST_MAX];
	struct evdns_request *requests[2]; /* A, AAAA; NULL when answered */
	int pending;
	bool telling; /* its waiters are being told: it must not be dropped */
	int error;    /* of the lookup: the best of both families */
	time_t expires;
	struct resolve_address found[2][RESOLVE_MAX / 2]; /* IPv4, IPv6 */
	size_t n_found[2];
	unsigned ttl;
	TAILQ_HEAD(waiters, resolve_query) waiters;
};

struct resolve_query {
	TAILQ_ENTRY(resolve_query) next;
	struct waiters *queue; /* it stands in; NULL: it has its answer ready */
	struct resolver *resolver;
	struct event deliver; /* for answers that were there at once */
	bool private_ok;
	resolve_fn *fn;
	void *arg;
	struct resolve_answer answer;
};

struct resolver {
	struct event_base *base;
	struct evdns_base *dns;
	LIST_HEAD(, entry) buckets[BUCKETS];
	TAILQ_HEAD(, entry) ages;
	size_t n_entries;
	struct egress *egress; /* borrowed; NULL: not counted */
	char *hosts;           /* owned: /etc/hosts, one read */
};

/* ---- words ---- */

const char *resolve_word(int error)
{
	switch (error) {
	case RESOLVE_OK: return "ok";
	case RESOLVE_ENAME: return "name";
	case RESOLVE_ETIMEOUT: return "name-timeout";
	case RESOLVE_EFORBIDDEN: return "forbidden-address";
	case RESOLVE_EMEMORY: return "memory";
	case RESOLVE_EEGRESS: return egress_word;
	default: return "name-server";
	}
}

const char *resolve_sentence(int error)
{
	switch (error) {
	case RESOLVE_OK: return "resolved";
	case RESOLVE_ENAME: return "there is no such name, or it has no address";
	case RESOLVE_ETIMEOUT: return "the name server did not answer in time";
	case RESOLVE_EFORBIDDEN: return "the name has an address that the rules do not let through";
	case RESOLVE_EMEMORY: return "memory is out";
	case RESOLVE_EEGRESS: return "no more bytes may leave (`limit egress`)";
	default: return "the name server failed";
	}
}

void resolve_format(const struct resolve_address *a, uint16_t port, char *buf, size_t size)
{
	char text[64] = "?";

	evutil_inet_ntop(a->n_bytes == 4 ? AF_INET : AF_INET6, a->bytes, text, sizeof(text));
	if (port == 0) {
		snprintf(buf, size, "%s", text);
	} else {
		snprintf(buf, size, a->n_bytes == 4 ? "%s:%u" : "[%s]:%u", text, port);
	}
}

/* ---- judging ---- */

static bool passes(const struct resolve_address *a, bool private_ok)
{
	switch (rules_address_class(a->bytes, a->n_bytes)) {
	case RULES_ADDRESS_PUBLIC: return true;
	case RULES_ADDRESS_PRIVATE:
	case RULES_ADDRESS_LOOPBACK:
	case RULES_ADDRESS_LINK_LOCAL: return private_ok;
	case RULES_ADDRESS_METADATA: /* the machine's own credentials: no word lets them out */
	case RULES_ADDRESS_FORBIDDEN: break;
	}
	return false;
}

/* One forbidden address spoils the whole answer: a name that mixes them is up to something. */
static void add_judged(
	struct resolve_answer *answer, const struct resolve_address *a, bool private_ok)
{
	if (answer->error == RESOLVE_EFORBIDDEN || answer->n == RESOLVE_MAX) {
		return;
	}
	if (!passes(a, private_ok)) {
		answer->error = RESOLVE_EFORBIDDEN;
		answer->forbidden = *a;
		answer->n = 0;
		return;
	}
	answer->addresses[answer->n++] = *a;
}

static void answer_from(const struct entry *e, bool private_ok, struct resolve_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->error = e->error;
	if (e->error != RESOLVE_OK) {
		return;
	}
	/* RFC 8305 section 4: the families take turns, IPv6 first. */
	for (size_t i = 0; i < RESOLVE_MAX / 2; i++) {
		for (int family = 1; family >= 0; family--) {
			if (i < e->n_found[family]) {
				add_judged(answer, &e->found[family][i], private_ok);
			}
		}
	}
}

/* ---- entries ---- */

static unsigned bucket_of(const char *host)
{
	unsigned hash = 5381;

	for (; *host != '\0'; host++) {
		hash = hash * 33 + (unsigned char)*host;
	}
	return hash % BUCKETS;
}

static void drop_entry(struct entry *e)
{
	LIST_REMOVE(e, bucket);
	TAILQ_REMOVE(&e->resolver->ages, e, age);
	e->resolver->n_entries--;
	free(e);
}

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static struct entry *find_entry(struct resolver *r, const char *host)
{
	struct entry *e;

	LIST_FOREACH(e, &r->buckets[bucket_of(host)], bucket)
	{
		if (strcmp(e->host, host) == 0) {
			if (e->pending == 0 && !e->telling && e->expires <= now()) {
				drop_entry(e);
				return NULL;
			}
			return e;
		}
	}
	return NULL;
}

static struct entry *add_entry(struct resolver *r, const char *host)
{
	struct entry *e, *oldest = TAILQ_FIRST(&r->ages);

	if (r->n_entries >= ENTRIES_MAX && oldest != NULL && oldest->pending == 0 &&
		!oldest->telling) {
		drop_entry(oldest);
	}
	e = calloc(1, sizeof(*e));
	if (e == NULL) {
		return NULL;
	}
	e->resolver = r;
	e->ttl = TTL_MAX;
	e->error = RESOLVE_ENAME;
	snprintf(e->host, sizeof(e->host), "%s", host);
	TAILQ_INIT(&e->waiters);
	LIST_INSERT_HEAD(&r->buckets[bucket_of(host)], e, bucket);
	TAILQ_INSERT_TAIL(&r->ages, e, age);
	r->n_entries++;
	return e;
}

static void found(struct entry *e, int family, const void *bytes)
{
	struct resolve_address *a;

	if (e->n_found[family] == RESOLVE_MAX / 2) {
		return;
	}
	a = &e->found[family][e->n_found[family]++];
	a->n_bytes = family == 0 ? 4 : 16;
	memcpy(a->bytes, bytes, a->n_bytes);
	e->error = RESOLVE_OK;
}

static void finish_entry(struct entry *e)
{
	struct resolve_query *q;
	unsigned ttl = e->error == RESOLVE_OK ? e->ttl : TTL_NEGATIVE;

	e->expires = now() + (ttl < TTL_MIN ? TTL_MIN : ttl);
	e->telling = true;
	while ((q = TAILQ_FIRST(&e->waiters)) != NULL) {
		struct resolve_answer answer;

		answer_from(e, q->private_ok, &answer);
		TAILQ_REMOVE(&e->waiters, q, next);
		q->queue = NULL;
		q->fn(q->arg, &answer);
		free(q);
	}
	e->telling = false;
}

static int error_of(int result)
{
	switch (result) {
	case DNS_ERR_NOTEXIST:
	case DNS_ERR_NODATA: return RESOLVE_ENAME;
	case DNS_ERR_TIMEOUT: return RESOLVE_ETIMEOUT;
	default: return RESOLVE_ESERVER;
	}
}

static void on_dns(struct entry *e, int family, int result, int count, int ttl, void *addresses)
{
	e->requests[family] = NULL;
	if (result == DNS_ERR_NONE) {
		for (int i = 0; i < count; i++) {
			found(e, family, (const char *)addresses + i * (family == 0 ? 4 : 16));
		}
		if (ttl >= 0 && (unsigned)ttl < e->ttl) {
			e->ttl = (unsigned)ttl;
		}
	} else if (e->error != RESOLVE_OK && error_of(result) != RESOLVE_ENAME) {
		e->error = error_of(result);
	}
	if (--e->pending == 0) {
		finish_entry(e);
	}
}

static void on_v4(int result, char type, int count, int ttl, void *addresses, void *arg)
{
	(void)type;
	if (result != DNS_ERR_SHUTDOWN && result != DNS_ERR_CANCEL) {
		on_dns(arg, 0, result, count, ttl, addresses);
	}
}

static void on_v6(int result, char type, int count, int ttl, void *addresses, void *arg)
{
	(void)type;
	if (result != DNS_ERR_SHUTDOWN && result != DNS_ERR_CANCEL) {
		on_dns(arg, 1, result, count, ttl, addresses);
	}
}

/* ---- /etc/hosts ---- */

static void read_hosts(struct resolver *r)
{
	FILE *file = fopen("/etc/hosts", "r");
	size_t len;

	if (file == NULL) {
		return;
	}
	r->hosts = malloc(HOSTS_FILE_MAX + 1); /* not all of it is touched: files are short */
	len = r->hosts != NULL ? fread(r->hosts, 1, HOSTS_FILE_MAX, file) : 0;
	fclose(file);
	if (r->hosts != NULL) {
		char *small = realloc(r->hosts, len + 1);

		r->hosts = small != NULL ? small : r->hosts;
		r->hosts[len] = '\0';
	}
}

/* Does the line "ADDRESS NAME NAME..." give the host this address? */
static void match_hosts_line(struct entry *e, char *line)
{
	char *save = NULL, *address, *name;
	uint8_t bytes[16];

	line[strcspn(line, "#")] = '\0';
	address = strtok_r(line, " \t\r", &save);
	while (address != NULL && (name = strtok_r(NULL, " \t\r", &save)) != NULL) {
		if (evutil_ascii_strcasecmp(name, e->host) == 0) {
			if (evutil_inet_pton(AF_INET, address, bytes) == 1) {
				found(e, 0, bytes);
			} else if (evutil_inet_pton(AF_INET6, address, bytes) == 1) {
				found(e, 1, bytes);
			}
		}
	}
}

static bool in_hosts(struct resolver *r, struct entry *e)
{
	const char *at = r->hosts;

	while (at != NULL && *at != '\0') {
		char line[1024];
		size_t len = strcspn(at, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)(len < 1023 ? len : 1023), at);
		match_hosts_line(e, line);
		at += len + (at[len] == '\n');
	}
	return e->error == RESOLVE_OK;
}

/* ---- asking ---- */

static void ask(struct resolver *r, struct entry *e)
{
	char absolute[RULES_HOST_MAX + 1];

	if (in_hosts(r, e)) {
		e->expires = now() + TTL_MAX;
		return;
	}
	/* Both families, asked again as often as evdns may. */
	if (!egress_take(r->egress, 2 * ATTEMPTS * (strlen(e->host) + QUESTION))) {
		e->error = RESOLVE_EEGRESS;
		e->expires = now();
		return;
	}
	e->pending = 2;
	snprintf(absolute, sizeof(absolute), "%s", e->host);
	e->requests[0] = evdns_base_resolve_ipv4(r->dns, absolute, DNS_QUERY_NO_SEARCH, on_v4, e);
	e->requests[1] = evdns_base_resolve_ipv6(r->dns, absolute, DNS_QUERY_NO_SEARCH, on_v6, e);
	for (int family = 0; family < 2; family++) {
		if (e->requests[family] == NULL) {
			e->pending--;
			e->error = RESOLVE_ESERVER;
		}
	}
	e->expires = now() + TTL_NEGATIVE;
}

static void on_deliver(evutil_socket_t fd, short what, void *arg)
{
	struct resolve_query *q = arg;
	struct resolve_answer answer = q->answer;
	resolve_fn *fn = q->fn;
	void *fn_arg = q->arg;

	(void)fd;
	(void)what;
	free(q);
	fn(fn_arg, &answer);
}

bool resolve_literal(const char *host, bool private_ok, struct resolve_answer *answer)
{
	struct resolve_address a = {.n_bytes = 4};

	if (evutil_inet_pton(AF_INET, host, a.bytes) != 1) {
		a.n_bytes = 16;
		if (evutil_inet_pton(AF_INET6, host, a.bytes) != 1) {
			return false;
		}
	}
	memset(answer, 0, sizeof(*answer));
	add_judged(answer, &a, private_ok);
	return true;
}

struct resolve_query *resolve(
	struct resolver *r, const char *host, bool private_ok, resolve_fn *fn, void *arg)
{
	struct resolve_query *q = calloc(1, sizeof(*q));
	struct entry *e = NULL;

	if (q == NULL) {
		return NULL;
	}
	q->resolver = r;
	q->private_ok = private_ok;
	q->fn = fn;
	q->arg = arg;
	evtimer_assign(&q->deliver, r->base, on_deliver, q);
	if (!resolve_literal(host, private_ok, &q->answer)) {
		e = find_entry(r, host);
		if (e == NULL) {
			e = add_entry(r, host);
			if (e == NULL) {
				free(q);
				return NULL;
			}
			ask(r, e);
		}
		if (e->pending > 0) {
			q->queue = &e->waiters;
			TAILQ_INSERT_TAIL(&e->waiters, q, next);
			return q;
		}
		answer_from(e, private_ok, &q->answer);
	}
	event_active(&q->deliver, EV_TIMEOUT, 0);
	return q;
}

void resolve_cancel(struct resolve_query *q)
{
	if (q->queue != NULL) {
		TAILQ_REMOVE(q->queue, q, next);
	} else {
		event_del(&q->deliver);
	}
	free(q);
}

/* ---- life ---- */

int resolver_create_with(
	struct event_base *base, const char *nameserver, struct resolver **ret_resolver)
{
	struct resolver *r = calloc(1, sizeof(*r));
	int error = 0;

	if (r == NULL) {
		return RESOLVE_EMEMORY;
	}
	r->base = base;
	TAILQ_INIT(&r->ages);
	r->dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (r->dns == NULL) {
		free(r);
		return RESOLVE_EMEMORY;
	}
	/* A machine without resolv.conf still reaches addresses and /etc/hosts: names then fail one
	 * by one. */
	if (nameserver != NULL) {
		error = evdns_base_nameserver_ip_add(r->dns, nameserver);
	} else {
		(void)evdns_base_resolv_conf_parse(
			r->dns, DNS_OPTION_NAMESERVERS, "/etc/resolv.conf");
	}
	evdns_base_set_option(r->dns, "timeout:", "3");
	/* ATTEMPTS */
	evdns_base_set_option(r->dns, "attempts:", "3");
	evdns_base_set_option(r->dns, "max-inflight:", "1024");
	/* evdns tries a name server that was silent with a question of its own, which no rule knows
	 * of. It needs none: a server that answers anything is taken for well again. */
	evdns_base_set_option(r->dns, "initial-probe-timeout:", "3600");
	read_hosts(r);
	if (error != 0) {
		resolver_destroy(r);
		return RESOLVE_ESERVER;
	}
	*ret_resolver = r;
	return RESOLVE_OK;
}

int resolver_create(struct event_base *base, struct resolver **ret_resolver)
{
	return resolver_create_with(base, NULL, ret_resolver);
}

void resolver_count(struct resolver *r, struct egress *egress)
{
	r->egress = egress;
}

void resolver_destroy(struct resolver *r)
{
	struct entry *e;

	if (r == NULL) {
		return;
	}
	evdns_base_free(r->dns, 0);
	while ((e = TAILQ_FIRST(&r->ages)) != NULL) {
		struct resolve_query *q;

		while ((q = TAILQ_FIRST(&e->waiters)) != NULL) {
			TAILQ_REMOVE(&e->waiters, q, next);
			free(q);
		}
		drop_entry(e);
	}
	free(r->hosts);
	free(r);
}
