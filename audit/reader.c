/*
 * Lines back to records, segment after segment. A line that is no record is told and stepped over;
 * whether it should be there is the verifier's question.
 */
#include "audit/fields.h"
#include "audit/line.h"
#include "audit/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <yyjson.h>

struct audit_reader {
	int dir, file; /* owned */
	unsigned segment;
	uint64_t line;
	char *buf; /* owned: bytes [begin, end) are not yet read */
	size_t begin, end, size;
	bool skipping;   /* the rest of a line too long to be a record */
	yyjson_doc *doc; /* owned: holds the strings of the last record */
	char *raw[4];    /* owned: its arrays as text */
};

int audit_reader_open(const char *dir, struct audit_reader **ret_reader, struct audit_diag *diag)
{
	struct audit_reader *r = calloc(1, sizeof(*r));
	unsigned last;

	if (r == NULL) {
		return audit_say(diag, AUDIT_EMEMORY, dir, "memory is out");
	}
	r->file = -1;
	r->segment = 1;
	r->size = LINE_MAX_BYTES * 2;
	r->buf = malloc(r->size);
	r->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dir < 0 || r->buf == NULL || segments_last(r->dir, &last) != AUDIT_OK) {
		audit_reader_close(r);
		return audit_say(diag, AUDIT_EIO, dir, "cannot be opened");
	}
	if (last == 0) {
		audit_reader_close(r);
		return audit_say(
			diag, AUDIT_EFORMAT, dir, "no record folder: it has no 000001.jsonl");
	}
	*ret_reader = r;
	return AUDIT_OK;
}

static void forget(struct audit_reader *r)
{
	yyjson_doc_free(r->doc);
	r->doc = NULL;
	for (int i = 0; i < 4; i++) {
		free(r->raw[i]);
		r->raw[i] = NULL;
	}
}

void audit_reader_close(struct audit_reader *r)
{
	if (r == NULL) {
		return;
	}
	forget(r);
	if (r->file >= 0) {
		close(r->file);
	}
	if (r->dir >= 0) {
		close(r->dir);
	}
	free(r->buf);
	free(r);
}

static int open_segment(struct audit_reader *r)
{
	char name[SEGMENT_NAME];

	segment_name(r->segment, name);
	r->file = openat(r->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return r->file >= 0 ? AUDIT_OK : errno == ENOENT ? AUDIT_END : AUDIT_EIO;
}

static bool next_exists(const struct audit_reader *r)
{
	char name[SEGMENT_NAME];

	segment_name(r->segment + 1, name);
	return faccessat(r->dir, name, R_OK, 0) == 0;
}

/* One line without its newline; AUDIT_END when no whole one is there (yet). */
static int next_line(struct audit_reader *r, char **ret_line, size_t *ret_len)
{
	for (;;) {
		char *newline = memchr(r->buf + r->begin, '\n', r->end - r->begin);
		ssize_t got;

		if (newline != NULL) {
			bool rest = r->skipping;

			*ret_line = r->buf + r->begin;
			*ret_len = (size_t)(newline - *ret_line);
			r->begin += *ret_len + 1;
			r->skipping = false;
			if (rest) {
				continue;
			}
			r->line++;
			return AUDIT_OK;
		}
		if (r->file < 0) {
			int error = open_segment(r);

			if (error != AUDIT_OK) {
				return error;
			}
			r->line = 0;
		}
		memmove(r->buf, r->buf + r->begin, r->end - r->begin);
		r->end -= r->begin;
		r->begin = 0;
		if (r->end == r->size) {
			bool told = r->skipping;

			r->end = 0;
			r->skipping = true;
			if (!told) {
				r->line++;
				return AUDIT_ETOOLONG;
			}
		}
		got = read(r->file, r->buf + r->end, r->size - r->end);
		if (got < 0) {
			return AUDIT_EIO;
		}
		r->end += (size_t)got;
		if (got == 0) {
			if (!next_exists(r)) {
				return AUDIT_END;
			}
			close(r->file);
			r->file = -1;
			r->segment++;
			/* A torn end of an older segment is the verifier's. */
			r->end = r->begin = 0;
			r->skipping = false;
		}
	}
}

static bool read_time(const char *text, int64_t *ret_ns)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	long fraction = 0;

	if (rest == NULL || sscanf(rest, ".%9ldZ", &fraction) != 1) {
		return false;
	}
	return !__builtin_mul_overflow((int64_t)timegm(&tm), (int64_t)1000000000, ret_ns) &&
	       !__builtin_add_overflow(*ret_ns, (int64_t)fraction, ret_ns) && *ret_ns > 0;
}

