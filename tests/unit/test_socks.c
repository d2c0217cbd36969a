/*
 * SOCKS messages: whole, cut at every place, and wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "gateway/socks.h"

typedef enum socks_result read_fn(
	const uint8_t *data, size_t len, struct socks_request *ret_request, size_t *ret_used);

/* Every prefix wants more, the whole is read, and bytes behind it are left. */
static void check_request(
	read_fn *read, const char *bytes, size_t len, const char *host, uint16_t port)
{
	const uint8_t *data = (const uint8_t *)bytes;
	struct socks_request request;
	size_t used = 0;

	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(read(data, cut, &request, &used), SOCKS_MORE);
	}
	assert_int_equal(read(data, len, &request, &used), SOCKS_OK);
	assert_int_equal(used, len);
	assert_string_equal(request.host, host);
	assert_int_equal(request.port, port);
	assert_int_equal(request.command, SOCKS_COMMAND_CONNECT);
}

#define REQUEST(read, bytes, host, port) check_request(read, bytes, sizeof(bytes) - 1, host, port)

static void requests(void **state)
{
	(void)state;
	REQUEST(socks_read_request, "\5\1\0\3\6a.test\1\273", "a.test", 443);
	REQUEST(socks_read_request, "\5\1\0\1\300\0\2\1\0\120", "192.0.2.1", 80);
	REQUEST(socks_read_request, "\5\1\0\4\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\120",
		"[2001:db8:0:0:0:0:0:1]", 80);
	REQUEST(socks_read_request4, "\4\1\0\120\300\0\2\1\0", "192.0.2.1", 80);
	REQUEST(socks_read_request4, "\4\1\0\120\300\0\2\1me\0", "192.0.2.1", 80);
	REQUEST(socks_read_request4, "\4\1\1\273\0\0\0\7\0a.test\0", "a.test", 443);
	/* 0.0.0.0 is an address like others, and forbidden as one. */
	REQUEST(socks_read_request4, "\4\1\0\120\0\0\0\0\0", "0.0.0.0", 80);
}

static void check_bad(read_fn *read, const char *bytes, size_t len)
{
	struct socks_request request;
	size_t used;

	assert_int_equal(read((const uint8_t *)bytes, len, &request, &used), SOCKS_BAD);
}

#define BAD(read, bytes) check_bad(read, bytes, sizeof(bytes) - 1)

static void bad_requests(void **state)
{
	char long_user[600] = {4, 1, 0, 80, 1, 1, 1, 1};

	(void)state;
	BAD(socks_read_request, "\4\1\0\3\6a.test\1\273");
	BAD(socks_read_request, "\5\1\1\3\6a.test\1\273");
	BAD(socks_read_request, "\5\1\0\2\6a.test\1\273");
	BAD(socks_read_request, "\5\1\0\3\0\1\273");
	BAD(socks_read_request, "\5\1\0\3\6a.\0est\1\273");
	BAD(socks_read_request4, "\5\1\0\120\300\0\2\1\0");
	BAD(socks_read_request4, "\4\1\1\273\0\0\0\7\0\0");
	memset(long_user + 8, 'u', sizeof(long_user) - 8);
	check_bad(socks_read_request4, long_user, sizeof(long_user));
}

static void greetings(void **state)
{
	struct socks_greeting greeting;
	size_t used;

	(void)state;
	assert_int_equal(
		socks_read_greeting((const uint8_t *)"\5", 1, &greeting, &used), SOCKS_MORE);
	assert_int_equal(
		socks_read_greeting((const uint8_t *)"\5\2\0", 3, &greeting, &used), SOCKS_MORE);
	assert_int_equal(
		socks_read_greeting((const uint8_t *)"\5\2\1\2x", 5, &greeting, &used), SOCKS_OK);
	assert_int_equal(used, 4);
	assert_false(greeting.no_authentication);
	assert_true(greeting.password);
	assert_int_equal(
		socks_read_greeting((const uint8_t *)"\5\1\0", 3, &greeting, &used), SOCKS_OK);
	assert_true(greeting.no_authentication);
	assert_false(greeting.password);
	assert_int_equal(
		socks_read_greeting((const uint8_t *)"\5\0", 2, &greeting, &used), SOCKS_BAD);
	assert_int_equal(
		socks_read_greeting((const uint8_t *)"\4\1\0", 3, &greeting, &used), SOCKS_BAD);
}

static void passwords(void **state)
{
	const uint8_t *good = (const uint8_t *)"\1\2me\4word";
	struct socks_password password;
	size_t used;

	(void)state;
	for (size_t cut = 0; cut < 9; cut++) {
		assert_int_equal(socks_read_password(good, cut, &password, &used), SOCKS_MORE);
	}
	assert_int_equal(socks_read_password(good, 9, &password, &used), SOCKS_OK);
	assert_int_equal(used, 9);
	assert_string_equal(password.user, "me");
	assert_string_equal(password.password, "word");
	assert_int_equal(
		socks_read_password((const uint8_t *)"\5\2me", 4, &password, &used), SOCKS_BAD);
	assert_int_equal(
		socks_read_password((const uint8_t *)"\1\0\1x", 4, &password, &used), SOCKS_BAD);
}

static void replies(void **state)
{
	uint8_t buf[10];

	(void)state;
	assert_int_equal(socks_write_reply(5, SOCKS_NOT_ALLOWED, buf), 10);
	assert_memory_equal(buf, "\5\2\0\1\0\0\0\0\0\0", 10);
	assert_int_equal(socks_write_reply(4, SOCKS_GRANTED, buf), 8);
	assert_memory_equal(buf, "\0\132\0\0\0\0\0\0", 8);
	assert_int_equal(socks_write_reply(4, SOCKS_GENERAL, buf), 8);
	assert_memory_equal(buf, "\0\133\0\0\0\0\0\0", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(greetings),
		cmocka_unit_test(passwords),
		cmocka_unit_test(replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
