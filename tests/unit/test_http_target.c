/*
 * One target out of everything that names it; each pair of names that may disagree does so here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gateway/arena.h"
#include "gateway/http_target.h"

struct row {
	const char *method, *target, *host; /* host: the Host field, NULL = none */
	struct http_origin origin;
	int error;
	const char *wanted; /* "scheme host port path query", or the word of the refusal */
};

static const struct http_origin proxy = {0};
static const struct http_origin tls = {
	.scheme = RULES_HTTPS, .host = "a.example", .port = 443, .sni = "a.example"};
static const struct http_origin tls_8443 = {
	.scheme = RULES_HTTPS, .host = "a.example", .port = 8443, .sni = "a.example"};
static const struct http_origin no_sni = {.scheme = RULES_HTTPS, .host = "a.example", .port = 443};
static const struct http_origin plain = {.scheme = RULES_HTTP, .host = "a.example", .port = 80};
static const struct http_origin unnamed = {.scheme = RULES_HTTP};
static const struct http_origin only_sni = {.scheme = RULES_HTTPS, .sni = "a.example"};
static const struct http_origin ipv4 = {
	.scheme = RULES_HTTP, .host = "192.0.2.1", .host_is_address = true, .port = 80};
static const struct http_origin ipv6 = {
	.scheme = RULES_HTTP, .host = "2001:db8::1", .host_is_address = true, .port = 8080};
static const struct http_origin odd = {
	.scheme = RULES_HTTPS, .host = "a.example", .port = 443, .sni = "b.example"};

static void check(const struct row *row)
{
	struct http_head head = {
		.method = row->method, .target = row->target, .host = row->host, .minor = 1};
	struct rules_target target = {.port = 7};
	struct http_target_diag diag = {0};
	struct arena arena;
	const char *got;
	int error;

	arena_init(&arena);
	error = http_target_build(&head, &row->origin, &arena, &target, &diag);
	if (error == HTTP_TARGET_OK) {
		got = arena_printf(&arena, "%s %s%s %u %s %s", rules_scheme_name(target.scheme),
			target.host, target.host_is_address ? "!" : "", target.port, target.path,
			target.query ? target.query : "-");
	} else {
		got = diag.word;
		assert_true(diag.message[0] != '\0');
		assert_int_equal(target.port, 7); /* untouched */
	}
	if (error != row->error || strcmp(got, row->wanted) != 0) {
		fail_msg("%s %s, Host %s: %d %s, not %d %s", row->method, row->target,
			row->host ? row->host : "(none)", error, got, row->error, row->wanted);
	}
	arena_release(&arena);
}
#define CHECK(rows)                                                     \
	for (size_t i = 0; i < sizeof(rows) / sizeof((rows)[0]); i++) { \
		check(&(rows)[i]);                                      \
	}

static void accepts_origin_form(void **state)
{
	const struct row rows[] = {
		{"GET", "/x?q=1", "a.example", tls, 0, "https a.example 443 /x q=1"},
		{"GET", "/", "A.Example.", tls, 0, "https a.example 443 / -"},
		{"GET", "/", "a.example:443", tls, 0, "https a.example 443 / -"},
		{"GET", "/", "a.example:8443", tls_8443, 0, "https a.example 8443 / -"},
		{"GET", "/%7Ea/../b", "a.example", no_sni, 0, "https a.example 443 /b -"},
		{"GET", "/", NULL, plain, 0, "http a.example 80 / -"},
		{"GET", "/?", "a.example", plain, 0, "http a.example 80 / "},
		{"GET", "/", "192.0.2.1", ipv4, 0, "http 192.0.2.1! 80 / -"},
		{"GET", "/", "[2001:DB8:0::1]:8080", ipv6, 0, "http 2001:db8::1! 8080 / -"},
		{"GET", "/", "b.example", unnamed, 0, "http b.example 80 / -"},
		{"GET", "/", "b.example:81", unnamed, 0, "http b.example 81 / -"},
		{"GET", "/", "a.example", only_sni, 0, "https a.example 443 / -"},
	};

	(void)state;
	CHECK(rows);
}

