/*
 * The load generator: bench_load at=127.0.0.1:PORT host=NAME:PORT path=/PATH [OPTION...]
 *
 *   closed loop: connections=N, each asks again when it is answered
 *   open loop:   rate=R a second on these connections, answered or not; latency counts from when a
 *                request was due, so that a slow server cannot hide its queue
 *
 * Prints one line of JSON. With `wait` it says "ready" when each connection was answered once, and
 * goes on at a line from stdin: what comes before is not in the figures.
 */
#include "bench/load/client.h"

#include <event2/event.h>
#include <psa/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { WARM_AT_ONCE = 64 }; /* connections: a storm of handshakes is no idle connection's memory */

double load_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int any_bytes(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	return psa_generate_random(out, len) == PSA_SUCCESS ? 0 : -1;
}

/* ---- the pace ---- */

bool load_take(struct load *l, double *ret_since)
{
	const struct load_options *o = &l->options;
	double now = load_now(), due = now;

	if (l->warming) {
		if (l->begun == o->connections) {
			return false;
		}
	} else if (l->begun == o->requests) {
		return false;
	} else if (o->rate > 0) {
		due = l->start + (double)l->begun / o->rate;
		if (due > now) {
			return false;
		}
	}
	l->begun++;
	*ret_since = due;
	return true;
}

/* Open loop: idle connections take what is due; the timer wakes for what comes next. */
static void on_pace(evutil_socket_t fd, short what, void *arg)
{
	struct load *l = arg;
	const struct load_options *o = &l->options;
	double wait;
	struct timeval until;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < o->connections; i++) {
		if (l->clients[i].state == CLIENT_UNCONNECTED ||
			l->clients[i].state == CLIENT_IDLE) {
			client_go(&l->clients[i]);
		}
	}
	wait = l->start + (double)l->begun / o->rate - load_now();
	if (l->begun < o->requests && wait > 0) { /* otherwise the next answer takes it */
		until = (struct timeval){(time_t)wait, (suseconds_t)(wait * 1e6) % 1000000};
		event_add(l->pace, &until);
	}
}

static void warm_next(struct load *l)
{
	if (l->next_warm < l->options.connections) {
		client_go(&l->clients[l->next_warm++]);
	}
}

void load_ended(struct load *l, struct client *c, bool good, double since)
{
	uint64_t all = l->warming ? l->options.connections : l->options.requests;

	if (good) {
		l->done++;
		histogram_add(&l->latency, (uint64_t)((load_now() - since) * 1e6));
	} else {
		l->failed++;
	}
	if (l->done + l->failed == all || l->failed > 1000) {
		l->end = load_now();
		event_base_loopbreak(l->base);
	} else if (l->warming) {
		warm_next(l);
	} else {
		client_go(c);
		if (l->options.rate > 0 && !event_pending(l->pace, EV_TIMEOUT, NULL)) {
			on_pace(-1, 0, l);
		}
	}
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct load *l = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(l->base);
}

/* The counters of this part begin at nothing; handshakes of the warm-up are not the part's. */
static void part(struct load *l, bool warming)
{
	const struct timeval limit = {(time_t)l->options.seconds, 0};
	struct event *end = evtimer_new(l->base, on_limit, l);
	unsigned n = l->options.connections;

	l->begun = l->done = l->failed = l->handshakes = l->full = l->bytes_in = l->bytes_out = 0;
	memset(&l->latency, 0, sizeof(l->latency));
	l->warming = warming;
	l->start = l->end = load_now();
	if (warming) {
		for (unsigned i = 0; i < n && i < WARM_AT_ONCE; i++) {
			warm_next(l);
		}
	} else if (l->options.rate > 0) {
		on_pace(-1, 0, l);
	} else {
		for (unsigned i = 0; i < n; i++) {
			if (l->options.per_connection > 0) { /* new ones are asked for */
				client_close(&l->clients[i]);
			}
			client_go(&l->clients[i]);
		}
	}
	event_add(end, &limit);
	event_base_dispatch(l->base);
	if (l->done + l->failed != (warming ? n : l->options.requests)) {
		l->end = load_now();
	}
	event_free(end);
}

/* ---- start and end ---- */

/* Called for a chain, so for a handshake in full; nothing is verified. */
static int count_full(void *arg, mbedtls_x509_crt *cert, int depth, uint32_t *flags)
{
	struct load *l = arg;

	(void)cert;
	l->full += depth == 0;
	*flags = 0;
	return 0;
}

