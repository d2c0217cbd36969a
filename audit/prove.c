/*
 * That one line is under a signed root, as a text that stands alone (C2SP tlog-proof).
 */
#include "audit/folder.h"
#include "audit/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char first_line[] = "c2sp.org/tlog-proof@v1\n";

static int line_of(const struct folder *f, uint64_t seq, char **ret_line, struct audit_diag *diag)
{
	unsigned segment = f->n_trees;
	char *text = NULL, *at, *newline = NULL;
	uint64_t number;
	size_t len = 0;
	int error;

	while (segment > 1 && f->firsts[segment] > seq) {
		segment--;
	}
	error = folder_segment(f, segment, &text, &len);
	if (error != AUDIT_OK) {
		return audit_say(diag, AUDIT_EFORMAT, "", "the record's segment is gone");
	}
	at = text;
	for (number = f->firsts[segment]; number <= seq; number++) {
		at = newline != NULL ? newline + 1 : at;
		newline = memchr(at, '\n', len - (size_t)(at - text));
		if (newline == NULL) {
			free(text);
			return audit_say(diag, AUDIT_EFORMAT, "", "there is no such record");
		}
	}
	*newline = '\0';
	memmove(text, at, (size_t)(newline - at) + 1);
	*ret_line = text;
	return AUDIT_OK;
}

static char *print_proof(const struct folder *f, uint64_t seq, const char *line)
{
	const struct folder_checkpoint *last = &f->list[f->n_checkpoints - 1];
	unsigned char proof[TREE_DEPTH][TREE_HASH];
	unsigned n = tree_prove(
		(const unsigned char(*)[TREE_HASH])f->leaves.at, last->c.size, seq, proof);
	size_t size = strlen(line) * 2 + NOTE_TEXT + TREE_DEPTH * 64 + 256, at;
	char *text = malloc(size);

	if (text == NULL) {
		return NULL;
	}
	at = (size_t)snprintf(text, size, "%sextra ", first_line);
	at += base64_write(line, strlen(line), text + at, size - at);
	at += (size_t)snprintf(text + at, size - at, "\nindex %" PRIu64 "\n", seq);
	for (unsigned i = 0; i < n; i++) {
		at += base64_write(proof[i], TREE_HASH, text + at, size - at);
		text[at++] = '\n';
	}
	/* The note without the empty line that ends it in its file. */
	snprintf(text + at, size - at, "\n%.*s", (int)last->len - 1, f->checkpoints + last->at);
	return text;
}

int audit_prove(const char *dir, uint64_t seq, char **ret_proof, struct audit_diag *diag)
{
	struct folder f;
	unsigned char leaf[TREE_HASH];
	char *line = NULL, *proof = NULL;
	int error = folder_open(&f, dir, diag);

	if (error != AUDIT_OK) {
		return error;
	}
	if (f.n_checkpoints == 0 || seq >= f.list[f.n_checkpoints - 1].c.size ||
		f.leaves.n < f.list[f.n_checkpoints - 1].c.size) {
		error = audit_say(diag, AUDIT_EFORMAT, dir, "no checkpoint covers this record");
		goto out;
	}
	error = line_of(&f, seq, &line, diag);
	if (error != AUDIT_OK) {
		goto out;
	}
	tree_leaf(line, strlen(line), leaf);
	if (memcmp(leaf, f.leaves.at[seq], TREE_HASH) != 0) {
		error = audit_say(diag, AUDIT_EFORMAT, dir,
			"this record is not the one that was sealed: see sallyport log verify");
		goto out;
	}
	proof = print_proof(&f, seq, line);
	if (proof == NULL) {
		error = audit_say(diag, AUDIT_EMEMORY, dir, "memory is out");
		goto out;
	}
	*ret_proof = proof;
out:
	free(line);
	folder_close(&f);
	return error;
}

/* ---- the other side ---- */

