/*
 * The one way out: accepts what comes through the door, reads, judges, records and forwards it.
 *
 * libevent loops, one a worker thread. The gateway borrows rules, mint, trust and record from its
 * caller; it never prints and never exits.
 */
#ifndef SALLYPORT_GATEWAY_GATEWAY_H
#define SALLYPORT_GATEWAY_GATEWAY_H

#include "gateway/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audit_log;
struct certs_identity;
struct certs_mint;
struct certs_trust;
struct gateway;
struct rules;

enum gateway_error {
	GATEWAY_OK = 0,
	GATEWAY_EMEMORY = -1,
	GATEWAY_ESYSTEM = -2, /* an OS call failed; diag has its words */
	GATEWAY_ECONFIG = -3, /* a value that means nothing; diag says which */
};

struct gateway_diag {
	char message[256];
};

enum gateway_log_level { GATEWAY_LOG_ERROR, GATEWAY_LOG_WARN, GATEWAY_LOG_INFO, GATEWAY_LOG_DEBUG };

/* Seconds; zero takes the default in the comment. */
struct gateway_deadlines {
	unsigned head; /* 30: from a request's first byte to the end of its head */
	unsigned idle; /* 300: between requests, and without a byte either way while relaying */
	unsigned handshake;  /* 20: TLS on either side */
	unsigned connect;    /* 15: for all addresses of a host together */
	unsigned first_byte; /* 120: from the end of the request to the response's head */
	unsigned tunnel;     /* 3600: a tunnel without a byte either way */
};

/* What goes on record beyond what always does. Everything borrowed. */
struct gateway_recording {
	const unsigned char *key; /* AUDIT_KEY bytes, for the digests of values */
	const char *const
		*digested; /* header fields and query parameters: NULL-terminated, NULL: none */
	const char *const *headers; /* header fields besides the usual ones; likewise */
	const char *dir;            /* of the record: `log body` stores there */
	int64_t body_max;           /* larger bodies are not stored; 0: 8 MiB */
};

/* What a statement's `ca` and `cert` became; attached to the rules, see rules_upstream_attach. */
struct gateway_upstream {
	const struct certs_trust *trust; /* borrowed; NULL: that of the configuration */
	struct certs_identity *identity; /* borrowed; NULL: none */
};

struct gateway_config {
	const struct rules *rules;       /* borrowed, compiled */
	struct certs_mint *mint;         /* borrowed */
	const struct certs_trust *trust; /* borrowed */
	struct audit_log *audit;         /* borrowed; NULL: gateway_use_record tells it */
	struct gateway_recording recording;
	unsigned workers;        /* 0: one a core */
	unsigned connections;    /* most client connections at once; 0: 16,384 */
	struct http_limits http; /* zero fields take the defaults in http.h */
	struct gateway_deadlines deadlines;
	/* "http://[user[:password]@]host:port": the only way to origins; NULL: none. `no_proxy`: a
	 * list as in the variable of that name, NULL: empty. */
	const char *upstream_proxy, *no_proxy;
	const char *metrics; /* "ip:port" to tell metrics on; NULL: nowhere */
	/*
	 * Where clients must say who they are: the name of whoever sent these credentials (what
	 * follows `Basic` in Proxy-Authorization, RFC 7617), or NULL. Called from every worker; the
	 * name lives as long as the gateway. NULL: nobody is asked.
	 */
	const char *(*authenticate)(void *arg, const char *credentials);
	void *authenticate_arg;
	/* Of each client that comes to the door, an open socket: is it one of ours? Others are
	 * closed unheard. From every worker. NULL: whoever comes. */
	bool (*admits)(intptr_t client);
	/*
	 * Most bytes to origins, all connections together, framing, TLS and lookups of names
	 * included; 0: not limited. The first byte over it never leaves, nothing does from then on,
	 * and on_egress is called once, from a worker: it must not wait.
	 */
	uint64_t egress;
	void (*on_egress)(void *arg); /* may be NULL */
	void *on_egress_arg;
	const char *nameserver; /* "ip:port" instead of the system's; NULL: the system's */
	void (*log)(void *arg, enum gateway_log_level level, const char *line); /* may be NULL */
	void *log_arg;
	enum gateway_log_level log_level; /* what is less urgent is not told, nor made */
};

/*
 * Sockets, non-blocking, taken over by the gateway; -1 = none. Those that listen: tcp: clients
 * (explicit and captured alike). dns_*: the DNS door. Two of each: IPv4, IPv6. Same shape as struct
 * jail_door, which this folder must not know.
 */
struct gateway_door {
	intptr_t tcp[2];
	intptr_t dns_udp[2];
	intptr_t dns_tcp[2];
	/* Where to ask which program a client is (who_message.h), a socket of packets; -1: nowhere
	 */
	intptr_t who;
};

int gateway_create(const struct gateway_config *config, struct gateway **ret_gateway,
	struct gateway_diag *diag) __attribute__((warn_unused_result));
/* Where the record goes, when the configuration could not say yet; once, before gateway_run. */
int gateway_use_record(struct gateway *g, struct audit_log *audit, struct gateway_diag *diag)
	__attribute__((warn_unused_result));
/* Before gateway_run. */
int gateway_add_door(struct gateway *g, const struct gateway_door *door, struct gateway_diag *diag)
	__attribute__((warn_unused_result));
/* Runs the workers; returns after gateway_stop, when every session has ended and is recorded. */
void gateway_run(struct gateway *g);
/* From any thread or a signal handler: stop accepting, end what is open, return from gateway_run.
 */
void gateway_stop(struct gateway *g);
/*
 * From any thread: stop accepting; connections that wait for a request are closed, the others when
 * the request under way has its answer. gateway_run returns when none is left.
 */
void gateway_drain(struct gateway *g);
/*
 * From any thread: what is judged from now on is judged by these, borrowed like the first ones. The
 * old ones must stay until gateway_destroy: records of requests under way name their statements.
 */
void gateway_set_rules(struct gateway *g, const struct rules *rules);
void gateway_destroy(struct gateway *g);

/* Bytes that left for origins, as `egress` counts them. */
uint64_t gateway_egress(const struct gateway *g);

/* Totals by host, for the summary; call after gateway_run returned. */
struct gateway_host {
	const char *host;
	uint64_t allowed, refused;
	uint64_t bytes_out, bytes_in; /* bodies and tunnels: to the origin, from it */
	char refusal[32];             /* reason word of the last one refused; "" */
	char add[256];                /* the statement that would have let it pass; "" */
};
size_t gateway_hosts(const struct gateway *g, const struct gateway_host **ret_hosts);

#endif
