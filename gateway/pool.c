/*
 * Idle upstream connections, kept for the next request that was judged the same way: same scheme,
 * host and port, same leave to dial private addresses, same relaxed checks, same roots and client
 * certificate. Any byte or end from an idle origin ends it.
 */
#include "gateway/socket.h"
#include "gateway/worker.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUCKETS = 256,
	/* Under the five seconds after which common servers close: a reused connection is a live
	   one. */
	IDLE_SECONDS = 4,
	IDLE_MAX = 1024,
};

struct idle {
	LIST_ENTRY(idle) bucket; /* or, unused, the list of spares */
	TAILQ_ENTRY(idle) age;
	struct pool *pool;
	int64_t until; /* worker_now() */
	struct leg leg;
	struct pool_key key; /* host points to `host` */
	char host[RULES_HOST_MAX];
	char address[64];
};

LIST_HEAD(idle_list, idle);

struct pool {
	struct event_base *base;
	struct event timer; /* for the oldest, as long as there is one */
	struct idle_list buckets[BUCKETS], spares;
	TAILQ_HEAD(, idle) ages; /* oldest first */
	size_t n;
};

static void on_timer(evutil_socket_t fd, short what, void *arg);

struct pool *pool_create(struct event_base *base)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (p != NULL) {
		p->base = base;
		evtimer_assign(&p->timer, base, on_timer, p);
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

/* Out of the lists; what it held is the caller's. */
static void retire(struct idle *idle)
{
	LIST_REMOVE(idle, bucket);
	TAILQ_REMOVE(&idle->pool->ages, idle, age);
	idle->pool->n--;
	LIST_INSERT_HEAD(&idle->pool->spares, idle, bucket);
}

static void say_goodbye(struct leg *leg)
{
	leg_shut(leg);
	(void)leg_flush(leg);
	leg_finish(leg);
}

static void on_idle(void *arg, struct leg *leg, enum leg_event event)
{
	struct idle *idle = arg;

	/* A ticket or other TLS housekeeping brings no plaintext and is no reason to end it. */
	if (event == LEG_FAILED || leg->eof || leg_received(leg) > 0) {
		retire(idle);
		say_goodbye(leg);
	}
}

/* All wait equally long, so one timer follows the oldest; who was taken meanwhile left it as it
 * was. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct pool *p = arg;
	struct idle *oldest;
	int64_t left;

	(void)fd;
	(void)what;
	while ((oldest = TAILQ_FIRST(&p->ages)) != NULL &&
		(left = oldest->until - worker_now()) <= 0) {
		retire(oldest);
		say_goodbye(&oldest->leg);
	}
	if (oldest != NULL) {
		struct timeval after = {left / 1000000000, left % 1000000000 / 1000 + 1};

		event_add(&p->timer, &after);
	}
}

void pool_destroy(struct pool *p)
{
	struct idle *idle;

	if (p == NULL) {
		return;
	}
	while ((idle = TAILQ_FIRST(&p->ages)) != NULL) {
		retire(idle);
		leg_finish(&idle->leg);
	}
	while ((idle = LIST_FIRST(&p->spares)) != NULL) {
		LIST_REMOVE(idle, bucket);
		free(idle);
	}
	event_del(&p->timer);
	free(p);
}

bool pool_take(struct pool *p, const struct pool_key *key, bool repeatable, struct leg *to,
	void (*notify)(void *, struct leg *, enum leg_event), void *arg, char ret_address[64])
{
	struct idle *idle;

	LIST_FOREACH(idle, &p->buckets[bucket_of(key)], bucket)
	{
		/* Its end may be known and not yet told, or told to the socket alone. */
		if (same(&idle->key, key) && leg_is_quiet(&idle->leg) &&
			(repeatable || socket_is_quiet(idle->leg.fd))) {
			retire(idle);
			memcpy(ret_address, idle->address, sizeof(idle->address));
			leg_finish(to);
			leg_move(to, &idle->leg, notify, arg);
			leg_hurry(to, false);
			return true;
		}
	}
	return false;
}

/* Where all places are taken the oldest goes: who fills the pool with one origin does not keep the
 * others out of it. */
static struct idle *new_idle(struct pool *p)
{
	struct idle *idle;

	if (p->n == IDLE_MAX) {
		idle = TAILQ_FIRST(&p->ages);
		retire(idle);
		say_goodbye(&idle->leg);
	}
	idle = LIST_FIRST(&p->spares);
	if (idle == NULL) {
		return calloc(1, sizeof(*idle));
	}
	LIST_REMOVE(idle, bucket);
	return idle;
}

void pool_give(struct pool *p, const struct pool_key *key, struct leg *leg, const char address[64])
{
	static const struct timeval whole = {.tv_sec = IDLE_SECONDS};
	size_t len = strlen(key->host);
	struct idle *idle = len < RULES_HOST_MAX ? new_idle(p) : NULL;

	if (idle == NULL) {
		say_goodbye(leg);
		return;
	}
	idle->pool = p;
	idle->key = *key;
	idle->key.host = memcpy(idle->host, key->host, len + 1);
	memcpy(idle->address, address, sizeof(idle->address));
	idle->until = worker_now() + IDLE_SECONDS * INT64_C(1000000000);
	leg_move(&idle->leg, leg, on_idle, idle);
	/* Its end, or what nobody asked for, is seen before a session of this turn takes it. */
	leg_hurry(&idle->leg, true);
	if (!evtimer_pending(&p->timer, NULL)) {
		event_add(&p->timer, &whole);
	}
	LIST_INSERT_HEAD(&p->buckets[bucket_of(&idle->key)], idle, bucket);
	TAILQ_INSERT_TAIL(&p->ages, idle, age);
	p->n++;
}
