/*
 * The proxy of the house, where the network lets nothing else out: its URL, and for which hosts it
 * is not to be asked (NO_PROXY as curl and most clients read it). Pure.
 *
 * Behind such a proxy the address of a name is the proxy's to find: it cannot be judged here, only
 * names and address literals can.
 */
#ifndef SALLYPORT_GATEWAY_UPSTREAM_PROXY_H
#define SALLYPORT_GATEWAY_UPSTREAM_PROXY_H

#include "rules/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct upstream_proxy {
	char host[RULES_HOST_MAX]; /* canonical */
	uint16_t port;
	char authorization[768]; /* value of Proxy-Authorization; "" without a user in the URL */
	char *no_proxy;          /* owned */
};

/* "http://[user[:password]@]host[:port]", percent-encoded where needed; 3128 is not assumed:
 * port 80. `no_proxy` may be NULL. 0, or -1: not such a URL, or memory is out. */
int upstream_proxy_init(struct upstream_proxy *p, const char *url, const char *no_proxy)
	__attribute__((warn_unused_result));
void upstream_proxy_finish(struct upstream_proxy *p);
/* Is this canonical host to be reached by the proxy? */
bool upstream_proxy_covers(const struct upstream_proxy *p, const char *host, uint16_t port);

#endif
