/*
 * The rules language: what is read, what is refused where and why, and the verdicts that follow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/rules.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct rules *compile(const char *text)
{
	struct rules *r = rules_create();
	struct rules_diag diag;

	assert_non_null(r);
	if (rules_add(r, text, strlen(text), "t.rules", &diag) != RULES_OK) {
		fail_msg("%s:%u:%u: %s\nin: %s", diag.origin, diag.line, diag.column, diag.message,
			text);
	}
	assert_int_equal(rules_compile(r, &diag), RULES_OK);
	return r;
}

/* ---- what is no statement ---- */

static void refused_texts(void **state)
{
	static const struct {
		const char *text;
		unsigned line, column;
		const char *says;
	} rows[] = {
		{"alow GET a.example/**", 1, 1, "did you mean `allow`?"},
		{"\n\n  frob", 3, 3, "no statement"},
		{"allow", 1, 7, "expected methods"},
		{"allow get a.example/", 1, 7, "methods in capitals"},
		{"allow GET,,HEAD a.example/", 1, 7, "empty method"},
		{"allow GET", 1, 11, "expected a target"},
		{"allow GET ftp://a.example/", 1, 11, "http:// or https://"},
		{"allow GET a*.example/", 1, 11, "one whole label"},
		{"allow GET a.example/x/**/y", 1, 11, "last"},
		{"allow GET a.example/x**", 1, 11, "last"},
		{"allow GET a.example/../x", 1, 11, "no path"},
		{"allow GET a.example/x?y=1", 1, 11, "query key=pattern"},
		{"allow GET user@a.example/", 1, 11, "no host"},
		{"allow GET a.example:0/", 1, 11, "no host"},
		{"allow GET *.10.0.0.1/", 1, 11, "means nothing"},
		{"allow GET a.example/ privat", 1, 22, "did you mean `private`?"},
		{"allow GET a.example/ body<=x", 1, 22, "body<="},
		{"allow GET a.example/ query", 1, 28, "key=pattern"},
		{"allow GET a.example/ query x", 1, 28, "key=pattern"},
		{"allow GET a.example/ query a%41=x", 1, 28, "more ways than one"},
		{"allow GET a.example/ query a+=x", 1, 28, "more ways than one"},
		{"allow GET a.example/ query ;=x", 1, 28, "more ways than one"},
		{"allow GET a.example/ insecure everything", 1, 31, "expired, name"},
		{"allow GET a.example/ log everything", 1, 26, "log body"},
		{"deny GET a.example/ private", 1, 29, "widen"},
		{"deny GET a.example/ ca x.pem", 1, 30, "widen"},
		{"allow GET a.example/ cert x.pem", 1, 33, "both of them"},
		{"allow GET a.example/ key x.pem", 1, 32, "both of them"},
		{"allow GET a.example/ ca", 1, 25, "beside the rules"},
		{"allow GET a.example/ ca x ca y", 1, 27, "said twice"},
		{"allow GET http://a.example/ ca x", 1, 34, "about TLS"},
		{"allow GET **/x cert x key y", 1, 29, "every host"},
		{"tunnel a.example:22 ca x", 1, 21, "no condition but private"},
		{"allow GET a.example by git", 1, 21, "whole path"},
		{"allow GET a.example by", 1, 24, "a program such as"},
		{"allow GET a.example by /a by /b", 1, 27, "said twice"},
		{"tunnel a.example", 1, 8, "port"},
		{"tunnel a.example:22/x", 1, 8, "host:port alone"},
		{"tunnel a.example:22 websocket", 1, 21, "no condition but private"},
		{"use", 1, 5, "preset"},
		{"use nmp", 1, 5, "did you mean `npm`?"},
		{"mode send-only", 1, 6, "receive-only"},
		{"mode receive-only now", 1, 19, "line to end"},
		{"read", 1, 6, "path"},
		{"write . only *.c", 1, 9, "after read"},
		{"read x only", 1, 13, "globs"},
		{"verify x", 1, 10, "with FILE"},
		{"verify x by y", 1, 10, "with FILE"},
		{"verify x with y z", 1, 17, "line to end"},
		{"limit", 1, 7, "memory"},
		{"limit memory", 1, 14, "how much"},
		{"limit memory 0", 1, 14, "amount"},
		{"limit memory 4Gib", 1, 14, "amount"},
		{"limit time 5", 1, 12, "time such as"},
		{"limit files 5", 1, 7, "no limit"},
		{"inject", 1, 8, "a host such as"},
		{"inject a.example header A \"b\"", 1, 27, "no secret"},
		{"inject http://a.example header A ${env:B}", 1, 8, "in clear"},
		{"inject ** header A ${env:B}", 1, 8, "every host"},
		{"inject a.*.example header A ${env:B}", 1, 8, "every host"},
		{"inject a.example/x header A ${env:B}", 1, 8, "a host alone"},
		{"inject a.example A ${env:B}", 1, 18, "header NAME"},
		{"inject a.example header A:B ${env:B}", 1, 25, "no name"},
		{"inject a.example header hOST ${env:B}", 1, 25, "gateway itself"},
		{"inject a.example header Proxy-Authorization ${env:B}", 1, 25, "gateway itself"},
		{"inject a.example header Transfer-Encoding ${env:B}", 1, 25, "gateway itself"},
		{"inject a.example header A", 1, 27, "its value"},
		{"inject a.example header A ${env:B", 1, 27, "${env:NAME}"},
		{"inject a.example header A ${env:}", 1, 27, "${env:NAME}"},
		{"inject a.example header A ${env:1A}", 1, 27, "${env:NAME}"},
		{"inject a.example header A ${file:}", 1, 27, "${file:PATH}"},
		{"inject a.example header A x${exec:ls}", 1, 27, "${env:NAME}"},
		{"inject a.example header A ${env:B} private", 1, 36, "line to end"},
		{"allow GET \"a.example/", 1, 11, "quotation"},
		{"allow GET a\001.example/", 1, 12, "control character"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rules *r = rules_create();
		struct rules_diag diag;
		size_t n;
		int error = rules_add(r, rows[i].text, strlen(rows[i].text), "t.rules", &diag);

		if (error != RULES_ESYNTAX || diag.line != rows[i].line ||
			diag.column != rows[i].column ||
			strstr(diag.message, rows[i].says) == NULL) {
			fail_msg("`%s`: %d at %u:%u: %s\nnot %u:%u: %s", rows[i].text, error,
				diag.line, diag.column, diag.message, rows[i].line, rows[i].column,
				rows[i].says);
		}
		assert_string_equal(diag.origin, "t.rules");
		/* nothing of it is kept */
		rules_uses(r, &n);
		assert_int_equal(n, 0);
		rules_files(r, &n);
		assert_int_equal(n, 0);
		rules_destroy(r);
	}
}

static void a_bad_text_is_dropped_whole(void **state)
{
	struct rules *r = rules_create();
	struct rules_diag diag;
	struct rules_decision d;
	struct rules_limits limits;
	const char *bad = "allow GET a.example/**\nlimit memory 1GiB\nmode receive-only\nfrob\n";

	(void)state;
	assert_int_equal(rules_add(r, bad, strlen(bad), "bad", &diag), RULES_ESYNTAX);
	assert_int_equal(rules_compile(r, &diag), RULES_OK);
	rules_judge_host(r, RULES_HTTPS, "a.example", 443, NULL, &d);
	assert_int_equal(d.verdict, RULES_DENY);
	rules_limits(r, &limits);
	assert_int_equal(limits.memory, 0);
	assert_false(rules_receive_only(r));
	rules_destroy(r);
}

/* ---- verdicts ---- */

struct ask {
	const char *rules, *method, *url, *verdict; /* verdict: "allow" or the reason word */
	int64_t body;
	const char *header, *value; /* one header, if any */
	bool websocket;
	const char *program;
};

static void judge(const struct ask *a)
{
	struct rules *r = compile(a->rules);
	struct rules_header header = {a->header, a->value};
	struct rules_target target;
	struct rules_request req = {.method = a->method,
		.target = &target,
		.headers = a->header ? &header : NULL,
		.n_headers = a->header != NULL,
		.body_length = a->body,
		.websocket = a->websocket,
		.program = a->program};
	struct rules_decision d;
	char buf[8192];
	const char *got;

	assert_int_equal(
		rules_target_from_url(a->url, strlen(a->url), &target, buf, sizeof(buf)), 0);
	rules_judge(r, &req, &d);
	got = d.verdict == RULES_ALLOW ? "allow" : rules_reason_word(d.reason);
	if (strcmp(got, a->verdict) != 0) {
		fail_msg("%s %s under\n%s\n: %s, not %s", a->method, a->url, a->rules, got,
			a->verdict);
	}
	if (d.verdict != RULES_ALLOW) {
		assert_false(d.private_ok);
		assert_false(d.websocket_ok);
		assert_int_equal(d.relax, 0);
	}
	rules_destroy(r);
}

static void verdicts(void **state)
{
	static const struct ask rows[] = {
		{"", "GET", "https://a.example/", "no-rule", 0},
		{"allow GET a.example/**", "GET", "https://a.example/", "allow", 0},
		{"allow GET a.example", "GET", "https://a.example/x/y", "allow", 0},
		{"allow GET a.example/**", "POST", "https://a.example/", "no-rule", 0},
		{"allow GET,POST a.example/**", "POST", "https://a.example/", "allow", 9},
		{"allow * a.example/**", "DELETE", "https://a.example/", "allow", 0},
		{"allow GET a.example/**", "GET", "http://a.example/", "no-rule", 0},
		{"allow GET http://a.example/**", "GET", "http://a.example/", "allow", 0},
		{"allow GET http://a.example/**", "GET", "https://a.example/", "no-rule", 0},
		{"allow GET a.example/**", "GET", "https://a.example:8443/", "no-rule", 0},
		{"allow GET a.example:8443/**", "GET", "https://a.example:8443/", "allow", 0},
		{"allow GET a.example:8443/**", "GET", "https://a.example/", "no-rule", 0},
		/* hosts */
		{"allow GET *.example/**", "GET", "https://a.example/", "allow", 0},
		{"allow GET *.example/**", "GET", "https://b.a.example/", "no-rule", 0},
		{"allow GET *.a.example/**", "GET", "https://a.example/", "no-rule", 0},
		{"allow GET **.a.example/**", "GET", "https://c.b.a.example/", "allow", 0},
		{"allow GET **.a.example/**", "GET", "https://a.example/", "no-rule", 0},
		{"allow GET **.a.example/**", "GET", "https://xa.example/", "no-rule", 0},
		{"allow GET **/**", "GET", "https://anything.test/x", "allow", 0},
		{"allow GET A.Example/**", "GET", "https://a.example/", "allow", 0},
		{"allow GET [::1]/**", "GET", "https://[0:0::1]/", "allow", 0},
		{"allow GET 192.0.2.1/**", "GET", "https://192.0.2.1/", "allow", 0},
		/* paths */
		{"allow GET a.example/x", "GET", "https://a.example/x", "allow", 0},
		{"allow GET a.example/x", "GET", "https://a.example/x/", "no-rule", 0},
		{"allow GET a.example/x", "GET", "https://a.example/xy", "no-rule", 0},
		{"allow GET a.example/x/**", "GET", "https://a.example/x", "allow", 0},
		{"allow GET a.example/x/**", "GET", "https://a.example/x/y/z", "allow", 0},
		{"allow GET a.example/x/**", "GET", "https://a.example/xy", "no-rule", 0},
		{"allow GET a.example/*/y", "GET", "https://a.example/x/y", "allow", 0},
		{"allow GET a.example/*/y", "GET", "https://a.example/x/z/y", "no-rule", 0},
		{"allow GET a.example/v*.tgz", "GET", "https://a.example/v1.tgz", "allow", 0},
		{"allow GET a.example/v*.tgz", "GET", "https://a.example/v1/x.tgz", "no-rule", 0},
		{"allow GET a.example/x/**", "GET", "https://a.example/x/../y", "no-rule", 0},
		{"allow GET a.example/%7ea", "GET", "https://a.example/~a", "allow", 0},
		/* deny beats allow, wherever it stands */
		{"allow GET a.example/**\ndeny * a.example/x/**", "GET", "https://a.example/x/y",
			"denied", 0},
		{"deny * a.example/x/**\nallow GET a.example/**", "GET", "https://a.example/x/y",
			"denied", 0},
		{"deny * a.example/x/**\nallow GET a.example/**", "GET", "https://a.example/y",
			"allow", 0},
		{"deny POST a.example\nallow * a.example/**", "GET", "https://a.example/y", "allow",
			0},
		{"deny * **.example\nallow * a.example:8443", "GET", "https://a.example:8443/",
			"denied", 0},
		{"deny * a.example\nallow * http://a.example", "GET", "http://a.example/", "denied",
			0},
		/* a deny covers what origins take for the same: slashes merged, parameters cut */
		{"deny * a.example/x/**\nallow GET a.example/**", "GET", "https://a.example//x/y",
			"denied", 0},
		{"deny * a.example/x/**\nallow GET a.example/**", "GET",
			"https://a.example/x;p=1/y", "denied", 0},
		{"deny * a.example/x/y\nallow GET a.example/**", "GET", "https://a.example/x//y;p",
			"denied", 0},
		{"deny * a.example/x/**\nallow GET a.example/**", "GET", "https://a.example/y//x;p",
			"allow", 0},
		{"allow GET a.example/*/y", "GET", "https://a.example//y", "no-rule", 0},
		{"allow GET a.example/x/**", "GET", "https://a.example/x//y", "allow", 0},
		{"allow GET a.example/x//y", "GET", "https://a.example/x//y", "allow", 0},
		/* modes and conditions */
		{"mode receive-only\nallow * a.example", "GET", "https://a.example/", "allow", 0},
		{"mode receive-only\nallow * a.example", "HEAD", "https://a.example/", "allow", 0},
		{"mode receive-only\nallow * a.example", "POST", "https://a.example/",
			"receive-only", 0},
		{"mode receive-only\nallow * a.example", "GET", "https://a.example/",
			"receive-only", 1},
		{"mode receive-only\nallow * a.example", "GET", "https://a.example/",
			"receive-only", -1},
		{"allow POST a.example body<=8", "POST", "https://a.example/", "allow", 8},
		{"allow POST a.example body<=8", "POST", "https://a.example/", "body-too-large", 9},
		{"allow POST a.example body<=8", "POST", "https://a.example/", "allow", -1},
		{"allow POST a.example body<=1KiB\nallow POST a.example body<=8", "POST",
			"https://a.example/", "allow", 1024},
		{"allow GET a.example query service=git-upload-pack", "GET",
			"https://a.example/info/refs?service=git-upload-pack", "allow", 0},
		{"allow GET a.example query service=git-upload-pack", "GET",
			"https://a.example/info/refs?service=git-receive-pack", "condition", 0},
		{"allow GET a.example query service=git-upload-pack", "GET",
			"https://a.example/info/refs", "condition", 0},
		{"allow GET a.example query s=a", "GET", "https://a.example/?s=a&s=b", "condition",
			0},
		{"allow GET a.example query s=a", "GET", "https://a.example/?s=a&%73=b",
			"condition", 0},
		{"deny * a.example query s=b\nallow GET a.example", "GET",
			"https://a.example/?%73=b", "denied", 0},
		/* a second value, an encoded one, one behind ";", another spelling of the key */
		{"deny * a.example query s=b\nallow GET a.example", "GET",
			"https://a.example/?s=a&s=b", "denied", 0},
		{"deny * a.example query s=b\nallow GET a.example", "GET",
			"https://a.example/?s=%62", "denied", 0},
		{"deny * a.example query s=a*c\nallow GET a.example", "GET",
			"https://a.example/?s=a%2Bc&s=d", "denied", 0},
		{"deny * a.example query s=b\nallow GET a.example", "GET",
			"https://a.example/?x=1;s=b", "denied", 0},
		{"deny * a.example query s=b\nallow GET a.example", "GET",
			"https://a.example/?s=b;x=1", "denied", 0},
		{"deny * a.example query s=b\nallow GET a.example", "GET", "https://a.example/?S=b",
			"denied", 0},
		{"deny * a.example query s=b\nallow GET a.example", "GET",
			"https://a.example/?s[]=b", "denied", 0},
		{"deny * a.example query s=b\nallow GET a.example", "GET",
			"https://a.example/?+s=b", "denied", 0},
		{"deny * a.example query __=b\nallow GET a.example", "GET",
			"https://a.example/?+.=b", "denied", 0},
		{"deny * a.example query s=ab\nallow GET a.example", "GET",
			"https://a.example/?s=a%62;x", "denied", 0},
		{"deny * a.example query s=a+b\nallow GET a.example", "GET",
			"https://a.example/?s=a+%62", "denied", 0},
		{"deny * a.example query s[t]=b\nallow GET a.example", "GET",
			"https://a.example/?s%5Bt%5D=b", "denied", 0},
		{"deny * a.example query s_t=b\nallow GET a.example", "GET",
			"https://a.example/?s%5Bt=b", "denied", 0},
		{"deny * a.example query s=b\nallow GET a.example", "GET",
			"https://a.example/?s=a&t=b&s_=b&x%5B%5D=b;y", "allow", 0},
		{"allow GET a.example query s=a", "GET", "https://a.example/?x=1;s=b&s=a",
			"condition", 0},
		{"allow GET a.example query s=a", "GET", "https://a.example/?s=a;s=b", "condition",
			0},
		{"allow GET a.example query s=a", "GET", "https://a.example/?s=a&S=b", "condition",
			0},
		{"allow GET a.example query s=a", "GET", "https://a.example/?s=a&x%5B0%5D=1",
			"allow", 0},
		{"allow GET a.example header X-Team=core*", "GET", "https://a.example/", "allow", 0,
			"x-team", "core-7"},
		{"allow GET a.example header X-Team=core*", "GET", "https://a.example/",
			"condition", 0, "x-team", "edge"},
		{"allow GET a.example header X-Team=core*", "GET", "https://a.example/",
			"condition", 0},
		{"allow POST a.example type application/json", "POST", "https://a.example/",
			"allow", 2, "Content-Type", "Application/JSON; charset=utf-8"},
		{"allow POST a.example type application/json", "POST", "https://a.example/",
			"condition", 2, "Content-Type", "text/plain"},
		{"allow POST a.example type application/json", "POST", "https://a.example/",
			"condition", 2},
		{"allow GET a.example websocket", "GET", "https://a.example/", "allow", 0, NULL,
			NULL, true},
		{"allow GET a.example", "GET", "https://a.example/", "condition", 0, NULL, NULL,
			true},
		{"allow GET a.example by /usr/bin/git", "GET", "https://a.example/", "allow", 0,
			NULL, NULL, false, "/usr/bin/git"},
		{"allow GET a.example by /usr/bin/git", "GET", "https://a.example/", "condition", 0,
			NULL, NULL, false, "/usr/bin/curl"},
		{"allow GET a.example by /usr/bin/git", "GET", "https://a.example/", "condition",
			0},
		{"deny * a.example by /usr/bin/curl\nallow GET a.example", "GET",
			"https://a.example/", "denied", 0},
		{"deny * a.example by /usr/bin/curl\nallow GET a.example", "GET",
			"https://a.example/", "denied", 0, NULL, NULL, false, "/usr/bin/curl"},
		{"deny * a.example by /usr/bin/curl\nallow GET a.example", "GET",
			"https://a.example/", "allow", 0, NULL, NULL, false, "/usr/bin/wget"},
		{"allow GET a.example by /usr/lib/jvm/*/java", "GET", "https://a.example/", "allow",
			0, NULL, NULL, false, "/usr/lib/jvm/17/bin/java"},
		{"allow GET a.example by /usr/bin/git\nallow GET a.example by /usr/bin/curl", "GET",
			"https://a.example/", "allow", 0, NULL, NULL, false, "/usr/bin/curl"},
		{"allow GET a.example by /usr/bin/git query k=v", "GET", "https://a.example/?k=w",
			"condition", 0, NULL, NULL, false, "/usr/bin/git"},
		/* an encoded slash has two readings: both must be allowed, and the rule must say so
		 */
		{"allow GET a.example/**", "GET", "https://a.example/@x%2Fy", "encoded-slash", 0},
		{"allow GET a.example/** encoded-slash", "GET", "https://a.example/@x%2Fy", "allow",
			0},
		{"allow GET a.example/* encoded-slash", "GET", "https://a.example/@x%2Fy",
			"encoded-slash", 0},
		{"allow GET a.example/** encoded-slash\ndeny * a.example/x/**", "GET",
			"https://a.example/x%2Fy", "denied", 0},
		/* a tunnel says nothing of requests */
		{"tunnel a.example:443", "GET", "https://a.example/", "no-rule", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		judge(&rows[i]);
	}
}

/* Fields that stand there twice, each way round: an allow wants both to fit, a deny either. */
static void every_value_of_a_field_counts(void **state)
{
	static const struct rules_header headers[] = {{"X-Team", "core"}, {"x-team", "edge"},
		{"Content-Type", "text/plain"}, {"content-type", "application/json"}};
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{"allow GET a.example header X-Team=core", "condition"},
		{"allow GET a.example header X-Team=edge", "condition"},
		{"allow GET a.example header X-Team=*", "allow"},
		{"allow GET a.example type text/plain", "condition"},
		{"allow GET a.example type application/json", "condition"},
		{"allow GET a.example\ndeny * a.example header X-Team=core", "denied"},
		{"allow GET a.example\ndeny * a.example header X-Team=edge", "denied"},
		{"allow GET a.example\ndeny * a.example header X-Team=other", "allow"},
		{"allow GET a.example\ndeny * a.example type application/json", "denied"},
		{"allow GET a.example\ndeny * a.example type text/plain", "denied"},
		{"allow GET a.example\ndeny * a.example type text/html", "allow"},
	};
	struct rules_target target;
	char buf[512];

	(void)state;
	assert_int_equal(rules_target_from_url("https://a.example/", 18, &target, buf, 512), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rules *r = compile(rows[i].text);
		struct rules_request req = {.method = "GET",
			.target = &target,
			.headers = headers,
			.n_headers = COUNT(headers)};
		struct rules_decision d;

		rules_judge(r, &req, &d);
		if (strcmp(d.verdict == RULES_ALLOW ? "allow" : rules_reason_word(d.reason),
			    rows[i].reason) != 0) {
			fail_msg("%s: %s", rows[i].text, rules_reason_word(d.reason));
		}
		rules_destroy(r);
	}
}

static void a_decision_names_its_statement(void **state)
{
	struct rules *r =
		compile("# page\nallow GET a.example/**   # all\nallow GET a.example/x/** private "
			"insecure expired log body\ndeny * a.example/y\n");
	struct rules_target target;
	struct rules_request req = {.method = "GET", .target = &target};
	struct rules_decision d;
	char buf[512];

	(void)state;
	assert_int_equal(rules_target_from_url("https://a.example/x/1", 21, &target, buf, 512), 0);
	rules_judge(r, &req, &d);
	assert_int_equal(d.verdict, RULES_ALLOW);
	assert_int_equal(d.line, 3);
	assert_true(d.private_ok);
	assert_true(d.log_body);
	assert_int_equal(d.relax, RULES_RELAX_EXPIRED);
	assert_int_equal(rules_target_from_url("https://a.example/z", 19, &target, buf, 512), 0);
	rules_judge(r, &req, &d);
	assert_int_equal(d.line, 2);
	assert_string_equal(d.statement, "allow GET a.example/**");
	assert_string_equal(d.origin, "t.rules");
	assert_string_equal(d.where, "t.rules:2");
	assert_false(d.private_ok);
	assert_int_equal(rules_target_from_url("https://a.example/y", 19, &target, buf, 512), 0);
	rules_judge(r, &req, &d);
	assert_int_equal(d.verdict, RULES_DENY);
	assert_int_equal(d.line, 4);
	rules_destroy(r);
}

static void hosts(void **state)
{
	static const struct {
		const char *rules;
		enum rules_scheme scheme;
		const char *host;
		unsigned port;
		enum rules_verdict verdict;
		const char *program;
	} rows[] = {
		{"", RULES_SCHEME_NONE, "a.example", 443, RULES_DENY},
		{"allow POST a.example/x", RULES_SCHEME_NONE, "a.example", 443, RULES_ALLOW},
		{"allow POST a.example/x", RULES_HTTPS, "a.example", 443, RULES_ALLOW},
		{"allow POST a.example/x", RULES_HTTP, "a.example", 443, RULES_DENY},
		{"allow POST a.example/x", RULES_SCHEME_NONE, "a.example", 80, RULES_DENY},
		{"allow POST a.example/x", RULES_SCHEME_NONE, "a.example", 0, RULES_ALLOW},
		{"allow POST a.example/x", RULES_SCHEME_NONE, "b.example", 443, RULES_DENY},
		{"allow POST a.example\ndeny * a.example", RULES_SCHEME_NONE, "a.example", 443,
			RULES_DENY},
		{"allow POST a.example\ndeny GET a.example", RULES_SCHEME_NONE, "a.example", 443,
			RULES_ALLOW},
		{"tunnel a.example:22", RULES_SCHEME_NONE, "a.example", 22, RULES_TUNNEL},
		{"tunnel a.example:22", RULES_SCHEME_NONE, "a.example", 23, RULES_DENY},
		{"tunnel a.example:22", RULES_SCHEME_NONE, "a.example", 0, RULES_TUNNEL},
		{"tunnel a.example:22\ndeny * a.example", RULES_SCHEME_NONE, "a.example", 22,
			RULES_DENY},
		{"tunnel a.example:443\nallow GET a.example", RULES_SCHEME_NONE, "a.example", 443,
			RULES_ALLOW},
		{"mode receive-only\ntunnel a.example:22", RULES_SCHEME_NONE, "a.example", 22,
			RULES_DENY},
		/* by: an allow or tunnel holds for who is known, a deny for who may be it */
		{"allow GET a.example by /usr/bin/git", RULES_HTTPS, "a.example", 443, RULES_ALLOW,
			"/usr/bin/git"},
		{"allow GET a.example by /usr/bin/git", RULES_HTTPS, "a.example", 443, RULES_DENY,
			"/usr/bin/gi"},
		{"allow GET a.example by /usr/bin/git", RULES_HTTPS, "a.example", 443, RULES_DENY},
		{"allow GET a.example by /usr/bin/git", RULES_HTTPS, "a.example", 0, RULES_ALLOW,
			rules_anyone},
		{"tunnel a.example:22 by /usr/bin/ssh", RULES_SCHEME_NONE, "a.example", 22,
			RULES_TUNNEL, "/usr/bin/ssh"},
		{"tunnel a.example:22 by /usr/bin/ssh", RULES_SCHEME_NONE, "a.example", 22,
			RULES_DENY, "/usr/bin/nc"},
		{"tunnel a.example:22 by /usr/bin/ssh", RULES_SCHEME_NONE, "a.example", 22,
			RULES_DENY},
		{"tunnel a.example:22\ndeny * a.example by /usr/bin/nc", RULES_SCHEME_NONE,
			"a.example", 22, RULES_TUNNEL, "/usr/bin/ssh"},
		{"tunnel a.example:22\ndeny * a.example by /usr/bin/nc", RULES_SCHEME_NONE,
			"a.example", 22, RULES_DENY, "/usr/bin/nc"},
		{"tunnel a.example:22\ndeny * a.example by /usr/bin/nc", RULES_SCHEME_NONE,
			"a.example", 22, RULES_DENY},
		{"tunnel a.example:22\ndeny * a.example by /usr/bin/nc", RULES_SCHEME_NONE,
			"a.example", 22, RULES_TUNNEL, rules_anyone},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rules *r = compile(rows[i].rules);
		struct rules_decision d;

		rules_judge_host(r, rows[i].scheme, rows[i].host, (uint16_t)rows[i].port,
			rows[i].program, &d);
		if (d.verdict != rows[i].verdict) {
			fail_msg("%s: %s:%u: %d, not %d", rows[i].rules, rows[i].host, rows[i].port,
				(int)d.verdict, (int)rows[i].verdict);
		}
		rules_destroy(r);
	}
}

static void statements_of_others(void **state)
{
	struct rules *r =
		compile("use npm pip\nread /usr ~/data only *.csv text/*\nwrite .\nhide .env\n"
			"verify vendor/ with \"a b.sha256\"\n"
			"limit memory 4GiB processes 256 time 2h\nlimit memory 8GiB egress 1MB\n"
			"mode receive-only\n");
	struct rules_limits limits;
	const struct rules_file *files;
	const struct rules_use *uses;
	size_t n;

	(void)state;
	uses = rules_uses(r, &n);
	assert_int_equal(n, 2);
	assert_string_equal(uses[1].name, "pip");
	files = rules_files(r, &n);
	assert_int_equal(n, 5);
	assert_string_equal(files[0].path, "/usr");
	assert_string_equal(files[0].only[1], "text/*");
	assert_null(files[0].only[2]);
	assert_ptr_equal(files[0].only, files[1].only);
	assert_int_equal(files[2].kind, RULES_FILE_WRITE);
	assert_null(files[2].only);
	assert_int_equal(files[3].kind, RULES_FILE_HIDE);
	assert_string_equal(files[4].manifest, "a b.sha256");
	rules_limits(r, &limits);
	assert_int_equal(limits.memory, 4ULL << 30); /* the smaller of both */
	assert_int_equal(limits.processes, 256);
	assert_int_equal(limits.time, 7200);
	assert_int_equal(limits.egress, 1000000);
	assert_int_equal(limits.cpu, 0);
	assert_true(rules_receive_only(r));
	rules_destroy(r);
}

/* Texts compose: a second one can add and deny, never lift a deny of the first. */
static void texts_compose(void **state)
{
	struct rules *r = rules_create();
	struct rules_diag diag;
	struct rules_decision d;
	const char *company = "deny * evil.example\r\nallow GET a.example\r\n",
		   *own = "allow GET evil.example";

	(void)state;
	assert_int_equal(rules_add(r, company, strlen(company), "company", &diag), RULES_OK);
	assert_int_equal(rules_add(r, own, strlen(own), "own", &diag), RULES_OK);
	assert_int_equal(rules_compile(r, &diag), RULES_OK);
	rules_judge_host(r, RULES_HTTPS, "evil.example", 443, NULL, &d);
	assert_int_equal(d.verdict, RULES_DENY);
	assert_string_equal(d.origin, "company");
	rules_judge_host(r, RULES_HTTPS, "a.example", 443, NULL, &d);
	assert_int_equal(d.verdict, RULES_ALLOW);
	rules_destroy(r);
}

/* One set of files a host; what was attached for the narrowest host comes back, in any order. */
static void files_of_origins(void **state)
{
	static const char *const orders[] = {
		"allow GET **.a.example/** ca wide\nallow GET x.a.example/** ca narrow\n",
		"allow GET x.a.example/** ca narrow\nallow GET **.a.example/** ca wide\n"};
	static const char conflict[] = "allow GET a.example/x ca one\n"
				       "allow GET a.example/y\nallow PUT a.example ca two\n";
	static const char same[] = "allow GET a.example/x ca one\nallow PUT a.example ca one\n";
	struct rules *r;
	struct rules_diag diag;
	struct rules_target target;
	struct rules_request req = {.method = "GET", .target = &target};
	struct rules_decision d;
	char buf[512];
	size_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(orders); i++) {
		static const char url[] = "https://x.a.example/", other[] = "https://y.a.example/";
		const struct rules_upstream *all;

		r = compile(orders[i]);
		all = rules_upstreams(r, &n);
		assert_int_equal(n, 2);
		rules_upstream_attach(r, 0, all[0].ca);
		rules_upstream_attach(r, 1, all[1].ca);
		assert_int_equal(rules_target_from_url(url, sizeof(url) - 1, &target, buf, 512), 0);
		rules_judge(r, &req, &d);
		assert_string_equal(d.upstream->attached, "narrow");
		assert_int_equal(
			rules_target_from_url(other, sizeof(other) - 1, &target, buf, 512), 0);
		rules_judge(r, &req, &d);
		assert_string_equal(d.upstream->attached, "wide");
		req.method = "PUT";
		rules_judge(r, &req, &d);
		assert_null(d.upstream);
		req.method = "GET";
		rules_destroy(r);
	}
	r = compile(same);
	rules_upstreams(r, &n);
	assert_int_equal(n, 1);
	rules_destroy(r);
	r = rules_create();
	assert_int_equal(rules_add(r, conflict, sizeof(conflict) - 1, "t", &diag), RULES_OK);
	assert_int_equal(rules_compile(r, &diag), RULES_ECONFLICT);
	assert_int_equal(diag.line, 3);
	assert_non_null(strstr(diag.message, "t:1"));
	rules_destroy(r);
}

