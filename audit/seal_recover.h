/*
 * What seal.c goes on from in a folder that has records already. Private to audit/.
 */
#ifndef SALLYPORT_AUDIT_SEAL_RECOVER_H
#define SALLYPORT_AUDIT_SEAL_RECOVER_H

#include "audit/note.h"
#include "audit/segments.h"

struct leaves {
	unsigned char (*at)[TREE_HASH]; /* owned */
	size_t n, size;
};
bool leaves_add(struct leaves *l, const unsigned char leaf[TREE_HASH])
	__attribute__((warn_unused_result));

struct recovered {
	bool has_checkpoint;
	struct checkpoint last;
	uint64_t checkpoints_size, checkpoints_cut; /* bytes: of whole ones, of a torn one */

	struct tree first, tree; /* at the last segment's begin, and with all its lines */
	uint64_t tree_size;      /* bytes of its tree file to keep; 0: it has to be made */
	struct leaves missing;   /* of its lines, not yet in that file */
	uint64_t missing_from;   /* record number of the first of them */
};

int seal_recover(int dir, const struct tail *tail, struct recovered *ret, struct audit_diag *diag)
	__attribute__((warn_unused_result));

/* The whole of a small file, with a NUL behind it; an absent one is empty. */
int folder_read(int dir, const char *name, char **ret_text, size_t *ret_len);

/* Likewise, no more than `most`; takes the descriptor, which may be -1 with errno. */
int folder_read_fd(int fd, uint64_t most, char **ret_text, size_t *ret_len);

/* The header of a tree file. 0, AUDIT_EFORMAT, or AUDIT_END when there is no such file. */
int tree_file_header(const char *text, size_t len, struct tree *ret_tree, size_t *ret_header);

#endif
