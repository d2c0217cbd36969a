/*
 * Counters and histograms, and their text. Counting is atomic additions; only the counter by
 * verdict and reason, whose labels are not known before, takes a lock.
 */
#include "gateway/metrics.h"
#include "audit/audit.h"
#include "gateway/socket.h"
#include "gateway/worker.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Upper bounds in microseconds. */
static const int64_t bounds[] = {500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
	1000000, 2500000, 5000000, 10000000, 30000000, 60000000};
enum { BOUNDS = sizeof(bounds) / sizeof(bounds[0]), REASONS = 256, CLASSES = 6 };

struct histogram {
	atomic_uint_fast64_t counts[BOUNDS + 1], sum_ns;
};

enum { DECIDE = 0, CONNECT, TLS, FIRST_BYTE, REQUEST, HISTOGRAMS };
static const char *const histogram_names[HISTOGRAMS][2] = {
	{"sallyport_decide_duration_seconds", "From a request's first byte to its verdict."},
	{"sallyport_connect_duration_seconds",
		"From the verdict to the connected socket, record and name included."},
	{"sallyport_tls_duration_seconds", "TLS handshakes with origins."},
	{"sallyport_first_byte_duration_seconds",
		"From a request's first byte to the head of its response."},
	{"sallyport_request_duration_seconds", "From a request's first byte to its end."},
};

/* Requests by these labels; the words are static strings of their deciders. */
struct reason {
	char verdict[16], reason[48];
	uint64_t n;
};

struct metrics {
	struct gateway *gateway;
	struct evhttp *http;  /* owned */
	uint16_t port;        /* it listens on */
	pthread_mutex_t lock; /* guards reasons */
	struct reason reasons[REASONS];
	size_t n_reasons;
	struct histogram histograms[HISTOGRAMS];
	atomic_uint_fast64_t sent, received, tunnel_sent, tunnel_received;
	atomic_uint_fast64_t responses[CLASSES]; /* 0: none came */
	atomic_uint_fast64_t handshakes[2][2], resumed[2], pool[2], names[2];
};

/* ---- counting ---- */

