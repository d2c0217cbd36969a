/*
 * What the gateway has done so far, in numbers, and the listener that tells them to whoever asks on
 * the host's side. All functions take NULL for "nobody asked for metrics" and any thread.
 *
 * Names and text: prometheus.io, "Metric and label naming", "Exposition formats" (text 0.0.4).
 */
#ifndef SALLYPORT_GATEWAY_METRICS_H
#define SALLYPORT_GATEWAY_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audit_record;
struct event_base;
struct gateway;
struct metrics;
struct resolve_address;

/*
 * Listens on "ADDRESS:PORT" and answers from that loop. Not where the jail could be: the gateway's
 * process is outside of it, and metrics_is_own says what must not be dialled.
 */
int metrics_create(struct gateway *g, struct event_base *base, const char *address,
	struct metrics **ret_metrics, char *problem, size_t size);
/* Before its loop is freed. */
void metrics_destroy(struct metrics *m);
/* Is it this listener? `address` NULL: an address that somebody else will choose. */
bool metrics_is_own(const struct metrics *m, const struct resolve_address *address, uint16_t port);

/* An intent, an outcome or a name, as it goes to the record. */
void metrics_record(struct metrics *m, const struct audit_record *r);
enum metrics_side { METRICS_CLIENT, METRICS_ORIGIN };
void metrics_handshake(struct metrics *m, enum metrics_side side, bool ok, bool resumed);
void metrics_pool(struct metrics *m, bool hit);

#endif
