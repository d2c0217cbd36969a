/*
 * A record folder as whoever verifies or proves sees it: all hashes, all checkpoints. Private to
 * audit/.
 */
#ifndef SALLYPORT_AUDIT_FOLDER_H
#define SALLYPORT_AUDIT_FOLDER_H

#include "audit/note.h"
#include "audit/seal_recover.h"

struct folder_checkpoint {
	struct checkpoint c;
	size_t at, len; /* in the text */
};

struct folder {
	int dir; /* owned */
	unsigned n_segments;
	struct leaves leaves; /* of all tree files that follow each other */
	uint64_t *firsts;     /* owned: of each segment, from 1; UINT64_MAX: its tree is no good */
	unsigned n_trees;     /* good ones, from the first on */
	bool trees_torn;      /* a tree file after them is there, and no good */
	char *checkpoints;    /* owned: the text */
	struct folder_checkpoint *list; /* owned: whole ones */
	size_t n_checkpoints;
	bool checkpoints_bad; /* what follows them is no note */
	bool live;            /* a writer has it */
};

int folder_open(struct folder *f, const char *dir, struct audit_diag *diag)
	__attribute__((warn_unused_result));
void folder_close(struct folder *f);
/* The lines of a segment; AUDIT_END when the file is gone. Free the text. */
int folder_segment(const struct folder *f, unsigned segment, char **ret_text, size_t *ret_len);

#endif
