/*
 * What of a message's head goes on record.
 */
#ifndef SALLYPORT_GATEWAY_RECORD_HEADERS_H
#define SALLYPORT_GATEWAY_RECORD_HEADERS_H

#include "gateway/gateway.h"

struct arena;
struct http_head;

/* JSON array of [name, value]; NULL: no head, or memory is out. In the arena. */
/* `injected`: stand in the head in place of others of their names; told as digests. */
const char *record_headers(const struct gateway_recording *how, struct arena *arena,
	const struct http_head *head, const struct http_field *injected, size_t n_injected);
/* With the values of the parameters to be digested replaced. NULL stays NULL. */
const char *record_query(
	const struct gateway_recording *how, struct arena *arena, const char *query);

#endif
