/*
 * The file statements of the rules as entries of the view. Private to cli/.
 */
#ifndef SALLYPORT_CLI_RUN_VIEW_RULES_H
#define SALLYPORT_CLI_RUN_VIEW_RULES_H

#include "cli/run/view.h"
#include "rules/rules.h"

/*
 * Adds them to the defaults that are there already and brings all into order: wider paths first,
 * so that the narrower lie over them, and what is hidden last. 0, or an exit status after having
 * complained.
 */
int view_add_statements(struct view *v, const struct rules *rules, const char *home);

#endif
