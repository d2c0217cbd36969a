/*
 * The gateway as its caller sees it: workers made, run, stopped and counted.
 */
#include "gateway/gateway.h"
#include "audit/audit.h"
#include "certs/certs.h"
#include "gateway/dns_door.h"
#include "gateway/metrics.h"
#include "gateway/names.h"
#include "gateway/socket.h"
#include "gateway/tls.h"
#include "gateway/upstream_proxy.h"
#include "gateway/who.h"
#include "gateway/worker.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void set_default(unsigned *value, unsigned fallback)
{
	if (*value == 0) {
		*value = fallback;
	}
}

static void set_defaults(struct gateway_config *config)
{
	struct gateway_deadlines *d = &config->deadlines;
	struct http_limits *http = &config->http;

	set_default(&config->workers, socket_cores());
	set_default(&config->connections, 16384);
	set_default(&d->head, 30);
	set_default(&d->idle, 300);
	set_default(&d->handshake, 20);
	set_default(&d->connect, 15);
	set_default(&d->first_byte, 120);
	set_default(&d->tunnel, 3600);
	http->head_bytes = http->head_bytes ? http->head_bytes : 64 * 1024;
	http->fields = http->fields ? http->fields : 256;
	if (config->recording.body_max == 0) {
		config->recording.body_max = 8 * 1024 * 1024;
	}
	http->chunk_line = http->chunk_line ? http->chunk_line : 1024;
	if (config->workers > GATEWAY_WORKERS_MAX) {
		config->workers = GATEWAY_WORKERS_MAX;
	}
}

static int say(struct gateway_diag *diag, int error, const char *what)
{
	snprintf(diag->message, sizeof(diag->message), "%s: %s", what, strerror(errno));
	return error;
}

static int make_proxy(struct gateway *g)
{
	g->proxy = calloc(1, sizeof(*g->proxy));
	return g->proxy != NULL
		       ? upstream_proxy_init(g->proxy, g->config.upstream_proxy, g->config.no_proxy)
		       : -1;
}

static void wake_all(struct gateway *g)
{
	for (unsigned i = 0; i < g->n_workers; i++) {
		worker_wake(&g->workers[i]);
	}
}

static void on_minted(void *arg)
{
	wake_all(arg);
}

int gateway_create(const struct gateway_config *config, struct gateway **ret_gateway,
	struct gateway_diag *diag)
{
	struct gateway *g = calloc(1, sizeof(*g));

	if (g == NULL) {
		return say(diag, GATEWAY_EMEMORY, "gateway");
	}
	g->config = *config;
	atomic_init(&g->rules, config->rules);
	egress_init(&g->egress, config->egress, config->on_egress, config->on_egress_arg);
	set_defaults(&g->config);
	memset(&g->door, 0xff, sizeof(g->door));
	if (names_create(&g->names) != 0 || hosts_create(&g->hosts) != 0 ||
		tls_tickets_create(&g->tickets) != 0) {
		gateway_destroy(g);
		return say(diag, GATEWAY_EMEMORY, "gateway");
	}
	if (config->upstream_proxy != NULL && make_proxy(g) != 0) {
		gateway_destroy(g);
		snprintf(diag->message, sizeof(diag->message),
			"the upstream proxy is no URL like http://user@host:port");
		return GATEWAY_ECONFIG;
	}
	for (unsigned i = 0; i < g->config.workers; i++) {
		g->n_workers++;
		if (worker_init(&g->workers[i], g, i) != 0) {
			gateway_destroy(g);
			return say(
				diag, GATEWAY_ESYSTEM, "a worker's loop, sockets or TLS settings");
		}
	}
	if (config->metrics != NULL &&
		metrics_create(g, g->workers[0].base, config->metrics, &g->metrics, diag->message,
			sizeof(diag->message)) != 0) {
		gateway_destroy(g);
		return GATEWAY_ECONFIG;
	}
	if (config->audit != NULL && gateway_use_record(g, config->audit, diag) != GATEWAY_OK) {
		gateway_destroy(g);
		return GATEWAY_EMEMORY;
	}
	certs_mint_on_ready(config->mint, on_minted, g);
	*ret_gateway = g;
	return GATEWAY_OK;
}