struct proof {
	unsigned char *line; /* owned, with a NUL */
	size_t line_len;
	uint64_t index;
	unsigned char hashes[TREE_DEPTH][TREE_HASH];
	unsigned n;
	const char *note;
};

static bool take(const char **at, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*at, text, len) != 0) {
		return false;
	}
	*at += len;
	return true;
}

/* Text of any length: base64_read() is for keys and hashes. */
static bool read_line(struct proof *p, const char *text, size_t len)
{
	unsigned char *line = malloc(len / 4 * 3 + 4);
	size_t done = 0, size = len / 4 * 3 + 3;

	if (line == NULL) {
		return false;
	}
	p->line = line;
	for (size_t at = 0; at < len; at += 4) {
		size_t want = at + 4 < len || text[len - 1] != '=' ? 3
			      : len >= 2 && text[len - 2] == '='   ? 1
								   : 2;

		if (len - at < 4 || done + want > size ||
			!base64_read(text + at, 4, line + done, want)) {
			return false;
		}
		done += want;
	}
	line[done] = '\0';
	p->line_len = done;
	return memchr(line, '\0', done) == NULL;
}

static bool read_proof(struct proof *p, const char *at)
{
	char *end;

	if (!take(&at, first_line) || !take(&at, "extra ") ||
		!read_line(p, at, strcspn(at, "\n"))) {
		return false;
	}
	at += strcspn(at, "\n");
	if (!take(&at, "\nindex ") || *at < '0' || *at > '9') {
		return false;
	}
	p->index = strtoull(at, &end, 10);
	at = end;
	while (take(&at, "\n") && *at != '\n') {
		size_t len = strcspn(at, "\n");

		if (p->n == TREE_DEPTH || !base64_read(at, len, p->hashes[p->n++], TREE_HASH)) {
			return false;
		}
		at += len;
	}
	p->note = at + 1;
	return *at == '\n';
}

static int check(struct proof *p, const struct audit_public_key *keys, size_t n_keys,
	struct audit_diag *diag)
{
	size_t len = strlen(p->note);
	char *note = malloc(len + 2);
	struct checkpoint c;
	unsigned char leaf[TREE_HASH];
	int error = AUDIT_OK;

	if (note == NULL) {
		return audit_say(diag, AUDIT_EMEMORY, "", "memory is out");
	}
	memcpy(note, p->note, len);
	memcpy(note + len, "\n", 2);
	tree_leaf(p->line, p->line_len, leaf);
	if (checkpoint_read(note, len + 1, &c, &len) != NOTE_WHOLE) {
		error = audit_say(diag, AUDIT_EFORMAT, "", "its checkpoint is none");
	} else if (note[len + strspn(note + len, "\n")] != '\0') {
		error = audit_say(diag, AUDIT_EFORMAT, "", "something follows its checkpoint");
	} else if (!checkpoint_signed(note, len, keys, n_keys)) {
		error = audit_say(
			diag, AUDIT_EFORMAT, "", "its checkpoint is not signed by the key");
	} else if (!tree_proves(leaf, p->index, c.size,
			   (const unsigned char(*)[TREE_HASH])p->hashes, p->n, c.root)) {
		error = audit_say(
			diag, AUDIT_EFORMAT, "", "the record is not under the checkpoint's root");
	}
	free(note);
	return error;
}

int audit_verify_proof(const char *proof, const struct audit_public_key *keys, size_t n_keys,
	char **ret_line, struct audit_diag *diag)
{
	struct proof *p = calloc(1, sizeof(*p));
	int error;

	if (p == NULL) {
		return audit_say(diag, AUDIT_EMEMORY, "", "memory is out");
	}
	error = read_proof(p, proof) ? check(p, keys, n_keys, diag)
				     : audit_say(diag, AUDIT_EFORMAT, "", "this is no proof");
	if (error == AUDIT_OK) {
		*ret_line = (char *)p->line;
		p->line = NULL;
	}
	free(p->line);
	free(p);
	return error;
}
