/*
 * Is a record what was written? Offline, from the folder and a public key alone; and proofs that
 * one line is in it. docs/audit-sealing.md has the formats and what they can show.
 */
#ifndef SALLYPORT_AUDIT_VERIFY_H
#define SALLYPORT_AUDIT_VERIFY_H

#include "audit/audit.h"

enum { AUDIT_KEY_NAME = 64, AUDIT_KEY_TEXT = 192, AUDIT_KEYS = 16 };

/* Whom a verifier believes: Ed25519, under a name (C2SP signed-note). */
struct audit_public_key {
	char name[AUDIT_KEY_NAME];
	unsigned char bytes[32];
};

/* The key of the installation. Wipe it after use. */
struct audit_key {
	struct audit_public_key public;
	unsigned char seed[32];
};

/*
 * Reads the key, or makes it where there is no such file (for its owner only), with the public half
 * beside it as PATH.pub. AUDIT_EFORMAT: the file is no key.
 */
int audit_key_load(const char *path, struct audit_key *ret_key, struct audit_diag *diag)
	__attribute__((warn_unused_result));
/*
 * A file for its owner only, whole under its name or not there at all. Of runs that make it at once
 * all find the first one's: AUDIT_OK as well where it was there already, so read it.
 */
int audit_key_file_make(const char *path, const char *text, size_t len)
	__attribute__((warn_unused_result));
void audit_key_wipe(struct audit_key *key);
/* Does this build have the signatures that a seal needs? */
bool audit_can_seal(void);
/* Public keys of a file, one a line. */
int audit_keys_read(const char *path, struct audit_public_key ret_keys[AUDIT_KEYS], size_t *ret_n,
	struct audit_diag *diag) __attribute__((warn_unused_result));

enum audit_bad {
	AUDIT_BAD_UNKNOWN = 0,
	AUDIT_GOOD,
	AUDIT_BAD_RECORD,     /* a line is not what was sealed, is missing, or was put in */
	AUDIT_BAD_CHECKPOINT, /* one is not signed, does not follow, or was cut off */
	AUDIT_BAD_TREE,       /* the file of hashes; the lines themselves are as sealed */
	AUDIT_BAD_SINCE,      /* the record does not continue the checkpoint held elsewhere */
	AUDIT_BAD_BODY,       /* a stored one is missing, or is not what its name says */
};

struct audit_verdict {
	enum audit_bad bad;
	uint64_t records;     /* whole lines, and those that retention took */
	uint64_t retired;     /* of these: taken by retention, as the record itself says */
	uint64_t sealed;      /* of these: under the last checkpoint */
	uint64_t checkpoints; /* whole ones */
	uint64_t torn;        /* bytes of an unfinished line at the very end */
	uint64_t bodies;      /* stored ones */
	uint64_t untold; /* of these: no record tells of them (a crash, or retention's minute) */
	uint64_t first;  /* the first bad record, or checkpoint, by number; of a body its */
	/* record's, UINT64_MAX: it has none */
	bool exact; /* false: somewhere from `first` on, before `before` */
	uint64_t before;
	char path[96]; /* where it stands */
	uint64_t line; /* from 1; 0 = none */
	char message[192];
};

/*
 * 0 when the folder could be read, whatever the verdict. `since`: text of a checkpoint held
 * elsewhere, or NULL.
 */
int audit_verify(const char *dir, const struct audit_public_key *keys, size_t n_keys,
	const char *since, struct audit_verdict *ret_verdict, struct audit_diag *diag)
	__attribute__((warn_unused_result));

/* Text of a proof (C2SP tlog-proof, the line in `extra`) under the last checkpoint. Free it. */
int audit_prove(const char *dir, uint64_t seq, char **ret_proof, struct audit_diag *diag)
	__attribute__((warn_unused_result));
/* AUDIT_OK: the proof holds; gives the line, to be freed. AUDIT_EFORMAT: it does not, diag says. */
int audit_verify_proof(const char *proof, const struct audit_public_key *keys, size_t n_keys,
	char **ret_line, struct audit_diag *diag) __attribute__((warn_unused_result));

#endif
