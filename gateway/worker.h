/*
 * One thread, one loop, and what its sessions share without locks: TLS settings, resolver, pool of
 * idle upstream connections.
 */
#ifndef SALLYPORT_GATEWAY_WORKER_H
#define SALLYPORT_GATEWAY_WORKER_H

#include "gateway/egress.h"
#include "gateway/gateway.h"
#include "gateway/leg.h"
#include "rules/target.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

struct dns_door;
struct hosts;
struct metrics;
struct names;
struct pool;
struct resolver;
struct session;
struct tls_client;
struct tls_server;
struct tls_tickets;
struct upstream_proxy;
struct who;

#define GATEWAY_WORKERS_MAX 64

struct worker {
	struct gateway *gateway;
	unsigned index;
	pthread_t thread;
	struct event_base *base;
	struct resolver *resolver;
	struct tls_server *tls_server;
	struct tls_client *tls_client;
	struct pool *pool;
	struct dns_door *dns;
	struct event *listeners[2];
	bool listening;
	struct event *drained; /* owned: looks whether the last session has ended */
	struct event *room;    /* owned: while there is none, a look now and then */
	struct event *wake;    /* the record moved, or the gateway stops */
	struct event *flush;   /* owned: what was recorded in this turn of the loop is written */
	struct event *late;    /* owned: ... or, as the loop is not idle, soon; NULL: no */
	evutil_socket_t wake_pair[2];
	LIST_HEAD(session_list, session) sessions;
	TAILQ_HEAD(session_queue, session) waiting; /* for the record's commit, in its order */
	struct session_queue minting;               /* for a leaf */
	struct session_queue asking;                /* for who asked */
};

struct gateway {
	struct gateway_config config;
	_Atomic(const struct rules *) rules; /* in force; borrowed */
	struct gateway_door door;
	struct names *names;
	struct upstream_proxy *proxy; /* owned; NULL: none */
	struct hosts *hosts;
	struct tls_tickets *tickets; /* owned */
	struct metrics *metrics;     /* owned; NULL: nobody asked */
	struct who *who;             /* owned; NULL: nobody knows the clients' programs */
	struct egress egress;
	struct worker workers[GATEWAY_WORKERS_MAX];
	unsigned n_workers, n_running; /* running: of the first worker's thread, like has_clients */
	bool has_clients;
	atomic_uint_fast64_t next_session, next_request;
	atomic_uint connections;
	atomic_bool stopping, draining;
};

int worker_init(struct worker *w, struct gateway *g, unsigned index);
/* Before it runs. */
bool worker_use_record(struct worker *w, const struct audit_log *audit)
	__attribute__((warn_unused_result));
void worker_finish(struct worker *w);
void *worker_run(void *worker);
/*
 * gateway.c, in the first worker's thread, when a client came: the other workers, whose threads a
 * run that asks for nothing does not need, begin. Those that cannot are missing, and that is
 * logged.
 */
void gateway_need_workers(struct gateway *g);
/* From any thread. */
void worker_wake(void *worker);
int64_t worker_now(void); /* monotonic nanoseconds */
/* stage_intent_committed() is called when the session's INTENT is there, or cannot be. */
void worker_await_record(struct worker *w, struct session *s);

/* listener.c: clients through the door. Pauses by itself when connections are out. */
int listener_start(struct worker *w);
void listener_stop(struct worker *w);
void listener_resume(struct worker *w);

/* hosts.c: totals by host, shared by the workers. */
int hosts_create(struct hosts **ret_hosts);
void hosts_destroy(struct hosts *h);
void hosts_allowed(struct hosts *h, const char *host, int64_t out, int64_t in);
/* `add`: the statement that would have let it pass, or "". */
void hosts_refused(struct hosts *h, const char *host, const char *reason, const char *add);
size_t hosts_list(struct hosts *h, const struct gateway_host **ret_hosts);

/* pool.c: idle upstream connections, by everything that was judged when they were made. */
struct pool_key {
	enum rules_scheme scheme;
	const char *host;
	uint16_t port;
	bool private_ok;
	unsigned relax;
	const struct gateway_upstream *upstream; /* NULL: as everywhere */
};
struct pool *pool_create(struct event_base *base);
void pool_destroy(struct pool *p);
/* Moves an idle leg into `to`, and its address; false when there is none. What is `repeatable` may
 * find out by itself that the leg ended this moment; for others the socket is asked. */
bool pool_take(struct pool *p, const struct pool_key *key, bool repeatable, struct leg *to,
	void (*notify)(void *, struct leg *, enum leg_event), void *arg, char ret_address[64]);
/* Takes the leg over, whatever comes of it. */
void pool_give(struct pool *p, const struct pool_key *key, struct leg *leg, const char address[64]);

#endif
