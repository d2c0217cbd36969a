/*
 * One connection of the load generator and what it is doing: connect, CONNECT, TLS, request,
 * answer, and again. The loop and the pace are load.h's `struct load` and main.c's.
 */
#ifndef BENCH_LOAD_CLIENT_H
#define BENCH_LOAD_CLIENT_H

#include "bench/load/histogram.h"
#include "bench/load/options.h"
#include "bench/wire/wire.h"

#include <event2/event.h>

enum client_state {
	CLIENT_UNCONNECTED = 0,
	CLIENT_CONNECTING,
	CLIENT_ASKS_PROXY,
	CLIENT_HEARS_PROXY,
	CLIENT_SHAKES_HANDS,
	CLIENT_IDLE,
	CLIENT_WRITES,
	CLIENT_READS,
};

struct load {
	struct load_options options;
	struct event_base *base;
	mbedtls_ssl_config config;
	mbedtls_ssl_session session; /* the last one given, if has_session */
	bool has_session;
	bool warming;
	unsigned next_warm; /* the first client that was not begun in the warm-up */
	uint64_t begun, done, failed, handshakes, full, bytes_in, bytes_out;
	struct event *pace; /* owned; open loop: when the next request is due */
	struct histogram latency;
	double start, end; /* seconds, monotonic */
	char version[16], suite[64];
	const char *first_failure; /* what the client was at; NULL: none failed */
	char head[2048];           /* of each request */
	size_t head_len;
	char connect[512]; /* to the proxy */
	size_t connect_len;
	struct client *clients;
};

struct client {
	struct load *load;
	enum client_state state;
	struct wire wire;
	struct event *event; /* owned */
	double since;        /* of the request under way */
	unsigned requests;   /* on this connection */
	char in[2048];
	size_t in_len, out_sent;
	uint64_t body_left;
	bool head_seen, ends;
};

double load_now(void);

/* May another request begin, and since when is it due? */
bool load_take(struct load *l, double *ret_since);

/* A request ended, well or not; may stop the loop. */
void load_ended(struct load *l, struct client *c, bool good, double since);

/* Begins the next request on this connection, connecting if need be, if one is due. */
void client_go(struct client *c);
void client_close(struct client *c);

#endif
