/*
 * The rules in force: files, presets on the command line, and what every `use` became.
 */
#ifndef SALLYPORT_CLI_RULES_RULESET_H
#define SALLYPORT_CLI_RULES_RULESET_H

#include "cli/text.h"
#include "rules/rules.h"

struct ruleset {
	struct rules *rules; /* owned, compiled */
	struct text all;     /* every text that went in, for the digest of the record */
	struct text parts;   /* the same with their origins: origin NUL text NUL, again and again */
	struct text files;   /* what upstreams_read made of them, when they came from parts */
	struct text values;  /* likewise, injects_read */
	bool found;          /* the working folder's file, which nobody named */
};

/*
 * `path` NULL: sallyport.rules of the working folder if it is there. `uses`: comma-separated
 * presets or NULL. 0, or an exit status after having complained.
 */
int ruleset_load(const char *path, const char *uses, struct ruleset *ret_set);
/* For another process: `parts`, and what upstreams_read and injects_read made of them. */
void ruleset_pack(const struct ruleset *set, const struct text *files, const struct text *values,
	struct text *ret_packed);
/* 0, or -1 when it is not what ruleset_pack made. */
int ruleset_unpack(const struct text *packed, struct ruleset *ret_set);
void ruleset_finish(struct ruleset *set);

#endif
