/*
 * Synthetic addresses: the n-th name gets the n-th address of 198.18.0.0/15 (hosts .1 to .254) and
 * of fd53:616c:6c79::/48. A name keeps its place, so looking an address up is an index.
 */
#include "gateway/names.h"

#include <event2/util.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUCKETS = 4096,
	BLOCKS = 512, /* the /24 networks of a /15 */
	HOSTS = 254,  /* usable in each */
	NAMES_MAX = BLOCKS * HOSTS,
};

static const uint8_t prefix_v6[6] = {0xfd, 0x53, 0x61, 0x6c, 0x6c, 0x79};

struct entry {
	struct entry *next; /* in its bucket */
	uint32_t index;
	char name[];
};

struct names {
	pthread_rwlock_t lock;
	struct entry *buckets[BUCKETS]; /* owned */
	struct entry **by_index;        /* owned array of borrowed entries */
	uint32_t n;
};

int names_create(struct names **ret_names)
{
	struct names *n = calloc(1, sizeof(*n));

	if (n != NULL) {
		n->by_index = calloc(NAMES_MAX, sizeof(*n->by_index));
	}
	if (n == NULL || n->by_index == NULL) {
		free(n);
		return -1;
	}
	pthread_rwlock_init(&n->lock, NULL);
	*ret_names = n;
	return 0;
}

void names_destroy(struct names *n)
{
	if (n == NULL) {
		return;
	}
	for (uint32_t i = 0; i < n->n; i++) {
		free(n->by_index[i]);
	}
	free(n->by_index);
	pthread_rwlock_destroy(&n->lock);
	free(n);
}

static void write_addresses(uint32_t index, uint8_t v4[4], uint8_t v6[16])
{
	uint32_t block = index / HOSTS, host = index % HOSTS + 1;

	v4[0] = 198;
	v4[1] = (uint8_t)(18 + block / 256);
	v4[2] = (uint8_t)(block % 256);
	v4[3] = (uint8_t)host;
	memset(v6, 0, 16);
	memcpy(v6, prefix_v6, sizeof(prefix_v6));
	/* The same four octets at the end: whoever reads a log recognises the pair. */
	memcpy(v6 + 12, v4, 4);
}

/* False when the address is none of ours. */
static bool read_index(const uint8_t *bytes, size_t n_bytes, uint32_t *ret_index)
{
	static const uint8_t zero[6];

	if (n_bytes == 16) {
		if (memcmp(bytes, prefix_v6, 6) != 0 || memcmp(bytes + 6, zero, 6) != 0) {
			return false;
		}
		bytes += 12;
	} else if (n_bytes != 4) {
		return false;
	}
	if (bytes[0] != 198 || (bytes[1] != 18 && bytes[1] != 19) || bytes[3] == 0 ||
		bytes[3] == 255) {
		return false;
	}
	*ret_index = ((uint32_t)(bytes[1] - 18) * 256 + bytes[2]) * HOSTS + bytes[3] - 1;
	return true;
}

static unsigned bucket_of(const char *name)
{
	unsigned hash = 5381;

	for (; *name != '\0'; name++) {
		hash = hash * 33 + (unsigned char)*name;
	}
	return hash % BUCKETS;
}

static struct entry *add(struct names *n, const char *name)
{
	struct entry **bucket = &n->buckets[bucket_of(name)], *e;
	size_t len = strlen(name) + 1;

	for (e = *bucket; e != NULL; e = e->next) {
		if (strcmp(e->name, name) == 0) {
			return e;
		}
	}
	e = n->n < NAMES_MAX ? malloc(sizeof(*e) + len) : NULL;
	if (e != NULL) {
		memcpy(e->name, name, len);
		e->index = n->n;
		e->next = *bucket;
		*bucket = e;
		n->by_index[n->n++] = e;
	}
	return e;
}

int names_address(struct names *n, const char *name, uint8_t ret_v4[4], uint8_t ret_v6[16])
{
	struct entry *e;

	pthread_rwlock_wrlock(&n->lock);
	e = add(n, name);
	pthread_rwlock_unlock(&n->lock);
	if (e == NULL) {
		return -1;
	}
	write_addresses(e->index, ret_v4, ret_v6);
	return 0;
}

const char *names_lookup(const struct names *n, const uint8_t *bytes, size_t n_bytes)
{
	pthread_rwlock_t *lock = (pthread_rwlock_t *)&n->lock;
	const char *name = NULL;
	uint32_t index;

	if (!read_index(bytes, n_bytes, &index)) {
		return NULL;
	}
	pthread_rwlock_rdlock(lock);
	if (index < n->n) {
		name = n->by_index[index]->name;
	}
	pthread_rwlock_unlock(lock);
	return name;
}

const char *names_behind(const struct names *n, const char *host)
{
	uint8_t bytes[16];

	if (evutil_inet_pton(AF_INET, host, bytes) == 1) {
		return names_lookup(n, bytes, 4);
	}
	return evutil_inet_pton(AF_INET6, host, bytes) == 1 ? names_lookup(n, bytes, 16) : NULL;
}

bool names_is_synthetic(const uint8_t *bytes, size_t n_bytes)
{
	uint32_t index;

	return read_index(bytes, n_bytes, &index);
}
