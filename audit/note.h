/*
 * Signed notes (C2SP signed-note), checkpoints (C2SP tlog-checkpoint) and the keys for them. Text
 * and bytes only: no file. Private to audit/, but for struct audit_key (audit/verify.h).
 */
#ifndef SALLYPORT_AUDIT_NOTE_H
#define SALLYPORT_AUDIT_NOTE_H

#include "audit/ed25519.h"
#include "audit/tree.h"
#include "audit/verify.h"

enum {
	NOTE_ORIGIN = 128,
	NOTE_TEXT = 1024,
};

/* "name+hash+key": hash and key as the note format has them. */
void note_key_text(const struct audit_public_key *key, char ret_text[AUDIT_KEY_TEXT]);
bool note_key_read(const char *text, size_t len, struct audit_public_key *ret_key);
bool note_secret_read(const char *text, size_t len, struct audit_key *ret_key);
void note_secret_text(const struct audit_key *key, char ret_text[AUDIT_KEY_TEXT]);
/* A key from random bytes, named by itself. */
bool note_key_make(struct audit_key *ret_key);

struct checkpoint {
	char origin[NOTE_ORIGIN];
	uint64_t size;
	unsigned char root[TREE_HASH];
	uint64_t number; /* extension line: from 0, none left out */
	int64_t time_ns; /* extension line, for people */
};

/* The whole signed note, without the empty line that ends it in a file. 0 when it does not work. */
size_t checkpoint_write(
	const struct checkpoint *c, const struct audit_key *key, char ret_text[NOTE_TEXT]);

enum note_end {
	NOTE_BAD = 0,
	NOTE_WHOLE,
	NOTE_TORN, /* the text ends before the note does */
	NOTE_NONE, /* there is no text */
};

/*
 * The first note of `text`, which goes to `*ret_len` with the empty line behind it. Form only: its
 * signature is checkpoint_signed()'s.
 */
enum note_end checkpoint_read(
	const char *text, size_t len, struct checkpoint *ret_checkpoint, size_t *ret_len);
/* Did one of these keys sign this note? */
bool checkpoint_signed(
	const char *text, size_t len, const struct audit_public_key *keys, size_t n_keys);

size_t base64_write(const void *data, size_t len, char *out, size_t size); /* adds a NUL */
/* Exactly `want` bytes from `len` characters, in canonical form. */
bool base64_read(const char *text, size_t len, void *out, size_t want);

#endif
