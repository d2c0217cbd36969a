/*
 * What tree.c asks of the system it is on. tree_posix.c, tree_windows.c; private to these.
 */
#ifndef SALLYPORT_CLI_FILES_TREE_SYSTEM_H
#define SALLYPORT_CLI_FILES_TREE_SYSTEM_H

#include "cli/files/tree.h"

/*
 * Sets t->root, absolute and without links, "/" between names; every file goes to tree_found, every
 * folder below the root to t->folders, parents first. 0, or what tree_refuse returned.
 */
int tree_walk(struct tree *t, const char *root, struct text *ret_problem);
/* tree.c's, for the walk. */
void tree_found(struct tree *t, const char *name, uint64_t size);
int tree_refuse(struct text *ret_problem, const char *path, const char *why);

/* To be read, as what stands there now; -1 with errno. */
int tree_open(const char *path);
/* Both name the same bytes from here on; false: they have to be copied. */
bool tree_clone(int to, int from);
/* What a copy keeps of the original besides its bytes; then it is not to be changed. -1 with errno.
 */
int tree_settle(int to, int from);
int tree_close_folder(const char *path);
unsigned tree_cores(void); /* at least 1 */

/* What content is. NULL: it cannot be told here, and why. */
struct tree_types;
extern const char tree_types_absent[];
struct tree_types *tree_types_open(void);
void tree_types_close(struct tree_types *types); /* NULL-safe */
void tree_types_find(struct tree_types *types, struct tree_file *f, const char *data, size_t len);

#endif
