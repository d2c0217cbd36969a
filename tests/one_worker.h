/*
 * A gateway of one worker, whose loop is turned by whoever made it: for programs in which client,
 * origin and gateway share a thread. Everything ends the program when it cannot be had.
 */
#ifndef SALLYPORT_TESTS_ONE_WORKER_H
#define SALLYPORT_TESTS_ONE_WORKER_H

#include "audit/audit.h"
#include "certs/certs.h"
#include "gateway/session.h"
#include "gateway/worker.h"

struct one_worker {
	char folder[64]; /* the record; in memory where there is /dev/shm */
	struct rules *rules;
	struct certs_ca *ca;
	struct certs_mint *mint;
	struct certs_trust *trust;
	struct audit_log *audit;
	struct gateway *gateway;
	struct worker *worker; /* in the gateway */
};

struct one_worker_options {
	const char *name;                   /* of the run and its CA */
	const char *rules;                  /* the page */
	struct certs_trust *trust;          /* owned from then on; NULL: nobody is believed */
	unsigned deadline;                  /* of everything, in seconds */
	size_t segment_bytes, record_bytes; /* 0: as usual */
};

void one_worker_create(struct one_worker *w, const struct one_worker_options *options);
/* The record's folder goes too. */
void one_worker_finish(struct one_worker *w);

/* A listening socket on 127.0.0.1, and its port. */
int one_worker_listen(uint16_t *ret_port);

#endif
