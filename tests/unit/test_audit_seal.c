/*
 * The seal: known vectors, then the exam. Whatever is done to lines, segments, checkpoints or
 * hashes is found, at the first bad index.
 */
#include "audit/note.h"
#include "audit/tree.h"
#include "tests/unit/audit_folder.h"
#include "tests/unit/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* after what it needs */
#include <cmocka.h>

static void hex(const char *text, unsigned char *ret, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
		ret[i] = (unsigned char)byte;
	}
}

/* The leaves and roots that implementations of RFC 6962 test themselves with. */
static const struct {
	const char *leaf; /* hex */
	const char *root; /* of the leaves up to this one */
} vectors[] = {
	{"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
	{"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
	{"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
	{"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
	{"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
	{"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
	{"5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
	{"606162636465666768696a6b6c6d6e6f",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
};
enum { VECTORS = sizeof(vectors) / sizeof(vectors[0]) };

static void the_tree_has_the_known_roots(void **state)
{
	unsigned char leaves[VECTORS][TREE_HASH], root[TREE_HASH], want[TREE_HASH];
	unsigned char proof[TREE_DEPTH][TREE_HASH];
	struct tree t = {.size = 0};

	(void)state;
	tree_root(&t, root);
	hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", want, TREE_HASH);
	assert_memory_equal(root, want, TREE_HASH);
	for (unsigned size = 1; size <= VECTORS; size++) {
		unsigned char data[32];
		size_t len = strlen(vectors[size - 1].leaf) / 2;

		hex(vectors[size - 1].leaf, data, len);
		tree_leaf(data, len, leaves[size - 1]);
		tree_add(&t, leaves[size - 1]);
		tree_root(&t, root);
		hex(vectors[size - 1].root, want, TREE_HASH);
		assert_memory_equal(root, want, TREE_HASH);
		for (unsigned i = 0; i < size; i++) {
			unsigned n = tree_prove(
				(const unsigned char(*)[TREE_HASH])leaves, size, i, proof);
			const unsigned char(*p)[TREE_HASH] =
				(const unsigned char(*)[TREE_HASH])proof;

			assert_true(tree_proves(leaves[i], i, size, p, n, root));
			assert_false(tree_proves(leaves[i], i + 1, size, p, n, root));
			assert_false(
				tree_proves(leaves[(i + 1) % VECTORS], i, size + 1, p, n, root));
			assert_false(n > 0 && tree_proves(leaves[i], i, size, p, n - 1, root));
			root[5] ^= 1;
			assert_false(tree_proves(leaves[i], i, size, p, n, root));
			root[5] ^= 1;
		}
	}
}

/* RFC 8032 7.1, tests 1 and 2. */
static void signatures_are_those_of_the_rfc(void **state)
{
	static const struct {
		const char *seed, *public, *message, *signature;
	} tests[] = {
		{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590"
			"a"
			"33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
		{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e"
			"1"
			"5996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
	};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		unsigned char seed[32], public[32], message[4], want[64], got[64];
		size_t len = strlen(tests[i].message) / 2;

		hex(tests[i].seed, seed, 32);
		hex(tests[i].message, message, len);
		hex(tests[i].signature, want, 64);
		assert_true(ed25519_public(seed, public));
		hex(tests[i].public, got, 32);
		assert_memory_equal(public, got, 32);
		assert_true(ed25519_sign(seed, message, len, got));
		assert_memory_equal(got, want, 64);
		assert_true(ed25519_verify(public, message, len, got));
		got[63] ^= 0x10;
		assert_false(ed25519_verify(public, message, len, got));
	}
}

/* The example of the note format's first implementation. */
static void a_known_note_is_signed(void **state)
{
	static const char key_text[] =
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
	static const char note[] =
		"If you think cryptography is the answer to your problem,\n"
		"then you don't know what your problem is.\n\n"
		"\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1F"
		"FYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
	struct audit_public_key key;
	char again[AUDIT_KEY_TEXT], bad[sizeof(note)];

	(void)state;
	assert_true(note_key_read(key_text, strlen(key_text), &key));
	note_key_text(&key, again);
	assert_string_equal(again, key_text);
	assert_true(checkpoint_signed(note, strlen(note), &key, 1));
	assert_false(checkpoint_signed(note, strlen(note), &folder_key.public, 1));
	memcpy(bad, note, sizeof(note));
	bad[3] ^= 1;
	assert_false(checkpoint_signed(bad, strlen(bad), &key, 1));
	/* Neither a wrong hash nor a wrong algorithm is a key. */
	memcpy(again, key_text, sizeof(key_text));
	again[13] = 'd';
	assert_false(note_key_read(again, strlen(again), &key));
	assert_false(note_key_read(key_text, strlen(key_text) - 1, &key));
	assert_false(note_key_read("", 0, &key));
}

static void keys_come_back_from_their_files(void **state)
{
	struct audit_key made, read;
	struct audit_public_key public[AUDIT_KEYS];
	struct audit_diag diag;
	char path[128], public_path[136];
	size_t n = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/record.key", folder);
	snprintf(public_path, sizeof(public_path), "%s.pub", path);
	assert_int_equal(audit_key_load(path, &made, &diag), AUDIT_OK);
	assert_int_equal(audit_key_load(path, &read, &diag), AUDIT_OK);
	assert_memory_equal(&made, &read, sizeof(made));
	assert_int_equal(audit_keys_read(public_path, public, &n, &diag), AUDIT_OK);
	assert_int_equal(n, 1);
	assert_memory_equal(&public[0], &made.public, sizeof(made.public));
	assert_int_equal(audit_keys_read(path, public, &n, &diag), AUDIT_EFORMAT);
	assert_true(system_let_others_read(path));
	assert_int_equal(audit_key_load(path, &read, &diag), AUDIT_EFORMAT);
	assert_non_null(strstr(diag.message, "lets others in"));
	assert_true(read.seed[0] == 0 && read.seed[31] == 0);
	folder_store("record.key", "PRIVATE+KEY+x\n", 14);
	assert_int_equal(audit_key_load(path, &read, &diag), AUDIT_EFORMAT);
	audit_key_wipe(&made);
	assert_true(made.seed[0] == 0 && made.seed[31] == 0);
}

/* ---- a folder to be tampered with: four runs, several segments ---- */

enum { RUNS = 4, PER_RUN = 8, TOTAL = RUNS * PER_RUN, SEGMENTS_MAX = 16, FILES_MAX = 64 };

struct file {
	char name[32];
	struct bytes bytes;
};
static struct file files[FILES_MAX];
static unsigned n_files, n_segments;
static unsigned segment_of[TOTAL];
static uint64_t first_of[SEGMENTS_MAX + 2];

/* 'c' checkpoints, 't' hashes of a segment, 'j' its lines. */
static void name_of(char kind, unsigned number, char name[32])
{
	if (kind == 'c') {
		snprintf(name, 32, "checkpoints");
	} else {
		snprintf(name, 32, "%06u.%s", number, kind == 't' ? "tree" : "jsonl");
	}
}

static void remember(char kind, unsigned number)
{
	struct file *f = &files[n_files];

	name_of(kind, number, f->name);
	if (folder_has(f->name)) {
		f->bytes = folder_load(f->name);
		n_files++;
	}
}

static struct file *file_of(char kind, unsigned number)
{
	char name[32];

	name_of(kind, number, name);
	for (unsigned i = 0; i < n_files; i++) {
		if (strcmp(files[i].name, name) == 0) {
			return &files[i];
		}
	}
	fail_msg("no %s", name);
	return NULL;
}

static void restore(void)
{
	for (unsigned i = 0; i < n_files; i++) {
		folder_store(files[i].name, files[i].bytes.at, files[i].bytes.len);
	}
}

static int write_folder(void **state)
{
	uint64_t seq;

	if (folder_setup(state) != 0) {
		return -1;
	}
	for (int run = 0; run < RUNS; run++) {
		struct audit_log *log = folder_log(run % 2 ? AUDIT_DURABLE : AUDIT_BUFFERED, 700);
		struct audit_diag diag;

		for (int i = 0; i < PER_RUN; i++) {
			char path[32];

			snprintf(path, sizeof(path), "/%d/%d", run, i);
			assert_int_equal(folder_append(log, path, &seq), AUDIT_OK);
			folder_wait(log, seq);
		}
		assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	}
	assert_int_equal(seq, TOTAL - 1);
	n_files = n_segments = 0;
	seq = 0;
	remember('c', 0);
	for (unsigned n = 1, before = 0; n_files > before && n <= SEGMENTS_MAX; n++) {
		const struct bytes *b;

		remember('t', n);
		before = n_files;
		remember('j', n);
		if (n_files == before) {
			break;
		}
		n_segments = n;
		first_of[n] = seq;
		b = &files[n_files - 1].bytes;
		for (size_t i = 0; i < b->len; i++) {
			if (b->at[i] == '\n') {
				segment_of[seq++] = n;
			}
		}
	}
	first_of[n_segments + 1] = seq;
	assert_int_equal(seq, TOTAL);
	assert_true(n_segments >= 3);
	return 0;
}

static int forget_folder(void **state)
{
	for (unsigned i = 0; i < n_files; i++) {
		free(files[i].bytes.at);
		files[i].bytes.at = NULL;
	}
	return folder_teardown(state);
}

static void expect(enum audit_bad bad, uint64_t first, const char *what, unsigned which)
{
	struct audit_verdict v = folder_verdict(NULL);

	if (v.bad != bad || (bad != AUDIT_GOOD && v.first != first)) {
		print_message("%s %u: %d at %llu, not %d at %llu: %s\n", what, which, v.bad,
			(unsigned long long)v.first, bad, (unsigned long long)first, v.message);
	}
	assert_int_equal(v.bad, bad);
	if (bad != AUDIT_GOOD) {
		assert_int_equal(v.first, first);
	}
}

/* A segment again, with line `at` replaced by these bytes. */
static void replace_line(unsigned seq, unsigned lines, const char *with, size_t len)
{
	struct file *f = file_of('j', segment_of[seq]);
	char *data = malloc(f->bytes.len + len), *begin = f->bytes.at, *end;
	size_t head;

	for (uint64_t i = first_of[segment_of[seq]]; i < seq; i++) {
		begin = strchr(begin, '\n') + 1;
	}
	end = begin;
	for (unsigned i = 0; i < lines; i++) {
		end = strchr(end, '\n') + 1;
	}
	head = (size_t)(begin - f->bytes.at);
	memcpy(data, f->bytes.at, head);
	memcpy(data + head, with, len);
	memcpy(data + head + len, end, f->bytes.len - (size_t)(end - f->bytes.at));
	folder_store(f->name, data, head + len + f->bytes.len - (size_t)(end - f->bytes.at));
	free(data);
}

static struct bytes line_of(unsigned seq)
{
	struct file *f = file_of('j', segment_of[seq]);
	char *begin = f->bytes.at;

	for (uint64_t i = first_of[segment_of[seq]]; i < seq; i++) {
		begin = strchr(begin, '\n') + 1;
	}
	return (struct bytes){begin, (size_t)(strchr(begin, '\n') + 1 - begin)};
}

static bool is_last_of_segment(unsigned seq)
{
	return seq + 1 == TOTAL || segment_of[seq + 1] != segment_of[seq];
}

static void lines_flipped(void **state)
{
	(void)state;
	for (unsigned seq = 0; seq < TOTAL; seq++) {
		struct bytes line = line_of(seq);

		for (size_t at = 0; at < line.len; at += 11) {
			char *changed = malloc(line.len);

			memcpy(changed, line.at, line.len);
			changed[at] ^= (char)(1 << at % 8);
			replace_line(seq, 1, changed, line.len);
			expect(AUDIT_BAD_RECORD, seq, "flip", seq);
			free(changed);
		}
		restore();
	}
	expect(AUDIT_GOOD, 0, "restored", 0);
}

static void lines_dropped_doubled_inserted_cut(void **state)
{
	(void)state;
	for (unsigned seq = 0; seq < TOTAL; seq++) {
		struct bytes line = line_of(seq);
		char *two = malloc(2 * line.len);

		replace_line(seq, 1, "", 0);
		expect(AUDIT_BAD_RECORD, seq, "drop", seq);
		memcpy(two, line.at, line.len);
		memcpy(two + line.len, line.at, line.len);
		replace_line(seq, 1, two, 2 * line.len);
		expect(AUDIT_BAD_RECORD, seq + 1, "double", seq);
		replace_line(seq, 0, "{}\n", 3);
		expect(AUDIT_BAD_RECORD, seq, "insert", seq);
		replace_line(seq, 1, line.at, line.len - 1); /* its newline is gone */
		expect(AUDIT_BAD_RECORD, seq, "join", seq);
		free(two);
		restore();
	}
}

static void lines_swapped(void **state)
{
	(void)state;
	for (unsigned seq = 0; seq + 1 < TOTAL; seq++) {
		struct bytes one = line_of(seq), two = line_of(seq + 1);
		char *both = malloc(one.len + two.len);

		if (!is_last_of_segment(seq)) {
			memcpy(both, two.at, two.len);
			memcpy(both + two.len, one.at, one.len);
			replace_line(seq, 2, both, one.len + two.len);
			expect(AUDIT_BAD_RECORD, seq, "swap", seq);
			restore();
		}
		free(both);
	}
}

static void segments_truncated(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= n_segments; n++) {
		struct file *f = file_of('j', n);

		for (size_t len = 0; len < f->bytes.len; len += 31) {
			uint64_t seq = first_of[n];

			for (size_t i = 0; i < len; i++) {
				seq += f->bytes.at[i] == '\n';
			}
			folder_store(f->name, f->bytes.at, len);
			expect(AUDIT_BAD_RECORD, seq, "truncate", (unsigned)len);
		}
		restore();
	}
}

static void segments_dropped_swapped_doubled(void **state)
{
	char extra[32];

	(void)state;
	for (unsigned n = 1; n <= n_segments; n++) {
		struct file *f = file_of('j', n);

		folder_remove(f->name);
		expect(AUDIT_BAD_RECORD, first_of[n], "drop segment", n);
		restore();
		for (unsigned m = n + 1; m <= n_segments; m++) {
			struct file *g = file_of('j', m);

			folder_store(f->name, g->bytes.at, g->bytes.len);
			expect(AUDIT_BAD_RECORD, first_of[n], "copy over", n);
			folder_store(g->name, f->bytes.at, f->bytes.len);
			expect(AUDIT_BAD_RECORD, first_of[n], "swap segments", n);
			restore();
			folder_store(g->name, f->bytes.at, f->bytes.len);
			expect(AUDIT_BAD_RECORD, first_of[m], "copy over", m);
			restore();
		}
		snprintf(extra, sizeof(extra), "%06u.jsonl", n_segments + 1);
		folder_store(extra, f->bytes.at, f->bytes.len);
		expect(AUDIT_BAD_RECORD, TOTAL, "one segment more", n);
		folder_remove(extra);
	}
	expect(AUDIT_GOOD, 0, "restored", 0);
	for (unsigned n = 1; n <= n_segments; n++) {
		folder_remove(file_of('j', n)->name);
	}
	expect(AUDIT_BAD_RECORD, 0, "all segments gone", 0);
	restore();
}

/* That retention took a segment, a sealed record has to say: anybody can write another one. */
static void a_segment_is_not_excused_by_a_line_without_a_seal(void **state)
{
	static const char excuse[] =
		"\"kind\":\"event\",\"time\":\"2026-01-01T00:00:00.000000000Z\",\"mono_ns\":1,"
		"\"reason\":\"retention\",\"detail\":\"000001.jsonl and older\"}\n";
	struct file *first = file_of('j', 1), *last = file_of('j', n_segments);
	char *text = malloc(last->bytes.len + sizeof(excuse) + 32);
	size_t len = last->bytes.len;

	(void)state;
	memcpy(text, last->bytes.at, len);
	len += (size_t)sprintf(text + len, "{\"seq\":%d,%s", TOTAL, excuse);
	folder_store(last->name, text, len);
	expect(AUDIT_GOOD, 0, "a line without a seal", 0);
	folder_remove(first->name);
	expect(AUDIT_BAD_RECORD, 0, "and a segment less", 0);
	restore();
	free(text);
}

/* ---- checkpoints ---- */

static size_t note_begin[64];
static unsigned n_notes;

static void find_notes(const struct bytes *b)
{
	n_notes = 0;
	for (char *at = b->at, *end; *at != '\0'; at = end + 2) {
		note_begin[n_notes++] = (size_t)(at - b->at);
		end = strstr(strstr(at, "\n\n") + 2, "\n\n");
	}
	note_begin[n_notes] = b->len;
	assert_true(n_notes > RUNS);
}

static unsigned note_at(size_t offset)
{
	unsigned n = 0;

	while (note_begin[n + 1] <= offset) {
		n++;
	}
	return n;
}

static void checkpoints_flipped_and_truncated(void **state)
{
	struct file *f = file_of('c', 0);
	char *changed = malloc(f->bytes.len);

	(void)state;
	find_notes(&f->bytes);
	for (size_t at = 0; at < f->bytes.len; at += 5) {
		memcpy(changed, f->bytes.at, f->bytes.len);
		changed[at] ^= (char)(1 << at % 8);
		folder_store(f->name, changed, f->bytes.len);
		expect(AUDIT_BAD_CHECKPOINT, note_at(at), "flip", (unsigned)at);
		folder_store(f->name, f->bytes.at, at);
		expect(AUDIT_BAD_CHECKPOINT, note_at(at), "truncate", (unsigned)at);
	}
	free(changed);
	restore();
}

/* The notes in another order; 0xff ends it. */
static void arrange(const struct file *f, const unsigned char *order)
{
	char *data = malloc(2 * f->bytes.len);
	size_t len = 0;

	for (unsigned i = 0; order[i] != 0xff; i++) {
		size_t n = note_begin[order[i] + 1] - note_begin[order[i]];

		memcpy(data + len, f->bytes.at + note_begin[order[i]], n);
		len += n;
	}
	folder_store(f->name, data, len);
	free(data);
}

static void checkpoints_dropped_swapped_doubled_inserted(void **state)
{
	struct file *f = file_of('c', 0);
	unsigned char order[80];

	(void)state;
	find_notes(&f->bytes);
	for (unsigned k = 0; k < n_notes; k++) {
		unsigned n = 0;

		for (unsigned i = 0; i < n_notes; i++) {
			if (i != k) {
				order[n++] = (unsigned char)i;
			}
		}
		order[n] = 0xff;
		arrange(f, order);
		expect(AUDIT_BAD_CHECKPOINT, k, "drop", k);
		for (unsigned to = 0; to <= n_notes; to++) { /* k once more, before `to` */
			n = 0;
			for (unsigned i = 0; i < n_notes; i++) {
				if (i == to) {
					order[n++] = (unsigned char)k;
				}
				order[n++] = (unsigned char)i;
			}
			if (to == n_notes) {
				order[n++] = (unsigned char)k;
			}
			order[n] = 0xff;
			arrange(f, order);
			expect(AUDIT_BAD_CHECKPOINT, to == k ? k + 1 : to, "double", to);
		}
		if (k + 1 < n_notes) {
			for (unsigned i = 0; i < n_notes; i++) {
				order[i] = (unsigned char)(i == k ? k + 1 : i == k + 1 ? k : i);
			}
			order[n_notes] = 0xff;
			arrange(f, order);
			expect(AUDIT_BAD_CHECKPOINT, k, "swap", k);
		}
	}
	restore();
}

static void another_key_is_not_believed(void **state)
{
	struct audit_key other;

	(void)state;
	assert_true(note_key_make(&other));
	folder_key.public = other.public;
	expect(AUDIT_BAD_CHECKPOINT, 0, "other key", 0);
}

/* ---- hashes ---- */

static void hashes_flipped_cut_or_gone(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= n_segments; n++) {
		struct file *f = file_of('t', n);
		size_t leaves = (size_t)(first_of[n + 1] - first_of[n]), header;

		header = f->bytes.len - leaves * TREE_HASH;
		for (size_t at = 0; at < f->bytes.len; at += 5) {
			f->bytes.at[at] ^= 4;
			folder_store(f->name, f->bytes.at, f->bytes.len);
			f->bytes.at[at] ^= 4;
			expect(AUDIT_BAD_TREE,
				at < header ? first_of[n] : first_of[n] + (at - header) / TREE_HASH,
				"flip hash", (unsigned)at);
		}
		folder_remove(f->name);
		expect(AUDIT_BAD_TREE, first_of[n], "no hashes", n);
		restore();
	}
}

static void lines_and_hashes_together(void **state)
{
	(void)state;
	for (unsigned seq = 0; seq < TOTAL; seq += 5) {
		struct file *f = file_of('t', segment_of[seq]);
		struct bytes line = line_of(seq);
		char *changed = malloc(line.len), *tree = malloc(f->bytes.len);
		size_t leaves = (size_t)(first_of[segment_of[seq] + 1] - first_of[segment_of[seq]]);
		size_t at = f->bytes.len - leaves * TREE_HASH +
			    (size_t)(seq - first_of[segment_of[seq]]) * TREE_HASH;
		struct audit_verdict v;

		memcpy(changed, line.at, line.len);
		memcpy(tree, f->bytes.at, f->bytes.len);
		changed[line.len - 4] ^= 1;
		tree_leaf(changed, line.len - 1, (unsigned char *)tree + at);
		replace_line(seq, 1, changed, line.len);
		folder_store(f->name, tree, f->bytes.len);
		v = folder_verdict(NULL);
		assert_int_equal(v.bad, AUDIT_BAD_RECORD);
		/* No hash is left that says which: between two checkpoints. */
		assert_false(v.exact);
		assert_true(v.first <= seq && seq < v.before);
		free(changed);
		free(tree);
		restore();
	}
}

/* ---- what was held elsewhere ---- */

static void a_folder_taken_back_is_found_by_a_checkpoint_held_elsewhere(void **state)
{
	struct file *f = file_of('c', 0);
	char held[2048];
	struct audit_verdict v;
	struct audit_log *log;
	struct audit_diag diag;
	uint64_t seq;

	(void)state;
	find_notes(&f->bytes);
	for (unsigned k = 0; k < n_notes; k++) {
		size_t len = note_begin[k + 1] - note_begin[k];

		memcpy(held, f->bytes.at + note_begin[k], len - 1);
		held[len - 1] = '\0';
		v = folder_verdict(held);
		assert_int_equal(v.bad, AUDIT_GOOD);
		held[4] ^= 1;
		v = folder_verdict(held);
		assert_int_equal(v.bad, AUDIT_BAD_SINCE);
	}
	held[4] ^= 1; /* the last one */
	/* The folder as it was while the first segment was written: consistent in itself. */
	for (unsigned n = 2; n <= n_segments; n++) {
		folder_remove(file_of('j', n)->name);
		folder_remove(file_of('t', n)->name);
	}
	folder_store(f->name, f->bytes.at, note_begin[1]);
	v = folder_verdict(NULL);
	if (v.bad == AUDIT_GOOD) {
		v = folder_verdict(held);
		assert_int_equal(v.bad, AUDIT_BAD_SINCE);
		assert_int_equal(v.first, first_of[2]);
	} else { /* the first checkpoint is not at the segment's end: what is behind it tells */
		assert_int_equal(v.bad, AUDIT_BAD_CHECKPOINT);
	}
	/* Another record under the same key does not continue it. */
	restore();
	for (unsigned i = 0; i < n_files; i++) {
		folder_remove(files[i].name);
	}
	log = folder_log(AUDIT_DURABLE, 0);
	for (int i = 0; i < TOTAL + 5; i++) {
		assert_int_equal(folder_append(log, "/", &seq), AUDIT_OK);
	}
	assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	expect(AUDIT_GOOD, 0, "another record", 0);
	v = folder_verdict(held);
	assert_int_equal(v.bad, AUDIT_BAD_SINCE);
}

static void nothing_is_added_to_a_changed_record(void **state)
{
	struct audit_options options = {.durability = AUDIT_DURABLE, .key = &folder_key};
	struct file *f = file_of('c', 0), *lines = file_of('j', n_segments);
	struct audit_log *log = NULL;
	struct audit_diag diag;

	(void)state;
	find_notes(&f->bytes);
	folder_store(f->name, f->bytes.at, note_begin[n_notes - 1]);
	assert_int_equal(audit_open(folder, &options, &log, &diag), AUDIT_EFORMAT);
	assert_null(log);
	restore();
	replace_line((unsigned)first_of[n_segments], 1, "", 0);
	assert_int_equal(audit_open(folder, &options, &log, &diag), AUDIT_EFORMAT);
	restore();
	folder_store(lines->name, lines->bytes.at, lines->bytes.len / 2);
	assert_int_equal(audit_open(folder, &options, &log, &diag), AUDIT_EFORMAT);
	restore();
	assert_int_equal(audit_open(folder, &options, &log, &diag), AUDIT_OK);
	assert_int_equal(audit_close(log, &diag), AUDIT_OK);
	expect(AUDIT_GOOD, 0, "restored", 0);
}

/* ---- proofs ---- */

static void every_record_is_proved(void **state)
{
	struct audit_diag diag;
	char *proof, *line;

	(void)state;
	for (unsigned seq = 0; seq < TOTAL; seq++) {
		struct bytes want = line_of(seq);

		assert_int_equal(audit_prove(folder, seq, &proof, &diag), AUDIT_OK);
		assert_int_equal(
			audit_verify_proof(proof, &folder_key.public, 1, &line, &diag), AUDIT_OK);
		assert_int_equal(strlen(line), want.len - 1);
		assert_memory_equal(line, want.at, want.len - 1);
		free(line);
		for (size_t at = 0, len = strlen(proof); at < len; at += 3) {
			char kept = proof[at];

			proof[at] ^= 1;
			line = NULL;
			if (audit_verify_proof(proof, &folder_key.public, 1, &line, &diag) ==
				AUDIT_OK) {
				fail_msg("record %u: byte %zu may be changed", seq, at);
			}
			assert_null(line);
			proof[at] = '\0'; /* cut there */
			assert_int_not_equal(
				audit_verify_proof(proof, &folder_key.public, 1, &line, &diag),
				AUDIT_OK);
			proof[at] = kept;
		}
		free(proof);
	}
	assert_int_equal(audit_prove(folder, TOTAL, &proof, &diag), AUDIT_EFORMAT);
	replace_line(3, 1, "{\"seq\":3,}\n", 11);
	assert_int_equal(audit_prove(folder, 3, &proof, &diag), AUDIT_EFORMAT);
	restore();
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)
#define EXAM(name)  cmocka_unit_test_setup_teardown(name, write_folder, forget_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tree_has_the_known_roots),
		cmocka_unit_test(signatures_are_those_of_the_rfc),
		STORY(a_known_note_is_signed),
		STORY(keys_come_back_from_their_files),
		EXAM(lines_flipped),
		EXAM(lines_dropped_doubled_inserted_cut),
		EXAM(lines_swapped),
		EXAM(segments_truncated),
		EXAM(segments_dropped_swapped_doubled),
		EXAM(a_segment_is_not_excused_by_a_line_without_a_seal),
		EXAM(checkpoints_flipped_and_truncated),
		EXAM(checkpoints_dropped_swapped_doubled_inserted),
		EXAM(another_key_is_not_believed),
		EXAM(hashes_flipped_cut_or_gone),
		EXAM(lines_and_hashes_together),
		EXAM(a_folder_taken_back_is_found_by_a_checkpoint_held_elsewhere),
		EXAM(nothing_is_added_to_a_changed_record),
		EXAM(every_record_is_proved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
