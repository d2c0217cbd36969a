/*
 * Reads DER elements, strictly: what two readers could understand differently is refused. Must not
 * know what the elements mean.
 */
#include "certs/der.h"

#include <string.h>

static bool read_length(struct der *in, size_t *ret_len)
{
	unsigned char first;
	size_t len = 0;

	if (in->n < 1) {
		return false;
	}
	first = in->p[0];
	in->p++;
	in->n--;
	if (first < 0x80) {
		*ret_len = first;
		return true;
	}
	first &= 0x7f;
	if (first < 1 || first > 4 || in->n < first || in->p[0] == 0) {
		return false;
	}
	for (unsigned i = 0; i < first; i++) {
		len = len << 8 | in->p[i];
	}
	in->p += first;
	in->n -= first;
	*ret_len = len;
	return len >= 0x80;
}

bool der_next(struct der *in, unsigned *ret_tag, struct der *ret_content, struct der *ret_whole)
{
	struct der rest = *in;
	unsigned tag;
	size_t len;

	if (rest.n < 2) {
		return false;
	}
	tag = rest.p[0];
	rest.p++;
	rest.n--;
	if ((tag & 0x1f) == 0x1f || !read_length(&rest, &len) || len > rest.n) {
		return false;
	}
	*ret_tag = tag;
	*ret_content = (struct der){rest.p, len};
	if (ret_whole != NULL) {
		*ret_whole = (struct der){in->p, (size_t)(rest.p - in->p) + len};
	}
	*in = (struct der){rest.p + len, rest.n - len};
	return true;
}

bool der_take(struct der *in, unsigned tag, struct der *ret_content)
{
	unsigned got;

	return der_next(in, &got, ret_content, NULL) && got == tag;
}

bool der_take_whole(struct der *in, unsigned tag, struct der *ret_whole)
{
	struct der content;
	unsigned got;

	return der_next(in, &got, &content, ret_whole) && got == tag;
}

bool der_take_optional(struct der *in, unsigned tag, struct der *ret_content)
{
	*ret_content = (struct der){NULL, 0};
	if (in->n == 0 || in->p[0] != tag) {
		return true;
	}
	return der_take(in, tag, ret_content);
}

bool der_take_small(struct der *in, unsigned max, unsigned *ret_value)
{
	struct der c;
	unsigned value = 0;

	/* Shortest form: a leading zero only where the sign bit would lie. */
	if (!der_take(in, DER_INTEGER, &c) || c.n < 1 || c.n > 4 || (c.p[0] & 0x80) != 0 ||
		(c.n > 1 && c.p[0] == 0 && (c.p[1] & 0x80) == 0)) {
		return false;
	}
	for (size_t i = 0; i < c.n; i++) {
		value = value << 8 | c.p[i];
	}
	*ret_value = value;
	return value <= max;
}

static bool two_digits(struct der *in, int min, int max, int *ret_value)
{
	if (in->n < 2 || in->p[0] < '0' || in->p[0] > '9' || in->p[1] < '0' || in->p[1] > '9') {
		return false;
	}
	*ret_value = (in->p[0] - '0') * 10 + (in->p[1] - '0');
	in->p += 2;
	in->n -= 2;
	return *ret_value >= min && *ret_value <= max;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

int64_t der_seconds(int year, int month, int day, int hour, int minute, int second)
{
	/* Days before 1 January of `year`, counted from year 1 and then from 1970. */
	int64_t y = (int64_t)year - 1;
	int64_t days = y * 365 + y / 4 - y / 100 + y / 400 - 719162;

	for (int m = 1; m < month; m++) {
		days += days_in(year, m);
	}
	days += day - 1;
	return days * 86400 + hour * 3600 + minute * 60 + second;
}

bool der_take_time(struct der *in, int64_t *ret_seconds)
{
	struct der c;
	unsigned tag;
	int century = 0;
	int year;
	int month;
	int day;
	int hour;
	int minute;
	int second;

	if (!der_next(in, &tag, &c, NULL) || (tag != DER_UTC_TIME && tag != DER_GENERALIZED_TIME) ||
		(tag == DER_GENERALIZED_TIME && !two_digits(&c, 0, 99, &century)) ||
		!two_digits(&c, 0, 99, &year)) {
		return false;
	}
	if (tag == DER_UTC_TIME) {
		century = year >= 50 ? 19 : 20;
	}
	year += century * 100;
	if (year < 1 || !two_digits(&c, 1, 12, &month) ||
		!two_digits(&c, 1, days_in(year, month), &day) || !two_digits(&c, 0, 23, &hour) ||
		!two_digits(&c, 0, 59, &minute) || !two_digits(&c, 0, 59, &second) ||
		!der_is(c, "Z", 1)) {
		return false;
	}
	*ret_seconds = der_seconds(year, month, day, hour, minute, second);
	return true;
}

bool der_is(struct der a, const void *bytes, size_t n)
{
	return a.n == n && (n == 0 || memcmp(a.p, bytes, n) == 0);
}

bool der_same(struct der a, struct der b)
{
	return der_is(a, b.p, b.n);
}
