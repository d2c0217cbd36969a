/*
 * A list of files with their SHA-256, as sha256sum(1) writes and reads it.
 */
#ifndef SALLYPORT_CLI_FILES_MANIFEST_H
#define SALLYPORT_CLI_FILES_MANIFEST_H

#include "cli/text.h"

#include <stdbool.h>
#include <stddef.h>

struct manifest_line {
	char *name; /* owned; relative, without "." and "..", "x/y" */
	char sha256[65];
	bool found; /* the caller's mark */
};

struct manifest {
	struct manifest_line *lines; /* owned; by name */
	size_t n, size;
};

/*
 * Reads one. 0; or the number of the first line that is wrong, with the reason in `ret_why`, and
 * nothing kept. Two lines for one name are wrong, and so is a name that leads out of the folder.
 */
size_t manifest_read(struct manifest *m, const char *text, size_t len, const char **ret_why);
/* Takes "FOLDER/" from every name, if all begin with it. */
bool manifest_strip(struct manifest *m, const char *folder);
struct manifest_line *manifest_find(struct manifest *m, const char *name);
/* One line of it; names with a line end or a backslash are written as sha256sum(1) does. */
void manifest_write(struct text *t, const char *name, const char *sha256);
void manifest_finish(struct manifest *m);

#endif
