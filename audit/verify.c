/*
 * Lines, their hashes and signed roots held against each other. The roots decide; the hashes in the
 * tree files, once a root vouches for them, say which line it is.
 */
#include "audit/verify.h"
#include "audit/bodies.h"
#include "audit/folder.h"
#include "audit/seal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct verifier {
	struct folder f;
	const struct audit_public_key *keys;
	size_t n_keys;
	struct checkpoint since;
	bool has_since, met_since;

	uint64_t vouched; /* leaves below this are those of a signed root */
	struct tree tree; /* of the lines read */
	size_t next;      /* checkpoint that the lines have to meet */
	uint64_t doubt;   /* first line that is not as its unvouched hash; UINT64_MAX: none */
	uint64_t gone;    /* first record of a segment that is not there; UINT64_MAX: none */
	unsigned gone_segment, retired_segment;
	struct bodies_wanted bodies; /* that the lines say are stored */
	struct audit_verdict *v;
};

/* The first finding stays. */
static __attribute__((format(printf, 6, 7))) bool find(struct verifier *s, enum audit_bad bad,
	uint64_t first, bool exact, const char *path, const char *format, ...)
{
	va_list args;

	if (s->v->bad != AUDIT_GOOD) {
		return false;
	}
	s->v->bad = bad;
	s->v->first = first;
	s->v->exact = exact;
	snprintf(s->v->path, sizeof(s->v->path), "%s", path);
	va_start(args, format);
	vsnprintf(s->v->message, sizeof(s->v->message), format, args);
	va_end(args);
	return false;
}

/* ---- checkpoints by themselves ---- */

static bool check_checkpoints(struct verifier *s)
{
	const struct folder *f = &s->f;
	uint64_t size = 0;

	for (uint64_t i = 0; i < f->n_checkpoints; i++) {
		const struct folder_checkpoint *p = &f->list[i];

		if (!checkpoint_signed(f->checkpoints + p->at, p->len, s->keys, s->n_keys)) {
			return find(s, AUDIT_BAD_CHECKPOINT, i, true, seal_checkpoints,
				"checkpoint %" PRIu64 " is not signed by the key", i);
		}
		if (p->c.number != i || (i > 0 && p->c.size <= size) ||
			strcmp(p->c.origin, f->list[0].c.origin) != 0) {
			return find(s, AUDIT_BAD_CHECKPOINT, i, true, seal_checkpoints,
				"where checkpoint %" PRIu64 " belongs stands number %" PRIu64
				" of %s",
				i, p->c.number, p->c.origin);
		}
		size = p->c.size;
	}
	s->v->sealed = size;
	s->v->checkpoints = f->n_checkpoints;
	if (f->checkpoints_bad) {
		return find(s, AUDIT_BAD_CHECKPOINT, f->n_checkpoints, true, seal_checkpoints,
			"where checkpoint %" PRIu64 " belongs stands something else",
			(uint64_t)f->n_checkpoints);
	}
	if (f->leaves.n > size) {
		return find(s, AUDIT_BAD_CHECKPOINT, f->n_checkpoints, true, seal_checkpoints,
			"%" PRIu64 " records were sealed, the last checkpoint knows of %" PRIu64
			": later ones were taken away",
			(uint64_t)f->leaves.n, size);
	}
	return true;
}

static void vouch(struct verifier *s)
{
	const struct folder *f = &s->f;
	struct tree tree = {.size = 0};
	unsigned char root[TREE_HASH];
	size_t next = 0;

	for (size_t i = 0; i < f->leaves.n && next < f->n_checkpoints; i++) {
		tree_add(&tree, f->leaves.at[i]);
		if (tree.size == f->list[next].c.size) {
			tree_root(&tree, root);
			if (memcmp(root, f->list[next].c.root, TREE_HASH) != 0) {
				break;
			}
			s->vouched = tree.size;
			next++;
		}
	}
}

static bool read_since(struct verifier *s, const char *text)
{
	char *whole;
	size_t len;
	bool good;

	if (text == NULL) {
		return true;
	}
	/* A note by itself lacks the empty line that ends it in our file. */
	whole = malloc(strlen(text) + 3);
	if (whole == NULL) {
		return find(s, AUDIT_BAD_SINCE, 0, false, "", "memory is out");
	}
	strcpy(whole, text);
	len = strlen(whole);
	while (len > 0 && whole[len - 1] == '\n') {
		len--;
	}
	strcpy(whole + len, "\n\n");
	good = checkpoint_read(whole, len + 2, &s->since, &len) == NOTE_WHOLE &&
	       checkpoint_signed(whole, len, s->keys, s->n_keys);
	free(whole);
	s->has_since = good;
	if (!good) {
		return find(s, AUDIT_BAD_SINCE, 0, false, "",
			"what was held elsewhere is no checkpoint that the key signed");
	}
	if (s->f.n_checkpoints > 0 && strcmp(s->since.origin, s->f.list[0].c.origin) != 0) {
		return find(s, AUDIT_BAD_SINCE, 0, false, "",
			"the checkpoint held elsewhere is of another record: %s", s->since.origin);
	}
	return true;
}

