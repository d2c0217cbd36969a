/*
 * WebSocket frames: counted however they are cut; each rule of RFC 6455 section 5 broken once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "gateway/websocket.h"

static bool take(bool masked, bool extensions, const char *bytes, size_t len, size_t cut,
	struct websocket *ret)
{
	websocket_init(ret, masked, extensions);
	for (size_t at = 0; at < len; at += cut) {
		size_t n = len - at < cut ? len - at : cut;

		if (!websocket_take(ret, (const uint8_t *)bytes + at, n)) {
			return false;
		}
	}
	return true;
}

static void check(bool masked, const char *bytes, size_t len, unsigned frames, unsigned messages)
{
	struct websocket w;

	for (size_t cut = 1; cut <= len; cut++) {
		assert_true(take(masked, false, bytes, len, cut, &w));
		assert_int_equal(w.frames, frames);
		assert_int_equal(w.messages, messages);
		assert_int_equal(w.left, 0);
	}
}

#define GOOD(masked, bytes, frames, messages) \
	check(masked, bytes, sizeof(bytes) - 1, frames, messages)

static void good(void **state)
{
	static char middle[4 + 126] = "\202\176\0\176",
			       large[10 + 65536] = "\202\177\0\0\0\0\0\1\0\0";
	struct websocket w;

	(void)state;
	GOOD(false, "\201\5hello", 1, 1);
	GOOD(true, "\201\205mask12345", 1, 1);
	GOOD(false, "\201\0\202\0", 2, 2);
	/* A message in three frames with a Ping between them, then Close. */
	GOOD(false, "\1\1a\0\1b\211\0\200\1c\210\2\3\350", 5, 1);
	check(false, middle, sizeof(middle), 1, 1);
	assert_true(take(false, false, large, sizeof(large), 1000, &w));
	assert_int_equal(w.messages, 1);
	assert_true(take(false, true, "\301\1a", 3, 3, &w)); /* compressed, as agreed */
}

static void check_bad(bool masked, bool extensions, const char *bytes, size_t len)
{
	struct websocket w;

	assert_false(take(masked, extensions, bytes, len, len, &w));
	assert_false(take(masked, extensions, bytes, len, 1, &w));
}

#define BAD(masked, bytes) check_bad(masked, false, bytes, sizeof(bytes) - 1)

static void bad(void **state)
{
	(void)state;
	BAD(true, "\201\5hello");        /* a client that does not mask */
	BAD(false, "\201\205mask12345"); /* a server that does */
	BAD(false, "\301\1a");           /* a reserved bit that nobody agreed on */
	BAD(false, "\203\0");            /* reserved operations */
	BAD(false, "\213\0");
	BAD(false, "\200\1a");        /* a continuation of nothing */
	BAD(false, "\1\1a\201\1b");   /* a message inside a message */
	BAD(false, "\11\0");          /* a control frame in parts */
	BAD(false, "\211\176\0\176"); /* a long one */
	BAD(false, "\202\176\0\175"); /* a length in more octets than it needs */
	BAD(false, "\202\177\0\0\0\0\0\0\377\377");
	BAD(false, "\202\177\200\0\0\0\0\0\0\0"); /* negative to some */
	BAD(false, "\210\0\201\0");               /* something after Close */
	BAD(false, "HTTP/1.1 200 OK\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(bad)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
