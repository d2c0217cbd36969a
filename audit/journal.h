/*
 * The journal: where batches of lines are on disk before their segment is. A segment grows, and to
 * sync a file that grows costs the disk twice what it costs to overwrite blocks that are there:
 * where many wait together, the batch is synced here and the segment a little later. Not
 * thread-safe: writer.c's thread has it. Private to audit/.
 *
 * The file `journal` is there while a busy writer is, and after a crash. It holds frames, each the
 * bytes of a segment from an offset on, one behind the other; what was before the first of them
 * had been synced. Numbers are little-endian:
 *
 *   0  magic "sp-jrnl1"     8  segment, 4 bytes     12  length of the data, 4 bytes
 *  16  offset in the segment, 8 bytes               24  generation, 8 bytes
 *  32  SHA-256 of the byte 2, the 32 bytes before and the data
 *  64  the data: whole lines
 */
#ifndef SALLYPORT_AUDIT_JOURNAL_H
#define SALLYPORT_AUDIT_JOURNAL_H

#include "audit/audit.h"

struct journal;

enum { JOURNAL_HEADER = 64, JOURNAL_BYTES = 8 * 1024 * 1024 };
extern const char audit_journal_name[];

/*
 * The segment is synced up to `offset`: what follows may go to the journal. Makes the file when
 * there is none yet; when that fails `*journal` stays NULL, and syncing the segment must do.
 */
void audit_journal_begin(struct journal **journal, int dir, unsigned segment, uint64_t offset);
/* Do so many bytes of the segment from `offset` on continue what is here, and fit? */
bool audit_journal_takes(const struct journal *j, unsigned segment, uint64_t offset, size_t len);
/*
 * True when the bytes, just appended to the segment at `offset`, are on disk: `len` of them behind
 * JOURNAL_HEADER bytes that are written over. False: they do not continue what is here, do not fit,
 * or writing failed: sync the segment, then audit_journal_begin().
 */
bool audit_journal_add(struct journal *j, unsigned segment, uint64_t offset, char *frame,
	size_t len) __attribute__((warn_unused_result));
/* Bytes once more to the segment, which had them at `offset`, and synced; one that is gone was
 * whole. */
int audit_journal_rewrite(int dir, unsigned segment, uint64_t offset, char *data, size_t len,
	struct audit_diag *diag) __attribute__((warn_unused_result));
/* Everything that was added, likewise. */
int audit_journal_write_back(const struct journal *j, int dir, struct audit_diag *diag)
	__attribute__((warn_unused_result));
/* `synced`: everything is in the segments, the file goes. Otherwise it stays for the next writer.
 */
void audit_journal_end(struct journal *j, int dir, bool synced);

/*
 * The data of a journal's whole frames, joined at the begin of `text`; returns how much it is, 0:
 * none.
 */
size_t audit_journal_join(char *text, size_t size, unsigned *ret_segment, uint64_t *ret_offset);
/*
 * After a crash, before anything else looks at the segments: brings back what they lost, with the
 * number of those records; the file goes. With `look` it only counts.
 */
int audit_journal_recover(int dir, bool look, uint64_t *ret_records, struct audit_diag *diag)
	__attribute__((warn_unused_result));

#endif
