/*
 * Values of `inject`: found in the environment and in files of whoever starts the gateway, and
 * attached to the rules. The two may be two processes, so what was found is a text of its own.
 */
#ifndef SALLYPORT_CLI_RULES_INJECTS_H
#define SALLYPORT_CLI_RULES_INJECTS_H

#include "cli/text.h"
#include "cli/rules/upstreams.h"
#include "rules/rules.h"

/* One value for each of rules_injects, each ended by NUL; upstreams_wipe. 0, or -1. */
int injects_read(const struct rules *rules, struct text *ret_values, struct upstreams_problem *p);
/* Attaches them: they must stay where they are as long as anybody asks the rules. 0, or -1. */
int injects_attach(struct rules *rules, const struct text *values);
/* How many bytes at `data` are the values of these rules; false: they are not all there. */
bool injects_measure(const struct rules *rules, const char *data, size_t len, size_t *ret_len);

/* The command is to have none of it: `environment` without the variables that values name. */
void injects_hide(const struct rules *rules, char *const *environment, struct list *ret_left);
/* Calls back with the path of each file that a value names. */
void injects_each_file(
	const struct rules *rules, void (*fn)(void *arg, const char *path), void *arg);

#endif
