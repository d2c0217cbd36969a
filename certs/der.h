/*
 * Reading DER (X.690): one-octet tags, definite and shortest lengths; anything else is refused. A
 * struct der borrows the octets it was cut from.
 */
#ifndef SALLYPORT_CERTS_DER_H
#define SALLYPORT_CERTS_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct der {
	const unsigned char *p;
	size_t n;
};

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_UTF8 = 0x0c,
	DER_PRINTABLE = 0x13,
	DER_IA5 = 0x16,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
};

/* Cuts the next element off `in`: its tag, its content, and (when not NULL) the whole of it. */
bool der_next(struct der *in, unsigned *ret_tag, struct der *ret_content, struct der *ret_whole)
	__attribute__((warn_unused_result));
/* The next element, which must have this tag. */
bool der_take(struct der *in, unsigned tag, struct der *ret_content)
	__attribute__((warn_unused_result));
bool der_take_whole(struct der *in, unsigned tag, struct der *ret_whole)
	__attribute__((warn_unused_result));
/* Takes the next element if it has this tag; *ret_content is empty with p NULL when it does not. */
bool der_take_optional(struct der *in, unsigned tag, struct der *ret_content)
	__attribute__((warn_unused_result));
/* An INTEGER from 0 to `max`. */
bool der_take_small(struct der *in, unsigned max, unsigned *ret_value)
	__attribute__((warn_unused_result));
/* A Time of RFC 5280 4.1.2.5, in seconds since 1970. */
bool der_take_time(struct der *in, int64_t *ret_seconds) __attribute__((warn_unused_result));
bool der_is(struct der a, const void *bytes, size_t n);
bool der_same(struct der a, struct der b);
/* Seconds since 1970 of a UTC date; the fields must be in range. */
int64_t der_seconds(int year, int month, int day, int hour, int minute, int second);

#endif
