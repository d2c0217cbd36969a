/*
 * `ca` and `cert`: each combination of files once, and one of them a host. Which holds where hosts
 * of several statements fit is decided by the hosts alone, so that the order of statements and the
 * path of a request change nothing. Knows no file.
 */
#include "rules/rules_private.h"

#include <stdio.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool names_files(const struct rule *rule)
{
	return rule->ca != NULL || rule->cert != NULL;
}

static bool same_host(const struct rule *a, const struct rule *b)
{
	return a->host_kind == b->host_kind && a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* A relative path means another file in another page. */
static bool same_files(const struct rule *a, const struct rule *b)
{
	return strcmp(a->origin, b->origin) == 0 && same_text(a->ca, b->ca) &&
	       same_text(a->cert, b->cert) && same_text(a->key, b->key);
}

static int conflict(struct rules_diag *diag, const struct rule *a, const struct rule *b)
{
	memset(diag, 0, sizeof(*diag));
	snprintf(diag->origin, sizeof(diag->origin), "%s", b->origin);
	diag->line = b->line;
	diag->column = 1;
	snprintf(diag->message, sizeof(diag->message),
		"`ca`, `cert` and `key` of a host are the same in all its statements that say "
		"them, but %.120s:%u names others",
		a->origin, a->line);
	return RULES_ECONFLICT;
}

static int gather(struct rules *r, struct rule *rule, const struct rule *same)
{
	struct rules_upstream *u;

	if (same != NULL) {
		rule->upstream = same->upstream;
		return RULES_OK;
	}
	u = array_push((void **)&r->upstreams, &r->n_upstreams, &r->upstreams_size, sizeof(*u));
	if (u == NULL) {
		return RULES_EMEMORY;
	}
	u->ca = rule->ca;
	u->cert = rule->cert;
	u->key = rule->key;
	u->origin = rule->origin;
	u->line = rule->line;
	rule->upstream = r->n_upstreams;
	return RULES_OK;
}

int upstream_build(struct rules *r, struct rules_diag *diag)
{
	int error = RULES_OK;

	for (size_t i = 0; error == RULES_OK && i < r->n_rules; i++) {
		const struct rule *same = NULL;

		if (!names_files(&r->rules[i])) {
			continue;
		}
		for (size_t k = 0; k < i; k++) {
			const struct rule *before = &r->rules[k];

			if (!names_files(before)) {
				continue;
			}
			if (same_files(before, &r->rules[i])) {
				same = before;
			} else if (same_host(before, &r->rules[i])) {
				return conflict(diag, before, &r->rules[i]);
			}
		}
		error = gather(r, &r->rules[i], same);
	}
	return error;
}

/* enum host_kind goes from narrow to wide; of one kind the longer name is the narrower. */
const struct rule *upstream_narrower(const struct rule *a, const struct rule *b)
{
	if (a == NULL || b == NULL) {
		return a != NULL ? a : b;
	}
	if (a->host_kind != b->host_kind) {
		return a->host_kind < b->host_kind ? a : b;
	}
	return strlen(b->host) > strlen(a->host) ? b : a;
}
