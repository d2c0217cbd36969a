/*
 * Hashes of lines up to one root. Leaves and nodes are hashed with different first bytes, so that
 * none can be taken for the other.
 */
#include "audit/tree.h"
#include "audit/sha256.h"

#include <mbedtls/sha256.h>

#include <assert.h>
#include <string.h>

static void hash(unsigned char kind, const void *a, size_t a_len, const void *b, size_t b_len,
	unsigned char ret[TREE_HASH])
{
	bool done = sha256_parts(kind, a, a_len, b, b_len, ret);

	assert(done); /* computing in memory cannot fail */
}

static void join(const unsigned char *left, const unsigned char *right, unsigned char *ret)
{
	hash(1, left, TREE_HASH, right, TREE_HASH, ret);
}

unsigned tree_n_nodes(uint64_t size)
{
	return (unsigned)__builtin_popcountll(size);
}

void tree_leaf(const void *data, size_t len, unsigned char ret_leaf[TREE_HASH])
{
	hash(0, data, len, "", 0, ret_leaf);
}

void tree_add(struct tree *t, const unsigned char leaf[TREE_HASH])
{
	unsigned n = tree_n_nodes(t->size);
	unsigned char node[TREE_HASH];

	memcpy(node, leaf, TREE_HASH);
	/* As in adding one to a number: each carry joins two subtrees of one size. */
	for (uint64_t carry = t->size; (carry & 1) != 0; carry >>= 1) {
		join(t->nodes[--n], node, node);
	}
	memcpy(t->nodes[n], node, TREE_HASH);
	t->size++;
}

void tree_root(const struct tree *t, unsigned char ret_root[TREE_HASH])
{
	unsigned n = tree_n_nodes(t->size);

	if (n == 0) {
		int failed = mbedtls_sha256((const unsigned char *)"", 0, ret_root, 0);

		assert(failed == 0);
		return;
	}
	memcpy(ret_root, t->nodes[--n], TREE_HASH);
	while (n > 0) {
		join(t->nodes[--n], ret_root, ret_root);
	}
}

/* The root of some leaves by themselves. */
static void root_of(
	const unsigned char (*leaves)[TREE_HASH], uint64_t n, unsigned char ret[TREE_HASH])
{
	struct tree t = {.size = 0};

	for (uint64_t i = 0; i < n; i++) {
		tree_add(&t, leaves[i]);
	}
	tree_root(&t, ret);
}

/* RFC 6962 2.1: the left subtree is full, the largest power of two below the size. */
static uint64_t split(uint64_t size)
{
	return (uint64_t)1 << (63 - __builtin_clzll(size - 1));
}

unsigned tree_prove(const unsigned char (*leaves)[TREE_HASH], uint64_t size, uint64_t index,
	unsigned char ret_proof[TREE_DEPTH][TREE_HASH])
{
	unsigned char down[TREE_DEPTH][TREE_HASH];
	unsigned n = 0;

	assert(index < size);
	while (size > 1) {
		uint64_t left = split(size);

		if (index < left) {
			root_of(leaves + left, size - left, down[n++]);
			size = left;
		} else {
			root_of(leaves, left, down[n++]);
			leaves += left;
			index -= left;
			size -= left;
		}
	}
	for (unsigned i = 0; i < n; i++) {
		memcpy(ret_proof[i], down[n - 1 - i], TREE_HASH);
	}
	return n;
}

bool tree_proves(const unsigned char leaf[TREE_HASH], uint64_t index, uint64_t size,
	const unsigned char (*proof)[TREE_HASH], unsigned n, const unsigned char root[TREE_HASH])
{
	unsigned char node[TREE_HASH];
	uint64_t last = size - 1;

	if (index >= size) {
		return false;
	}
	memcpy(node, leaf, TREE_HASH);
	for (unsigned i = 0; i < n; i++) {
		if (last == 0) {
			return false;
		}
		if ((index & 1) != 0 || index == last) {
			join(proof[i], node, node);
			/* A last node without a sibling rises until it has one. */
			while ((index & 1) == 0 && index != 0) {
				index >>= 1;
				last >>= 1;
			}
		} else {
			join(node, proof[i], node);
		}
		index >>= 1;
		last >>= 1;
	}
	return last == 0 && memcmp(node, root, TREE_HASH) == 0;
}
