/*
 * What is written is what was judged: it parses again to the same head, nothing of one hop crosses
 * to the next, and nothing is written that could be read as two things.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/arena.h"
#include "gateway/http_write.h"
#include "rules/target.h"
#include "tests/http/trace.h"

static const struct rules_target target = {
	.scheme = RULES_HTTPS, .host = "a.example", .port = 443, .path = "/p/q", .query = "x=1"};

struct fixture {
	struct arena arena;
	struct http_parser *parser;
	struct http_head *head;
};

static void parse(struct fixture *f, enum http_side side, const char *method, const char *text)
{
	struct http_event event;
	size_t len = strlen(text);

	arena_init(&f->arena);
	f->parser = http_parser_create(side, &trace_limits);
	http_parser_begin(f->parser, &f->arena);
	if (side == HTTP_RESPONSES) {
		http_parser_answers(f->parser, method);
	}
	http_parser_next(f->parser, &text, &len, &event);
	assert_int_equal(event.kind, HTTP_EVENT_HEAD);
	f->head = event.head;
}

static void done(struct fixture *f)
{
	http_parser_destroy(f->parser);
	arena_release(&f->arena);
}

static void is_text(struct http_bytes bytes, const char *wanted)
{
	assert_non_null(bytes.data);
	assert_int_equal(bytes.len, strlen(wanted));
	assert_memory_equal(bytes.data, wanted, bytes.len);
}

static void check_request(const char *text, const struct rules_target *to, bool keep,
	bool websocket, const struct http_extra *extra, const char *wanted)
{
	struct fixture f;
	struct http_bytes bytes;
	struct fixture again;

	parse(&f, HTTP_REQUESTS, NULL, text);
	bytes = http_write_request(&f.arena, f.head, to, keep, websocket, extra);
	is_text(bytes, wanted);
	/* and it is a request again, with the method and the framing it had */
	char *copy = arena_copy(&f.arena, bytes.data, bytes.len);
	parse(&again, HTTP_REQUESTS, NULL, copy);
	assert_string_equal(again.head->method, f.head->method);
	assert_int_equal(again.head->framing, f.head->framing);
	assert_int_equal(again.head->length, f.head->length);
	assert_int_equal(again.head->keep_alive, keep);
	assert_int_equal(again.head->upgrade != NULL, websocket);
	done(&again);
	done(&f);
}

static void writes_requests(void **state)
{
	(void)state;
	check_request("GET /else HTTP/1.0\r\nHost: other\r\nAccept: */*\r\n\r\n", &target, true,
		false, NULL, "GET /p/q?x=1 HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\n\r\n");
	check_request("POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 5\r\nB: c\r\n\r\n", &target,
		false, false, NULL,
		"POST /p/q?x=1 HTTP/1.1\r\nHost: a.example\r\nB: c\r\nContent-Length: 5\r\n"
		"Connection: close\r\n\r\n");
	check_request("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-encoding: CHUNKED\r\n\r\n", &target,
		true, false, NULL,
		"PUT /p/q?x=1 HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n");
	check_request("POST / HTTP/1.1\r\nHost: a\r\n\r\n", &target, true, false, NULL,
		"POST /p/q?x=1 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n");
}

static void writes_the_host_of_the_target(void **state)
{
	struct rules_target to = target;

	(void)state;
	to.query = NULL;
	to.port = 8443;
	check_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &to, true, false, NULL,
		"GET /p/q HTTP/1.1\r\nHost: a.example:8443\r\n\r\n");
	to.scheme = RULES_HTTP;
	to.port = 80;
	to.host = "2001:db8::1";
	check_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &to, true, false, NULL,
		"GET /p/q HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n");
	to.port = 443;
	to.query = "";
	check_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &to, true, false, NULL,
		"GET /p/q? HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n");
}

static void leaves_out_what_is_for_one_hop(void **state)
{
	(void)state;
	check_request("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, TE\r\nTE: trailers\r\n"
		      "Keep-Alive: 5\r\nProxy-Connection: x\r\nproxy-authorization: secret\r\n"
		      "Trailer: X\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nX: kept\r\n"
		      "Sec-WebSocket-Key: x\r\n\r\n",
		&target, true, false, NULL,
		"GET /p/q?x=1 HTTP/1.1\r\nHost: a.example\r\nX: kept\r\n\r\n");
}

