/*
 * DNS messages of the door: one question in, one answer out (RFC 1035 section 4, RFC 6891 OPT
 * ignored but echoed in size). Pure: bytes in, bytes out.
 */
#ifndef SALLYPORT_GATEWAY_DNS_MESSAGE_H
#define SALLYPORT_GATEWAY_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_MAX 256
enum { DNS_TYPE_A = 1, DNS_TYPE_PTR = 12, DNS_TYPE_AAAA = 28 };
enum {
	DNS_RCODE_OK = 0,
	DNS_RCODE_FORMAT = 1,
	DNS_RCODE_FAILURE = 2,
	DNS_RCODE_NXDOMAIN = 3,
	DNS_RCODE_NOTIMP = 4,
	DNS_RCODE_REFUSED = 5
};

struct dns_question {
	uint16_t id;
	bool recursion_desired;
	char name[DNS_NAME_MAX]; /* lower case, no trailing dot; only LDH, "_" and "." pass */
	uint16_t type;
	size_t question_end; /* offset behind the question in the query */
};

/* 0; or the RCODE to answer with (> 0); or -1: not even an id, drop it. */
int dns_message_read(const uint8_t *data, size_t len, struct dns_question *ret_question)
	__attribute__((warn_unused_result));
/*
 * Writes the answer to `query`: `rcode`, and when `address` is not NULL one record of `n_bytes` (4:
 * A, 16: AAAA) with `ttl`. Returns its length, 0 when it does not fit.
 */
size_t dns_message_answer(const uint8_t *query, const struct dns_question *q, int rcode,
	const uint8_t *address, size_t n_bytes, uint32_t ttl, uint8_t *buf, size_t size);

#endif