static int set_up_tls(struct load *l)
{
	static const char *alpn[] = {"http/1.1", NULL};

	mbedtls_ssl_config_init(&l->config);
	mbedtls_ssl_session_init(&l->session);
	if (psa_crypto_init() != PSA_SUCCESS ||
		mbedtls_ssl_config_defaults(&l->config, MBEDTLS_SSL_IS_CLIENT,
			MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0 ||
		mbedtls_ssl_conf_alpn_protocols(&l->config, alpn) != 0) {
		return -1;
	}
	mbedtls_ssl_conf_rng(&l->config, any_bytes, NULL);
	mbedtls_ssl_conf_ciphersuites(&l->config, wire_suites_offered);
	mbedtls_ssl_conf_authmode(&l->config, MBEDTLS_SSL_VERIFY_OPTIONAL);
	mbedtls_ssl_conf_verify(&l->config, count_full, l);
	mbedtls_ssl_conf_session_tickets(
		&l->config, l->options.resume ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED
					      : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
	if (l->options.resume) {
		mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
			&l->config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
	}
	return 0;
}

/* Timers to the microsecond: an open loop's requests are due between two milliseconds. */
static struct event_base *make_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config != NULL && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0) {
		base = event_base_new_with_config(config);
	}
	if (config != NULL) {
		event_config_free(config);
	}
	return base;
}

static void write_heads(struct load *l)
{
	const struct load_options *o = &l->options;
	char length[64] = "";

	if (o->upload > 0) {
		snprintf(length, sizeof(length), "Content-Length: %llu\r\n",
			(unsigned long long)o->upload);
	}
	l->head_len = (size_t)snprintf(l->head, sizeof(l->head),
		"%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench_load\r\nAccept: */*\r\n%s\r\n",
		o->upload > 0 ? "PUT" : "GET", o->path, o->host, length);
	l->connect_len = (size_t)snprintf(l->connect, sizeof(l->connect),
		"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", o->host, o->host);
}

static int wait_for_word(const char *say)
{
	char line[64];

	printf("%s\n", say);
	fflush(stdout);
	return read(STDIN_FILENO, line, sizeof(line)) > 0 ? 0 : -1;
}

static void tell(const struct load *l)
{
	printf("{\"done\": %llu, \"failed\": %llu, \"seconds\": %.6f, \"bytes_in\": %llu, "
	       "\"bytes_out\": %llu, \"handshakes\": %llu, \"full_handshakes\": %llu, "
	       "\"tls\": \"%s\", \"suite\": \"%s\", \"p50_us\": %llu, "
	       "\"p99_us\": %llu, \"p999_us\": %llu, \"max_us\": %llu, \"first_failure\": "
	       "\"%s\"}\n",
		(unsigned long long)l->done, (unsigned long long)l->failed, l->end - l->start,
		(unsigned long long)l->bytes_in, (unsigned long long)l->bytes_out,
		(unsigned long long)l->handshakes, (unsigned long long)l->full, l->version,
		l->suite, (unsigned long long)histogram_quantile(&l->latency, 500),
		(unsigned long long)histogram_quantile(&l->latency, 990),
		(unsigned long long)histogram_quantile(&l->latency, 999),
		(unsigned long long)l->latency.most,
		l->first_failure != NULL ? l->first_failure : "");
	fflush(stdout);
}

static int drive(struct load *l)
{
	if (l->options.wait || l->options.hold) {
		part(l, true);
		if (l->failed > 0 || l->done < l->options.connections) {
			tell(l);
			return 1;
		}
		if (wait_for_word("ready") != 0) {
			return 1;
		}
	}
	if (!l->options.hold) {
		part(l, false);
	}
	tell(l);
	(void)wait_for_word("done"); /* connections stay open: their end is no part of the work */
	return l->failed > 0 || l->done == 0;
}

int main(int argc, char **argv)
{
	static struct load l;
	struct rlimit files;
	const char *wrong;
	int status;

	if (load_options_parse(argc, argv, &l.options, &wrong) != 0) {
		fprintf(stderr, "bench_load: wrong or missing: %s\n", wrong);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	write_heads(&l);
	l.base = make_base();
	l.clients = calloc(l.options.connections, sizeof(*l.clients));
	l.pace = l.base != NULL ? evtimer_new(l.base, on_pace, &l) : NULL;
	if (l.pace == NULL || l.clients == NULL || set_up_tls(&l) != 0) {
		fprintf(stderr, "bench_load: cannot start\n");
		return 2;
	}
	for (unsigned i = 0; i < l.options.connections; i++) {
		l.clients[i].load = &l;
	}
	status = drive(&l);
	for (unsigned i = 0; i < l.options.connections; i++) {
		client_close(&l.clients[i]);
	}
	free(l.clients);
	event_free(l.pace);
	event_base_free(l.base);
	mbedtls_ssl_session_free(&l.session);
	mbedtls_ssl_config_free(&l.config);
	return status;
}
