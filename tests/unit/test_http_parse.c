/*
 * Every row is fed whole, cut in two at every byte, and byte by byte, and must give the same events
 * each time. Accepts and refuses stand beside each other; the table of docs/http.md names them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/arena.h"
#include "gateway/http_check.h"
#include "tests/http/trace.h"

struct row {
	const char *bytes;
	size_t len;
	const char *trace;  /* the whole trace, or how its last line goes */
	const char *method; /* responses; NULL is GET */
};
#define ROW(text, trace)                            \
	{                                           \
		text, sizeof(text) - 1, trace, NULL \
	}
#define ANSWER(method, text, trace)                   \
	{                                             \
		text, sizeof(text) - 1, trace, method \
	}
#define H       "Host: a.example\r\n"
#define TRACE_H "|Host: a.example"

static bool is_wanted(const char *got, const char *wanted)
{
	size_t len = strlen(got), n = strlen(wanted);

	if (strncmp(wanted, "refused:", 8) != 0) {
		return strcmp(got, wanted) == 0;
	}
	return len >= n && strcmp(got + len - n, wanted) == 0;
}

static void check_rows(enum http_side side, const struct row *rows, size_t n)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < n; i++) {
		const char *method = rows[i].method ? rows[i].method : "GET";
		char *got =
			trace_every_split(side, method, &trace_limits, rows[i].bytes, rows[i].len);

		if (!is_wanted(got, rows[i].trace)) {
			print_error("row %zu: %s\ngave\n%s\nnot\n%s\n", i, rows[i].bytes, got,
				rows[i].trace);
			wrong++;
		}
		free(got);
	}
	assert_int_equal(wrong, 0);
}
#define CHECK(side, rows) check_rows(side, rows, sizeof(rows) / sizeof((rows)[0]))