/* The nearest miss is told as what it is, and the line proposed is for the asker alone. */
static void another_program_is_told(void **state)
{
	struct rules *r = compile("allow GET a.example by /usr/bin/git type x/y\n"
				  "allow GET a.example by /usr/bin/git\n"
				  "allow GET b.example query a=b");
	struct rules_target target;
	struct rules_request req = {.method = "GET", .target = &target, .program = "/usr/bin/c"};
	struct rules_decision d;
	char buf[512], line[512];
	const char *url = "https://a.example/";

	(void)state;
	assert_int_equal(rules_target_from_url(url, strlen(url), &target, buf, 512), 0);
	assert_int_equal(rules_needs(r), RULES_NEED_PROGRAM);
	rules_judge(r, &req, &d);
	assert_int_equal(d.reason, RULES_CONDITION);
	assert_true(d.by);
	rules_suggest(&req, line, sizeof(line));
	assert_string_equal(line, "allow GET a.example/ by /usr/bin/c");
	req.program = "/usr/bin/git";
	rules_judge(r, &req, &d);
	assert_int_equal(d.verdict, RULES_ALLOW);
	assert_false(d.by);
	req.program = "/tmp/a b";
	rules_suggest(&req, line, sizeof(line));
	assert_string_equal(line, "allow GET a.example/ by \"/tmp/a b\"");
	req.program = "/tmp/a\"b";
	rules_suggest(&req, line, sizeof(line));
	assert_string_equal(line, ""); /* no line could say it */
	url = "https://b.example/";
	assert_int_equal(rules_target_from_url(url, strlen(url), &target, buf, 512), 0);
	rules_judge(r, &req, &d);
	assert_int_equal(d.reason, RULES_CONDITION);
	assert_false(d.by);
	rules_destroy(r);
	r = compile("allow GET a.example");
	assert_int_equal(rules_needs(r), 0);
	rules_destroy(r);
}

