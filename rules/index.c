/*
 * Rules by host: a hash of exact names and of what stands behind a wildcard. A question looks up
 * the host and each of its parents, so that its cost does not grow with the number of hosts in the
 * rules.
 */
#include "rules/rules_private.h"

#include <stdlib.h>
#include <string.h>

static size_t hash(const char *text)
{
	uint64_t h = 14695981039346656037ULL; /* FNV-1a */

	for (; *text != '\0'; text++) {
		h = (h ^ (unsigned char)*text) * 1099511628211ULL;
	}
	return (size_t)(h ^ h >> 29);
}

int index_build(struct rules *r)
{
	r->n_buckets = 16;
	while (r->n_buckets < r->n_rules * 2) {
		r->n_buckets *= 2;
	}
	r->buckets = calloc(r->n_buckets, sizeof(*r->buckets));
	if (r->buckets == NULL) {
		return RULES_EMEMORY;
	}
	/* From the last to the first, so that a chain is in the order written. */
	for (size_t i = r->n_rules; i-- > 0;) {
		struct rule *rule = &r->rules[i];
		size_t *chain = rule->host_kind == HOST_ANY
					? &r->any
					: &r->buckets[hash(rule->host) & (r->n_buckets - 1)];

		rule->next = *chain;
		*chain = i + 1;
	}
	return 0;
}

struct walk {
	const struct rules *r;
	const char *host;
	bool (*fn)(void *arg, const struct rule *rule);
	void *arg;
};

/* Rules written for `key`: the host itself or one of its parents. */
static bool walk_chain(const struct walk *w, size_t chain, const char *key)
{
	for (; chain != 0; chain = w->r->rules[chain - 1].next) {
		const struct rule *rule = &w->r->rules[chain - 1];
		bool own = key == w->host;

		if (key != NULL &&
			((rule->host_kind == HOST_EXACT) != own || strcmp(rule->host, key) != 0)) {
			continue;
		}
		if (pattern_host(rule->host_kind, rule->host, w->host) && !w->fn(w->arg, rule)) {
			return false;
		}
	}
	return true;
}

void index_each(const struct rules *r, const char *host,
	bool (*fn)(void *arg, const struct rule *rule), void *arg)
{
	struct walk w = {r, host, fn, arg};
	const char *key = host;

	if (!walk_chain(&w, r->any, NULL)) {
		return;
	}
	for (;;) {
		if (!walk_chain(&w, r->buckets[hash(key) & (r->n_buckets - 1)], key)) {
			return;
		}
		key = strchr(key, '.');
		if (key == NULL) {
			return;
		}
		key++;
	}
}