static void accepts_requests(void **state)
{
	static const struct row rows[] = {
		ROW("GET / HTTP/1.1\r\n" H "\r\n",
			"GET / host=a.example 1.1 none keep" TRACE_H "\nend\n"),
		ROW("\r\nGET / HTTP/1.1\r\n" H "\r\n",
			"GET / host=a.example 1.1 none keep" TRACE_H "\nend\n"),
		ROW("GET / HTTP/1.0\r\n\r\n", "GET / host=(none) 1.0 none\nend\n"),
		ROW("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
			"GET / host=(none) 1.0 none keep|Connection: Keep-Alive\nend\n"),
		ROW("GET / HTTP/1.1\r\n" H "Connection: a, Close\r\n\r\n",
			"GET / host=a.example 1.1 none" TRACE_H "|Connection: a, Close\nend\n"),
		ROW("POST /p?q HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello",
			"POST /p?q host=a.example 1.1 length=5 keep" TRACE_H
			"|Content-Length: 5\nbody 5:hello\nend\n"),
		ROW("GET / HTTP/1.1\r\n" H "Content-Length: \t2 \t\r\n\r\nhi",
			"GET / host=a.example 1.1 length=2 keep" TRACE_H
			"|Content-Length: 2\nbody 2:hi\nend\n"),
		ROW("PUT / HTTP/1.1\r\n" H "content-length: 0\r\n\r\n",
			"PUT / host=a.example 1.1 none keep" TRACE_H "|content-length: 0\nend\n"),
		ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n"
		    "5\r\nhello\r\n00A;x=\"y z\";q\r\n0123456789\r\n0\r\nX-T: v \r\n\r\n",
			"POST / host=a.example 1.1 chunked keep" TRACE_H
			"|Transfer-Encoding: Chunked\nbody 15:hello0123456789\nend|X-T: v\n"),
		ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"POST / host=a.example 1.1 chunked keep" TRACE_H
			"|Transfer-Encoding: chunked\nend\n"),
		/* two in one go, the first with a body that ends where the second begins */
		ROW("POST /1 HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nxGET /2 HTTP/1.1\r\n" H
		    "\r\n",
			"POST /1 host=a.example 1.1 length=1 keep" TRACE_H
			"|Content-Length: 1\nbody 1:x\nend\n"
			"GET /2 host=a.example 1.1 none keep" TRACE_H "\nend\n"),
		ROW("POST /1 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
		    "GET /2 HTTP/1.0\r\n\r\n",
			"POST /1 host=a.example 1.1 chunked keep" TRACE_H
			"|Transfer-Encoding: chunked\nbody 1:x\nend\n"
			"GET /2 host=(none) 1.0 none\nend\n"),
		ROW("GET http://a.example:81/x HTTP/1.1\r\n" H "\r\n",
			"GET http://a.example:81/x host=a.example 1.1 none keep" TRACE_H "\nend\n"),
		ROW("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\nContent-Length: 0\r\n"
		    "\r\n",
			"CONNECT a.example:443 host=a.example:443 1.1 none keep"
			"|Host: a.example:443|Content-Length: 0\nend\n"),
		ROW("OPTIONS * HTTP/1.1\r\n" H "\r\n",
			"OPTIONS * host=a.example 1.1 none keep" TRACE_H "\nend\n"),
		ROW("GET / HTTP/1.1\r\n" H "Expect: 100-Continue\r\n\r\n",
			"GET / host=a.example 1.1 none keep expect" TRACE_H
			"|Expect: 100-Continue\nend\n"),
		ROW("GET / HTTP/1.1\r\n" H "Expect: tea\r\n\r\n",
			"GET / host=a.example 1.1 none keep expect-other" TRACE_H
			"|Expect: tea\nend\n"),
		ROW("GET / HTTP/1.1\r\n" H "Expect: 100-continue\r\nexpect: 100-continue\r\n\r\n",
			"GET / host=a.example 1.1 none keep expect-other" TRACE_H
			"|Expect: 100-continue|expect: 100-continue\nend\n"),
		ROW("GET / HTTP/1.1\r\n" H "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
			"GET / host=a.example 1.1 none keep upgrade=websocket" TRACE_H
			"|Upgrade: websocket|Connection: Upgrade\nend\n"),
		ROW("GET / HTTP/1.1\r\n" H "Upgrade: websocket\r\n\r\n",
			"GET / host=a.example 1.1 none keep" TRACE_H "|Upgrade: websocket\nend\n"),
		/* an offer to upgrade does not take the body away */
		ROW("POST / HTTP/1.1\r\n" H "Upgrade: h2c\r\nConnection: upgrade\r\n"
		    "Content-Length: 2\r\n\r\nhi",
			"POST / host=a.example 1.1 length=2 keep upgrade=h2c" TRACE_H
			"|Upgrade: h2c|Connection: upgrade|Content-Length: 2\nbody 2:hi\nend\n"),
		ROW("GET / HTTP/1.1\r\n" H "X-Empty:\r\nX.!#$%&'*+^_`|~0: \xc3\xa9\t\xff\r\n\r\n",
			"GET / host=a.example 1.1 none keep" TRACE_H
			"|X-Empty: |X.!#$%&'*+^_`|~0: \xc3\xa9\t\xff\nend\n"),
		ROW("GET / HTTP/1.1\r\n" H "X-Content-Length: 5\r\nContent-Lengths: 1\r\n\r\n",
			"GET / host=a.example 1.1 none keep" TRACE_H
			"|X-Content-Length: 5|Content-Lengths: 1\nend\n"),
		ROW("M-SEARCH / HTTP/1.1\r\n" H "\r\n",
			"M-SEARCH / host=a.example 1.1 none keep" TRACE_H "\nend\n"),
		ROW("", ""),
		ROW("\r\n", ""),
	};

	(void)state;
	CHECK(HTTP_REQUESTS, rows);
}

#define POST "POST / HTTP/1.1\r\n" H
#define GET  "GET / HTTP/1.1\r\n" H

