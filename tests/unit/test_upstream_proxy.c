/*
 * The proxy's URL, and who does without it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "gateway/upstream_proxy.h"

static void urls(void **state)
{
	static const struct {
		const char *url, *host, *authorization;
		uint16_t port;
	} rows[] = {
		{"http://Proxy.Example:3128", "proxy.example", "", 3128},
		{"http://proxy.example/", "proxy.example", "", 80},
		{"http://me@proxy.example:8080", "proxy.example", "Basic bWU6", 8080},
		{"http://Aladdin:open%20sesame@[2001:db8::1]:8080", "2001:db8::1",
			"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", 8080},
		{"http://a%40b:p%3aq@192.0.2.1", "192.0.2.1", "Basic YUBiOnA6cQ==", 80},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct upstream_proxy p;

		assert_int_equal(upstream_proxy_init(&p, rows[i].url, NULL), 0);
		assert_string_equal(p.host, rows[i].host);
		assert_string_equal(p.authorization, rows[i].authorization);
		assert_int_equal(p.port, rows[i].port);
		upstream_proxy_finish(&p);
	}
}

static void bad_urls(void **state)
{
	static const char *const urls[] = {"", "proxy.example:3128", "https://proxy.example",
		"http://", "http://proxy.example/path", "http://a b", "http://x%@proxy.example",
		"http://x%0d%0aEvil: 1@proxy.example", "http://x%3ay@proxy.example",
		"http://proxy.example:0x10", "http://proxy.example?x"};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct upstream_proxy p;

		if (upstream_proxy_init(&p, urls[i], NULL) == 0) {
			fail_msg("taken: %s", urls[i]);
		}
		upstream_proxy_finish(&p);
	}
}

static void exceptions(void **state)
{
	static const struct {
		const char *no_proxy, *host;
		uint16_t port;
		bool covers;
	} rows[] = {
		{"", "a.test", 443, true},
		{"a.test", "a.test", 443, false},
		{"a.test", "b.a.test", 443, false},
		{"a.test", "ba.test", 443, true},
		{".a.test", "b.a.test", 443, false},
		{"*.a.test", "c.b.a.test", 443, false},
		{"x, A.Test ,y", "a.test", 443, false},
		{"a.test:8443", "a.test", 443, true},
		{"a.test:8443", "a.test", 8443, false},
		{"*", "a.test", 443, false},
		{"10.0.0.0/8", "10.1.2.3", 443, false},
		{"10.0.0.0/8", "11.1.2.3", 443, true},
		{"10.0.0.0/8", "10.test", 443, true},
		{"192.0.2.1", "192.0.2.1", 443, false},
		{"192.0.2.1", "192.0.2.10", 443, true},
		{"2001:db8::/32", "2001:db8::7", 443, false},
		{"2001:db8::/32", "2001:db9::7", 443, true},
		{"2001:db8::1", "2001:db8::1", 443, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct upstream_proxy p;

		assert_int_equal(upstream_proxy_init(&p, "http://p.test", rows[i].no_proxy), 0);
		if (upstream_proxy_covers(&p, rows[i].host, rows[i].port) != rows[i].covers) {
			fail_msg("NO_PROXY=%s %s:%u", rows[i].no_proxy, rows[i].host, rows[i].port);
		}
		upstream_proxy_finish(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls),
		cmocka_unit_test(bad_urls),
		cmocka_unit_test(exceptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