static void passes_websocket_on_when_told(void **state)
{
	static const char ask[] = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
				  "Connection: Upgrade\r\nSec-WebSocket-Key: k\r\n\r\n";

	(void)state;
	check_request(ask, &target, true, true, NULL,
		"GET /p/q?x=1 HTTP/1.1\r\nHost: a.example\r\nSec-WebSocket-Key: k\r\n"
		"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
	check_request(ask, &target, true, false, NULL,
		"GET /p/q?x=1 HTTP/1.1\r\nHost: a.example\r\n\r\n");
}

static void injects(void **state)
{
	static const struct http_field fields[] = {{"Authorization", "Bearer s"}};
	static const struct http_extra extra = {fields, 1};

	(void)state;
	check_request("GET / HTTP/1.1\r\nHost: a\r\nauthorization: mine\r\nA: b\r\n"
		      "AUTHORIZATION: again\r\n\r\n",
		&target, true, false, &extra,
		"GET /p/q?x=1 HTTP/1.1\r\nHost: a.example\r\nA: b\r\nAuthorization: Bearer s\r\n"
		"\r\n");
}

static void refuses_to_inject_what_cuts_the_head(void **state)
{
	static const struct http_field bad[] = {{"A", "b\r\nC: d"}, {"A", "b\nc"}, {"A", "b\x01"},
		{"A:", "b"}, {"A b", "c"}, {"", "c"}, {"Content-Length", "5"},
		{"Transfer-Encoding", "chunked"}, {"Host", "b"}, {"Connection", "A"}};
	struct fixture f;

	(void)state;
	parse(&f, HTTP_REQUESTS, NULL, "GET / HTTP/1.0\r\n\r\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct http_extra extra = {&bad[i], 1};

		assert_null(
			http_write_request(&f.arena, f.head, &target, true, false, &extra).data);
	}
	done(&f);
}

/* A head that no parser of ours makes: the writer does not trust the stages before it. */
static void refuses_heads_and_targets_that_cut_the_head(void **state)
{
	struct http_field field = {"A", "b\rc"};
	struct http_head head = {.method = "GET", .fields = &field, .n_fields = 1};
	struct rules_target to = target;
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_null(http_write_request(&arena, &head, &to, true, false, NULL).data);
	field.value = "fine";
	assert_non_null(http_write_request(&arena, &head, &to, true, false, NULL).data);
	head.method = "GET /x HTTP/1.1\r\nGET";
	assert_null(http_write_request(&arena, &head, &to, true, false, NULL).data);
	head.method = "GET";
	to.path = "/a b";
	assert_null(http_write_request(&arena, &head, &to, true, false, NULL).data);
	to.path = "no-slash";
	assert_null(http_write_request(&arena, &head, &to, true, false, NULL).data);
	to.path = "/";
	to.query = "a\r\nb";
	assert_null(http_write_request(&arena, &head, &to, true, false, NULL).data);
	to.query = NULL;
	to.host = "a\r\nb";
	assert_null(http_write_request(&arena, &head, &to, true, false, NULL).data);
	to.host = "";
	assert_null(http_write_request(&arena, &head, &to, true, false, NULL).data);
	to.host = "a";
	to.scheme = RULES_SCHEME_NONE;
	assert_null(http_write_request(&arena, &head, &to, true, false, NULL).data);
	to.scheme = RULES_HTTP;
	head.framing = HTTP_FRAMING_CLOSE;
	assert_null(http_write_request(&arena, &head, &to, true, false, NULL).data);
	arena_release(&arena);
}

struct answer {
	const char *method, *text;
	enum http_framing framing;
	bool keep;
	const char *wanted;
};

static void writes_responses(void **state)
{
	static const struct answer rows[] = {
		{"GET",
			"HTTP/1.0 200 Fine\r\nContent-Length: 2\r\nX: y\r\nKeep-Alive: 1\r\n"
			"Connection: x\r\n\r\n",
			HTTP_FRAMING_LENGTH, true,
			"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n"},
		{"GET", "HTTP/1.1 200 OK\r\nServer: s\r\n\r\n", HTTP_FRAMING_CHUNKED, true,
			"HTTP/1.1 200 OK\r\nServer: s\r\nTransfer-Encoding: chunked\r\n"
			"Connection: keep-alive\r\n\r\n"},
		{"GET", "HTTP/1.1 200 OK\r\n\r\n", HTTP_FRAMING_CLOSE, true,
			"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"},
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", HTTP_FRAMING_NONE, false,
			"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n"},
		{"HEAD", "HTTP/1.1 200 OK\r\n\r\n", HTTP_FRAMING_NONE, true,
			"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n"},
		{"GET", "HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n", HTTP_FRAMING_NONE, true,
			"HTTP/1.1 304 Same\r\nContent-Length: 9\r\nConnection: keep-alive\r\n\r\n"},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", HTTP_FRAMING_NONE, true,
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"},
		{"GET", "HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", HTTP_FRAMING_NONE, true,
			"HTTP/1.1 204 No\r\nConnection: keep-alive\r\n\r\n"},
		{"GET", "HTTP/1.1 103 Early\r\nLink: l\r\n\r\n", HTTP_FRAMING_NONE, true,
			"HTTP/1.1 103 Early\r\nLink: l\r\n\r\n"},
		{"GET",
			"HTTP/1.1 101 Up\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			"Sec-WebSocket-Accept: a\r\n\r\n",
			HTTP_FRAMING_UPGRADE, true,
			"HTTP/1.1 101 Up\r\nSec-WebSocket-Accept: a\r\nUpgrade: websocket\r\n"
			"Connection: Upgrade\r\n\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;

		parse(&f, HTTP_RESPONSES, rows[i].method, rows[i].text);
		if (i == 0) {
			/* nominated by Connection: */
			assert_non_null(http_field(f.head, "x"));
		}
		is_text(http_write_response(
				&f.arena, f.head, rows[i].framing, f.head->length, rows[i].keep),
			rows[i].wanted);
		done(&f);
	}
}

static void refuses_responses_that_cut_the_head(void **state)
{
	struct http_field field = {"A", "b\nc"};
	struct http_head head = {.status = 200, .reason = "OK", .fields = &field, .n_fields = 1};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_null(http_write_response(&arena, &head, HTTP_FRAMING_NONE, 0, true).data);
	field.value = "fine";
	assert_non_null(http_write_response(&arena, &head, HTTP_FRAMING_NONE, 0, true).data);
	head.reason = "O\nK";
	assert_null(http_write_response(&arena, &head, HTTP_FRAMING_NONE, 0, true).data);
	head.reason = "";
	head.status = 0;
	assert_null(http_write_response(&arena, &head, HTTP_FRAMING_NONE, 0, true).data);
	arena_release(&arena);
}

static void answers_for_itself(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena);
	is_text(http_write_answer(&arena, 403, "text/plain", "no\n", false, true, "X-Y: z"),
		"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
		"X-Y: z\r\nConnection: keep-alive\r\n\r\nno\n");
	is_text(http_write_answer(&arena, 502, "text/plain", "no\n", true, false, NULL),
		"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
		"Connection: close\r\n\r\n");
	assert_null(http_write_answer(&arena, 403, "a\r\nb", "", false, true, NULL).data);
	assert_null(http_write_answer(&arena, 403, "a", "", false, true, "A: b\r\nC: d").data);
	assert_null(http_write_answer(&arena, 403, "a", "", false, true, "no colon").data);
	arena_release(&arena);
}