/* ---- lines ---- */

static bool find_range(struct verifier *s, enum audit_bad bad, uint64_t end)
{
	uint64_t from = s->next > 0 ? s->f.list[s->next - 1].c.size : 0;

	if (s->doubt < end) {
		from = s->doubt;
	}
	s->v->before = end;
	return find(s, bad, from, false, "",
		"the records below %" PRIu64 " are not those that were sealed; up to %" PRIu64
		" they are",
		end, from);
}

/* After each line: does a signed root cover exactly what was read? */
static bool meet(struct verifier *s)
{
	unsigned char root[TREE_HASH];

	if (s->has_since && s->tree.size == s->since.size && !s->met_since) {
		tree_root(&s->tree, root);
		if (memcmp(root, s->since.root, TREE_HASH) != 0) {
			return find_range(s, AUDIT_BAD_SINCE, s->tree.size);
		}
		s->met_since = true;
	}
	if (s->next == s->f.n_checkpoints || s->tree.size != s->f.list[s->next].c.size) {
		return true;
	}
	tree_root(&s->tree, root);
	if (memcmp(root, s->f.list[s->next].c.root, TREE_HASH) != 0) {
		return find_range(s, AUDIT_BAD_RECORD, s->tree.size);
	}
	s->next++;
	if (s->doubt != UINT64_MAX) {
		return find(s, AUDIT_BAD_TREE, s->doubt, true, "",
			"the hash of record %" PRIu64 " was changed; the record is as sealed",
			s->doubt);
	}
	return true;
}

static bool is_numbered(const char *line, size_t len, uint64_t seq)
{
	char start[40];
	int n = snprintf(start, sizeof(start), "{\"seq\":%" PRIu64 ",", seq);

	return len > (size_t)n && memcmp(line, start, (size_t)n) == 0;
}

/* {"seq":..,"kind":"event",...,"reason":"retention","detail":"000003.jsonl and older..."} */
static void note_retention(struct verifier *s, const char *line, size_t len)
{
	static const char mark[] = "\"reason\":\"retention\",\"detail\":\"";
	const size_t mark_len = sizeof(mark) - 1;

	for (size_t i = 0; i + mark_len + 6 < len; i++) {
		if (line[i] == '"' && memcmp(line + i, mark, mark_len) == 0) {
			unsigned number = (unsigned)strtoul(line + i + mark_len, NULL, 10);

			if (number > s->retired_segment) {
				s->retired_segment = number;
			}
			return;
		}
	}
}

static bool check_line(struct verifier *s, const char *line, size_t len)
{
	uint64_t seq = s->tree.size;
	unsigned char leaf[TREE_HASH];

	tree_leaf(line, len, leaf);
	if (seq < s->f.leaves.n && memcmp(leaf, s->f.leaves.at[seq], TREE_HASH) != 0) {
		if (seq < s->vouched) {
			return find(s, AUDIT_BAD_RECORD, seq, true, "",
				"record %" PRIu64 " is not the one that was sealed", seq);
		}
		s->doubt = s->doubt < seq ? s->doubt : seq;
	}
	if (!is_numbered(line, len, seq) && seq >= s->v->sealed) {
		return find(s, AUDIT_BAD_RECORD, seq, true, "",
			"where record %" PRIu64 " belongs stands something else", seq);
	}
	/* One that is not sealed anybody could have written. */
	if (s->gone != UINT64_MAX && seq < s->v->sealed) {
		note_retention(s, line, len);
	}
	tree_add(&s->tree, leaf);
	return meet(s);
}

/* What retention took is known by its hashes; that it was retention, a later record has to say. */
static bool skip_segment(struct verifier *s, unsigned segment)
{
	uint64_t end = s->f.firsts[segment + 1];

	if (segment > s->f.n_trees || end == UINT64_MAX || end > s->vouched) {
		return find(s, AUDIT_BAD_RECORD, s->tree.size, true, "",
			"record %" PRIu64 " and those after it are gone", s->tree.size);
	}
	s->gone = s->gone < s->tree.size ? s->gone : s->tree.size;
	s->gone_segment = segment;
	while (s->tree.size < end) {
		tree_add(&s->tree, s->f.leaves.at[s->tree.size]);
		s->v->retired++;
		if (!meet(s)) {
			return false;
		}
	}
	return true;
}

static bool check_segment(struct verifier *s, unsigned segment, int *ret_error)
{
	char *text = NULL, *newline;
	const char *mark;
	size_t len = 0, torn;
	uint64_t line = 0;
	bool good = true;

	*ret_error = folder_segment(&s->f, segment, &text, &len);
	if (*ret_error == AUDIT_END) {
		*ret_error = AUDIT_OK;
		return skip_segment(s, segment);
	}
	if (text != NULL && segment == s->f.n_segments) {
		len = segment_lines(text, len, &torn);
		s->v->torn = torn;
		text[len] = '\0';
	}
	mark = text != NULL ? strstr(text, bodies_mark) : NULL;
	for (char *at = text; good && *ret_error == AUDIT_OK && at < text + len; at = newline + 1) {
		newline = memchr(at, '\n', (size_t)(text + len - at));
		line++;
		if (newline != NULL) {
			if (mark != NULL && mark < newline) {
				*ret_error = bodies_want(
					&s->bodies, at, (size_t)(newline - at), s->tree.size);
				mark = strstr(newline, bodies_mark);
			}
			good = check_line(s, at, (size_t)(newline - at));
			continue;
		}
		good = find(s, AUDIT_BAD_RECORD, s->tree.size, true, "",
			"record %" PRIu64 " is cut short", s->tree.size);
		break;
	}
	free(text);
	if (!good && s->v->path[0] == '\0' && s->v->exact) {
		segment_name(segment, s->v->path);
		s->v->line = line;
	}
	return good;
}

