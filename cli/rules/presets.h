/*
 * What `use NAME` becomes: statements for the registry that the client on this machine is set up
 * for.
 */
#ifndef SALLYPORT_CLI_RULES_PRESETS_H
#define SALLYPORT_CLI_RULES_PRESETS_H

#include "cli/text.h"

/* Appends statements in the language of the rules. 0, or -1 with a message that says what to write
 * instead. */
int presets_expand(const char *name, struct text *ret_rules, char *message, size_t size);

#endif
