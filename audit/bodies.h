/*
 * The folder of stored bodies, one after the other; body.c stores them. Private to audit/.
 */
#ifndef SALLYPORT_AUDIT_BODIES_H
#define SALLYPORT_AUDIT_BODIES_H

#include "audit/parse.h"

#include <sys/stat.h>

enum { BODIES_NAME = 64 }; /* the SHA-256 of what it holds, in hex */

struct bodies_one {
	int dir, file; /* borrowed: the folder of bodies, this one, at its begin */
	const char *name;
	struct stat st;
};

typedef void bodies_fn(void *arg, const struct bodies_one *one);

/* `record` is the record folder, which may have none. AUDIT_EIO: it cannot be read. */
int bodies_each(int record, bodies_fn *fn, void *arg);

/* One under way has a number behind this. */
extern const char bodies_part[];
/* What a crash left of those under way. For the folder's one writer, before it stores any. */
void bodies_take_parts(int record);

/* Held while a body gets its name and while one is taken away: it may be the same one. */
void bodies_lock(void);
void bodies_unlock(void);

/* ---- are they what the record says? ---- */

/* Stands in each line that says so, and, quotes being escaped, in no other. */
extern const char bodies_mark[];

/* What lines say is stored. Begins zeroed. */
struct bodies_wanted {
	struct bodies_told {
		char name[BODIES_NAME + 1];
		uint64_t seq;
		bool found;
	} * at; /* owned */
	size_t n, room;
	struct parsed parsed; /* in use when parsed.memory is set */
};
int bodies_want(struct bodies_wanted *w, const char *line, size_t len, uint64_t seq)
	__attribute__((warn_unused_result));
void bodies_forget(struct bodies_wanted *w);

struct bodies_finding {
	uint64_t n;        /* bodies that are stored */
	uint64_t n_untold; /* of these: no line tells of them */
	/* The one of the first record that is wrong, or of none; BODIES_GOOD: name says nothing. */
	enum { BODIES_GOOD = 0, BODIES_CHANGED, BODIES_MISSING } bad;
	char name[BODIES_NAME + 1];
	uint64_t seq; /* UINT64_MAX: no line tells of it */
};
/* Reads them all, and holds names against bytes and lines. */
int bodies_check(int record, struct bodies_wanted *w, struct bodies_finding *ret_finding)
	__attribute__((warn_unused_result));

#endif
