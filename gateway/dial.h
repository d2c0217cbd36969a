/*
 * One connection out of several addresses: they are tried one after the other, each a moment after
 * the one before it or as soon as that failed, and the first that answers wins (RFC 8305 section 5,
 * "happy eyeballs"). The addresses come judged and in their order.
 */
#ifndef SALLYPORT_GATEWAY_DIAL_H
#define SALLYPORT_GATEWAY_DIAL_H

#include "gateway/resolve.h"

#include <event2/util.h>

struct dial;
struct event_base;

struct dial_result {
	evutil_socket_t fd;             /* connected, now the callee's; -1: nobody answered */
	struct resolve_address address; /* that it leads to; the last one tried when nobody did */
	int error;                      /* the system's, of the last one tried */
};
typedef void dial_fn(void *arg, const struct dial_result *result);

/* `fn` is called once, from the loop, unless it is cancelled before. NULL when memory is out. */
struct dial *dial(struct event_base *base, const struct resolve_address *addresses, size_t n,
	uint16_t port, dial_fn *fn, void *arg);
void dial_cancel(struct dial *d); /* NULL-safe */

#endif
