/*
 * Formats of `sallyport log export`: each takes the records one by one and writes to stdout.
 */
#ifndef SALLYPORT_CLI_LOG_EXPORT_H
#define SALLYPORT_CLI_LOG_EXPORT_H

#include "audit/audit.h"

#include <stdbool.h>

/* csv.c */
void csv_begin(void);
void csv_record(const struct audit_record *r);

/* har.c, events.c. intent: of an outcome, NULL when it is not on record; of anything else NULL. */
void har_entry(const struct audit_record *intent, const struct audit_record *outcome, bool first);
void ocsf_event(const struct audit_record *intent, const struct audit_record *r);
void otel_span(const struct audit_record *intent, const struct audit_record *r);

#endif