static void injected_where_the_rules_say(void **state)
{
	static const char text[] =
		"inject **.a.example header X-Key ${env:WIDE}\n"
		"inject *.a.example header x-key ${env:ONE}\n"
		"inject b.a.example header X-KEY \"Bearer ${env:EXACT}/${file:~/k}\"\n"
		"inject b.a.example header Other ${env:OTHER}\n"
		"inject b.a.example:8443 header X-Key ${env:PORT}\n";
	static const struct {
		const char *url;
		unsigned lines[3]; /* of the statements that hold */
	} rows[] = {
		{"https://b.a.example/x", {3, 4}},
		{"https://c.a.example/", {2}},
		{"https://d.c.a.example/", {1}},
		{"https://b.a.example:8443/", {5}},
		{"https://a.example/", {0}},
		{"https://xa.example/", {0}},
		{"http://b.a.example/", {0}},
		{"http://b.a.example:443/", {0}},
	};
	struct rules *r = compile(text), *conflict = rules_create();
	const struct rules_inject *all;
	struct rules_diag diag;
	const char *at, *part;
	size_t n, len;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rules_target target;
		const struct rules_inject *found;
		char buf[512];
		size_t next = 0, k = 0;

		assert_int_equal(
			rules_target_from_url(rows[i].url, strlen(rows[i].url), &target, buf, 512),
			0);
		while ((found = rules_injected(r, &target, &next)) != NULL) {
			assert_int_equal(found->line, rows[i].lines[k++]);
		}
		assert_int_equal(rows[i].lines[k], 0);
	}
	all = rules_injects(r, &n);
	assert_int_equal(n, 5);
	assert_null(all[2].attached);
	rules_inject_attach(r, 2, "secret");
	assert_string_equal(all[2].attached, "secret");
	at = all[2].value;
	assert_int_equal(rules_inject_part(&at, &part, &len), RULES_PART_TEXT);
	assert_memory_equal(part, "Bearer ", len);
	assert_int_equal(rules_inject_part(&at, &part, &len), RULES_PART_ENV);
	assert_int_equal(len, 5);
	assert_memory_equal(part, "EXACT", len);
	assert_int_equal(rules_inject_part(&at, &part, &len), RULES_PART_TEXT);
	assert_int_equal(rules_inject_part(&at, &part, &len), RULES_PART_FILE);
	assert_memory_equal(part, "~/k", len);
	assert_int_equal(rules_inject_part(&at, &part, &len), RULES_PART_END);
	rules_destroy(r);

	assert_int_equal(rules_add(conflict,
				 "inject a.b header K ${env:A}\ninject a.b:443 header k ${env:A}",
				 61, "t", &diag),
		RULES_OK);
	assert_int_equal(rules_compile(conflict, &diag), RULES_ECONFLICT);
	assert_int_equal(diag.line, 2);
	rules_destroy(conflict);
}

