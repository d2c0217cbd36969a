/*
 * Any bytes as a question to the DNS door: what is taken has a clean name, and its answer has the
 * question's bytes and no more.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "gateway/dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t address[16] = {0xfd};
	struct dns_question q;
	uint8_t buf[512];
	int rcode = dns_message_read(data, size, &q);
	size_t len;

	if (rcode < 0) {
		return 0;
	}
	if (rcode == DNS_RCODE_OK) {
		assert(strlen(q.name) < DNS_NAME_MAX && q.question_end <= size);
		assert(strspn(q.name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(q.name));
	}
	len = dns_message_answer(
		data, &q, rcode, rcode == DNS_RCODE_OK ? address : NULL, 16, 60, buf, sizeof(buf));
	assert(len == 0 || (buf[0] == data[0] && buf[1] == data[1] && (buf[2] & 0x80) != 0));
	if (len > 0 && q.question_end > 12) {
		assert(memcmp(buf + 12, data + 12, q.question_end - 12) == 0);
	}
	return 0;
}
