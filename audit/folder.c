/*
 * Reads what stands beside the lines: tree files and checkpoints. Judges nothing but their form.
 */
#include "audit/folder.h"
#include "audit/hold.h"
#include "audit/os.h"
#include "audit/seal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One tree file more; AUDIT_END when it is not there, AUDIT_EFORMAT when it does not follow. */
static int add_tree(struct folder *f, struct tree *so_far, unsigned segment)
{
	char name[SEGMENT_NAME], *text = NULL;
	struct tree header;
	size_t len = 0, at = 0;
	int error;

	seal_tree_name(segment, name);
	error = folder_read(f->dir, name, &text, &len);
	if (error == AUDIT_OK) {
		error = tree_file_header(text, len, &header, &at);
	}
	if (error == AUDIT_OK &&
		(header.size != so_far->size ||
			memcmp(header.nodes, so_far->nodes,
				(size_t)tree_n_nodes(header.size) * TREE_HASH) != 0)) {
		error = AUDIT_EFORMAT;
	}
	for (; error == AUDIT_OK && len - at >= TREE_HASH; at += TREE_HASH) {
		tree_add(so_far, (const unsigned char *)text + at);
		if (!leaves_add(&f->leaves, (const unsigned char *)text + at)) {
			error = AUDIT_EMEMORY;
		}
	}
	if (error == AUDIT_OK) {
		f->firsts[segment] = header.size;
	}
	free(text);
	return error;
}

/* Those that are there by now. */
static int add_segments(struct folder *f)
{
	unsigned n = f->firsts != NULL ? f->n_segments + 2 : 0, last = 0;
	uint64_t *more;
	int error = segments_last(f->dir, &last);

	if (error != AUDIT_OK || last + 2 <= n) {
		return error;
	}
	more = realloc(f->firsts, (last + 2) * sizeof(*more));
	if (more == NULL) {
		return AUDIT_EMEMORY;
	}
	for (; n < last + 2; n++) {
		more[n] = UINT64_MAX;
	}
	f->firsts = more;
	f->n_segments = last;
	return AUDIT_OK;
}

static int add_trees(struct folder *f)
{
	struct tree so_far = {.size = 0};
	int error = AUDIT_OK;

	for (unsigned n = 1; n <= f->n_segments; n++) {
		error = add_tree(f, &so_far, n);
		if (error != AUDIT_OK) {
			break;
		}
		f->n_trees = n;
	}
	f->trees_torn = error != AUDIT_OK;
	return error == AUDIT_EFORMAT || error == AUDIT_END ? AUDIT_OK : error;
}

static int add_checkpoints(struct folder *f)
{
	struct folder_checkpoint next = {.at = 0};
	size_t len = 0, room = 0;
	enum note_end end;
	int error = folder_read(f->dir, seal_checkpoints, &f->checkpoints, &len);

	if (error != AUDIT_OK) {
		return error == AUDIT_END ? AUDIT_OK : error;
	}
	while ((end = checkpoint_read(f->checkpoints + next.at, len - next.at, &next.c,
			&next.len)) == NOTE_WHOLE) {
		if (f->n_checkpoints == room) {
			void *grown;

			room = room ? room * 2 : 64;
			grown = realloc(f->list, room * sizeof(*f->list));
			if (grown == NULL) {
				return AUDIT_EMEMORY;
			}
			f->list = grown;
		}
		f->list[f->n_checkpoints++] = next;
		next.at += next.len;
	}
	f->checkpoints_bad = end == NOTE_BAD;
	return AUDIT_OK;
}

int folder_open(struct folder *f, const char *dir, struct audit_diag *diag)
{
	int error = AUDIT_EIO;

	memset(f, 0, sizeof(*f));
	f->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir >= 0) {
		error = add_segments(f);
	}
	if (error == AUDIT_OK) {
		f->live = hold_is_taken(f->dir);
		/* A writer puts a checkpoint there before the leaves it covers. */
		error = add_trees(f);
	}
	if (error == AUDIT_OK) {
		error = add_checkpoints(f);
	}
	if (error == AUDIT_OK) {
		error = add_segments(f); /* and the lines before the checkpoint */
	}
	if (error != AUDIT_OK) {
		error = audit_say(diag, error, dir, "cannot be read");
		folder_close(f);
	}
	return error;
}

void folder_close(struct folder *f)
{
	if (f->dir >= 0) {
		close(f->dir);
	}
	free(f->leaves.at);
	free(f->firsts);
	free(f->checkpoints);
	free(f->list);
	memset(f, 0, sizeof(*f));
	f->dir = -1;
}

int folder_segment(const struct folder *f, unsigned segment, char **ret_text, size_t *ret_len)
{
	return folder_read_fd(segment_open(f->dir, segment), UINT64_MAX, ret_text, ret_len);
}
