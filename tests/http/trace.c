/*
 * Runs the parser over bytes in pieces and writes down its events.
 */
#include "tests/http/trace.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "gateway/arena.h"

const struct http_limits trace_limits = {.head_bytes = 4096, .fields = 32, .chunk_line = 64};

static const char *const framings[] = {"none", "length", "chunked", "close", "upgrade"};

struct trace {
	struct text *out, body;
	struct http_parser *parser;
	struct arena arena;
	enum http_side side;
	const char *method;
	bool over, upgraded;
};

static void begin(struct trace *t)
{
	arena_reset(&t->arena);
	http_parser_begin(t->parser, &t->arena);
	if (t->side == HTTP_RESPONSES) {
		http_parser_answers(t->parser, t->method);
	}
}

static void print_head(struct trace *t, const struct http_head *head)
{
	if (t->side == HTTP_REQUESTS) {
		text_print(t->out, "%s %s", head->method, head->target);
		text_print(t->out, " host=%s", head->host ? head->host : "(none)");
	} else {
		text_print(t->out, "%d %s", head->status, head->reason);
	}
	text_print(t->out, " 1.%d %s", head->minor, framings[head->framing]);
	if (head->framing == HTTP_FRAMING_LENGTH) {
		text_print(t->out, "=%llu", (unsigned long long)head->length);
	}
	text_print(t->out, "%s%s%s", head->keep_alive ? " keep" : "",
		head->expect_continue ? " expect" : "", head->expect_other ? " expect-other" : "");
	if (head->upgrade != NULL) {
		text_print(t->out, " upgrade=%s", head->upgrade);
	}
	for (size_t i = 0; i < head->n_fields; i++) {
		text_print(t->out, "|%s: %s", head->fields[i].name, head->fields[i].value);
	}
	text_put(t->out, "\n");
	t->upgraded = head->framing == HTTP_FRAMING_UPGRADE;
}

static void flush_body(struct trace *t)
{
	if (t->body.len > 0) {
		text_print(t->out, "body %lu:", (unsigned long)t->body.len);
		text_add(t->out, t->body.data, t->body.len);
		text_put(t->out, "\n");
	}
	t->body.len = 0;
}

static void take(struct trace *t, const struct http_event *event)
{
	switch (event->kind) {
	case HTTP_EVENT_MORE: break;
	case HTTP_EVENT_HEAD: print_head(t, event->head); break;
	case HTTP_EVENT_BODY:
		assert(event->len > 0);
		text_add(&t->body, event->data, event->len);
		break;
	case HTTP_EVENT_END:
		flush_body(t);
		text_print(t->out, "end");
		for (size_t i = 0; i < event->n_trailers; i++) {
			text_print(t->out, "|%s: %s", event->trailers[i].name,
				event->trailers[i].value);
		}
		text_put(t->out, "\n");
		t->over = t->upgraded;
		begin(t);
		break;
	case HTTP_EVENT_ERROR:
		flush_body(t);
		assert(event->error != HTTP_OK);
		text_print(t->out, "refused:%s\n", http_error_word(event->error));
		t->over = true;
		break;
	}
}

static void feed_piece(struct trace *t, const char *bytes, size_t len)
{
	char *piece = malloc(len > 0 ? len : 1);
	const char *data = piece;
	struct http_event event;

	assert(piece != NULL);
	memcpy(piece, bytes, len);
	do {
		const char *before = data;
		size_t left = len;

		http_parser_next(t->parser, &data, &len, &event);
		assert(left - len == (size_t)(data - before));
		take(t, &event);
	} while (!t->over && event.kind != HTTP_EVENT_MORE);
	assert(t->over || len == 0);
	free(piece);
}

char *trace_http(enum http_side side, const char *method, const struct http_limits *limits,
	const char *bytes, size_t len, size_t first, size_t step)
{
	struct text text = {0};
	struct trace t = {.side = side, .method = method, .out = &text};
	struct http_event event;

	text_put(&text, "");
	t.parser = http_parser_create(side, limits);
	assert(t.parser != NULL && step > 0);
	arena_init(&t.arena);
	begin(&t);
	for (size_t at = 0; at < len && !t.over;) {
		size_t n = at == 0 && first > 0 ? first : step;

		n = n < len - at ? n : len - at;
		feed_piece(&t, bytes + at, n);
		at += n;
	}
	if (!t.over) {
		http_parser_eof(t.parser, &event);
		take(&t, &event);
	}
	http_parser_destroy(t.parser);
	arena_release(&t.arena);
	text_finish(&t.body);
	return text.data;
}

static void same(const char *wanted, char *got, size_t first, size_t step)
{
	if (strcmp(wanted, got) != 0) {
		fprintf(stderr, "cut at %zu, then every %zu bytes:\n%swhole:\n%s", first, step, got,
			wanted);
		abort();
	}
	free(got);
}

char *trace_every_split(enum http_side side, const char *method, const struct http_limits *limits,
	const char *bytes, size_t len)
{
	char *whole = trace_http(side, method, limits, bytes, len, 0, len > 0 ? len : 1);

	for (size_t first = 1; first < len; first++) {
		same(whole, trace_http(side, method, limits, bytes, len, first, len), first, len);
	}
	same(whole, trace_http(side, method, limits, bytes, len, 1, 1), 1, 1);
	same(whole, trace_http(side, method, limits, bytes, len, 3, 7), 3, 7);
	return whole;
}
