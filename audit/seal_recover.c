/*
 * Before a folder is written on, it has to be what the last checkpoint in it says: who adds to a
 * changed record would seal the change. All but the last segment is verify.c's to check.
 */
#include "audit/seal_recover.h"
#include "audit/line.h"
#include "audit/os.h"
#include "audit/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int folder_read_fd(int fd, uint64_t most, char **ret_text, size_t *ret_len)
{
	struct stat st;
	char *text = NULL;
	size_t len = 0, size = 0;
	int error = AUDIT_EIO;

	if (fd < 0) {
		return errno == ENOENT ? AUDIT_END : AUDIT_EIO;
	}
	if (fstat(fd, &st) == 0) {
		size = (uint64_t)st.st_size < most ? (size_t)st.st_size : (size_t)most;
		text = malloc(size + 1);
	}
	if (text == NULL) {
		goto out;
	}
	while (len < size) {
		ssize_t got = read(fd, text + len, size - len);

		if (got < 0) {
			goto out;
		}
		if (got == 0) {
			break;
		}
		len += (size_t)got;
	}
	text[len] = '\0';
	*ret_text = text;
	*ret_len = len;
	text = NULL;
	error = AUDIT_OK;
out:
	free(text);
	close(fd);
	return error;
}

int folder_read(int dir, const char *name, char **ret_text, size_t *ret_len)
{
	return folder_read_fd(open_to_read(dir, name), UINT64_MAX, ret_text, ret_len);
}

int tree_file_header(const char *text, size_t len, struct tree *ret_tree, size_t *ret_header)
{
	struct tree tree = {.size = 0};
	size_t nodes;

	if (len < TREE_FILE_HEADER || memcmp(text, seal_magic, sizeof(seal_magic)) != 0) {
		return AUDIT_EFORMAT;
	}
	for (int i = 0; i < 8; i++) {
		tree.size = tree.size << 8 | (unsigned char)text[8 + i];
	}
	nodes = (size_t)tree_n_nodes(tree.size) * TREE_HASH;
	if (len - TREE_FILE_HEADER < nodes) {
		return AUDIT_EFORMAT;
	}
	memcpy(tree.nodes, text + TREE_FILE_HEADER, nodes);
	*ret_tree = tree;
	*ret_header = TREE_FILE_HEADER + nodes;
	return AUDIT_OK;
}

static int recover_checkpoints(int dir, struct recovered *r, struct audit_diag *diag)
{
	char *text = NULL;
	size_t len = 0, at = 0, note;
	enum note_end end = NOTE_NONE;
	int error = folder_read(dir, seal_checkpoints, &text, &len);

	if (error != AUDIT_OK) {
		return error == AUDIT_END
			       ? AUDIT_OK
			       : audit_say(diag, error, seal_checkpoints, "cannot be read");
	}
	while ((end = checkpoint_read(text + at, len - at, &r->last, &note)) == NOTE_WHOLE) {
		at += note;
		r->has_checkpoint = true;
	}
	free(text);
	if (end == NOTE_BAD) {
		return audit_say(diag, AUDIT_EFORMAT, seal_checkpoints,
			"what stands there is no checkpoint: sallyport log verify says more");
	}
	r->checkpoints_size = at;
	r->checkpoints_cut = len - at;
	return AUDIT_OK;
}

struct check {
	struct recovered *r;
	unsigned char hashed[TREE_HASH]; /* root over what the tree file has */
	bool met;                        /* the last checkpoint's root came out */
	bool same;                       /* so did that one, of the lines themselves */
};

static void look(struct check *c)
{
	unsigned char root[TREE_HASH];

	if (c->r->has_checkpoint && c->r->tree.size == c->r->last.size) {
		tree_root(&c->r->tree, root);
		c->met = memcmp(root, c->r->last.root, TREE_HASH) == 0;
	}
	if (c->r->tree.size == c->r->missing_from) {
		tree_root(&c->r->tree, root);
		c->same = memcmp(root, c->hashed, TREE_HASH) == 0;
	}
}

static int recover_tree(int dir, const struct tail *tail, struct check *c, struct audit_diag *diag)
{
	struct recovered *r = c->r;
	char name[SEGMENT_NAME], *text = NULL;
	size_t len = 0, header = 0;
	int error;

	seal_tree_name(tail->segment, name);
	error = folder_read(dir, name, &text, &len);
	if (error == AUDIT_OK) {
		error = tree_file_header(text, len, &r->first, &header);
	}
	r->tree = r->first;
	if ((error == AUDIT_END || error == AUDIT_EFORMAT) && tail->next_seq == 0) {
		error = AUDIT_OK; /* a fresh folder, or a crash while it was one */
	} else if (error != AUDIT_OK) {
		error = audit_say(diag, error == AUDIT_END ? AUDIT_EFORMAT : error, name,
			"this record was written without a seal: take a new folder for one");
	} else {
		for (; len - header >= TREE_HASH; header += TREE_HASH) {
			tree_add(&r->tree, (const unsigned char *)text + header);
		}
		r->tree_size = header;
	}
	r->missing_from = r->tree.size;
	tree_root(&r->tree, c->hashed);
	free(text);
	return error;
}

/* All of them again: that their hashes are those of the last checkpoint is what is to be seen. */
static int recover_lines(int dir, const struct tail *tail, struct check *c, struct audit_diag *diag)
{
	struct recovered *r = c->r;
	char name[SEGMENT_NAME], *text = NULL;
	size_t len = 0;
	uint64_t seq = r->first.size;
	int error;

	r->tree = r->first;
	look(c);
	segment_name(tail->segment, name);
	error = folder_read_fd(open_to_read(dir, name), tail->size, &text, &len);
	if (error != AUDIT_OK) {
		return error == AUDIT_END ? AUDIT_OK
					  : audit_say(diag, error, name, "cannot be read");
	}
	for (char *at = text, *newline; error == AUDIT_OK; at = newline + 1, seq++) {
		unsigned char leaf[TREE_HASH];

		newline = memchr(at, '\n', len - (size_t)(at - text));
		if (newline == NULL) {
			break;
		}
		tree_leaf(at, (size_t)(newline - at), leaf);
		tree_add(&r->tree, leaf);
		look(c);
		if (seq >= r->missing_from && !leaves_add(&r->missing, leaf)) {
			error = audit_say(diag, AUDIT_EMEMORY, "", "memory is out");
		}
	}
	free(text);
	return error;
}

int seal_recover(int dir, const struct tail *tail, struct recovered *ret, struct audit_diag *diag)
{
	struct check c = {.r = ret};
	uint64_t hashed;
	int error = recover_checkpoints(dir, ret, diag);

	if (error == AUDIT_OK) {
		error = recover_tree(dir, tail, &c, diag);
	}
	hashed = ret->missing_from;
	if (error == AUDIT_OK) {
		error = recover_lines(dir, tail, &c, diag);
	}
	if (error != AUDIT_OK) {
		return error;
	}
	if (ret->tree.size != tail->next_seq || !c.same || (ret->has_checkpoint && !c.met) ||
		hashed > (ret->has_checkpoint ? ret->last.size : 0)) {
		return audit_say(diag, AUDIT_EFORMAT, seal_checkpoints,
			"the record is not as it was sealed, so nothing is added to it: "
			"sallyport log verify says what is wrong");
	}
	return AUDIT_OK;
}