static void writes_chunks(void **state)
{
	static const struct http_field trailers[] = {{"X-Sum", "1"}, {"Content-Length", "5"},
		{"transfer-encoding", "chunked"}, {"Host", "b"}, {"Authorization", "x"},
		{"Cookie", "x"}, {"Set-Cookie", "x"}, {"Connection", "x"}, {"If-Match", "x"},
		{"content-encoding", "gzip"}, {"Trailer", "x"}, {"Sec-X", "x"}, {"Y", ""}};
	static const struct http_field bad = {"X", "a\r\nb"};
	struct arena arena;
	char size[24];

	(void)state;
	arena_init(&arena);
	assert_int_equal(http_write_chunk_size(size, 8000), 6);
	assert_memory_equal(size, "1f40\r\n", 6);
	assert_int_equal(http_write_chunk_size(size, SIZE_MAX), 18);
	is_text(http_write_last_chunk(&arena, NULL, 0), "0\r\n\r\n");
	is_text(http_write_last_chunk(&arena, trailers, sizeof(trailers) / sizeof(trailers[0])),
		"0\r\nX-Sum: 1\r\nY: \r\n\r\n");
	assert_null(http_write_last_chunk(&arena, &bad, 1).data);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_requests),
		cmocka_unit_test(writes_the_host_of_the_target),
		cmocka_unit_test(leaves_out_what_is_for_one_hop),
		cmocka_unit_test(passes_websocket_on_when_told),
		cmocka_unit_test(injects),
		cmocka_unit_test(refuses_to_inject_what_cuts_the_head),
		cmocka_unit_test(refuses_heads_and_targets_that_cut_the_head),
		cmocka_unit_test(writes_responses),
		cmocka_unit_test(refuses_responses_that_cut_the_head),
		cmocka_unit_test(answers_for_itself),
		cmocka_unit_test(writes_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