static void refuses_start_lines(void **state)
{
	static const struct row rows[] = {
		ROW("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "refused:control\n"),
		ROW("\nGET / HTTP/1.1\r\n" H "\r\n", "refused:control\n"),
		ROW("\rGET / HTTP/1.1\r\n" H "\r\n", "refused:control\n"),
		ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "refused:method\n"),
		ROW("get / HTTP/1.1\r\n" H "\r\n", "refused:method\n"),
		ROW("BREW / HTTP/1.1\r\n" H "\r\n", "refused:method\n"),
		ROW("G\x01T / HTTP/1.1\r\n" H "\r\n", "refused:method\n"),
		ROW(" GET / HTTP/1.1\r\n" H "\r\n", "refused:method\n"),
		ROW("GET / HTTP/0.9\r\n" H "\r\n", "refused:version\n"),
		ROW("GET / HTTP/1.2\r\n" H "\r\n", "refused:version\n"),
		ROW("GET / HTTP/2.0\r\n" H "\r\n", "refused:version\n"),
		ROW("GET / RTSP/1.0\r\n" H "\r\n", "refused:version\n"),
		ROW("SOURCE / ICE/1.0\r\n" H "\r\n", "refused:version\n"),
		ROW("DESCRIBE / RTSP/1.0\r\n" H "\r\n", "refused:version\n"),
		ROW("GET /\r\n" H "\r\n", "refused:version\n"),
		ROW("GET / HTTP/1.1 HTTP/1.1\r\n" H "\r\n", "refused:version\n"),
		ROW("GET /a b HTTP/1.1\r\n" H "\r\n", "refused:syntax\n"),
		ROW("GET / http/1.1\r\n" H "\r\n", "refused:syntax\n"),
		ROW("GET /#f HTTP/1.1\r\n" H "\r\n", "refused:target\n"),
		ROW("GET /\x01 HTTP/1.1\r\n" H "\r\n", "refused:target\n"),
		ROW("GET /\t HTTP/1.1\r\n" H "\r\n", "refused:target\n"),
		ROW("GET /\0 HTTP/1.1\r\n" H "\r\n", "refused:target\n"),
		ROW("GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n", "refused:target\n"),
		ROW("GET /\x7f HTTP/1.1\r\n" H "\r\n", "refused:target\n"),
		ROW("GET  / HTTP/1.1\r\n" H "\r\n", "refused:syntax\n"),
		ROW("GET /  HTTP/1.1\r\n" H "\r\n", "refused:syntax\n"),
		ROW("\r\nGET  / HTTP/1.1\r\n" H "\r\n", "refused:syntax\n"),
		ROW("GET  HTTP/1.1\r\n" H "\r\n", "refused:target\n"),
		ROW("GET\t/ HTTP/1.1\r\n" H "\r\n", "refused:method\n"),
		ROW("GET / HTTP/1.1 \r\n" H "\r\n", "refused:version\n"),
		ROW("GET / HTTP/1.1\n" H "\r\n", "refused:version\n"),
		ROW("GET / HTTP/1.1\r" H "\r\n", "refused:control\n"),
	};

	(void)state;
	CHECK(HTTP_REQUESTS, rows);
}

static void refuses_fields(void **state)
{
	static const struct row rows[] = {
		ROW(GET "X : a\r\n\r\n", "refused:field\n"),
		ROW(GET "X\t: a\r\n\r\n", "refused:field\n"),
		ROW(GET "X y: a\r\n\r\n", "refused:field\n"),
		ROW(GET " X: a\r\n\r\n", "refused:field\n"),
		ROW(GET "X: a\r\n b\r\n\r\n", "refused:field\n"),
		ROW(GET "X: a\r\n\tb\r\n\r\n", "refused:field\n"),
		/* folded after nothing: to llhttp a space that no value may begin with */
		ROW(GET "X:\r\n b\r\n\r\n", "refused:control\n"),
		ROW(GET ": a\r\n\r\n", "refused:field\n"),
		ROW(GET "X\r\n\r\n", "refused:field\n"),
		ROW(GET "X\x01: a\r\n\r\n", "refused:field\n"),
		ROW(GET "X\0: a\r\n\r\n", "refused:field\n"),
		ROW(GET "X\r: a\r\n\r\n", "refused:field\n"),
		ROW(GET "X\xc5\xbf: a\r\n\r\n", "refused:field\n"),
		ROW(GET "X@: a\r\n\r\n", "refused:field\n"),
		ROW(GET "Content_Length: 5\r\n\r\n", "refused:field\n"),
		ROW(GET "transfer_encoding: chunked\r\n\r\n", "refused:field\n"),
		ROW(GET "Transfer--Encoding: chunked\r\n\r\n", "refused:field\n"),
		ROW(GET "-Content_-LENGTH-: 5\r\n\r\n", "refused:field\n"),
		ROW(GET "X-A: 1\r\nConnection: close, x-a\r\n\r\n", "refused:field\n"),
		ROW(GET "Connection: host\r\n\r\n", "refused:field\n"),
		ROW(GET "Connection: Content-Length\r\nContent-Length: 0\r\n\r\n",
			"refused:field\n"),
		ROW(GET "X: a\x01\r\n\r\n", "refused:control\n"),
		ROW(GET "X: a\0b\r\n\r\n", "refused:control\n"),
		ROW(GET "X: \0\r\n\r\n", "refused:control\n"),
		ROW(GET "X: a\x7f\r\n\r\n", "refused:control\n"),
		ROW(GET "X: a\rb\r\n\r\n", "refused:control\n"),
		ROW(GET "X: a\nY: b\r\n\r\n", "refused:control\n"),
		ROW(GET "X: a\r\n\n", "refused:field\n"),
		ROW(GET "X: a\r\n\rGET", "refused:control\n"),
		ROW("GET / HTTP/1.1\r\n\r\n", "refused:host\n"),
		ROW(GET H "\r\n", "refused:host\n"),
		ROW("GET / HTTP/1.0\r\n" H H "\r\n", "refused:host\n"),
		ROW("CONNECT a:1 HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx", "refused:length\n"),
		ROW("CONNECT a:1 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n",
			"refused:coding\n"),
		ROW("GET / HT", "refused:eof\n"),
	};

	(void)state;
	CHECK(HTTP_REQUESTS, rows);
}

