/*
 * Hashes and signed roots to disk. Knows nothing of when: the writer calls it each second
 * of activity, at a segment's end and at the run's.
 */
#include "audit/seal.h"
#include "audit/note.h"
#include "audit/os.h"
#include "audit/seal_recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char seal_magic[8] = "SPTREE1\n";
const char seal_checkpoints[] = "checkpoints";

enum step { NOTHING = 0, CHECKPOINT, LEAVES };

struct seal {
	int dir; /* borrowed */
	struct audit_key key;
	struct tree tree;
	struct leaves added; /* since the last seal_take */

	struct grown checkpoints, file;
	enum step step; /* of what was taken */
	struct leaves taken;
	char note[NOTE_TEXT];
	size_t note_len;
	struct checkpoint last; /* the one taken, or written */
	uint64_t sealed;        /* records under checkpoints */
	bool any;               /* there is a last one */

	void (*listener)(void *arg, const char *note, size_t len);
	void *listener_arg;
};

void seal_tree_name(unsigned segment, char name[SEGMENT_NAME])
{
	snprintf(name, SEGMENT_NAME, "%06u.tree", segment);
}

bool leaves_add(struct leaves *l, const unsigned char leaf[TREE_HASH])
{
	if (l->n == l->size) {
		size_t size = l->size ? l->size * 2 : 1024;
		void *grown = realloc(l->at, size * TREE_HASH);

		if (grown == NULL) {
			return false;
		}
		l->at = grown;
		l->size = size;
	}
	memcpy(l->at[l->n++], leaf, TREE_HASH);
	return true;
}

bool seal_add(struct seal *s, const char *line, size_t len)
{
	unsigned char leaf[TREE_HASH];

	tree_leaf(line, len, leaf);
	if (!leaves_add(&s->added, leaf)) {
		return false;
	}
	tree_add(&s->tree, leaf);
	return true;
}

uint64_t seal_sealed(const struct seal *s)
{
	return s->sealed;
}

bool seal_due(const struct seal *s)
{
	return s->step != NOTHING || s->tree.size > s->sealed;
}

void seal_take(struct seal *s)
{
	struct leaves empty = s->taken;
	struct timespec now;

	if (s->step != NOTHING || s->tree.size == s->sealed) {
		return;
	}
	s->taken = s->added;
	s->added = empty;
	s->added.n = 0;
	clock_gettime(CLOCK_REALTIME, &now);
	s->last.number += s->any;
	s->last.size = s->tree.size;
	s->last.time_ns = (int64_t)now.tv_sec * 1000000000;
	tree_root(&s->tree, s->last.root);
	s->any = true;
	s->note_len = 0;
	s->step = CHECKPOINT;
}

static int write_checkpoint(struct seal *s, struct audit_diag *diag)
{
	uint64_t before = s->checkpoints.size;

	if (s->note_len == 0) {
		s->note_len = checkpoint_write(&s->last, &s->key, s->note);
		if (s->note_len == 0 || s->note_len + 1 >= sizeof(s->note)) {
			s->note_len = 0;
			errno = EIO;
			return audit_say(diag, AUDIT_EIO, seal_checkpoints, "cannot be signed");
		}
		s->note[s->note_len++] = '\n';
	}
	if (grown_append(&s->checkpoints, s->note, s->note_len) != AUDIT_OK) {
		return audit_say(diag, AUDIT_EIO, seal_checkpoints, "cannot be written");
	}
	if (audit_os->sync_data(s->checkpoints.fd) != 0) {
		grown_forget(&s->checkpoints, before);
		return audit_say(diag, AUDIT_EIO, seal_checkpoints, "cannot be synced");
	}
	s->sealed = s->last.size;
	s->step = LEAVES;
	if (s->listener != NULL) {
		s->listener(s->listener_arg, s->note, s->note_len - 1);
	}
	return AUDIT_OK;
}

