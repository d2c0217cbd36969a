/*
 * What the probes try to reach: sockets, files and a process outside the jail, and what they
 * noticed. Private to cli/.
 */
#ifndef SALLYPORT_CLI_DOCTOR_CANARIES_H
#define SALLYPORT_CLI_DOCTOR_CANARIES_H

#include "cli/text.h"

#include <stdbool.h>
#include <sys/types.h>

struct canaries;

/* 0, or an exit status after having complained. */
int canaries_create(struct canaries **ret_canaries);
void canaries_destroy(struct canaries *c);

const char *canaries_folder(const struct canaries *c); /* where the probes' runs may leave things */
int canaries_dns_port(const struct canaries *c);
/* Adds where they are to an environment. */
void canaries_describe(const struct canaries *c, struct list *env);
/* Knocks at the probes' own server while one runs. */
void canaries_knock(struct canaries *c, bool on);
/* What was noticed since the last question, in words; NULL: nothing. `folder`: of the probe's run.
 */
const char *canaries_noticed(struct canaries *c, const char *folder);

#endif
