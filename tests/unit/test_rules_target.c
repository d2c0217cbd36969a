/*
 * One canonical reading of a target, or a refusal that names why; and what kind of address a number
 * is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "rules/target.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *read_url(const char *url, char *out, size_t size)
{
	struct rules_target t = {.port = 7};
	char buf[4096];
	int error = rules_target_from_url(url, strlen(url), &t, buf, sizeof(buf));

	if (error != RULES_TARGET_OK) {
		assert_int_equal(t.port, 7); /* untouched */
		assert_true(rules_target_strerror(error)[0] != '\0');
		snprintf(out, size, "%s", rules_target_word(error));
	} else {
		snprintf(out, size, "%s %s%s %u %s %s%s", rules_scheme_name(t.scheme), t.host,
			t.host_is_address ? "!" : "", t.port, t.path, t.query ? t.query : "-",
			t.encoded_slash ? " slash" : "");
	}
	return out;
}

static void urls(void **state)
{
	static const char *const rows[][2] = {
		/* what is allowed, in its one form */
		{"https://a.example/", "https a.example 443 / -"},
		{"https://a.example", "https a.example 443 / -"},
		{"http://a.example:8080/x", "http a.example 8080 /x -"},
		{"HTTPS://A.Example./x", "https a.example 443 /x -"},
		{"https://a.example:443/", "https a.example 443 / -"},
		{"https://192.0.2.1/", "https 192.0.2.1! 443 / -"},
		{"https://[2001:DB8:0:0::1]:8443/", "https 2001:db8::1! 8443 / -"},
		{"https://[::ffff:192.0.2.1]/", "https ::ffff:192.0.2.1! 443 / -"},
		{"https://a.example/x?q=1&r=%2f", "https a.example 443 /x q=1&r=%2F"},
		{"https://a.example/x?", "https a.example 443 /x "},
		{"https://a.example/a/./b/../c", "https a.example 443 /a/c -"},
		{"https://a.example/%7euser/%41", "https a.example 443 /~user/A -"},
		{"https://a.example/a%2fb", "https a.example 443 /a%2Fb - slash"},
		{"https://a.example/x%2fy/../z", "https a.example 443 /z -"},
		{"https://a.example/caf%c3%a9", "https a.example 443 /caf%C3%A9 -"},
		{"https://a.example/a//b/", "https a.example 443 /a//b/ -"},
		{"https://xn--bcher-kva.example/", "https xn--bcher-kva.example 443 / -"},
		{"https://a_b.example/", "https a_b.example 443 / -"},
		/* and what is not */
		{"ftp://a.example/", "scheme"},
		{"a.example/", "scheme"},
		{"https:/a.example/", "scheme"},
		{"https://user@a.example/", "userinfo"},
		{"https://user:p@a.example/", "userinfo"},
		{"https:///x", "host"},
		{"https://a..example/", "host"},
		{"https://-a.example/", "host"},
		{"https://a%2eexample/", "host"},
		{"https://0x7f.1/", "host"},
		{"https://2130706433/", "host"},
		{"https://127.1/", "host"},
		{"https://0177.0.0.1/", "host"},
		{"https://1.2.3.256/", "host"},
		{"https://1.2.3.4.5/", "host"},
		{"https://[fe80::1%25eth0]/", "host"},
		{"https://[::1/", "host"},
		{"https://[1::2::3]/", "host"},
		{"https://b\xc3\xbc"
		 "cher.example/",
			"host"},
		{"https://a.example:0/", "port"},
		{"https://a.example:65536/", "port"},
		{"https://a.example:/", "port"},
		{"https://a.example:+1/", "port"},
		{"https://a.example:8o/", "port"},
		{"https://a.example/%", "encoding"},
		{"https://a.example/%4", "encoding"},
		{"https://a.example/%zz", "encoding"},
		{"https://a.example/%c0%af", "encoding"},
		{"https://a.example/%c3", "encoding"},
		{"https://a.example/%252e", "encoding"},
		{"https://a.example/%25%32E", "encoding"}, /* doubled only once decoded */
		{"https://a.example/%25%32%45", "encoding"},
		{"https://a.example/%00", "control"},
		{"https://a.example/%0d%0a", "control"},
		{"https://a.example/a\\b", "backslash"},
		{"https://a.example/a%5cb", "backslash"},
		{"https://a.example/../x", "dots"},
		{"https://a.example/%2e%2e/x", "dots"},
		{"https://a.example/a/%2e%2e%2fx", "dots"},
		{"https://a.example/..%2f..%2fx", "dots"},
		{"https://a.example/x#y", "fragment"},
		{"https://a.example/a b", "path"},
		{"https://a.example/\x7f", "control"},
	};
	char got[512];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (strcmp(read_url(rows[i][0], got, sizeof(got)), rows[i][1]) != 0) {
			fail_msg("%s: %s, not %s", rows[i][0], got, rows[i][1]);
		}
	}
}

/* The canonical form read again is itself: nobody downstream can canonicalise it further. */
static void idempotent(void **state)
{
	static const char *const paths[] = {
		"/a/./b/../c%7e", "/%41%2f%42", "/a//b", "/x/..", "/.", "/a/.../b", "/%e2%82%ac"};

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct rules_target once = {0}, twice = {0};
		char one[256], two[256];

		assert_int_equal(
			rules_path(paths[i], strlen(paths[i]), &once, one, sizeof(one)), 0);
		assert_int_equal(
			rules_path(once.path, strlen(once.path), &twice, two, sizeof(two)), 0);
		assert_string_equal(once.path, twice.path);
		assert_int_equal(once.encoded_slash, twice.encoded_slash);
	}
}

