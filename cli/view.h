/*
 * The default file view of a run: what the command sees when no statement says otherwise.
 */
#ifndef SALLYPORT_CLI_VIEW_H
#define SALLYPORT_CLI_VIEW_H

#include "cli/client_trust.h"
#include "cli/text.h"
#include "jailer/jail.h"

struct view {
	struct jail_view *entries; /* owned; strings in `strings` */
	size_t n, size;
	struct list strings;
};

/*
 * `cwd` is shown writable. 0, or an exit status after having complained. `trust` is borrowed for
 * the life of the view.
 */
int view_make(struct view *v, const char *cwd, const struct client_trust *trust);
/* As JSON for the record: [{"path":"/usr","mode":"read"},...] */
void view_describe(const struct view *v, struct text *json);
void view_finish(struct view *v);

#endif
