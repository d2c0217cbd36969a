/*
 * A line back to a record: what line.c wrote, whoever may have changed it since. A field that is
 * unknown is passed over; one of the wrong type, one given twice and one out of its range make the
 * line no record.
 *
 * Built for reading gigabytes: memory is used again from line to line, strings stay where the
 * parser unescaped them, arrays are not taken apart, fields are looked for where the writer puts
 * them, and a second's calendar is read once.
 */
#include "audit/parse.h"
#include "audit/fields.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <yyjson.h>

/* The line that is being read. */
struct line {
	const char *text;
	size_t len;
	bool has_bytes; /* restore_bytes() may find some */
	size_t arrays;  /* bytes of p->arrays that are taken */
};

int parsed_init(struct parsed *p)
{
	assert(audit_n_fields <= PARSED_NAMES);
	memset(p, 0, sizeof(*p));
	for (size_t i = 0; i < audit_n_fields; i++) {
		p->lengths[i] = (unsigned char)strlen(audit_fields[i].name);
	}
	p->memory = yyjson_alc_dyn_new();
	return p->memory != NULL ? AUDIT_OK : AUDIT_EMEMORY;
}

static void forget(struct parsed *p)
{
	yyjson_doc_free(p->doc);
	p->doc = NULL;
}

void parsed_finish(struct parsed *p)
{
	if (p->memory != NULL) {
		forget(p);
		yyjson_alc_dyn_free(p->memory);
		p->memory = NULL;
	}
	free(p->text);
	p->text = NULL;
}

static bool read_calendar(struct parsed *p, const char *text)
{
	struct tm tm = {0};
	char copy[20];
	const char *end;

	snprintf(copy, sizeof(copy), "%.19s", text);
	end = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
	if (end == NULL || *end != '\0') {
		return false;
	}
	p->seconds = (int64_t)timegm(&tm);
	memcpy(p->calendar, copy, sizeof(copy));
	return true;
}

/* "2026-01-31T12:00:00.123456789Z" */
static bool read_time(struct parsed *p, const char *text, size_t len, int64_t *ret_ns)
{
	int64_t fraction = 0;

	if (len != 30 || text[19] != '.' || text[29] != 'Z') {
		return false;
	}
	for (int i = 20; i < 29; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return false;
		}
		fraction = fraction * 10 + (text[i] - '0');
	}
	if (memcmp(p->calendar, text, 19) != 0 && !read_calendar(p, text)) {
		return false;
	}
	return !__builtin_mul_overflow(p->seconds, (int64_t)1000000000, ret_ns) &&
	       !__builtin_add_overflow(*ret_ns, fraction, ret_ns) && *ret_ns > 0;
}

/* U+F780..U+F7FF stand for bytes (see line.c): EF 9E 80..EF 9F BF in UTF-8. In place. */
static const char *restore_bytes(char *text)
{
	unsigned char *from = (unsigned char *)strchr(text, 0xef), *to = from;

	if (from == NULL) {
		return text;
	}
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

static bool read_text(struct parsed *p, const struct line *l, struct audit_record *record,
	const struct field *f, yyjson_val *value)
{
	const char *text = yyjson_get_str(value);
	char *place = (char *)record + f->offset;

	switch (f->type) {
	case FIELD_TEXT:
		/* The document is ours, and its strings are not looked at again. */
		*(const char **)(void *)place =
			l->has_bytes ? restore_bytes((char *)(uintptr_t)text) : text;
		return true;
	case FIELD_KIND: record->kind = audit_kind_of(text); return record->kind != AUDIT_NONE;
	case FIELD_WAY: record->way = audit_way_of(text); return record->way != AUDIT_WAY_NONE;
	case FIELD_TIME: return read_time(p, text, yyjson_get_len(value), &record->time_ns);
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

static bool read_field(struct parsed *p, const struct line *l, struct audit_record *record,
	const struct field *f, yyjson_val *value)
{
	if (yyjson_is_str(value)) {
		return read_text(p, l, record, f, value);
	}
	return yyjson_is_int(value) && read_number(record, f, value);
}

/*
 * As it stands in the line, where it begins behind its name and ends before the next one (NULL: the
 * object ends).
 */
static const char *read_array(struct parsed *p, struct line *l, yyjson_val *name, yyjson_val *next)
{
	size_t from = (size_t)(yyjson_get_str(name) - p->text) + yyjson_get_len(name);
	size_t end = next != NULL ? (size_t)(yyjson_get_str(next) - p->text) : l->len;
	char *array = p->arrays + l->arrays;

	while (from < end && l->text[from] != '[') {
		from++;
	}
	while (end > from && l->text[end - 1] != ']') {
		end--;
	}
	memcpy(array, l->text + from, end - from);
	array[end - from] = '\0';
	l->arrays += end - from + 1;
	return array;
}

/* The next field of that name, from where the last one was found; then anywhere. */
static size_t find(const struct parsed *p, size_t from, const char *name, size_t len)
{
	for (size_t n = 0, i = from; n < audit_n_fields; n++, i++) {
		i = i < audit_n_fields ? i : 0;
		if (p->lengths[i] == len && memcmp(audit_fields[i].name, name, len) == 0) {
			return i;
		}
	}
	return audit_n_fields;
}

static bool read_record(struct parsed *p, struct line *l, struct audit_record *record)
{
	yyjson_val *root = yyjson_doc_get_root(p->doc), *key, *next;
	yyjson_obj_iter fields;
	uint64_t seen = 0;
	size_t at = 0;

	if (!yyjson_obj_iter_init(root, &fields)) {
		return false;
	}
	for (key = yyjson_obj_iter_next(&fields); key != NULL; key = next) {
		yyjson_val *value = yyjson_obj_iter_get_val(key);
		size_t i = find(p, at, yyjson_get_str(key), yyjson_get_len(key));

		next = yyjson_obj_iter_next(&fields);
		if (i == audit_n_fields) {
			continue;
		}
		if ((seen & (uint64_t)1 << i) != 0) {
			return false;
		}
		if (audit_fields[i].type == FIELD_RAW) {
			if (!yyjson_is_arr(value)) {
				return false;
			}
			*(const char **)(void *)((char *)record + audit_fields[i].offset) =
				read_array(p, l, key, next);
		} else if (!read_field(p, l, record, &audit_fields[i], value)) {
			return false;
		}
		seen |= (uint64_t)1 << i;
		at = i + 1;
	}
	return record->kind != AUDIT_NONE && record->time_ns != 0;
}

/* The parser wants zeros behind a line that it works in. */
static bool copy_line(struct parsed *p, const char *line, size_t len)
{
	size_t room = len + YYJSON_PADDING_SIZE;

	if (room > p->size) {
		free(p->text);
		p->size = 2 * room;
		p->text = malloc(2 * p->size);
		p->arrays = p->text + p->size;
	}
	if (p->text == NULL) {
		p->size = 0;
		return false;
	}
	memcpy(p->text, line, len);
	memset(p->text + len, 0, YYJSON_PADDING_SIZE);
	return true;
}

bool parsed_read(struct parsed *p, const char *line, size_t len, struct audit_record *ret_record)
{
	struct line l = {.text = line, .len = len};

	forget(p);
	audit_record_init(ret_record);
	if (!copy_line(p, line, len)) {
		return false;
	}
	p->doc = yyjson_read_opts(p->text, len, YYJSON_READ_INSITU, p->memory, NULL);
	l.has_bytes = memchr(p->text, 0xef, len) != NULL;
	return p->doc != NULL && read_record(p, &l, ret_record);
}
