/*
 * The files of a record folder: 000001.jsonl, 000002.jsonl, ... The last of them may have room
 * behind its lines, zeros, which a busy writer makes and takes away again (os.h); and after a crash
 * torn lines, among them zeros where a page was not written. No line has a zero in it, so the first
 * one ends the lines. Private to audit/.
 */
#ifndef SALLYPORT_AUDIT_SEGMENTS_H
#define SALLYPORT_AUDIT_SEGMENTS_H

#include "audit/audit.h"

enum { SEGMENT_NAME = 32 };

void segment_name(unsigned number, char name[SEGMENT_NAME]);
/* The lowest number in the folder, older ones may have been taken away; 0: there is none. */
int segments_first(int dir, unsigned *ret_number);
/* The lowest above this one. Likewise. */
int segments_next(int dir, unsigned number, unsigned *ret_number);
/* The highest. Likewise. */
int segments_last(int dir, unsigned *ret_number);

/* To be read, whether compressed or not: a descriptor, or -1 with errno. */
int segment_open(int dir, unsigned number);
bool segment_exists(int dir, unsigned number);

/*
 * Of the last segment's text: how much of it is whole lines. `*ret_torn`: how much that is not is
 * behind them, room aside.
 */
size_t segment_lines(const char *text, size_t len, size_t *ret_torn);

/* What recover.c found at the end of the folder. */
struct tail {
	unsigned segment; /* to go on with; at least 1 */
	uint64_t size;    /* of that segment, up to its last whole record */
	uint64_t file_size;
	uint64_t next_seq;
	int64_t began; /* time of its first record, ns since the epoch; 0: it has none */
	uint64_t torn; /* bytes behind that record, room aside */
};
int recover_tail(int dir, struct tail *ret_tail, struct audit_diag *diag);

int audit_say(struct audit_diag *diag, int error, const char *path, const char *what);

#endif
