/*
 * What lock files say of downloads: package-lock.json (npm), requirements.txt (pip), Cargo.lock
 * (cargo), go.sum (go).
 */
#ifndef SALLYPORT_CLI_LOG_LOCKFILE_H
#define SALLYPORT_CLI_LOG_LOCKFILE_H

#include <stdbool.h>
#include <stddef.h>

enum lock_kind { LOCK_NONE = 0, LOCK_NPM, LOCK_PIP, LOCK_CARGO, LOCK_GO };

/* How a digest is to be compared with a file's. */
enum lock_hash {
	LOCK_HASH_NONE = 0, /* of something we have no digest of */
	LOCK_HASH_SHA256,
	LOCK_HASH_SHA512,
	LOCK_HASH_GO_MOD, /* go's h1 over a list that has one file, go.mod */
	LOCK_HASH_GO_ZIP, /* ... over the files in a module's zip: go_zip.h */
};

/* One digest; a package with several has several entries under one label. */
struct lock_entry {
	enum lock_kind kind;
	char *label;      /* owned: "name version" */
	char *name;       /* owned */
	char *version;    /* owned */
	char *path;       /* owned: of its URL, or its end; NULL: name and version say it */
	char digest[129]; /* lowercase hex */
	enum lock_hash hash;
	bool used; /* the caller's */
};

struct lockfile {
	struct lock_entry *entries; /* owned */
	size_t n;
};

/* By the file's name; LOCK_NONE: not one of the four. */
enum lock_kind lockfile_kind(const char *path);
/* Adds its entries. 0, or -1 with a sentence in `message`: the text is not such a file. */
int lockfile_read(struct lockfile *l, enum lock_kind kind, const char *text, size_t len,
	char *message, size_t size);
void lockfile_finish(struct lockfile *l);

/* Is this URL path where the package of that entry is found? */
bool lock_entry_names(const struct lock_entry *e, const char *path);
/* What is known of a file, each in hex; NULL: not known. */
struct lock_digests {
	const char *sha256, *sha512, *go_zip;
};

/* Do they fit? False too where nothing can be compared. */
bool lock_entry_fits(const struct lock_entry *e, const struct lock_digests *d);
/* Could they, had they been other ones? */
bool lock_entry_compares(const struct lock_entry *e, const struct lock_digests *d);

#endif
