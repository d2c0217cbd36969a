/*
 * The seal on a record folder, its writing side: the hash of every line in NNNNNN.tree beside its
 * segment, signed roots in `checkpoints`. Not thread-safe: writer.c says who may call. Private to
 * audit/.
 *
 * In this order, so that a crash anywhere leaves something that verifies: the lines are on disk,
 * then the checkpoint over them is, then their hashes are in the tree file.
 */
#ifndef SALLYPORT_AUDIT_SEAL_H
#define SALLYPORT_AUDIT_SEAL_H

#include "audit/audit.h"
#include "audit/segments.h"
#include "audit/tree.h"

struct audit_key;
struct seal;

enum { TREE_FILE_HEADER = 16 }; /* then the subtree roots, then the leaves */
extern const char seal_magic[8];
extern const char seal_checkpoints[]; /* the name of the file */

void seal_tree_name(unsigned segment, char name[SEGMENT_NAME]);

/*
 * Goes on from what is there: an unfinished checkpoint is cut (bytes to `*ret_cut`), lines that a
 * crash left without hashes get them. AUDIT_EFORMAT: the folder is not as it was sealed.
 */
int seal_open(int dir, const struct audit_key *key, const struct tail *tail, struct seal **ret_seal,
	uint64_t *ret_cut, struct audit_diag *diag) __attribute__((warn_unused_result));
void seal_close(struct seal *s);
void seal_listen(struct seal *s, void (*fn)(void *arg, const char *note, size_t len), void *arg);

/* One line without its newline. False when memory is out. */
bool seal_add(struct seal *s, const char *line, size_t len) __attribute__((warn_unused_result));
/* Records under checkpoints. */
uint64_t seal_sealed(const struct seal *s);
/* Are there lines that no checkpoint covers? */
bool seal_due(const struct seal *s);
/* Fixes what the next checkpoint covers: all lines so far. What is under way stays. */
void seal_take(struct seal *s);
/* Writes what was taken; may be called again after an error. Lines may be added meanwhile. */
int seal_write(struct seal *s, struct audit_diag *diag) __attribute__((warn_unused_result));
/* Everything is sealed: the next segment's tree file. */
int seal_next_segment(struct seal *s, unsigned segment, struct audit_diag *diag)
	__attribute__((warn_unused_result));

#endif
