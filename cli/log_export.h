/*
 * Formats of `sallyport log export`: each takes the records one by one and writes to stdout.
 */
#ifndef SALLYPORT_CLI_LOG_EXPORT_H
#define SALLYPORT_CLI_LOG_EXPORT_H

#include "audit/audit.h"

#include <yyjson.h>

/* A string that may hold bytes that are no UTF-8. NULL: the member is left out. */
void export_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, const char *text);
/* Prints the document's root and frees it. */
void export_print(yyjson_mut_doc *doc, const char *end);
/* The value of a recorded header field, any case, NULL when there is none: the caller's to free. */
char *export_header(const char *headers, const char *name);

/* intent: of an outcome, NULL when it is not on record; of anything else NULL. */
void har_entry(const struct audit_record *intent, const struct audit_record *outcome, bool first);
void ocsf_event(const struct audit_record *intent, const struct audit_record *r);
void otel_span(const struct audit_record *intent, const struct audit_record *r);

#endif