static int write_leaves(struct seal *s, struct audit_diag *diag)
{
	uint64_t before = s->file.size;

	if (grown_append(&s->file, s->taken.at, s->taken.n * TREE_HASH) != AUDIT_OK) {
		return audit_say(diag, AUDIT_EIO, "tree", "cannot be written");
	}
	if (audit_os->sync_data(s->file.fd) != 0) {
		grown_forget(&s->file, before);
		return audit_say(diag, AUDIT_EIO, "tree", "cannot be synced");
	}
	s->taken.n = 0;
	s->step = NOTHING;
	return AUDIT_OK;
}

int seal_write(struct seal *s, struct audit_diag *diag)
{
	int error = AUDIT_OK;

	if (s->step == CHECKPOINT) {
		error = write_checkpoint(s, diag);
	}
	if (error == AUDIT_OK && s->step == LEAVES) {
		error = write_leaves(s, diag);
	}
	return error;
}

static int write_header(
	struct grown *file, const struct tree *tree, const char *name, struct audit_diag *diag)
{
	unsigned char header[TREE_FILE_HEADER + TREE_DEPTH * TREE_HASH];
	unsigned n = tree_n_nodes(tree->size);

	memcpy(header, seal_magic, 8);
	for (int i = 0; i < 8; i++) {
		header[8 + i] = (unsigned char)(tree->size >> (56 - 8 * i));
	}
	memcpy(header + TREE_FILE_HEADER, tree->nodes, (size_t)n * TREE_HASH);
	if (grown_append(file, header, TREE_FILE_HEADER + (size_t)n * TREE_HASH) != AUDIT_OK) {
		return audit_say(diag, AUDIT_EIO, name, "cannot be written");
	}
	return AUDIT_OK;
}

int seal_next_segment(struct seal *s, unsigned segment, struct audit_diag *diag)
{
	struct grown file = {.fd = -1};
	char name[SEGMENT_NAME];

	seal_tree_name(segment, name);
	file.fd = audit_os->create(s->dir, name, O_WRONLY | O_TRUNC);
	if (file.fd < 0 || write_header(&file, &s->tree, name, diag) != AUDIT_OK ||
		audit_os->sync(file.fd) != 0) {
		int error = audit_say(diag, AUDIT_EIO, name, "cannot be made");

		if (file.fd >= 0) {
			close(file.fd);
		}
		return error;
	}
	if (s->file.fd >= 0) {
		close(s->file.fd);
	}
	s->file = file;
	return AUDIT_OK;
}

/* ---- opening ---- */

static int open_checkpoints(struct seal *s, struct recovered *r, struct audit_diag *diag)
{
	s->checkpoints.fd = audit_os->create(s->dir, seal_checkpoints, O_WRONLY);
	if (s->checkpoints.fd < 0) {
		return audit_say(diag, AUDIT_EIO, seal_checkpoints, "cannot be opened for writing");
	}
	s->checkpoints.size = r->checkpoints_size;
	if (r->checkpoints_cut > 0 &&
		audit_os->truncate_to(s->checkpoints.fd, (off_t)s->checkpoints.size) != 0) {
		return audit_say(diag, AUDIT_EIO, seal_checkpoints, "the torn end cannot be cut");
	}
	s->any = r->has_checkpoint;
	s->last = r->last;
	s->sealed = r->has_checkpoint ? r->last.size : 0;
	if (!s->any) {
		unsigned char id[8];

		if (!ed25519_random(id, sizeof(id))) {
			errno = ENOSYS;
			return audit_say(diag, AUDIT_EIO, "", "no random bytes");
		}
		snprintf(s->last.origin, sizeof(s->last.origin),
			"%s/%02x%02x%02x%02x%02x%02x%02x%02x", s->key.public.name, id[0], id[1],
			id[2], id[3], id[4], id[5], id[6], id[7]);
	}
	return AUDIT_OK;
}

/* Leaves under a checkpoint go to their file at once; the others wait for one. */
static int open_tree(
	struct seal *s, struct recovered *r, const struct tail *tail, struct audit_diag *diag)
{
	char name[SEGMENT_NAME];
	struct tree whole = r->tree;
	size_t sealed;
	int error;

