/*
 * The Merkle tree over the lines of a record: RFC 6962 2.1, proofs by RFC 9162 2.1.3. Private to
 * audit/.
 */
#ifndef SALLYPORT_AUDIT_TREE_H
#define SALLYPORT_AUDIT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TREE_HASH = 32, TREE_DEPTH = 64 };

/* The roots of the full subtrees, largest first: one for each bit set in `size`. All zero: empty.
 */
struct tree {
	uint64_t size;
	unsigned char nodes[TREE_DEPTH][TREE_HASH];
};

unsigned tree_n_nodes(uint64_t size);
void tree_leaf(const void *data, size_t len, unsigned char ret_leaf[TREE_HASH]);
void tree_add(struct tree *t, const unsigned char leaf[TREE_HASH]);
void tree_root(const struct tree *t, unsigned char ret_root[TREE_HASH]);

/* The proof of `index` among `size` leaves (index < size); returns how many hashes it has. */
unsigned tree_prove(const unsigned char (*leaves)[TREE_HASH], uint64_t size, uint64_t index,
	unsigned char ret_proof[TREE_DEPTH][TREE_HASH]);
bool tree_proves(const unsigned char leaf[TREE_HASH], uint64_t index, uint64_t size,
	const unsigned char (*proof)[TREE_HASH], unsigned n, const unsigned char root[TREE_HASH]);

#endif