int gateway_use_record(struct gateway *g, struct audit_log *audit, struct gateway_diag *diag)
{
	g->config.audit = audit;
	for (unsigned i = 0; i < g->n_workers; i++) {
		if (audit_listen(audit, worker_wake, &g->workers[i]) != AUDIT_OK ||
			!worker_use_record(&g->workers[i], audit)) {
			return say(diag, GATEWAY_EMEMORY, "listening to the record");
		}
	}
	return GATEWAY_OK;
}

int gateway_add_door(struct gateway *g, const struct gateway_door *door, struct gateway_diag *diag)
{
	assert(g->config.audit != NULL);
	g->door = *door;
	if (door->who >= 0 && who_create(g, (evutil_socket_t)door->who, &g->who) != 0) {
		return say(diag, GATEWAY_EMEMORY, "asking who asks");
	}
	for (unsigned i = 0; i < g->n_workers; i++) {
		if (listener_start(&g->workers[i]) != 0) {
			return say(diag, GATEWAY_EMEMORY, "listening");
		}
	}
	/* Names are few: one worker answers them, so that the order of its records is the order
	 * asked. */
	if ((door->dns_udp[0] >= 0 || door->dns_udp[1] >= 0) &&
		dns_door_create(&g->workers[0], door, &g->workers[0].dns) != 0) {
		return say(diag, GATEWAY_ESYSTEM, "the DNS door");
	}
	return GATEWAY_OK;
}

static void tell_missing(const struct gateway *g, int error)
{
	char line[128];

	if (g->config.log != NULL && g->config.log_level >= GATEWAY_LOG_WARN) {
		snprintf(line, sizeof(line), "%u of %u workers: no thread for another: %s",
			g->n_running, g->n_workers, strerror(error));
		g->config.log(g->config.log_arg, GATEWAY_LOG_WARN, line);
	}
}

/* Once: who could not be started then would be missed no less later. */
void gateway_need_workers(struct gateway *g)
{
	int error = 0;

	if (g->has_clients) {
		return;
	}
	g->has_clients = true;
	while (error == 0 && g->n_running < g->n_workers) {
		struct worker *w = &g->workers[g->n_running];

		error = pthread_create(&w->thread, NULL, worker_run, w);
		g->n_running += error == 0;
	}
	if (error != 0) {
		tell_missing(g, error);
	}
}

void gateway_run(struct gateway *g)
{
	g->n_running = 1;
	worker_run(&g->workers[0]);
	for (unsigned i = 1; i < g->n_running; i++) {
		pthread_join(g->workers[i].thread, NULL);
	}
}

void gateway_stop(struct gateway *g)
{
	atomic_store(&g->stopping, true);
	wake_all(g);
}

void gateway_drain(struct gateway *g)
{
	atomic_store(&g->draining, true);
	wake_all(g);
}

void gateway_set_rules(struct gateway *g, const struct rules *rules)
{
	atomic_store(&g->rules, rules);
}

void gateway_destroy(struct gateway *g)
{
	if (g == NULL) {
		return;
	}
	certs_mint_on_ready(g->config.mint, NULL, NULL);
	metrics_destroy(g->metrics);
	who_destroy(g->who);
	for (unsigned i = 0; i < g->n_workers; i++) {
		worker_finish(&g->workers[i]);
	}
	for (int i = 0; i < 2; i++) {
		socket_close_door(g->door.tcp[i]);
		socket_close_door(g->door.dns_udp[i]);
		socket_close_door(g->door.dns_tcp[i]);
	}
	if (g->proxy != NULL) {
		upstream_proxy_finish(g->proxy);
		free(g->proxy);
	}
	names_destroy(g->names);
	hosts_destroy(g->hosts);
	tls_tickets_destroy(g->tickets);
	free(g);
}

uint64_t gateway_egress(const struct gateway *g)
{
	return egress_spent(&g->egress);
}

size_t gateway_hosts(const struct gateway *g, const struct gateway_host **ret_hosts)
{
	return hosts_list(g->hosts, ret_hosts);
}
