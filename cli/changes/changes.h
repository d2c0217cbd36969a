/*
 * What a run with --review changed, kept beside its record until somebody takes or drops it.
 */
#ifndef SALLYPORT_CLI_CHANGES_CHANGES_H
#define SALLYPORT_CLI_CHANGES_CHANGES_H

#include "cli/text.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum change_kind {
	CHANGE_NONE = 0,
	CHANGE_ADDED,
	CHANGE_CHANGED,
	CHANGE_REMOVED,
};

struct change {
	enum change_kind kind;
	size_t folder;          /* which of the run's folders */
	char *path;             /* owned; below it */
	mode_t mode;            /* with its type; of what was there when it is removed */
	uint64_t before, after; /* bytes */
	/* why it is not taken with the others; NULL */
	const char *kept;
};

struct changes {
	char place[PATH_MAX];  /* the folder "changes" of the record */
	struct list folders;   /* absolute */
	struct list dropped;   /* "N/path" */
	struct timespec since; /* start of the run */
	struct change *items;  /* owned; by folder, then as a tree is read */
	size_t n, size;
};

/* Makes the places for a folder's changes: absolute path in `ret_place`. 0, or an exit status. */
int changes_prepare(
	const char *record_dir, size_t number, const char *folder, char ret_place[PATH_MAX]);
/* 0, or an exit status after having complained; none at all is an empty list. */
int changes_load(struct changes *c, const char *record_dir);
/* Does to the folder what was done in the jail. 0, or an exit status after having complained. */
int changes_apply(const struct changes *c, const struct change *item);
/* Is not listed again. */
int changes_drop(const struct changes *c, const struct change *item);
/* All of them, and their place. */
void changes_remove(const char *record_dir);
/* Host path of what stands there now (`above` false) or of what it would become. */
void changes_path(
	const struct changes *c, const struct change *item, bool above, char ret_path[PATH_MAX]);
void changes_finish(struct changes *c);

/* take.c: `rel` below `root`, `from` the host path of what is to stand there. */
int changes_take(const char *root, const struct change *item, const char *from);

#endif