static void accepts_absolute_form(void **state)
{
	const struct row rows[] = {
		{"GET", "http://a.example/x?y", "a.example", proxy, 0, "http a.example 80 /x y"},
		{"GET", "http://a.example", "a.example:80", proxy, 0, "http a.example 80 / -"},
		{"GET", "HTTP://A.example:8080/", "a.example:8080", proxy, 0,
			"http a.example 8080 / -"},
		{"GET", "https://a.example/", "a.example", proxy, 0, "https a.example 443 / -"},
		{"GET", "http://a.example/", NULL, proxy, 0, "http a.example 80 / -"},
		{"GET", "https://a.example/x", "a.example", tls, 0, "https a.example 443 /x -"},
		{"GET", "http://[2001:db8::1]:8080/", "[2001:db8::1]:8080", ipv6, 0,
			"http 2001:db8::1! 8080 / -"},
	};

	(void)state;
	CHECK(rows);
}

static void refuses_other_forms(void **state)
{
	const struct row rows[] = {
		{"GET", "/", "a.example", proxy, HTTP_TARGET_EFORM, "form"},
		{"GET", "/", NULL, unnamed, HTTP_TARGET_EFORM, "host-missing"},
		{"OPTIONS", "*", "a.example", tls, HTTP_TARGET_EFORM, "form"},
		{"OPTIONS", "*", "a.example", proxy, HTTP_TARGET_EFORM, "form"},
		{"CONNECT", "a.example:443", "a.example:443", proxy, HTTP_TARGET_EFORM, "connect"},
		{"CONNECT", "https://a.example/", "a.example", proxy, HTTP_TARGET_EFORM, "connect"},
		{"GET", "a.example:443", "a.example", tls, HTTP_TARGET_EFORM, "form"},
		{"GET", "x/y", "a.example", tls, HTTP_TARGET_EFORM, "form"},
		{"GET", "?x", "a.example", tls, HTTP_TARGET_EFORM, "form"},
	};

	(void)state;
	CHECK(rows);
}

static void refuses_what_has_no_canonical_form(void **state)
{
	const struct row rows[] = {
		{"GET", "/../x", "a.example", tls, HTTP_TARGET_EBAD, "dots"},
		{"GET", "/a%00", "a.example", tls, HTTP_TARGET_EBAD, "control"},
		{"GET", "/a\\b", "a.example", tls, HTTP_TARGET_EBAD, "backslash"},
		{"GET", "/%zz", "a.example", tls, HTTP_TARGET_EBAD, "encoding"},
		{"GET", "/", "a_b..c", tls, HTTP_TARGET_EBAD, "host"},
		{"GET", "/", "", tls, HTTP_TARGET_EBAD, "host"},
		{"GET", "/", "a.example, b.example", tls, HTTP_TARGET_EBAD, "host"},
		{"GET", "/", "u@a.example", tls, HTTP_TARGET_EBAD, "userinfo"},
		{"GET", "/", "a.example:0", tls, HTTP_TARGET_EBAD, "port"},
		{"GET", "/", "a.example:65536", tls, HTTP_TARGET_EBAD, "port"},
		{"GET", "/", "0x7f.1", unnamed, HTTP_TARGET_EBAD, "host"},
		{"GET", "ftp://a.example/", "a.example", proxy, HTTP_TARGET_EBAD, "scheme"},
		{"GET", "http://u:p@a.example/", "a.example", proxy, HTTP_TARGET_EBAD, "userinfo"},
	};

	(void)state;
	CHECK(rows);
}

static void refuses_names_that_differ(void **state)
{
	const struct row rows[] = {
		{"GET", "/", "b.example", tls, HTTP_TARGET_EMISMATCH, "host-mismatch"},
		{"GET", "/", "b.example", plain, HTTP_TARGET_EMISMATCH, "host-mismatch"},
		{"GET", "/", "b.example", only_sni, HTTP_TARGET_EMISMATCH, "host-mismatch"},
		{"GET", "/", "a.example", ipv4, HTTP_TARGET_EMISMATCH, "host-mismatch"},
		{"GET", "/", "a.example", odd, HTTP_TARGET_EMISMATCH, "sni-mismatch"},
		{"GET", "/", "b.example", odd, HTTP_TARGET_EMISMATCH, "host-mismatch"},
		{"GET", "/", "a.example:80", tls, HTTP_TARGET_EMISMATCH, "port-mismatch"},
		{"GET", "/", "a.example", tls_8443, HTTP_TARGET_EMISMATCH, "port-mismatch"},
		{"GET", "http://a.example/", "b.example", proxy, HTTP_TARGET_EMISMATCH,
			"host-mismatch"},
		{"GET", "http://a.example/", "a.example:81", proxy, HTTP_TARGET_EMISMATCH,
			"port-mismatch"},
		{"GET", "https://b.example/", "b.example", tls, HTTP_TARGET_EMISMATCH,
			"connect-mismatch"},
		{"GET", "https://a.example:8443/", "a.example:8443", tls, HTTP_TARGET_EMISMATCH,
			"port-mismatch"},
		{"GET", "http://a.example/", "a.example", tls, HTTP_TARGET_EMISMATCH,
			"scheme-mismatch"},
		{"GET", "https://a.example/", "a.example", plain, HTTP_TARGET_EMISMATCH,
			"scheme-mismatch"},
		{"GET", "https://b.example/", "b.example", only_sni, HTTP_TARGET_EMISMATCH,
			"sni-mismatch"},
	};

	(void)state;
	CHECK(rows);
}

