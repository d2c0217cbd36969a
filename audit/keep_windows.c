/*
 * Closed segments stay as they are here: whoever asks for more is refused.
 */
#include "audit/keep.h"
#include "audit/segments.h"

int keep_start(struct audit_log *log, int dir, const struct audit_options *options,
	struct keep **ret_keep, struct audit_diag *diag)
{
	(void)log;
	(void)dir;
	*ret_keep = NULL;
	return options->compress || options->keep_bytes > 0 || options->keep_seconds > 0
		       ? audit_say(diag, AUDIT_EFORMAT, "",
				 "segments cannot be compressed or taken away on this system")
		       : AUDIT_OK;
}

void keep_segment(struct keep *k, unsigned segment)
{
	(void)k;
	(void)segment;
}

void keep_stop(struct keep *k)
{
	(void)k;
}

void keep_destroy(struct keep *k)
{
	(void)k;
}
