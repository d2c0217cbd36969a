/*
 * How many bytes may still go to origins: one count for all connections and lookups of a gateway.
 * What is asked for and refused ends it: nothing more passes, however small. Pure; any thread.
 */
#ifndef SALLYPORT_GATEWAY_EGRESS_H
#define SALLYPORT_GATEWAY_EGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The word for it in `failure` of a leg, in refusals and on record. */
extern const char egress_word[];

struct egress {
	uint64_t limit; /* 0: counted only */
	atomic_uint_fast64_t spent;
	atomic_bool reached;
	void (*tell)(void *arg); /* once, by whoever was refused first; may be NULL */
	void *arg;
};

void egress_init(struct egress *e, uint64_t limit, void (*tell)(void *arg), void *arg);
/* Before `n` bytes leave. False: they must not. NULL: nobody counts. */
bool egress_take(struct egress *e, size_t n) __attribute__((warn_unused_result));
bool egress_is_reached(const struct egress *e);
uint64_t egress_spent(const struct egress *e);

#endif