struct tunnel_row {
	const char *target, *host;
	int error;
	const char *wanted; /* "host port", or the word of the refusal */
};

static void connects_where_its_host_agrees(void **state)
{
	static const struct tunnel_row rows[] = {
		{"a.example:443", NULL, 0, "a.example 443"},
		{"A.Example.:443", "a.example:443", 0, "a.example 443"},
		{"a.example:443", "a.example", 0, "a.example 443"}, /* some clients leave it out */
		{"[2001:DB8::1]:443", "[2001:db8:0::1]:443", 0, "2001:db8::1 443"},
		{"a.example:443", "b.example:443", HTTP_TARGET_EMISMATCH, "host-mismatch"},
		{"a.example:443", "a.example:80", HTTP_TARGET_EMISMATCH, "port-mismatch"},
		{"a.example:443", "u@a.example", HTTP_TARGET_EBAD, "userinfo"},
		{"a.example:443", "", HTTP_TARGET_EBAD, "host"},
		{"a.example", NULL, HTTP_TARGET_EBAD, "port"},
		{"a.example:", NULL, HTTP_TARGET_EBAD, "port"},
		{"a.example:0", NULL, HTTP_TARGET_EBAD, "port"},
		{"a.example:65536", NULL, HTTP_TARGET_EBAD, "port"},
		{"a.example:0443", NULL, HTTP_TARGET_EBAD, "port"},
		{"a.example:+443", NULL, HTTP_TARGET_EBAD, "port"},
		{"a.example:443:80", NULL, HTTP_TARGET_EBAD, "port"},
		{":443", NULL, HTTP_TARGET_EBAD, "host"},
		{"u:p@a.example:443", NULL, HTTP_TARGET_EBAD, "userinfo"},
		{"a.example/:443", NULL, HTTP_TARGET_EBAD, "host"},
		{"https://a.example:443", NULL, HTTP_TARGET_EBAD, "port"},
		{"[::1", NULL, HTTP_TARGET_EBAD, "host"},
		{"[fe80::1%25eth0]:443", NULL, HTTP_TARGET_EBAD, "host"},
		{"0x7f.1:443", NULL, HTTP_TARGET_EBAD, "host"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_head head = {.method = "CONNECT",
			.target = rows[i].target,
			.host = rows[i].host,
			.minor = 1};
		struct http_target_diag diag = {0};
		char host[RULES_HOST_MAX] = "untouched", got[RULES_HOST_MAX + 8];
		bool is_address;
		uint16_t port = 7;
		int error = http_target_connect(&head, host, &is_address, &port, &diag);

		if (error == HTTP_TARGET_OK) {
			snprintf(got, sizeof(got), "%s %u", host, port);
		} else {
			snprintf(got, sizeof(got), "%s", diag.word);
			assert_string_equal(host, "untouched");
			assert_int_equal(port, 7);
		}
		if (error != rows[i].error || strcmp(got, rows[i].wanted) != 0) {
			fail_msg("CONNECT %s: %d %s, not %s", rows[i].target, error, got,
				rows[i].wanted);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connects_where_its_host_agrees),
		cmocka_unit_test(accepts_origin_form),
		cmocka_unit_test(accepts_absolute_form),
		cmocka_unit_test(refuses_other_forms),
		cmocka_unit_test(refuses_what_has_no_canonical_form),
		cmocka_unit_test(refuses_names_that_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