static void authorities(void **state)
{
	static const struct {
		const char *text, *host;
		bool is_address;
		unsigned port;
		int error;
	} rows[] = {
		{"a.example", "a.example", false, 0, 0},
		{"A.EXAMPLE.:443", "a.example", false, 443, 0},
		{"[::1]:80", "::1", true, 80, 0},
		{"10.0.0.1", "10.0.0.1", true, 0, 0},
		{"::1", "", false, 0, RULES_TARGET_EHOST},
		{"", "", false, 0, RULES_TARGET_EHOST},
		{"a.example:80:90", "", false, 0, RULES_TARGET_EHOST},
		{"u@a.example", "", false, 0, RULES_TARGET_EUSERINFO},
		{"a.example/", "", false, 0, RULES_TARGET_EHOST},
		{"a example", "", false, 0, RULES_TARGET_EHOST},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char host[RULES_HOST_MAX] = "";
		bool is_address = false;
		uint16_t port = 0;
		int error = rules_authority(
			rows[i].text, strlen(rows[i].text), host, &is_address, &port);

		if ((rows[i].error == 0) != (error == 0)) {
			fail_msg("%s: %d (%s)", rows[i].text, error, rules_target_word(error));
		}
		if (error == 0) {
			assert_string_equal(host, rows[i].host);
			assert_int_equal(is_address, rows[i].is_address);
			assert_int_equal(port, rows[i].port);
		}
	}
}

static void too_long(void **state)
{
	struct rules_target t = {0};
	char buf[8];

	(void)state;
	assert_int_equal(rules_path("/12345678", 9, &t, buf, sizeof(buf)), RULES_TARGET_ETOOLONG);
	assert_int_equal(rules_path("/1", 2, &t, buf, sizeof(buf)), RULES_TARGET_OK);
}

static void addresses(void **state)
{
	static const struct {
		uint8_t bytes[16];
		size_t n;
		enum rules_address_class class;
	} rows[] = {
		{{8, 8, 8, 8}, 4, RULES_ADDRESS_PUBLIC},
		{{127, 0, 0, 1}, 4, RULES_ADDRESS_LOOPBACK},
		{{127, 255, 0, 1}, 4, RULES_ADDRESS_LOOPBACK},
		{{10, 1, 2, 3}, 4, RULES_ADDRESS_PRIVATE},
		{{172, 16, 0, 1}, 4, RULES_ADDRESS_PRIVATE},
		{{172, 31, 255, 255}, 4, RULES_ADDRESS_PRIVATE},
		{{172, 32, 0, 1}, 4, RULES_ADDRESS_PUBLIC},
		{{192, 168, 0, 1}, 4, RULES_ADDRESS_PRIVATE},
		{{100, 64, 0, 1}, 4, RULES_ADDRESS_PRIVATE},
		{{100, 128, 0, 1}, 4, RULES_ADDRESS_PUBLIC},
		{{169, 254, 1, 1}, 4, RULES_ADDRESS_LINK_LOCAL},
		{{169, 254, 169, 254}, 4, RULES_ADDRESS_METADATA},
		{{0, 0, 0, 0}, 4, RULES_ADDRESS_FORBIDDEN},
		{{0, 1, 2, 3}, 4, RULES_ADDRESS_FORBIDDEN},
		{{224, 0, 0, 1}, 4, RULES_ADDRESS_FORBIDDEN},
		{{240, 0, 0, 1}, 4, RULES_ADDRESS_FORBIDDEN},
		{{255, 255, 255, 255}, 4, RULES_ADDRESS_FORBIDDEN},
		{{[15] = 1}, 16, RULES_ADDRESS_LOOPBACK},
		{{0}, 16, RULES_ADDRESS_FORBIDDEN},
		{{0xfe, 0x80, [15] = 1}, 16, RULES_ADDRESS_LINK_LOCAL},
		{{0xfd, 0, [15] = 1}, 16, RULES_ADDRESS_PRIVATE},
		{{0xff, 2, [15] = 1}, 16, RULES_ADDRESS_FORBIDDEN},
		{{0x26, 0x06, 0x47, [15] = 1}, 16, RULES_ADDRESS_PUBLIC},
		/* IPv6 that carries IPv4: v4-mapped, NAT64, 6to4 */
		{{[10] = 0xff, 0xff, 127, 0, 0, 1}, 16, RULES_ADDRESS_LOOPBACK},
		{{[10] = 0xff, 0xff, 169, 254, 169, 254}, 16, RULES_ADDRESS_METADATA},
		{{0, 0x64, 0xff, 0x9b, [12] = 10, 0, 0, 1}, 16, RULES_ADDRESS_PRIVATE},
		{{0x20, 0x02, 192, 168, 0, 1, [15] = 1}, 16, RULES_ADDRESS_PRIVATE},
		/* the metadata service of one cloud has an address of its own */
		{{0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54}, 16, RULES_ADDRESS_METADATA},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum rules_address_class got = rules_address_class(rows[i].bytes, rows[i].n);

		if (got != rows[i].class) {
			fail_msg("row %zu (%u.%u.%u.%u): %s, not %s", i, rows[i].bytes[0],
				rows[i].bytes[1], rows[i].bytes[2], rows[i].bytes[3],
				rules_address_class_name(got),
				rules_address_class_name(rows[i].class));
		}
	}
	assert_int_equal(
		rules_address_class((const uint8_t *)"\1\2\3", 3), RULES_ADDRESS_FORBIDDEN);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(urls),
		cmocka_unit_test(idempotent), cmocka_unit_test(authorities),
		cmocka_unit_test(too_long), cmocka_unit_test(addresses)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
