/*
 * Content that is vouched for: `verify PATH with FILE` and `read PATH only TYPES`. Private to cli/.
 */
#ifndef SALLYPORT_CLI_RUN_VIEW_VERIFY_H
#define SALLYPORT_CLI_RUN_VIEW_VERIFY_H

#include "cli/run/view.h"

/*
 * Reads everything at `path` and shows a private copy of it, or stops: 0, or an exit status after
 * having complained. What was found is told in v->events in either case. `manifest` is the absolute
 * path of FILE, or NULL.
 */
int view_verify(struct view *v, const struct rules_file *f, const char *path, const char *manifest);
/* Nothing else may lie over what was verified. 0, or an exit status after having complained. */
int view_verify_alone(const struct view *v);
bool view_is_verified(const struct view *v, const struct jail_view *entry);
/*
 * Takes away what runs that were killed left of copies in a record folder whose lock the caller
 * holds, or its gateway; those in `kept` (NULL: none) stay. How many it were.
 */
unsigned view_verify_sweep(const char *record_dir, const struct list *kept);
/* Takes the copies away. */
void view_verify_finish(struct view *v);

#endif