/* The line that a refusal proposes does allow what was refused, and no more of the path. */
static void suggestions_hold(void **state)
{
	static const char *const urls[] = {"https://a.example/x/y", "http://a.example:8080/",
		"https://[2001:db8::1]/z", "https://a.example:444/@s%2Fp"};

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++) {
		struct rules_target target;
		struct rules_request req = {.method = "PUT", .target = &target};
		struct ask a = {.method = "PUT", .url = urls[i], .verdict = "allow"};
		char buf[512], line[512];

		assert_int_equal(
			rules_target_from_url(urls[i], strlen(urls[i]), &target, buf, 512), 0);
		rules_suggest(&req, line, sizeof(line));
		a.rules = line;
		/* both readings of an encoded slash need a wider path */
		if (!target.encoded_slash) {
			judge(&a);
		} else {
			assert_non_null(strstr(line, " encoded-slash"));
		}
	}
}

/* Many rules, and the right one still found among them. */
static void many(void **state)
{
	enum { N = 10000 };
	char *text = malloc(N * 48), *at = text;
	struct rules *r;
	struct rules_decision d;

	(void)state;
	for (int i = 0; i < N; i++) {
		at += sprintf(at, "allow GET h%d.example/p%d/**\n", i, i);
	}
	r = compile(text);
	rules_judge_host(r, RULES_HTTPS, "h9999.example", 443, NULL, &d);
	assert_int_equal(d.verdict, RULES_ALLOW);
	assert_int_equal(d.line, N);
	rules_judge_host(r, RULES_HTTPS, "h10000.example", 443, NULL, &d);
	assert_int_equal(d.verdict, RULES_DENY);
	rules_destroy(r);
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(refused_texts),
		cmocka_unit_test(a_bad_text_is_dropped_whole), cmocka_unit_test(verdicts),
		cmocka_unit_test(every_value_of_a_field_counts),
		cmocka_unit_test(a_decision_names_its_statement), cmocka_unit_test(hosts),
		cmocka_unit_test(statements_of_others), cmocka_unit_test(texts_compose),
		cmocka_unit_test(files_of_origins), cmocka_unit_test(another_program_is_told),
		cmocka_unit_test(injected_where_the_rules_say), cmocka_unit_test(suggestions_hold),
		cmocka_unit_test(many)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
