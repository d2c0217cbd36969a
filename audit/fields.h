/*
 * The fields of a record: name, type and place, in the order they are written. One table for the
 * writer, the reader and the documentation (docs/audit.md). Private to audit/.
 */
#ifndef SALLYPORT_AUDIT_FIELDS_H
#define SALLYPORT_AUDIT_FIELDS_H

#include "audit/audit.h"

enum field_type {
	FIELD_TEXT = 1,
	FIELD_RAW,      /* text that is JSON already: an array */
	FIELD_U64,      /* 0: absent */
	FIELD_U64_KEPT, /* always written */
	FIELD_I64,      /* 0: absent */
	FIELD_BYTES,    /* int64_t, -1: absent */
	FIELD_U16,      /* 0: absent */
	FIELD_INT,      /* 0: absent */
	FIELD_EXIT,     /* int, -1: absent */
	FIELD_KIND,
	FIELD_WAY,
	FIELD_TIME, /* int64_t ns as RFC 3339 text */
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset;
	const char *key; /* as it stands in a line: a comma, the name in quotes, a colon */
	size_t key_len;
};

extern const struct field audit_fields[];
extern const size_t audit_n_fields;

enum audit_kind audit_kind_of(const char *name);
enum audit_way audit_way_of(const char *name);

#endif
