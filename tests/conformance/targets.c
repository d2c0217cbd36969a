/*
 * Where would the gateway take this to go? A line of input for each question: "url", "connect",
 * "host" or "path", a space, and the text in hexadecimal. A line of output for each:
 * "refused WORD", or "judged HOST PORT PATH?QUERY" and, but for "connect", the bytes that would be
 * sent, in hexadecimal. Fed as a client could: in the request line (of HTTP/1.0, where no Host has
 * to agree), in Host, as the target of CONNECT.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/arena.h"
#include "gateway/http_parse.h"
#include "gateway/http_target.h"
#include "gateway/http_write.h"
#include "rules/target.h"

static const struct http_limits limits = {.head_bytes = 65536, .fields = 16, .chunk_line = 64};

static const struct {
	const char *way, *before, *behind;
} ways[] = {
	{"url", "GET ", " HTTP/1.0\r\n\r\n"},
	{"connect", "CONNECT ", " HTTP/1.0\r\n\r\n"},
	{"host", "GET / HTTP/1.1\r\nHost: ", "\r\n\r\n"},
	{"path", "GET ", " HTTP/1.1\r\nHost: a.example\r\n\r\n"},
};

static void print_connect(const struct http_head *head)
{
	struct http_target_diag diag = {0};
	char host[RULES_HOST_MAX];
	bool is_address;
	uint16_t port;

	if (http_target_connect(head, host, &is_address, &port, &diag) != HTTP_TARGET_OK) {
		printf("refused %s\n", diag.word);
	} else {
		printf("judged %s %u /\n", host, port);
	}
}

static void print_request(const struct http_head *head, struct arena *arena)
{
	struct http_target_diag diag = {0};
	struct http_origin origin = {
		.scheme = head->target[0] == '/' ? RULES_HTTP : RULES_SCHEME_NONE};
	struct rules_target target;
	struct http_bytes sent;

	if (http_target_build(head, &origin, arena, &target, &diag) != HTTP_TARGET_OK) {
		printf("refused %s\n", diag.word);
		return;
	}
	sent = http_write_request(arena, head, &target, true, false, NULL);
	assert(sent.data != NULL);
	printf("judged %s %u %s%s%s ", target.host, target.port, target.path,
		target.query != NULL ? "?" : "", target.query != NULL ? target.query : "");
	for (size_t i = 0; i < sent.len; i++) {
		printf("%02x", (unsigned char)sent.data[i]);
	}
	putchar('\n');
}

static void ask(struct http_parser *parser, const char *bytes, size_t len)
{
	struct arena arena;
	struct http_event event;

	arena_init(&arena);
	http_parser_begin(parser, &arena);
	http_parser_next(parser, &bytes, &len, &event);
	if (event.kind == HTTP_EVENT_ERROR) {
		printf("refused %s\n", http_error_word(event.error));
	} else if (event.kind != HTTP_EVENT_HEAD || len > 0) {
		/* The text ended the head before its time: a client's second request, not a target.
		 */
		printf("refused cut\n");
	} else if (strcmp(event.head->method, "CONNECT") == 0) {
		print_connect(event.head);
	} else {
		print_request(event.head, &arena);
	}
	arena_release(&arena);
}

/* The way's request around the text; its length. */
static size_t compose(const char *line, char *request, size_t size)
{
	const char *hex = strchr(line, ' ');
	size_t way = 0, len;
	unsigned byte;

	assert(hex != NULL);
	while (strncmp(line, ways[way].way, (size_t)(hex - line)) != 0) {
		way++;
		assert(way < sizeof(ways) / sizeof(ways[0]));
	}
	len = (size_t)snprintf(request, size, "%s", ways[way].before);
	for (hex++; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
		assert(len + 64 < size);
		request[len++] = (char)byte;
	}
	return len + (size_t)snprintf(request + len, size - len, "%s", ways[way].behind);
}

int main(void)
{
	static char request[64 * 1024];
	struct http_parser *parser = http_parser_create(HTTP_REQUESTS, &limits);
	char *line = NULL;
	size_t size = 0;

	assert(parser != NULL);
	while (getline(&line, &size, stdin) > 0) {
		ask(parser, request, compose(line, request, sizeof(request)));
	}
	free(line);
	http_parser_destroy(parser);
	return 0;
}