static void refuses_framing(void **state)
{
	static const struct row rows[] = {
		ROW(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "refused:length\n"),
		ROW(POST "Content-Length: 5, 5\r\n\r\nhello", "refused:length\n"),
		ROW(POST "Content-Length: +5\r\n\r\nhello", "refused:length\n"),
		ROW(POST "Content-Length: -5\r\n\r\nhello", "refused:length\n"),
		ROW(POST "Content-Length: 5 5\r\n\r\nhello", "refused:length\n"),
		ROW(POST "Content-Length: 0x5\r\n\r\nhello", "refused:length\n"),
		ROW(POST "Content-Length:\r\n\r\n", "refused:length\n"),
		ROW(POST "Content-Length: 18446744073709551616\r\n\r\n", "refused:length\n"),
		ROW(POST "Content-Length: 1000000000000000000\r\n\r\n", "refused:length\n"),
		ROW(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
			"refused:coding\n"),
		ROW(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
			"refused:coding\n"),
		ROW(POST "Transfer-Encoding: gzip, chunked\r\n\r\n", "refused:coding\n"),
		ROW(POST "Transfer-Encoding: chunked, chunked\r\n\r\n", "refused:coding\n"),
		ROW(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
			"refused:coding\n"),
		ROW(POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
			"refused:coding\n"),
		ROW(POST "Transfer-Encoding: xchunked\r\n\r\n", "refused:coding\n"),
		ROW(POST "Transfer-Encoding: chunked;q=1\r\n\r\n", "refused:coding\n"),
		ROW(POST "Transfer-Encoding: identity\r\n\r\n", "refused:coding\n"),
		ROW(POST "Transfer-Encoding: \"chunked\"\r\n\r\n", "refused:coding\n"),
		ROW(POST "Transfer-Encoding:\r\n\r\n", "refused:coding\n"),
		ROW("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"refused:coding\n"),
	};

	(void)state;
	CHECK(HTTP_REQUESTS, rows);
}

#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define ZEROS64 "0000000000000000000000000000000000000000000000000000000000000000"

static void refuses_chunks(void **state)
{
	static const struct row rows[] = {
		ROW(CHUNKED "5\nhello\r\n0\r\n\r\n", "refused:chunk\n"),
		ROW(CHUNKED "5\r\nhello\n0\r\n\r\n", "refused:chunk\n"),
		ROW(CHUNKED "5\r\nhello0\r\n\r\n", "refused:chunk\n"),
		ROW(CHUNKED "5\r\nhelloX\r\n0\r\n\r\n", "refused:chunk\n"),
		ROW(CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", "refused:chunk\n"),
		ROW(CHUNKED "+5\r\nhello\r\n0\r\n\r\n", "refused:chunk\n"),
		ROW(CHUNKED " 5\r\nhello\r\n0\r\n\r\n", "refused:chunk\n"),
		ROW(CHUNKED "5 \r\nhello\r\n0\r\n\r\n", "refused:chunk\n"),
		ROW(CHUNKED "\r\nhello\r\n0\r\n\r\n", "refused:chunk\n"),
		ROW(CHUNKED "g\r\nhello\r\n0\r\n\r\n", "refused:chunk\n"),
		ROW(CHUNKED "10000000000000000\r\n", "refused:chunk\n"),
		ROW(CHUNKED "5;a\nb\r\nhello\r\n0\r\n\r\n", "refused:chunk\n"),
		ROW(CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n", "refused:chunk\n"),
		ROW(CHUNKED ZEROS64 "5\r\nhello\r\n0\r\n\r\n", "refused:chunk\n"),
		ROW(CHUNKED "1\r\nx\r\n5;" ZEROS64 "=y\r\nhello\r\n0\r\n\r\n", "refused:chunk\n"),
		ROW(CHUNKED "0\r\nX : y\r\n\r\n", "refused:field\n"),
		ROW(CHUNKED "0\r\nX: y\nZ: a\r\n\r\n", "refused:control\n"),
		ROW(CHUNKED "0\r\nX: y\x01\r\n\r\n", "refused:control\n"),
		ROW(CHUNKED "5\r\nhel", "refused:eof\n"),
		ROW(CHUNKED "5\r\nhello\r\n0\r\n", "refused:eof\n"),
		ROW(POST "Content-Length: 5\r\n\r\nhel", "refused:eof\n"),
	};

	(void)state;
	CHECK(HTTP_REQUESTS, rows);
}

static void accepts_responses(void **state)
{
	static const struct row rows[] = {
		ROW("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
			"200 OK 1.1 length=2 keep|Content-Length: 2\nbody 2:hi\nend\n"),
		ROW("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
			"200 OK 1.1 none keep|Content-Length: 0\nend\n"),
		ROW("HTTP/1.1 200 \r\nX: 1\r\n\r\nto the end",
			"200  1.1 close|X: 1\nbody 10:to the end\nend\n"),
		ROW("HTTP/1.1 200\r\nX: 1\r\n\r\n", "200  1.1 close|X: 1\nend\n"),
		ROW("HTTP/1.1 200 \r\n\r\n", "200  1.1 close\nend\n"),
		ROW("HTTP/1.0 404 N\xe4 \r\n\r\nx", "404 N\xe4  1.0 close\nbody 1:x\nend\n"),
		ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nT: v\r\n"
		    "\r\n",
			"200 OK 1.1 chunked keep|Transfer-Encoding: chunked\nbody 2:hi\nend|T: "
			"v\n"),
		ROW("HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
		    "HTTP/1.1 204 No\r\n\r\n",
			"103 Early 1.1 none keep|Link: x\nend\n100 Continue 1.1 none keep\nend\n"
			"204 No 1.1 none keep\nend\n"),
		ROW("HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n",
			"204 No 1.1 none keep|Content-Length: 0\nend\n"),
		ROW("HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n",
			"304 Same 1.1 none keep|Content-Length: 9\nend\n"),
		ANSWER("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
			"200 OK 1.1 none keep|Content-Length: 9\nend\n"),
		ANSWER("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
			"200 OK 1.1 none keep|Transfer-Encoding: chunked\nend\n"),
		ANSWER("CONNECT", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbytes",
			"200 OK 1.1 upgrade keep|Content-Length: 9\nend\n"),
		ANSWER("CONNECT", "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
			"403 No 1.1 length=2 keep|Content-Length: 2\nbody 2:no\nend\n"),
		ROW("HTTP/1.1 101 Up\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x01",
			"101 Up 1.1 upgrade keep upgrade=websocket|Connection: upgrade"
			"|Upgrade: websocket\nend\n"),
		ROW("HTTP/1.1 200 OK\r\nUpgrade: h2\r\nConnection: upgrade\r\n"
		    "Content-Length: 2\r\n\r\nhi",
			"200 OK 1.1 length=2 keep upgrade=h2|Upgrade: h2|Connection: upgrade"
			"|Content-Length: 2\nbody 2:hi\nend\n"),
		ROW("HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 0\r\n\r\n",
			"200 OK 1.1 none keep|Connection: X-Hop|X-Hop: 1|Content-Length: 0\nend\n"),
	};

	(void)state;
	CHECK(HTTP_RESPONSES, rows);
}

static void refuses_responses(void **state)
{
	static const struct row rows[] = {
		ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
			"refused:coding\n"),
		ROW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
			"refused:coding\n"),
		ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "refused:coding\n"),
		ROW("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "refused:coding\n"),
		ROW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
			"refused:length\n"),
		ROW("HTTP/1.1 200 OK\r\nContent-Length: a\r\n\r\n", "refused:length\n"),
		ROW("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello", "refused:status\n"),
		ROW("HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", "refused:status\n"),
		ROW("HTTP/1.1 100 Go\r\nContent-Length: 5\r\n\r\n", "refused:status\n"),
		ROW("HTTP/1.1 101 Up\r\n\r\n", "refused:status\n"),
		ROW("HTTP/1.1 099 X\r\n\r\n", "refused:status\n"),
		ROW("HTTP/1.1 600 X\r\n\r\n", "refused:status\n"),
		ROW("HTTP/1.1 20 X\r\n\r\n", "refused:status\n"),
		ROW("HTTP/1.1 2000 X\r\n\r\n", "refused:status\n"),
		ROW("HTTP/1.1 2x0 X\r\n\r\n", "refused:status\n"),
		ROW("HTTP/1.1 200 O\x01K\r\n\r\n", "refused:status\n"),
		ROW("HTTP/1.1 200 OK\nX: 1\r\n\r\n", "refused:control\n"),
		ROW("<html>hello</html>", "refused:status\n"),
		ROW("\r\nHTTP/1.1 200 OK\r\n\r\n", "refused:control\n"),
		ROW("HTTP/1.2 200 OK\r\n\r\n", "refused:version\n"),
		ROW("HTTP/2.0 200 OK\r\n\r\n", "refused:version\n"),
		ROW("RTSP/1.0 200 OK\r\n\r\n", "refused:version\n"),
		ROW("ICY 200 OK\r\n\r\n", "refused:status\n"),
		ROW("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "refused:field\n"),
		ROW("HTTP/1.1 200 OK\r\nX : a\r\n\r\n", "refused:field\n"),
		ROW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "refused:eof\n"),
		ROW("HTTP/1.1 200 OK\r\nContent-Le", "refused:eof\n"),
	};

	(void)state;
	CHECK(HTTP_RESPONSES, rows);
}

