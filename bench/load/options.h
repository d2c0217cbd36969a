/*
 * What the load generator is asked to do.
 */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct load_options {
	struct sockaddr_in at; /* where connections go: the proxy, or the server itself */
	const char *host;      /* HOST:PORT that is asked for */
	const char *path;
	bool proxy;              /* CONNECT first */
	bool plain;              /* no TLS */
	bool resume;             /* bring back the last TLS session */
	bool wait;               /* one request on each connection, then wait for a line on stdin */
	bool hold;               /* after that hold the connections until stdin ends */
	unsigned connections;    /* closed loop: as many requests in flight */
	unsigned per_connection; /* requests before it is closed; 0: no bound */
	unsigned rate;           /* open loop: requests a second; 0: closed loop */
	uint64_t requests;       /* how many in all */
	uint64_t upload;         /* bytes of a PUT; 0: GET */
	double seconds;          /* give up after that */
};

/* 0, or -1 with the option that is wrong in `ret_wrong`. */
int load_options_parse(int argc, char **argv, struct load_options *o, const char **ret_wrong)
	__attribute__((warn_unused_result));

#endif
