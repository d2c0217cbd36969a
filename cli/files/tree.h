/*
 * Every file of a folder: listed, then read once by all cores, which hash it, ask what it is, and
 * copy it.
 */
#ifndef SALLYPORT_CLI_FILES_TREE_H
#define SALLYPORT_CLI_FILES_TREE_H

#include "cli/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree_file {
	char *name; /* owned; below the root; "" when the root is the file */
	uint64_t size;
	char sha256[65]; /* "" until it was read */
	bool is_list;    /* the caller's mark */
	/* of its content, "text/csv"; "" unless asked for */
	char type[96];
	char problem[128]; /* "" or why it could not be read or copied */
};

struct tree {
	char *root; /* owned, absolute */
	struct tree_file *files;
	size_t n, size;
	struct list folders; /* parents first */
	uint64_t bytes;
};

struct tree_wish {
	const char *label;   /* what the progress line calls it; NULL: no line */
	const char *copy_to; /* a folder of ours, made new; NULL: no copy */
	bool types;
};

/*
 * Lists it by name. Symbolic links are followed when what they lead to is a file, and refused when
 * not, on Windows always; what is neither file nor folder is refused. 0, or an exit status after
 * having complained; `ret_problem` (may be NULL) then holds the same sentence.
 */
int tree_list(struct tree *t, const char *root, struct text *ret_problem);
/* Reads them all. 0, also with problems of single files; or an exit status after having complained.
 */
int tree_read(struct tree *t, const struct tree_wish *wish);
/* Removes a copy. */
void tree_remove(const char *folder);
void tree_finish(struct tree *t);

#endif