/* A head of exactly the limit passes; one byte more does not, wherever the byte stands. */
static void caps_the_head(void **state)
{
	char text[128];
	struct http_limits limits = {.head_bytes = 100, .fields = 2, .chunk_line = 64};
	const char *start = "GET / HTTP/1.1\r\n" H "X: ", *end = "\r\n\r\n";

	(void)state;
	for (size_t more = 0; more < 2; more++) {
		size_t fill = limits.head_bytes + more - strlen(start) - strlen(end);
		int n = snprintf(text, sizeof(text), "%s%0*d%s", start, (int)fill, 0, end);
		char *got = trace_every_split(HTTP_REQUESTS, "GET", &limits, text, (size_t)n);

		assert_int_equal(n, limits.head_bytes + more);
		if (more == 0) {
			assert_non_null(strstr(got, "\nend\n"));
		} else {
			assert_string_equal(got, "refused:too-large\n");
		}
		free(got);
	}
}

#define ZEROS960                                                                                \
	ZEROS64 ZEROS64 ZEROS64 ZEROS64 ZEROS64 ZEROS64 ZEROS64 ZEROS64 ZEROS64 ZEROS64 ZEROS64 \
		ZEROS64 ZEROS64 ZEROS64 ZEROS64

/* Fields times options would be work out of proportion: 0.4 s for a head of 64 KiB. */
static void caps_connection(void **state)
{
	static const struct row requests[] = {
		ROW(GET "Connection: " ZEROS960 ZEROS64 "\r\n\r\n",
			"GET / host=a.example 1.1 none keep" TRACE_H
			"|Connection: " ZEROS960 ZEROS64 "\nend\n"),
		ROW(GET "Connection: " ZEROS960 ZEROS64 "0\r\n\r\n", "refused:too-large\n"),
		ROW(GET "Connection: " ZEROS960 "\r\nconnection: " ZEROS64 "0\r\n\r\n",
			"refused:too-large\n"),
	};
	static const struct row responses[] = {
		ROW("HTTP/1.1 200 OK\r\nConnection: " ZEROS960 ZEROS64 "0\r\n\r\n",
			"refused:too-large\n"),
	};

	(void)state;
	CHECK(HTTP_REQUESTS, requests);
	CHECK(HTTP_RESPONSES, responses);
}

