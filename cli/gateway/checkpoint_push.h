/*
 * Checkpoints off this host: what is held elsewhere shows what was taken away here.
 */
#ifndef SALLYPORT_CLI_GATEWAY_CHECKPOINT_PUSH_H
#define SALLYPORT_CLI_GATEWAY_CHECKPOINT_PUSH_H

#include "audit/audit.h"

struct checkpoint_push;

/*
 * `target`: a file to append to, "|COMMAND" to be run by the shell with the note as its input, or
 * an http or https URL to be posted to. NULL with the reason in `problem` when it cannot work.
 */
struct checkpoint_push *checkpoint_push_start(
	const char *target, char *problem, size_t problem_size);
/*
 * Starts handing on, from a thread of its own: what is needed for it was opened or started before,
 * so this process may be confined now. A push that fails, or works again, is recorded in `log`.
 * False: there is no thread.
 */
bool checkpoint_push_record_to(struct checkpoint_push *p, struct audit_log *log)
	__attribute__((warn_unused_result));
/* For struct audit_options: takes a copy and returns. A newer checkpoint replaces one that waits.
 */
void checkpoint_push_note(void *p, const char *note, size_t len);
/* Before the record is closed: nothing more is recorded. */
void checkpoint_push_record_none(struct checkpoint_push *p);
/* Waits for the last one, ten seconds at most. False when it did not get there. */
bool checkpoint_push_finish(struct checkpoint_push *p);

#endif