	seal_tree_name(tail->segment, name);
	s->tree = r->first; /* what the header says */
	if (r->tree_size == 0) {
		error = seal_next_segment(s, tail->segment, diag);
		if (error != AUDIT_OK) {
			return error;
		}
	} else {
		s->file.fd = audit_os->create(s->dir, name, O_WRONLY);
		s->file.size = r->tree_size;
		if (s->file.fd < 0 || audit_os->truncate_to(s->file.fd, (off_t)r->tree_size) != 0) {
			return audit_say(diag, AUDIT_EIO, name, "cannot be opened for writing");
		}
	}
	s->tree = whole;
	sealed = s->sealed > r->missing_from ? (size_t)(s->sealed - r->missing_from) : 0;
	if (sealed > 0 && (grown_append(&s->file, r->missing.at, sealed * TREE_HASH) != AUDIT_OK ||
				  audit_os->sync_data(s->file.fd) != 0)) {
		return audit_say(diag, AUDIT_EIO, name, "cannot be written");
	}
	for (size_t i = sealed; i < r->missing.n; i++) {
		if (!leaves_add(&s->added, r->missing.at[i])) {
			return audit_say(diag, AUDIT_EMEMORY, "", "memory is out");
		}
	}
	return AUDIT_OK;
}

/* For whoever verifies without a key file: it shows accidents, not a forger who replaces it too. */
static int write_public_key(struct seal *s, struct audit_diag *diag)
{
	struct grown file = {.fd = -1};
	char text[AUDIT_KEY_TEXT + 1], *there = NULL;
	size_t len, there_len = 0;
	bool same;

	note_key_text(&s->key.public, text);
	len = strlen(text);
	text[len++] = '\n';
	same = folder_read(s->dir, "key.pub", &there, &there_len) == AUDIT_OK && there_len == len &&
	       memcmp(there, text, len) == 0;
	free(there);
	if (same) {
		return AUDIT_OK;
	}
	file.fd = audit_os->create(s->dir, "key.pub", O_WRONLY | O_TRUNC);
	if (file.fd < 0 || grown_append(&file, text, len) != AUDIT_OK ||
		audit_os->sync(file.fd) != 0) {
		int error = audit_say(diag, AUDIT_EIO, "key.pub", "cannot be written");

		if (file.fd >= 0) {
			close(file.fd);
		}
		return error;
	}
	close(file.fd);
	return AUDIT_OK;
}

int seal_open(int dir, const struct audit_key *key, const struct tail *tail, struct seal **ret_seal,
	uint64_t *ret_cut, struct audit_diag *diag)
{
	struct seal *s = calloc(1, sizeof(*s));
	struct recovered r = {0};
	int error;

	if (s == NULL) {
		return audit_say(diag, AUDIT_EMEMORY, "", "memory is out");
	}
	s->dir = dir;
	s->key = *key;
	s->checkpoints.fd = s->file.fd = -1;
	error = seal_recover(dir, tail, &r, diag);
	if (error == AUDIT_OK) {
		error = open_checkpoints(s, &r, diag);
	}
	if (error == AUDIT_OK) {
		error = open_tree(s, &r, tail, diag);
	}
	if (error == AUDIT_OK) {
		error = write_public_key(s, diag);
	}
	if (error == AUDIT_OK) {
		*ret_seal = s;
		*ret_cut = r.checkpoints_cut;
	} else {
		seal_close(s);
	}
	free(r.missing.at);
	return error;
}

void seal_listen(struct seal *s, void (*fn)(void *arg, const char *note, size_t len), void *arg)
{
	s->listener = fn;
	s->listener_arg = arg;
}

void seal_close(struct seal *s)
{
	if (s == NULL) {
		return;
	}
	if (s->checkpoints.fd >= 0) {
		close(s->checkpoints.fd);
	}
	if (s->file.fd >= 0) {
		close(s->file.fd);
	}
	audit_key_wipe(&s->key);
	free(s->added.at);
	free(s->taken.at);
	free(s);
}
