/*
 * One question read, one answer written. Nothing is followed, nothing is kept: compression in a
 * question is refused, the answer's name is a pointer to the question's.
 */
#include "gateway/dns_message.h"

#include <string.h>

enum { HEADER = 12, FLAG_QR = 0x80, FLAG_RD = 0x01, FLAG_RA = 0x80, OPCODE = 0x78, TYPE_OPT = 41 };

static uint16_t read16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool take_label(const uint8_t *p, size_t len, char *name, size_t *at)
{
	if (*at + len + 1 >= DNS_NAME_MAX) {
		return false;
	}
	if (*at > 0) {
		name[(*at)++] = '.';
	}
	for (size_t i = 0; i < len; i++) {
		uint8_t c = p[i];

		if (c >= 'A' && c <= 'Z') {
			c = (uint8_t)(c - 'A' + 'a');
		}
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_') {
			return false;
		}
		name[(*at)++] = (char)c;
	}
	return true;
}

static int read_name(const uint8_t *data, size_t len, size_t *at, char name[DNS_NAME_MAX])
{
	size_t n = 0;

	for (;;) {
		size_t label;

		if (*at >= len) {
			return DNS_RCODE_FORMAT;
		}
		label = data[(*at)++];
		if (label == 0) {
			name[n] = '\0';
			return DNS_RCODE_OK;
		}
		if (label > 63 || label > len - *at) {
			return DNS_RCODE_FORMAT;
		}
		if (!take_label(data + *at, label, name, &n)) {
			return DNS_RCODE_NXDOMAIN; /* no name that a rule could allow */
		}
		*at += label;
	}
}

int dns_message_read(const uint8_t *data, size_t len, struct dns_question *ret_question)
{
	struct dns_question q = {0};
	size_t at = HEADER;
	int rcode;

	memset(ret_question, 0, sizeof(*ret_question));
	if (len < HEADER || (data[2] & FLAG_QR) != 0) {
		return -1;
	}
	q.id = read16(data);
	q.recursion_desired = (data[2] & FLAG_RD) != 0;
	*ret_question = q;
	if ((data[2] & OPCODE) != 0) {
		return DNS_RCODE_NOTIMP;
	}
	if (read16(data + 4) != 1 || read16(data + 6) != 0 || read16(data + 8) != 0) {
		return DNS_RCODE_FORMAT;
	}
	rcode = read_name(data, len, &at, q.name);
	if (rcode != DNS_RCODE_OK) {
		return rcode;
	}
	if (len - at < 4) {
		return DNS_RCODE_FORMAT;
	}
	q.type = read16(data + at);
	if (read16(data + at + 2) != 1) {
		return DNS_RCODE_REFUSED; /* only class IN */
	}
	q.question_end = at + 4;
	*ret_question = q;
	return DNS_RCODE_OK;
}

size_t dns_message_answer(const uint8_t *query, const struct dns_question *q, int rcode,
	const uint8_t *address, size_t n_bytes, uint32_t ttl, uint8_t *buf, size_t size)
{
	size_t at = q->question_end != 0 ? q->question_end : HEADER;
	size_t need = at + (address != NULL ? 12 + n_bytes : 0);

	if (need > size) {
		return 0;
	}
	memset(buf, 0, HEADER);
	buf[0] = (uint8_t)(q->id >> 8);
	buf[1] = (uint8_t)q->id;
	buf[2] = (uint8_t)(FLAG_QR | (q->recursion_desired ? FLAG_RD : 0));
	buf[3] = (uint8_t)(FLAG_RA | rcode);
	if (q->question_end != 0) {
		buf[5] = 1;
		memcpy(buf + HEADER, query + HEADER, at - HEADER);
	}
	if (address != NULL) {
		uint8_t *r = buf + at;

		buf[7] = 1;
		r[0] = 0xc0;
		r[1] = HEADER;
		r[2] = 0;
		r[3] = n_bytes == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA;
		r[4] = 0;
		r[5] = 1;
		for (int i = 0; i < 4; i++) {
			r[6 + i] = (uint8_t)(ttl >> (24 - 8 * i));
		}
		r[10] = 0;
		r[11] = (uint8_t)n_bytes;
		memcpy(r + 12, address, n_bytes);
	}
	return need;
}
