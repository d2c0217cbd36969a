/*
 * The rules object and the statements in it, for the files of rules/ alone.
 */
#ifndef SALLYPORT_RULES_PRIVATE_H
#define SALLYPORT_RULES_PRIVATE_H

#include "rules/rules.h"

enum verb { VERB_NONE = 0, VERB_ALLOW, VERB_DENY, VERB_TUNNEL };

enum host_kind {
	HOST_EXACT = 0, /* github.com */
	HOST_ONE,       /* *.github.com: one label more */
	HOST_DEEP,      /* **.github.com: one label or more */
	HOST_ANY,       /* ** */
};

enum { SCHEME_HTTP = 1, SCHEME_HTTPS = 2, SCHEME_TCP = 4 };

/* key=pattern, for query and header conditions. */
struct pair {
	const char *key, *pattern;
	struct pair *next;
};

/* A network statement. Zero in a condition means: no such condition. */
struct rule {
	enum verb verb;
	const char *const *methods; /* NULL: any */
	unsigned schemes;           /* SCHEME_* */
	enum host_kind host_kind;
	const char *host; /* for wildcards what stands behind "*." */
	uint16_t port;    /* 0: any */
	const char *path; /* NULL: any */

	bool private_ok, websocket, log_body, encoded_slash;
	bool has_body_max;
	int64_t body_max;
	unsigned relax;
	const char *type;    /* media type, lower case */
	const char *program; /* pattern of an absolute path */
	struct pair *query, *headers;
	const char *ca, *cert, *key; /* paths as written */
	size_t upstream;             /* index + 1 in rules.upstreams; 0: none */

	const char *origin, *text, *where;
	unsigned line;
	size_t next; /* in its bucket: index + 1; 0 ends the chain */
};

/* Everything that lives as long as the rules. */
struct memory_block;

struct rules {
	struct memory_block *memory; /* owned */
	size_t memory_used;

	struct rule *rules; /* owned */
	size_t n_rules, rules_size;
	struct rules_use *uses; /* owned */
	size_t n_uses, uses_size;
	struct rules_file *files; /* owned */
	size_t n_files, files_size;
	struct rules_inject *injects; /* owned */
	size_t n_injects, injects_size;
	struct rules_upstream *upstreams; /* owned */
	size_t n_upstreams, upstreams_size;
	struct rules_limits limits;
	bool receive_only;
	bool by; /* some statement says it */

	bool compiled;
	size_t *buckets; /* owned: index + 1 of the first rule of each */
	size_t n_buckets;
	size_t any; /* the chain of HOST_ANY */
};

/* rules.c */
void *memory_alloc(struct rules *r, size_t size);
char *memory_copy(struct rules *r, const char *text, size_t len);
/* A zeroed element at the end of a growing array, or NULL. */
void *array_push(void **array, size_t *n, size_t *size, size_t element);

/* pattern.c */
bool pattern_host(enum host_kind kind, const char *pattern, const char *host);
bool pattern_path(const char *pattern, const char *path);
/* `*` stands for any run of characters. */
/* What a condition says of a request; what cannot be known allows nothing and denies. */
enum answer { ANSWER_NO = 0, ANSWER_UNKNOWN, ANSWER_YES };
enum answer query_matches(const char *query, const struct pair *pair);

bool pattern_text(const char *pattern, const char *text);

/* upstream.c: gathers what the statements say of it. RULES_EMEMORY, RULES_ECONFLICT */
int upstream_build(struct rules *r, struct rules_diag *diag);
/* The one whose host is narrower; either may be NULL. */
const struct rule *upstream_narrower(const struct rule *a, const struct rule *b);

/* inject.c: one header twice for one host. RULES_ECONFLICT */
int inject_check(const struct rules *r, struct rules_diag *diag);

/* index.c */
int index_build(struct rules *r);
/* Calls back with every rule whose host pattern matches; stops when fn returns false. */
void index_each(const struct rules *r, const char *host,
	bool (*fn)(void *arg, const struct rule *rule), void *arg);

#endif
