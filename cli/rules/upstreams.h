/*
 * What `ca`, `cert` and `key` of the rules name: read where files can be read, and made into what
 * the gateway wants. The two may be two processes, so what was read is a text of its own.
 */
#ifndef SALLYPORT_CLI_RULES_UPSTREAMS_H
#define SALLYPORT_CLI_RULES_UPSTREAMS_H

#include "cli/text.h"
#include "rules/rules.h"

#include <stdbool.h>

struct certs_trust;
struct upstreams;

struct upstreams_problem {
	char text[1024]; /* "test.rules:3: ..." */
};

/* Where a file lies: absolute, below the home folder (~/), or beside the page. False: too long. */
bool upstreams_path(
	const struct rules_upstream *u, const char *written, char *ret_path, size_t size);
/*
 * Three texts for each of rules_upstreams, each ended by NUL and empty where none is named: roots,
 * certificates, key. Keys are in it: upstreams_wipe. 0, or -1 with the problem.
 */
int upstreams_read(const struct rules *rules, struct text *ret_files, struct upstreams_problem *p);
void upstreams_wipe(struct text *files);
/*
 * Attaches what the texts became to the rules. `base`: the roots for everybody, borrowed; NULL: to
 * see whether they are good. NULL in *ret when no statement names a file. To be destroyed when
 * nobody asks those rules any more.
 */
int upstreams_make(struct rules *rules, const struct text *files, const struct certs_trust *base,
	struct upstreams **ret_upstreams, struct upstreams_problem *p);
void upstreams_destroy(struct upstreams *u);
/* Which octets they were, for the record: "test.rules:3 ca corp.pem sha256 ..., ..." */
void upstreams_describe(const struct rules *rules, const struct text *files, struct text *ret_text);

#endif
