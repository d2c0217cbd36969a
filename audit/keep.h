/*
 * What becomes of closed segments: compressed, and after a time taken away, which the record tells
 * before it happens. A thread of its own, so that no request waits for it. keep_posix.c;
 * keep_windows.c has none of it yet and refuses. Private to audit/.
 */
#ifndef SALLYPORT_AUDIT_KEEP_H
#define SALLYPORT_AUDIT_KEEP_H

#include "audit/audit.h"

struct keep;

/* NULL in `*ret_keep` when the options ask for nothing. `log` and `dir` are borrowed. */
int keep_start(struct audit_log *log, int dir, const struct audit_options *options,
	struct keep **ret_keep, struct audit_diag *diag) __attribute__((warn_unused_result));
/* The segment that is now written to; nothing is done before the first call. Takes NULL. */
void keep_segment(struct keep *k, unsigned segment);
/* Ends its thread; it may still be told of segments, until it is destroyed. Both take NULL. */
void keep_stop(struct keep *k);
void keep_destroy(struct keep *k);

#endif
