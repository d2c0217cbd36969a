/*
 * Record to line: fields in the table's order, absent ones left out. Text is escaped so that every
 * line is pure ASCII. A byte that is not UTF-8 becomes one of U+F780..U+F7FF, private characters,
 * and so does each byte of such a character where a text has one: nothing is lost, nothing can be
 * taken for something else, and every reader of JSON takes it (RFC 7493 2.1: no lone surrogates).
 */
#include "audit/line.h"
#include "audit/fields.h"

#include <string.h>
#include <time.h>

struct out {
	char *at, *end;
	bool full;
};

static void put(struct out *o, const char *text, size_t len)
{
	if ((size_t)(o->end - o->at) < len) {
		o->full = true;
		return;
	}
	memcpy(o->at, text, len);
	o->at += len;
}

static void put_number(struct out *o, int64_t value)
{
	char digits[24], *at = digits + sizeof(digits);
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do {
		*--at = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (value < 0) {
		*--at = '-';
	}
	put(o, at, (size_t)(digits + sizeof(digits) - at));
}

static void put_hex(struct out *o, unsigned code)
{
	static const char digits[] = "0123456789abcdef";
	const char escape[6] = {'\\', 'u', digits[code >> 12 & 15], digits[code >> 8 & 15],
		digits[code >> 4 & 15], digits[code & 15]};

	put(o, escape, sizeof(escape));
}

static void put_unicode(struct out *o, unsigned code)
{
	if (code >= 0x10000) {
		put_hex(o, 0xd800 + ((code - 0x10000) >> 10));
		code = 0xdc00 + ((code - 0x10000) & 0x3ff);
	}
	put_hex(o, code);
}

/* One UTF-8 sequence; returns its length, or 0 when it is none (RFC 3629). */
static size_t utf8(const unsigned char *s, unsigned *ret_code)
{
	static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	unsigned code = s[0] & (0x7f >> len);

	if (s[0] < 0xc2 || s[0] > 0xf4) {
		return 0;
	}
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			return 0;
		}
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
		return 0;
	}
	*ret_code = code;
	return len;
}

/* How much of a text stands for itself: eight bytes at a time, then one by one. */
static size_t count_plain(const unsigned char *s, size_t len)
{
	const uint64_t ones = 0x0101010101010101, high = ones << 7;
	size_t n = 0;

	for (; n + 8 <= len; n += 8) {
		uint64_t w, quote, slash;

		memcpy(&w, s + n, 8);
		quote = w ^ ones * '"';
		slash = w ^ ones * '\\';
		/* The high bit stays 0 for bytes of 0x20 to 0x7e that are neither. */
		if (((w - ones * 0x20) | (w + ones) | w | (quote - ones) | (slash - ones)) & high) {
			break;
		}
	}
	while (n < len && s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\') {
		n++;
	}
	return n;
}

static void put_text(struct out *o, const char *text)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + strlen(text);

	put(o, "\"", 1);
	for (;;) {
		size_t plain = count_plain(s, (size_t)(end - s)), len = 1;
		unsigned code;

		put(o, (const char *)s, plain);
		s += plain;
		if (s == end) {
			break;
		}
		code = *s;
		if (code >= 0x80) {
			len = utf8(s, &code);
			if (len == 0 || (code >= 0xf780 && code <= 0xf7ff)) {
				len = 1;
				code = 0xf700u + *s;
			}
		}
		put_unicode(o, code);
		s += len;
	}
	put(o, "\"", 1);
}

static void put_time(struct out *o, int64_t ns)
{
	/* The calendar part is the same for a whole second: worth keeping. */
	static _Thread_local char text[] = "\"2026-01-31T12:00:00.123456789Z\"";
	static _Thread_local time_t kept = -1;
	enum { CALENDAR = 21, DIGITS = 9 };
	time_t seconds = (time_t)(ns / 1000000000);
	unsigned fraction = (unsigned)(ns % 1000000000);
	char calendar[CALENDAR + 1];
	struct tm tm;

	if (seconds != kept) {
		if (gmtime_r(&seconds, &tm) == NULL ||
			strftime(calendar, sizeof(calendar), "\"%Y-%m-%dT%H:%M:%S.", &tm) !=
				CALENDAR) {
			o->full = true;
			return;
		}
		memcpy(text, calendar, CALENDAR);
		kept = seconds;
	}
	for (int i = DIGITS; i > 0; i--) {
		text[CALENDAR + i - 1] = (char)('0' + fraction % 10);
		fraction /= 10;
	}
	put(o, text, sizeof(text) - 1);
}

static void put_name(struct out *o, const struct field *f)
{
	put(o, f->key, f->key_len);
}

static void put_integer(struct out *o, const struct field *f, int64_t value, bool present)
{
	if (present) {
		put_name(o, f);
		put_number(o, value);
	}
}

static void put_string(struct out *o, const struct field *f, const char *text, bool raw)
{
	if (text != NULL) {
		put_name(o, f);
		if (raw) {
			put(o, text, strlen(text));
		} else {
			put_text(o, text);
		}
	}
}

static void put_field(struct out *o, const struct audit_record *r, const struct field *f)
{
	const char *p = (const char *)r + f->offset;
	int64_t i64;

	switch (f->type) {
	case FIELD_TEXT: put_string(o, f, *(const char *const *)(const void *)p, false); break;
	case FIELD_RAW: put_string(o, f, *(const char *const *)(const void *)p, true); break;
	case FIELD_U64:
	case FIELD_I64:
		memcpy(&i64, p, sizeof(i64));
		put_integer(o, f, i64, i64 != 0);
		break;
	case FIELD_U64_KEPT:
		memcpy(&i64, p, sizeof(i64));
		put_integer(o, f, i64, true);
		break;
	case FIELD_BYTES:
		memcpy(&i64, p, sizeof(i64));
		put_integer(o, f, i64, i64 != -1);
		break;
	case FIELD_U16:
		i64 = *(const uint16_t *)(const void *)p;
		put_integer(o, f, i64, i64 != 0);
		break;
	case FIELD_INT:
		i64 = *(const int *)(const void *)p;
		put_integer(o, f, i64, i64 != 0);
		break;
	case FIELD_EXIT:
		i64 = *(const int *)(const void *)p;
		put_integer(o, f, i64, i64 != -1);
		break;
	case FIELD_KIND: put_string(o, f, audit_kind_name(r->kind), false); break;
	case FIELD_WAY:
		put_string(o, f, r->way != AUDIT_WAY_NONE ? audit_way_name(r->way) : NULL, false);
		break;
	case FIELD_TIME:
		put_name(o, f);
		put_time(o, r->time_ns);
		break;
	}
}

size_t line_write(const struct audit_record *r, char *buf, size_t size)
{
	struct out o = {buf, buf + size, false};

	for (size_t i = 0; i < audit_n_fields; i++) {
		put_field(&o, r, &audit_fields[i]);
	}
	put(&o, "}\n", 2);
	if (o.full) {
		return 0;
	}
	buf[0] = '{'; /* where the first name's comma stands */
	return (size_t)(o.at - buf);
}

size_t audit_json_string(const char *text, char *buf, size_t size)
{
	struct out o = {buf, buf + size, false};

	put_text(&o, text);
	return o.full ? 0 : (size_t)(o.at - buf);
}