/* U+F780..U+F7FF stand for bytes (see line.c): EF 9E 80..EF 9F BF in UTF-8. In place. */
static const char *restore_bytes(char *text)
{
	unsigned char *from = (unsigned char *)text, *to = from;

	while (*from != '\0') {
		if (from[0] == 0xef && (from[1] == 0x9e || from[1] == 0x9f)) {
			*to++ = (unsigned char)((from[1] & 1) << 6 | from[2]);
			from += 3;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
	return text;
}

static bool read_text(struct audit_record *record, const struct field *f, const char *text)
{
	char *p = (char *)record + f->offset;

	switch (f->type) {
	case FIELD_TEXT:
		/* The document is ours, and its strings are not looked at again. */
		*(const char **)(void *)p = restore_bytes((char *)(uintptr_t)text);
		return true;
	case FIELD_KIND: record->kind = audit_kind_of(text); return record->kind != AUDIT_NONE;
	case FIELD_WAY: record->way = audit_way_of(text); return record->way != AUDIT_WAY_NONE;
	case FIELD_TIME: return read_time(text, &record->time_ns);
	default: return false;
	}
}

static bool read_number(struct audit_record *record, const struct field *f, yyjson_val *value)
{
	char *p = (char *)record + f->offset;
	int64_t number =
		yyjson_is_uint(value) ? (int64_t)yyjson_get_uint(value) : yyjson_get_sint(value);

	switch (f->type) {
	case FIELD_U64:
	case FIELD_U64_KEPT:
	case FIELD_I64:
	case FIELD_BYTES: memcpy(p, &number, sizeof(number)); return true;
	case FIELD_U16:
		*(uint16_t *)(void *)p = (uint16_t)number;
		return number >= 0 && number <= 65535;
	case FIELD_INT:
	case FIELD_EXIT:
		*(int *)(void *)p = (int)number;
		return number >= -1 && number <= INT32_MAX;
	default: return false;
	}
}

static bool read_field(struct audit_reader *r, struct audit_record *record, const struct field *f,
	yyjson_val *value, int *n_raw)
{
	if (f->type == FIELD_RAW) {
		char *text = yyjson_is_arr(value) && *n_raw < 4 ? yyjson_val_write(value, 0, NULL)
								: NULL;

		if (text == NULL) {
			return false;
		}
		r->raw[(*n_raw)++] = text;
		*(const char **)(void *)((char *)record + f->offset) = text;
		return true;
	}
	if (yyjson_is_str(value)) {
		return read_text(record, f, yyjson_get_str(value));
	}
	return yyjson_is_int(value) && read_number(record, f, value);
}

static bool read_record(struct audit_reader *r, struct audit_record *record)
{
	yyjson_val *root = yyjson_doc_get_root(r->doc);
	int n_raw = 0;

	audit_record_init(record);
	if (!yyjson_is_obj(root)) {
		return false;
	}
	for (size_t i = 0; i < audit_n_fields; i++) {
		yyjson_val *value = yyjson_obj_get(root, audit_fields[i].name);

		if (value != NULL && !read_field(r, record, &audit_fields[i], value, &n_raw)) {
			return false;
		}
	}
	return record->kind != AUDIT_NONE && record->time_ns != 0;
}

int audit_reader_next(
	struct audit_reader *r, struct audit_record *ret_record, struct audit_diag *diag)
{
	char name[SEGMENT_NAME], *line = NULL;
	size_t len = 0;
	int error = next_line(r, &line, &len);

	forget(r);
	segment_name(r->segment, name);
	if (error == AUDIT_END) {
		return error;
	}
	if (error != AUDIT_OK) {
		error = audit_say(diag, error, name, "cannot be read");
	} else {
		r->doc = yyjson_read(line, len, 0);
		if (r->doc == NULL || !read_record(r, ret_record)) {
			error = audit_say(diag, AUDIT_EFORMAT, name, "this line is no record");
		}
	}
	if (error != AUDIT_OK) {
		diag->line = r->line;
	}
	return error;
}
