/*
 * Attempts to get out of the jail, one function each, for the tests and for `sallyport doctor
 * --probe`. Each is harmless where it succeeds: it reaches a canary that was put there for it.
 *
 * A probe says what it saw itself; what the canaries saw counts as well, and more.
 */
#ifndef SALLYPORT_PROBES_PROBES_H
#define SALLYPORT_PROBES_PROBES_H

#include <stdbool.h>
#include <stddef.h>

/* Where the canaries are, handed over in the environment: what is not set is "" or 0. */
struct probe_targets {
	const char *token; /* PROBE_TOKEN: what a canary must never hear */
	/* PROBE_ADDRESS: one of the host's own, not loopback; on Windows its name server's */
	const char *address;
	int port;                /* PROBE_PORT: TCP and UDP canaries, on it and on loopback */
	int listen_port;         /* PROBE_LISTEN: where the host will knock */
	const char *secret;      /* PROBE_SECRET: a file beside the working folder */
	const char *home_secret; /* PROBE_HOME_SECRET: a file in the home folder */
	const char *outside;     /* PROBE_OUTSIDE: a folder that can be written, outside */
	const char *abstract;    /* PROBE_ABSTRACT: an abstract socket, without the first NUL */
	int shm_key;             /* PROBE_SHM: a System V segment */
	int victim;              /* PROBE_VICTIM: a process of the same user, outside */
};

enum probe_outcome {
	PROBE_ESCAPED = 0, /* zero is the bad news: what is forgotten shows */
	PROBE_HELD,
	PROBE_UNKNOWN, /* could not be tried here; `detail` says why */
};

struct probe_result {
	enum probe_outcome outcome;
	char detail[160];
};

struct probe {
	const char *name;
	const char *sentence; /* of docs/threat-model.md, in short: what is claimed */
	void (*fn)(const struct probe_targets *t, struct probe_result *ret_result);
	/* True: outside the jail, with the same rights, the attempt succeeds: a control. */
	bool succeeds_outside;
};

extern const struct probe probes[];
extern const size_t n_probes;

/* Runs one by name in this process. -1: there is no such probe. */
int probe_run(const char *name, struct probe_result *ret_result);

#endif
