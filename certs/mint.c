/*
 * The cache of minted leaves: a hash table and a list by last use under one lock. The minting
 * itself holds no lock; whoever asks for a name that is being minted waits for that one. Leaves
 * with RSA keys take too long for that: a thread makes them, and nobody waits. Must not know what
 * is in a leaf.
 */
#include "certs/certs.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "certs/diag.h"
#include "certs/leaf.h"
#include "certs/names.h"

enum { WANTED_MAX = 64 };

struct entry {
	struct entry *next_in_bucket;
	struct entry *newer; /* towards most recently used; also NULL while it is being minted */
	struct entry *older;
	struct certs_leaf *leaf; /* owned by one hold; NULL while it is being minted */
	enum leaf_kind kind;
	TAILQ_ENTRY(entry) wanted; /* RSA, not minted yet */
	int failed;                /* RSA: why it will not be; told once */
	size_t bucket;
	char host[PEER_TEXT_MAX];
};

struct certs_mint {
	struct certs_ca *ca;
	pthread_mutex_t lock;
	pthread_cond_t minted;  /* some name's minting came to an end */
	struct entry **buckets; /* owned */
	size_t n_buckets;       /* a power of two */
	struct entry *newest;
	struct entry *oldest;
	size_t n_ready;
	size_t capacity;
	/* Of RSA keys. */
	TAILQ_HEAD(, entry) wanted;
	size_t n_wanted;
	pthread_cond_t work;
	pthread_t maker;
	bool has_maker, is_ending;
	void (*on_ready)(void *arg);
	void *on_ready_arg;

	uint64_t seed; /* hosts come from the agent: it must not be able to aim at one bucket */
};

static size_t bucket_of(const struct certs_mint *mint, const char *host)
{
	uint64_t h = mint->seed;

	for (; *host != '\0'; host++) {
		h = (h ^ (unsigned char)*host) * 0x100000001b3u;
		h ^= h >> 29;
	}
	return (size_t)h & (mint->n_buckets - 1);
}

int certs_mint_create(
	struct certs_ca *ca, size_t capacity, struct certs_mint **ret_mint, struct certs_diag *diag)
{
	struct certs_mint *mint = calloc(1, sizeof(*mint));
	int ret;

	if (mint == NULL) {
		return CERTS_EMEMORY;
	}
	mint->ca = ca;
	mint->capacity = capacity > 0 ? capacity : 1;
	mint->n_buckets = 64;
	while (mint->n_buckets < mint->capacity && mint->n_buckets < ((size_t)1 << 20)) {
		mint->n_buckets *= 2;
	}
	ret = certs_random(NULL, (unsigned char *)&mint->seed, sizeof(mint->seed));
	mint->buckets = calloc(mint->n_buckets, sizeof(*mint->buckets));
	if (ret != 0 || mint->buckets == NULL) {
		free(mint->buckets);
		free(mint);
		return ret != 0 ? certs_fail_crypto(diag, "seeding the cache", ret) : CERTS_EMEMORY;
	}
	pthread_mutex_init(&mint->lock, NULL);
	pthread_cond_init(&mint->minted, NULL);
	pthread_cond_init(&mint->work, NULL);
	TAILQ_INIT(&mint->wanted);
	*ret_mint = mint;
	return CERTS_OK;
}

void certs_mint_destroy(struct certs_mint *mint)
{
	if (mint == NULL) {
		return;
	}
	if (mint->has_maker) {
		pthread_mutex_lock(&mint->lock);
		mint->is_ending = true;
		pthread_cond_signal(&mint->work);
		pthread_mutex_unlock(&mint->lock);
		pthread_join(mint->maker, NULL);
	}
	for (size_t i = 0; i < mint->n_buckets; i++) {
		while (mint->buckets[i] != NULL) {
			struct entry *e = mint->buckets[i];

			assert(e->leaf != NULL || e->kind == LEAF_RSA); /* nobody is minting */
			mint->buckets[i] = e->next_in_bucket;
			certs_leaf_release(e->leaf);
			free(e);
		}
	}
	pthread_cond_destroy(&mint->minted);
	pthread_cond_destroy(&mint->work);
	pthread_mutex_destroy(&mint->lock);
	free(mint->buckets);
	free(mint);
}

