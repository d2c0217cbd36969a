/*
 * Questions to the DNS door, good and bad, and the answers as bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "gateway/dns_message.h"

#define HEAD     "\x12\x34\1\0\0\1\0\0\0\0\0\0"
#define QUESTION HEAD "\1A\4TeSt\0\0\1\0\1"

static int read_text(const char *data, size_t len, struct dns_question *q)
{
	return dns_message_read((const uint8_t *)data, len, q);
}

#define READ(text, q) read_text(text, sizeof(text) - 1, q)

static void good(void **state)
{
	struct dns_question q;

	(void)state;
	assert_int_equal(READ(QUESTION, &q), DNS_RCODE_OK);
	assert_int_equal(q.id, 0x1234);
	assert_true(q.recursion_desired);
	assert_string_equal(q.name, "a.test");
	assert_int_equal(q.type, DNS_TYPE_A);
	assert_int_equal(q.question_end, sizeof(QUESTION) - 1);
	/* With EDNS behind it. */
	assert_int_equal(
		READ("\x12\x34\1\0\0\1\0\0\0\0\0\1\1a\0\0\34\0\1\0\0\51\4\320\0\0\0\0\0\0", &q),
		DNS_RCODE_OK);
	assert_string_equal(q.name, "a");
	assert_int_equal(q.type, DNS_TYPE_AAAA);
}

static void bad(void **state)
{
	struct dns_question q;

	(void)state;
	for (size_t cut = 0; cut < sizeof(QUESTION) - 1; cut++) {
		assert_int_not_equal(read_text(QUESTION, cut, &q), DNS_RCODE_OK);
	}
	assert_int_equal(
		READ("\x12\x34\x81\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", &q), -1); /* an answer */
	assert_int_equal(READ("\x12\x34\x21\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", &q), DNS_RCODE_NOTIMP);
	assert_int_equal(READ("\x12\x34\1\0\0\2\0\0\0\0\0\0\1a\0\0\1\0\1", &q), DNS_RCODE_FORMAT);
	assert_int_equal(READ("\x12\x34\1\0\0\1\0\1\0\0\0\0\1a\0\0\1\0\1", &q), DNS_RCODE_FORMAT);
	assert_int_equal(READ(HEAD "\300\14\0\1\0\1", &q), DNS_RCODE_FORMAT); /* compression */
	assert_int_equal(READ(HEAD "\1a\0\0\1\0\3", &q), DNS_RCODE_REFUSED);  /* class CHAOS */
	assert_int_equal(READ(HEAD "\3a.b\0\0\1\0\1", &q), DNS_RCODE_NXDOMAIN);
	assert_int_equal(READ(HEAD "\3a\0b\0\0\1\0\1", &q), DNS_RCODE_NXDOMAIN);
	assert_int_equal(READ(HEAD "\1\377\0\0\1\0\1", &q), DNS_RCODE_NXDOMAIN);
}

static void a_name_too_long(void **state)
{
	uint8_t data[400] = HEAD;
	struct dns_question q;
	size_t at = 12;

	(void)state;
	for (int i = 0; i < 5; i++) {
		data[at++] = 60;
		memset(data + at, 'a', 60);
		at += 60;
	}
	data[at++] = 0;
	data[at + 1] = 1;
	data[at + 3] = 1;
	assert_int_not_equal(dns_message_read(data, at + 4, &q), DNS_RCODE_OK);
}

static void answers(void **state)
{
	static const uint8_t address[4] = {198, 18, 0, 1};
	uint8_t buf[512], small[40];
	struct dns_question q;
	size_t len;

	(void)state;
	assert_int_equal(READ(QUESTION, &q), DNS_RCODE_OK);
	len = dns_message_answer(
		(const uint8_t *)QUESTION, &q, DNS_RCODE_OK, address, 4, 60, buf, sizeof(buf));
	assert_int_equal(len, sizeof(QUESTION) - 1 + 16);
	assert_memory_equal(buf,
		"\x12\x34\x81\x80\0\1\0\1\0\0\0\0\1A\4TeSt\0\0\1\0\1"
		"\300\14\0\1\0\1\0\0\0\74\0\4\306\22\0\1",
		len);
	len = dns_message_answer(
		(const uint8_t *)QUESTION, &q, DNS_RCODE_NXDOMAIN, NULL, 0, 0, buf, sizeof(buf));
	assert_int_equal(len, sizeof(QUESTION) - 1);
	assert_int_equal(buf[3], 0x83);
	assert_int_equal(buf[7], 0);
	assert_int_equal(dns_message_answer((const uint8_t *)QUESTION, &q, DNS_RCODE_OK, address, 4,
				 60, small, 30),
		0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
		cmocka_unit_test(a_name_too_long),
		cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