static void caps_the_fields(void **state)
{
	static const char fits[] = "GET / HTTP/1.1\r\n" H "a: b\r\n\r\n";
	static const char over[] = "GET / HTTP/1.1\r\n" H "a: b\r\nc: d\r\n\r\n";
	struct http_limits limits = {.head_bytes = 100, .fields = 2, .chunk_line = 64};
	char *got = trace_every_split(HTTP_REQUESTS, "GET", &limits, fits, sizeof(fits) - 1);

	(void)state;
	assert_non_null(strstr(got, "\nend\n"));
	free(got);
	got = trace_every_split(HTTP_REQUESTS, "GET", &limits, over, sizeof(over) - 1);
	assert_string_equal(got, "refused:too-large\n");
	free(got);
}

static void caps_the_trailers(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
	struct http_limits limits = {.head_bytes = 60, .fields = 9, .chunk_line = 64};
	char text[256];
	int n = snprintf(text, sizeof(text), "%sX: %050d\r\n\r\n", head, 0);
	char *got = trace_every_split(HTTP_RESPONSES, "GET", &limits, text, (size_t)n);

	(void)state;
	assert_non_null(strstr(got, "\nend|X: 0"));
	free(got);
	n = snprintf(text, sizeof(text), "%sX: %055d\r\n\r\n", head, 0);
	got = trace_every_split(HTTP_RESPONSES, "GET", &limits, text, (size_t)n);
	assert_non_null(strstr(got, "\nrefused:too-large\n"));
	free(got);
}