static void observe(struct histogram *h, int64_t ns)
{
	unsigned i = 0;

	if (ns <= 0) {
		return;
	}
	while (i < BOUNDS && ns > bounds[i] * 1000) {
		i++;
	}
	atomic_fetch_add_explicit(&h->counts[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->sum_ns, (uint64_t)ns, memory_order_relaxed);
}

static void add(atomic_uint_fast64_t *counter, int64_t n)
{
	if (n > 0) {
		atomic_fetch_add_explicit(counter, (uint64_t)n, memory_order_relaxed);
	}
}

static void count_reason(struct metrics *m, const char *verdict, const char *reason)
{
	size_t i = 0;

	pthread_mutex_lock(&m->lock);
	while (i < m->n_reasons && (strcmp(m->reasons[i].reason, reason) != 0 ||
					   strcmp(m->reasons[i].verdict, verdict) != 0)) {
		i++;
	}
	if (i == m->n_reasons && i < REASONS) {
		snprintf(m->reasons[i].verdict, sizeof(m->reasons[i].verdict), "%s", verdict);
		snprintf(m->reasons[i].reason, sizeof(m->reasons[i].reason), "%s", reason);
		m->n_reasons++;
	}
	if (i < REASONS) {
		m->reasons[i].n++;
	}
	pthread_mutex_unlock(&m->lock);
}

static void count_outcome(struct metrics *m, const struct audit_record *r)
{
	const int64_t durations[HISTOGRAMS] = {
		r->decide_ns, r->connect_ns, r->tls_ns, r->first_byte_ns, r->total_ns};

	if (r->method == NULL) {
		add(&m->tunnel_sent, r->request_bytes);
		add(&m->tunnel_received, r->response_bytes);
		return;
	}
	add(&m->sent, r->request_bytes);
	add(&m->received, r->response_bytes);
	add(&m->responses[r->status >= 100 && r->status < 600 ? r->status / 100 : 0], 1);
	for (int i = 0; i < HISTOGRAMS; i++) {
		observe(&m->histograms[i], durations[i]);
	}
}

void metrics_record(struct metrics *m, const struct audit_record *r)
{
	if (m == NULL) {
		return;
	}
	if (r->kind == AUDIT_INTENT) {
		count_reason(m, r->verdict, r->reason);
	} else if (r->kind == AUDIT_OUTCOME) {
		count_outcome(m, r);
	} else if (r->kind == AUDIT_DNS) {
		add(&m->names[strcmp(r->verdict, "allow") == 0], 1);
	}
}

void metrics_handshake(struct metrics *m, enum metrics_side side, bool ok, bool resumed)
{
	if (m != NULL) {
		add(&m->handshakes[side][ok], 1);
		add(&m->resumed[side], ok && resumed);
	}
}

void metrics_pool(struct metrics *m, bool hit)
{
	if (m != NULL) {
		add(&m->pool[hit], 1);
	}
}

/* ---- telling ---- */

static void head(struct evbuffer *out, const char *name, const char *type, const char *help)
{
	evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(
	struct evbuffer *out, const char *name, const char *type, const char *help, uint64_t value)
{
	head(out, name, type, help);
	evbuffer_add_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

static unsigned long long value_of(atomic_uint_fast64_t *counter)
{
	return (unsigned long long)atomic_load_explicit(counter, memory_order_relaxed);
}

static void tell_reasons(struct metrics *m, struct evbuffer *out)
{
	head(out, "sallyport_requests_total", "counter", "Requests and tunnels decided.");
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->n_reasons; i++) {
		const struct reason *r = &m->reasons[i];

		evbuffer_add_printf(out,
			"sallyport_requests_total{verdict=\"%s\",reason=\"%s\"} %llu\n", r->verdict,
			r->reason, (unsigned long long)r->n);
	}
	pthread_mutex_unlock(&m->lock);
}

static void tell_pairs(struct metrics *m, struct evbuffer *out)
{
	static const char *const classes[CLASSES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
	static const char *const sides[] = {"client", "origin"}, *const results[] = {
									 "failed", "ok"};

	head(out, "sallyport_responses_total", "counter",
		"Ends of allowed requests, by the class of the response's status.");
	for (int i = 0; i < CLASSES; i++) {
		evbuffer_add_printf(out, "sallyport_responses_total{code=\"%s\"} %llu\n",
			classes[i], value_of(&m->responses[i]));
	}
	head(out, "sallyport_tls_handshakes_total", "counter", "TLS handshakes that ended.");
	for (int i = 0; i < 4; i++) {
		evbuffer_add_printf(out,
			"sallyport_tls_handshakes_total{side=\"%s\",result=\"%s\"} %llu\n",
			sides[i / 2], results[i % 2], value_of(&m->handshakes[i / 2][i % 2]));
	}
	head(out, "sallyport_tls_resumed_total", "counter",
		"TLS handshakes that resumed a session.");
	for (int i = 0; i < 2; i++) {
		evbuffer_add_printf(out, "sallyport_tls_resumed_total{side=\"%s\"} %llu\n",
			sides[i], value_of(&m->resumed[i]));
	}
	head(out, "sallyport_dns_answers_total", "counter", "Names asked for in the jail.");
	for (int i = 0; i < 2; i++) {
		evbuffer_add_printf(out, "sallyport_dns_answers_total{verdict=\"%s\"} %llu\n",
			i == 1 ? "allow" : "deny", value_of(&m->names[i]));
	}
}

static void tell_pool(struct metrics *m, struct evbuffer *out)
{
	head(out, "sallyport_pool_lookups_total", "counter",
		"Requests that looked for an idle connection to their origin.");
	for (int i = 0; i < 2; i++) {
		evbuffer_add_printf(out, "sallyport_pool_lookups_total{result=\"%s\"} %llu\n",
			i == 1 ? "hit" : "miss", value_of(&m->pool[i]));
	}
}

static void tell_sums(struct metrics *m, struct evbuffer *out)
{
	const struct gateway *g = m->gateway;
	struct audit_log *audit = g->config.audit;

	one(out, "sallyport_request_body_bytes_total", "counter",
		"Bytes of bodies sent to origins.", value_of(&m->sent));
	one(out, "sallyport_response_body_bytes_total", "counter",
		"Bytes of bodies received from origins.", value_of(&m->received));
	one(out, "sallyport_tunnel_sent_bytes_total", "counter",
		"Bytes sent through ended tunnels.", value_of(&m->tunnel_sent));
	one(out, "sallyport_tunnel_received_bytes_total", "counter",
		"Bytes received through ended tunnels.", value_of(&m->tunnel_received));
	one(out, "sallyport_open_connections", "gauge", "Clients' connections that are open.",
		atomic_load(&g->connections));
	one(out, "sallyport_connections_total", "counter", "Clients' connections so far.",
		atomic_load(&g->next_session));
	one(out, "sallyport_record_lag_records", "gauge",
		"Records appended and not yet as safe as the run asks for.", audit_lag(audit));
	one(out, "sallyport_record_failed", "gauge",
		"1 while the record cannot be written and nothing passes.", audit_failed(audit));
	one(out, "sallyport_record_refused_total", "counter",
		"Records that could not be written, or not in time; what they announced was "
		"refused.",
		audit_refused(audit));
}

/* Buckets are told as sums of all below, the last one is the count. */
static void tell_histogram(struct metrics *m, struct evbuffer *out, int which)
{
	struct histogram *h = &m->histograms[which];
	const char *name = histogram_names[which][0];
	unsigned long long seen = 0;

	head(out, name, "histogram", histogram_names[which][1]);
	for (unsigned i = 0; i < BOUNDS; i++) {
		seen += value_of(&h->counts[i]);
		evbuffer_add_printf(
			out, "%s_bucket{le=\"%g\"} %llu\n", name, (double)bounds[i] / 1e6, seen);
	}
	seen += value_of(&h->counts[BOUNDS]);
	evbuffer_add_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.9f\n%s_count %llu\n", name,
		seen, name, (double)value_of(&h->sum_ns) / 1e9, name, seen);
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct metrics *m = arg;
	struct evbuffer *out = evbuffer_new();

	if (out == NULL) {
		evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
		return;
	}
	tell_reasons(m, out);
	tell_pairs(m, out);
	tell_pool(m, out);
	tell_sums(m, out);
	for (int i = 0; i < HISTOGRAMS; i++) {
		tell_histogram(m, out, i);
	}
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
		"text/plain; version=0.0.4; charset=utf-8");
	evhttp_send_reply(request, HTTP_OK, "OK", out);
	evbuffer_free(out);
}

static void on_other(struct evhttp_request *request, void *arg)
{
	(void)arg;
	evhttp_send_error(request, HTTP_NOTFOUND, NULL);
}

/* ---- the listener ---- */

/* "ADDRESS:PORT", an IPv6 address in brackets, taken apart. */
static bool read_address(const char *text, char ip[64], uint16_t *ret_port)
{
	struct sockaddr_storage parsed;
	int len = sizeof(parsed);
	const char *colon = strrchr(text, ':');
	bool bracketed = text[0] == '[';

	if (colon == NULL || strlen(text) >= 64 ||
		evutil_parse_sockaddr_port(text, (struct sockaddr *)&parsed, &len) != 0) {
		return false;
	}
	snprintf(ip, 64, "%.*s", (int)(colon - text) - 2 * bracketed, text + bracketed);
	*ret_port = (uint16_t)atoi(colon + 1);
	return *ret_port != 0;
}

static struct evhttp *serve(struct metrics *m, struct event_base *base, const char *ip)
{
	enum { SECONDS = 10, HEAD_BYTES = 8192 };
	struct evhttp *http = evhttp_new(base);

	if (http == NULL) {
		return NULL;
	}
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(http, HEAD_BYTES);
	evhttp_set_max_body_size(http, 0);
	evhttp_set_timeout(http, SECONDS);
	evhttp_set_gencb(http, on_other, m);
	if (evhttp_set_cb(http, "/metrics", on_request, m) != 0 ||
		evhttp_bind_socket_with_handle(http, ip, m->port) == NULL) {
		evhttp_free(http);
		return NULL;
	}
	return http;
}

int metrics_create(struct gateway *g, struct event_base *base, const char *address,
	struct metrics **ret_metrics, char *problem, size_t size)
{
	struct metrics *m = calloc(1, sizeof(*m));
	char ip[64];

	if (m == NULL || pthread_mutex_init(&m->lock, NULL) != 0) {
		free(m);
		snprintf(problem, size, "memory is out");
		return -1;
	}
	m->gateway = g;
	if (!read_address(address, ip, &m->port)) {
		snprintf(problem, size, "--metrics wants ADDRESS:PORT: %s", address);
		metrics_destroy(m);
		return -1;
	}
	m->http = serve(m, base, ip);
	if (m->http == NULL) {
		snprintf(problem, size, "--metrics: cannot listen on %s: %s", address,
			socket_error_text(socket_last_error()));
		metrics_destroy(m);
		return -1;
	}
	*ret_metrics = m;
	return 0;
}

void metrics_destroy(struct metrics *m)
{
	if (m == NULL) {
		return;
	}
	if (m->http != NULL) {
		evhttp_free(m->http);
	}
	pthread_mutex_destroy(&m->lock);
	free(m);
}

bool metrics_is_own(const struct metrics *m, const struct resolve_address *address, uint16_t port)
{
	/* Whichever of the machine's addresses it is: the listener may be on all of them. */
	return m != NULL && port == m->port && (address == NULL || socket_is_local(address));
}
