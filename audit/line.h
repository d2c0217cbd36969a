/*
 * A record as one line of JSON, with its newline. Private to audit/.
 */
#ifndef SALLYPORT_AUDIT_LINE_H
#define SALLYPORT_AUDIT_LINE_H

#include "audit/audit.h"

enum { LINE_MAX_BYTES = 512 * 1024, LINE_USUAL = 8 * 1024 };

/* Returns the length, or 0 when it does not fit. No allocation. */
size_t line_write(const struct audit_record *r, char *buf, size_t size);

#endif
