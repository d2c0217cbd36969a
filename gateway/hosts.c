/*
 * Totals by host, for the summary at the end of a run. One table for all workers: a lock a finished
 * request is nothing beside its record.
 */
#include "gateway/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct gateway_host host; /* host.host is owned */
	struct entry *next;
};

/*
 * Names are the client's to make up: from so many on they share a row. Refused ones sooner, so that
 * they push none out of sight that something went to.
 */
enum { BUCKETS = 1024, REFUSED_MAX = 200, ALLOWED_MAX = 4096 };
static const char others[] = "(other hosts)";

struct hosts {
	pthread_mutex_t lock;
	struct entry *buckets[BUCKETS];
	size_t n;
	struct gateway_host *list; /* owned: the last hosts_list */
};

int hosts_create(struct hosts **ret_hosts)
{
	struct hosts *h = calloc(1, sizeof(*h));

	if (h == NULL) {
		return -1;
	}
	pthread_mutex_init(&h->lock, NULL);
	*ret_hosts = h;
	return 0;
}

void hosts_destroy(struct hosts *h)
{
	if (h == NULL) {
		return;
	}
	for (int i = 0; i < BUCKETS; i++) {
		while (h->buckets[i] != NULL) {
			struct entry *entry = h->buckets[i];

			h->buckets[i] = entry->next;
			free((char *)entry->host.host);
			free(entry);
		}
	}
	pthread_mutex_destroy(&h->lock);
	free(h->list);
	free(h);
}

static struct entry *find(struct hosts *h, const char *host, size_t max)
{
	unsigned hash = 5381;
	struct entry **bucket, *entry;

	host = host != NULL ? host : "?";
	for (const char *p = host; *p != '\0'; p++) {
		hash = hash * 33 + (unsigned char)*p;
	}
	bucket = &h->buckets[hash % BUCKETS];
	for (entry = *bucket; entry != NULL; entry = entry->next) {
		if (strcmp(entry->host.host, host) == 0) {
			return entry;
		}
	}
	if (h->n >= max && host != others) {
		return find(h, others, max);
	}
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL || (entry->host.host = strdup(host)) == NULL) {
		free(entry);
		return NULL;
	}
	entry->next = *bucket;
	*bucket = entry;
	h->n++;
	return entry;
}

void hosts_allowed(struct hosts *h, const char *host, int64_t out, int64_t in)
{
	struct entry *entry;

	pthread_mutex_lock(&h->lock);
	entry = find(h, host, ALLOWED_MAX);
	if (entry != NULL) {
		entry->host.allowed++;
		entry->host.bytes_out += out > 0 ? (uint64_t)out : 0;
		entry->host.bytes_in += in > 0 ? (uint64_t)in : 0;
	}
	pthread_mutex_unlock(&h->lock);
}

void hosts_refused(struct hosts *h, const char *host, const char *reason, const char *add)
{
	struct entry *entry;

	pthread_mutex_lock(&h->lock);
	entry = find(h, host, REFUSED_MAX);
	if (entry != NULL) {
		struct gateway_host *e = &entry->host;

		e->refused++;
		snprintf(e->refusal, sizeof(e->refusal), "%s", reason);
		/* Half a statement would be another statement. */
		if (strlen(add) < sizeof(e->add)) {
			snprintf(e->add, sizeof(e->add), "%s", add);
		}
	}
	pthread_mutex_unlock(&h->lock);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(
		((const struct gateway_host *)a)->host, ((const struct gateway_host *)b)->host);
}

size_t hosts_list(struct hosts *h, const struct gateway_host **ret_hosts)
{
	size_t n = 0;

	pthread_mutex_lock(&h->lock);
	free(h->list);
	h->list = calloc(h->n ? h->n : 1, sizeof(*h->list));
	for (int i = 0; h->list != NULL && i < BUCKETS; i++) {
		for (struct entry *entry = h->buckets[i]; entry != NULL; entry = entry->next) {
			h->list[n++] = entry->host;
		}
	}
	if (h->list != NULL) {
		qsort(h->list, n, sizeof(*h->list), by_name);
	}
	*ret_hosts = h->list;
	pthread_mutex_unlock(&h->lock);
	return n;
}