static bool check_end(struct verifier *s)
{
	const struct folder *f = &s->f;

	if (s->next < f->n_checkpoints) {
		return find(s, AUDIT_BAD_RECORD, s->tree.size, true, "",
			"the record ends before record %" PRIu64 ", but %" PRIu64 " were sealed",
			s->tree.size, s->v->sealed);
	}
	if (s->has_since && !s->met_since) {
		return find(s, AUDIT_BAD_SINCE, s->tree.size, true, "",
			"the record ends before record %" PRIu64
			", the checkpoint held elsewhere knows of %" PRIu64,
			s->tree.size, s->since.size);
	}
	if (s->gone != UINT64_MAX && s->retired_segment < s->gone_segment) {
		return find(s, AUDIT_BAD_RECORD, s->gone, true, "",
			"record %" PRIu64 " is gone, and no record says that retention took it",
			s->gone);
	}
	if (f->trees_torn || (f->n_checkpoints > 1 && !f->live &&
				     f->leaves.n < f->list[f->n_checkpoints - 2].c.size)) {
		return find(s, AUDIT_BAD_TREE, f->leaves.n, true, "",
			"the hash of record %" PRIu64 " is missing; the records are as sealed",
			(uint64_t)f->leaves.n);
	}
	return true;
}

/*
 * Retention takes a body with the last segment that tells of it, so a line that is there has its
 * body there.
 */
static bool check_bodies(struct verifier *s, int *ret_error)
{
	struct bodies_finding f;

	*ret_error = bodies_check(s->f.dir, &s->bodies, &f);
	if (*ret_error != AUDIT_OK) {
		return false;
	}
	s->v->bodies = f.n;
	s->v->untold = f.n_untold;
	if (f.bad == BODIES_GOOD) {
		return true;
	}
	find(s, AUDIT_BAD_BODY, f.seq, true, "", "%s",
		f.bad == BODIES_MISSING ? "is missing, and the record that tells of it is there"
					: "does not hold what its name says");
	snprintf(s->v->path, sizeof(s->v->path), "bodies/%s", f.name);
	return false;
}

static int verify_once(const char *dir, const struct audit_public_key *keys, size_t n_keys,
	const char *since, struct audit_verdict *ret_verdict, bool *ret_live,
	struct audit_diag *diag)
{
	struct audit_verdict verdict = {.bad = AUDIT_GOOD};
	struct verifier s = {.keys = keys,
		.n_keys = n_keys,
		.doubt = UINT64_MAX,
		.gone = UINT64_MAX,
		.v = &verdict};
	int error = folder_open(&s.f, dir, diag);
	bool good;

	if (error != AUDIT_OK) {
		return error;
	}
	/* Where there are checkpoints there was a record. */
	if (s.f.n_checkpoints == 0 && (s.f.n_segments == 0 || s.f.n_trees == 0)) {
		error = audit_say(diag, AUDIT_EFORMAT, dir,
			s.f.n_segments == 0 ? "no record folder: it has no 000001.jsonl"
					    : "this record was written without a seal");
		folder_close(&s.f);
		return error;
	}
	good = check_checkpoints(&s) && read_since(&s, since);
	if (good) {
		vouch(&s);
		good = meet(&s);
	}
	for (unsigned n = 1; good && error == AUDIT_OK && n <= s.f.n_segments; n++) {
		good = check_segment(&s, n, &error);
	}
	if (good && error == AUDIT_OK) {
		good = check_end(&s) && check_bodies(&s, &error);
	}
	if (error == AUDIT_OK) {
		verdict.records = s.tree.size;
		*ret_verdict = verdict;
		*ret_live = s.f.live;
	} else {
		error = audit_say(diag, error, dir, "cannot be read");
	}
	bodies_forget(&s.bodies);
	folder_close(&s.f);
	return error;
}

/* Under a writer's hands a segment may go, by retention, between two looks at the folder. */
int audit_verify(const char *dir, const struct audit_public_key *keys, size_t n_keys,
	const char *since, struct audit_verdict *ret_verdict, struct audit_diag *diag)
{
	static const struct timespec moment = {.tv_nsec = 100000000};
	bool live = false;
	int error;

	for (int i = 0;; i++) {
		error = verify_once(dir, keys, n_keys, since, ret_verdict, &live, diag);
		if (error != AUDIT_OK || ret_verdict->bad == AUDIT_GOOD || !live || i == 2) {
			return error;
		}
		nanosleep(&moment, NULL);
	}
}