static struct entry *find(
	struct certs_mint *mint, size_t bucket, const char *host, enum leaf_kind kind)
{
	struct entry *e = mint->buckets[bucket];

	while (e != NULL && (e->kind != kind || strcmp(e->host, host) != 0)) {
		e = e->next_in_bucket;
	}
	return e;
}

static void list_remove(struct certs_mint *mint, struct entry *e)
{
	*(e->newer != NULL ? &e->newer->older : &mint->newest) = e->older;
	*(e->older != NULL ? &e->older->newer : &mint->oldest) = e->newer;
	e->newer = NULL;
	e->older = NULL;
	mint->n_ready--;
}

static void list_push(struct certs_mint *mint, struct entry *e)
{
	e->older = mint->newest;
	e->newer = NULL;
	*(mint->newest != NULL ? &mint->newest->newer : &mint->oldest) = e;
	mint->newest = e;
	mint->n_ready++;
}

/* The entry must not be in the list any more. */
static void table_remove(struct certs_mint *mint, struct entry *e)
{
	struct entry **at = &mint->buckets[e->bucket];

	while (*at != e) {
		at = &(*at)->next_in_bucket;
	}
	*at = e->next_in_bucket;
	certs_leaf_release(e->leaf);
	free(e);
}

static struct entry *table_add(
	struct certs_mint *mint, size_t bucket, const struct peer *peer, enum leaf_kind kind)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (e != NULL) {
		memcpy(e->host, peer->name, peer->n_name + 1);
		e->bucket = bucket;
		e->kind = kind;
		e->next_in_bucket = mint->buckets[bucket];
		mint->buckets[bucket] = e;
	}
	return e;
}

/* With the lock held; the hold that comes with the leaf is the cache's. */
static void put(struct certs_mint *mint, struct entry *e, struct certs_leaf *leaf)
{
	e->leaf = leaf;
	list_push(mint, e);
	while (mint->n_ready > mint->capacity) {
		struct entry *last = mint->oldest;

		list_remove(mint, last);
		table_remove(mint, last);
	}
}

/* With the lock held, which is let go while minting; `e` stays in the table all the while. */
static int fill(struct certs_mint *mint, struct entry *e, time_t now, struct certs_leaf **ret_leaf,
	struct certs_diag *diag)
{
	struct certs_leaf *leaf = NULL;
	int err;

	pthread_mutex_unlock(&mint->lock);
	err = leaf_mint(mint->ca, e->host, LEAF_EC, now, &leaf, diag);
	pthread_mutex_lock(&mint->lock);
	pthread_cond_broadcast(&mint->minted);
	if (err != CERTS_OK) {
		table_remove(mint, e);
		return err;
	}
	leaf_hold(leaf);
	put(mint, e, leaf);
	*ret_leaf = leaf;
	return CERTS_OK;
}

/* A leaf that is there and young enough, held for the caller; one that is not is dropped. */
static bool take_ready(
	struct certs_mint *mint, struct entry *e, time_t now, struct certs_leaf **ret_leaf)
{
	list_remove(mint, e);
	if (now >= e->leaf->renew_at) {
		table_remove(mint, e);
		return false;
	}
	list_push(mint, e);
	leaf_hold(e->leaf);
	*ret_leaf = e->leaf;
	return true;
}

static int get(struct certs_mint *mint, const struct peer *peer, time_t now,
	struct certs_leaf **ret_leaf, struct certs_diag *diag)
{
	size_t bucket = bucket_of(mint, peer->name);
	struct entry *e = find(mint, bucket, peer->name, LEAF_EC);

	while (e != NULL && e->leaf == NULL) {
		pthread_cond_wait(&mint->minted, &mint->lock);
		/* It may have failed, or be dropped already. */
		e = find(mint, bucket, peer->name, LEAF_EC);
	}
	if (e != NULL && take_ready(mint, e, now, ret_leaf)) {
		return CERTS_OK;
	}
	e = table_add(mint, bucket, peer, LEAF_EC);
	return e != NULL ? fill(mint, e, now, ret_leaf, diag) : CERTS_EMEMORY;
}

/* ---- RSA ---- */

