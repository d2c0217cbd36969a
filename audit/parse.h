/*
 * One line as a record. Private to audit/.
 */
#ifndef SALLYPORT_AUDIT_PARSE_H
#define SALLYPORT_AUDIT_PARSE_H

#include "audit/audit.h"

enum { PARSED_NAMES = 64 };

struct yyjson_alc;

/* What a record's strings live in, until the next one is read. */
struct parsed {
	struct yyjson_alc *memory; /* owned; used again for every line */
	struct yyjson_doc *doc;    /* owned, in memory */
	char *text;                /* owned: the line, in which the parser ends its strings */
	char *arrays;              /* in the same block: those of the line, as they stand there */
	size_t size;               /* of either */
	unsigned char lengths[PARSED_NAMES]; /* of the names of audit_fields */
	char calendar[20];                   /* the last one read, and what it says */
	int64_t seconds;
};

int parsed_init(struct parsed *p);
void parsed_finish(struct parsed *p);
bool parsed_read(struct parsed *p, const char *line, size_t len, struct audit_record *ret_record);

#endif
