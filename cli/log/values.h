/*
 * What the formats for other programs share: values of a record as they want them.
 */
#ifndef SALLYPORT_CLI_LOG_VALUES_H
#define SALLYPORT_CLI_LOG_VALUES_H

#include "audit/audit.h"
#include "cli/text.h"

#include <stdbool.h>
#include <yyjson.h>

/* A string that may hold bytes that are no UTF-8. NULL: the member is left out. */
void export_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, const char *text);
/* Prints the document's root and frees it. */
void export_print(yyjson_mut_doc *doc, const char *end);
/* The value of a recorded header field, any case, NULL when there is none: the caller's to free. */
char *export_header(const char *headers, const char *name);

/* Its URL; what named no host has one that leads nowhere (RFC 6694). Lives in `text`. */
const char *export_url(struct text *text, const struct audit_record *r);

/* "WHO@ADDRESS:PORT", an IPv6 address in brackets, taken apart. */
struct export_endpoint {
	char *who, *ip; /* owned; who NULL: nobody is named */
	int port;
};
/* False: it is none (NULL, say), and nothing is to be freed. */
bool export_endpoint(const char *text, struct export_endpoint *ret_endpoint);
void export_endpoint_finish(struct export_endpoint *endpoint);

#endif