static void *make_wanted(void *arg)
{
	struct certs_mint *mint = arg;

	pthread_mutex_lock(&mint->lock);
	while (!mint->is_ending) {
		struct entry *e = TAILQ_FIRST(&mint->wanted);
		struct certs_leaf *leaf = NULL;
		int err;

		if (e == NULL) {
			pthread_cond_wait(&mint->work, &mint->lock);
			continue;
		}
		/* Nobody removes an entry that has no leaf and has not failed. */
		pthread_mutex_unlock(&mint->lock);
		err = leaf_mint(mint->ca, e->host, LEAF_RSA, time(NULL), &leaf, NULL);
		pthread_mutex_lock(&mint->lock);
		TAILQ_REMOVE(&mint->wanted, e, wanted);
		mint->n_wanted--;
		if (err == CERTS_OK) {
			put(mint, e, leaf);
		} else {
			e->failed = err;
		}
		if (mint->on_ready != NULL) {
			mint->on_ready(mint->on_ready_arg);
		}
	}
	pthread_mutex_unlock(&mint->lock);
	return NULL;
}

static int want(
	struct certs_mint *mint, size_t bucket, const struct peer *peer, struct certs_diag *diag)
{
	struct entry *e;

	if (mint->n_wanted >= WANTED_MAX) {
		return certs_fail(
			diag, CERTS_ECRYPTO, CERTS_CHECK_NONE, "too many RSA keys are being made");
	}
	if (!mint->has_maker && pthread_create(&mint->maker, NULL, make_wanted, mint) != 0) {
		return certs_fail(diag, CERTS_ECRYPTO, CERTS_CHECK_NONE,
			"a thread for RSA keys cannot be started");
	}
	mint->has_maker = true;
	e = table_add(mint, bucket, peer, LEAF_RSA);
	if (e == NULL) {
		return CERTS_EMEMORY;
	}
	TAILQ_INSERT_TAIL(&mint->wanted, e, wanted);
	mint->n_wanted++;
	pthread_cond_signal(&mint->work);
	return CERTS_EPENDING;
}

static int get_rsa(struct certs_mint *mint, const struct peer *peer, time_t now,
	struct certs_leaf **ret_leaf, struct certs_diag *diag)
{
	size_t bucket = bucket_of(mint, peer->name);
	struct entry *e = find(mint, bucket, peer->name, LEAF_RSA);

	if (e != NULL && e->failed != 0) {
		int err = e->failed;

		table_remove(mint, e);
		return certs_fail(diag, err, CERTS_CHECK_NONE, "minting an RSA leaf");
	}
	if (e != NULL && e->leaf == NULL) {
		return CERTS_EPENDING;
	}
	if (e != NULL && take_ready(mint, e, now, ret_leaf)) {
		return CERTS_OK;
	}
	return want(mint, bucket, peer, diag);
}

void certs_mint_on_ready(struct certs_mint *mint, void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&mint->lock);
	mint->on_ready = fn;
	mint->on_ready_arg = arg;
	pthread_mutex_unlock(&mint->lock);
}

static int ask(struct certs_mint *mint, const char *host,
	int (*how)(struct certs_mint *, const struct peer *, time_t, struct certs_leaf **,
		struct certs_diag *),
	struct certs_leaf **ret_leaf, struct certs_diag *diag)
{
	struct peer peer;
	int err;

	if (!peer_from_host(host, &peer)) {
		return certs_fail(diag, CERTS_ENAME, CERTS_CHECK_NONE,
			"not a host name or address: %.200s", host);
	}
	pthread_mutex_lock(&mint->lock);
	err = how(mint, &peer, time(NULL), ret_leaf, diag);
	pthread_mutex_unlock(&mint->lock);
	return err;
}

int certs_mint_leaf(struct certs_mint *mint, const char *host, struct certs_leaf **ret_leaf,
	struct certs_diag *diag)
{
	return ask(mint, host, get, ret_leaf, diag);
}

int certs_mint_leaf_rsa(struct certs_mint *mint, const char *host, struct certs_leaf **ret_leaf,
	struct certs_diag *diag)
{
	return ask(mint, host, get_rsa, ret_leaf, diag);
}
