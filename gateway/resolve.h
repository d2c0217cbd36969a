/*
 * Names to addresses, asynchronously, by the system's resolvers, cached by TTL; one for each
 * worker. Every answer is judged (rules_address_class): an answer with any forbidden address is
 * refused whole, and the address dialled is one of those judged here, so rebinding has no second
 * chance.
 */
#ifndef SALLYPORT_GATEWAY_RESOLVE_H
#define SALLYPORT_GATEWAY_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct egress;
struct event_base;
struct resolver;
struct resolve_query;

#define RESOLVE_MAX 16

struct resolve_address {
	uint8_t bytes[16];
	uint8_t n_bytes; /* 4 or 16 */
};

enum resolve_error {
	RESOLVE_OK = 0,
	RESOLVE_ENAME = -1, /* no such name, or no address */
	RESOLVE_ETIMEOUT = -2,
	RESOLVE_ESERVER = -3, /* the resolver failed */
	/* an address that the rule does not let through; `forbidden` is it */
	RESOLVE_EFORBIDDEN = -4,
	RESOLVE_EMEMORY = -5,
	RESOLVE_EEGRESS = -6, /* no byte may leave any more, so nobody was asked */
};

struct resolve_answer {
	int error;
	struct resolve_address addresses[RESOLVE_MAX]; /* IPv6 and IPv4 interleaved (RFC 8305 4) */
	size_t n;
	struct resolve_address forbidden;
};
typedef void resolve_fn(void *arg, const struct resolve_answer *answer);

int resolver_create(struct event_base *base, struct resolver **ret_resolver)
	__attribute__((warn_unused_result));
/* `nameserver`: "ip:port" to ask instead of the system's; NULL: the system's. */
int resolver_create_with(struct event_base *base, const char *nameserver,
	struct resolver **ret_resolver) __attribute__((warn_unused_result));
/* From here on what a lookup may send at most is taken from this count before anybody is asked. */
void resolver_count(struct resolver *r, struct egress *egress);
void resolver_destroy(struct resolver *r); /* outstanding queries are dropped without a call */

/*
 * Looks up a canonical host (names in /etc/hosts count; address literals are answered at once).
 * `private_ok`: private, loopback and link-local addresses pass, too. `fn` is called from the loop,
 * never from inside this call, unless the query is cancelled first. NULL when memory is out.
 */
struct resolve_query *resolve(
	struct resolver *r, const char *host, bool private_ok, resolve_fn *fn, void *arg);
/* Is it an address itself? Then it is the answer, judged. */
bool resolve_literal(const char *host, bool private_ok, struct resolve_answer *ret_answer);
void resolve_cancel(struct resolve_query *q);

const char *resolve_word(int error); /* "name", "timeout", "forbidden-address" */
const char *resolve_sentence(int error);
/* "203.0.113.9:443", "[2001:db8::1]:443" */
void resolve_format(const struct resolve_address *a, uint16_t port, char *buf, size_t size);

#endif
