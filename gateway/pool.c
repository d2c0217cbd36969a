/*
 * Idle upstream connections, kept for the next request that was judged the same way: same scheme,
 * host and port, same leave to dial private addresses, same relaxed checks, same roots and client
 * certificate. Any byte or end from an idle origin ends it.
 */
#include "gateway/socket.h"
#include "gateway/worker.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUCKETS = 256,
	/* Under the five seconds after which common servers close: a reused connection is a live
	   one. */
	IDLE_SECONDS = 4,
	IDLE_MAX = 512,
};

struct idle {
	LIST_ENTRY(idle) bucket;
	TAILQ_ENTRY(idle) age;
	struct pool *pool;
	struct leg leg;
	struct event timer;
	struct event free_event;
	struct pool_key key; /* host points to `host` */
	char host[RULES_HOST_MAX];
	char address[64];
	bool gone;
};

struct pool {
	struct event_base *base;
	LIST_HEAD(, idle) buckets[BUCKETS];
	TAILQ_HEAD(, idle) ages; /* oldest first */
	size_t n;
};

struct pool *pool_create(struct event_base *base)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (p != NULL) {
		p->base = base;
		TAILQ_INIT(&p->ages);
	}
	return p;
}

static unsigned bucket_of(const struct pool_key *key)
{
	unsigned hash = key->port + (unsigned)key->scheme;

	for (const char *c = key->host; *c != '\0'; c++) {
		hash = hash * 33 + (unsigned char)*c;
	}
	return hash % BUCKETS;
}

static bool same(const struct pool_key *a, const struct pool_key *b)
{
	return a->scheme == b->scheme && a->port == b->port && a->private_ok == b->private_ok &&
	       a->relax == b->relax && a->upstream == b->upstream && strcmp(a->host, b->host) == 0;
}

static void on_free(evutil_socket_t fd, short what, void *arg)
{
	struct idle *idle = arg;

	(void)fd;
	(void)what;
	leg_finish(&idle->leg);
	free(idle);
}

/* Takes it off the lists; the caller decides about its leg. */
static void unlink_idle(struct idle *idle)
{
	LIST_REMOVE(idle, bucket);
	TAILQ_REMOVE(&idle->pool->ages, idle, age);
	event_del(&idle->timer);
	idle->pool->n--;
	idle->gone = true;
}

static void drop(struct idle *idle)
{
	if (!idle->gone) {
		unlink_idle(idle);
		leg_shut(&idle->leg);
		(void)leg_flush(&idle->leg);
		leg_close(&idle->leg);
		event_active(&idle->free_event, EV_TIMEOUT, 0);
	}
}

static void on_idle(void *arg, struct leg *leg, enum leg_event event)
{
	struct idle *idle = arg;

	/* A ticket or other TLS housekeeping brings no plaintext and is no reason to end it. */
	if (event == LEG_FAILED || leg->eof || evbuffer_get_length(leg->in) > 0) {
		drop(idle);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drop(arg);
}

void pool_destroy(struct pool *p)
{
	struct idle *idle;

	if (p == NULL) {
		return;
	}
	while ((idle = TAILQ_FIRST(&p->ages)) != NULL) {
		unlink_idle(idle);
		leg_finish(&idle->leg);
		free(idle);
	}
	free(p);
}

bool pool_take(struct pool *p, const struct pool_key *key, struct leg *to,
	void (*notify)(void *, struct leg *, enum leg_event), void *arg, char ret_address[64])
{
	struct idle *idle;

	LIST_FOREACH(idle, &p->buckets[bucket_of(key)], bucket)
	{
		/* Its end may be known and not yet told, or told to the socket alone. */
		if (same(&idle->key, key) && leg_is_quiet(&idle->leg) &&
			socket_is_quiet(idle->leg.fd)) {
			unlink_idle(idle);
			memcpy(ret_address, idle->address, sizeof(idle->address));
			leg_finish(to);
			leg_move(to, &idle->leg, notify, arg);
			free(idle);
			return true;
		}
	}
	return false;
}

void pool_give(struct pool *p, const struct pool_key *key, struct leg *leg, const char *address)
{
	struct timeval after = {.tv_sec = IDLE_SECONDS};
	struct idle *idle = p->n < IDLE_MAX ? calloc(1, sizeof(*idle)) : NULL;

	if (idle == NULL) {
		leg_shut(leg);
		(void)leg_flush(leg);
		leg_close(leg);
		return;
	}
	idle->pool = p;
	idle->key = *key;
	snprintf(idle->host, sizeof(idle->host), "%s", key->host);
	idle->key.host = idle->host;
	snprintf(idle->address, sizeof(idle->address), "%s", address);
	leg_move(&idle->leg, leg, on_idle, idle);
	evtimer_assign(&idle->timer, p->base, on_timer, idle);
	evtimer_assign(&idle->free_event, p->base, on_free, idle);
	event_add(&idle->timer, event_base_init_common_timeout(p->base, &after));
	LIST_INSERT_HEAD(&p->buckets[bucket_of(&idle->key)], idle, bucket);
	TAILQ_INSERT_TAIL(&p->ages, idle, age);
	p->n++;
}