/* After an error nothing is read any more. */
static void stays_broken(void **state)
{
	struct http_parser *p = http_parser_create(HTTP_REQUESTS, &trace_limits);
	struct arena arena;
	struct http_event event;
	const char *data = "get / HTTP/1.1\r\n", *good = "GET / HTTP/1.0\r\n\r\n";
	size_t len = strlen(data), n = strlen(good);

	(void)state;
	arena_init(&arena);
	http_parser_begin(p, &arena);
	http_parser_next(p, &data, &len, &event);
	assert_int_equal(event.kind, HTTP_EVENT_ERROR);
	http_parser_next(p, &good, &n, &event);
	assert_int_equal(event.kind, HTTP_EVENT_ERROR);
	assert_int_equal(event.error, HTTP_EMETHOD);
	http_parser_eof(p, &event);
	assert_int_equal(event.kind, HTTP_EVENT_ERROR);
	http_parser_destroy(p);
	http_parser_destroy(NULL);
	arena_release(&arena);
}

/* The end is told without another byte: a kept-alive client sends none before its answer. */
static void ends_without_another_byte(void **state)
{
	static const char text[] = "POST / HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi";
	static const enum http_event_kind wanted[] = {
		HTTP_EVENT_HEAD, HTTP_EVENT_BODY, HTTP_EVENT_END};
	struct http_parser *p = http_parser_create(HTTP_REQUESTS, &trace_limits);
	const char *data = text;
	size_t len = sizeof(text) - 1;
	struct arena arena;
	struct http_event event;

	(void)state;
	arena_init(&arena);
	http_parser_begin(p, &arena);
	for (size_t i = 0; i < 3; i++) {
		http_parser_next(p, &data, &len, &event);
		assert_int_equal(event.kind, wanted[i]);
	}
	assert_int_equal(len, 0);
	http_parser_destroy(p);
	arena_release(&arena);
}

static void names_every_error(void **state)
{
	(void)state;
	for (int e = HTTP_OK; e <= HTTP_EMEMORY; e++) {
		assert_non_null(http_error_word((enum http_error)e));
		assert_non_null(http_error_sentence((enum http_error)e));
	}
}

static void reads_lists(void **state)
{
	(void)state;
	assert_true(http_list_has("a, Close ,b", "close"));
	assert_true(http_list_has("\tclose", "close"));
	assert_true(http_list_has(",,close", "close"));
	assert_false(http_list_has("closed, x close", "close"));
	assert_false(http_list_has("", "close"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_requests),
		cmocka_unit_test(refuses_start_lines),
		cmocka_unit_test(refuses_fields),
		cmocka_unit_test(refuses_framing),
		cmocka_unit_test(refuses_chunks),
		cmocka_unit_test(accepts_responses),
		cmocka_unit_test(refuses_responses),
		cmocka_unit_test(caps_the_head),
		cmocka_unit_test(caps_connection),
		cmocka_unit_test(caps_the_fields),
		cmocka_unit_test(caps_the_trailers),
		cmocka_unit_test(stays_broken),
		cmocka_unit_test(ends_without_another_byte),
		cmocka_unit_test(names_every_error),
		cmocka_unit_test(reads_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
