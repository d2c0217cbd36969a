/*
 * Runs the parser over bytes in pieces and writes down its events.
 */
#include "tests/http/trace.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/arena.h"

const struct http_limits trace_limits = {.head_bytes = 4096, .fields = 32, .chunk_line = 64};

static const char *const framings[] = {"none", "length", "chunked", "close", "upgrade"};

struct trace {
	FILE *out;
	FILE *body;
	char *body_text;
	size_t body_len;
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
		fprintf(t->out, "%s %s", head->method, head->target);
		fprintf(t->out, " host=%s", head->host ? head->host : "(none)");
	} else {
		fprintf(t->out, "%d %s", head->status, head->reason);
	}
	fprintf(t->out, " 1.%d %s", head->minor, framings[head->framing]);
	if (head->framing == HTTP_FRAMING_LENGTH) {
		fprintf(t->out, "=%llu", (unsigned long long)head->length);
	}
	fprintf(t->out, "%s%s%s", head->keep_alive ? " keep" : "",
		head->expect_continue ? " expect" : "", head->expect_other ? " expect-other" : "");
	if (head->upgrade != NULL) {
		fprintf(t->out, " upgrade=%s", head->upgrade);
	}
	for (size_t i = 0; i < head->n_fields; i++) {
		fprintf(t->out, "|%s: %s", head->fields[i].name, head->fields[i].value);
	}
	fputc('\n', t->out);
	t->upgraded = head->framing == HTTP_FRAMING_UPGRADE;
}

static void flush_body(struct trace *t)
{
	fclose(t->body);
	if (t->body_len > 0) {
		fprintf(t->out, "body %zu:", t->body_len);
		fwrite(t->body_text, 1, t->body_len, t->out);
		fputc('\n', t->out);
	}
	free(t->body_text);
	t->body = open_memstream(&t->body_text, &t->body_len);
	assert(t->body != NULL);
}

static void take(struct trace *t, const struct http_event *event)
{
	switch (event->kind) {
	case HTTP_EVENT_MORE: break;
	case HTTP_EVENT_HEAD: print_head(t, event->head); break;
	case HTTP_EVENT_BODY:
		assert(event->len > 0);
		fwrite(event->data, 1, event->len, t->body);
		break;
	case HTTP_EVENT_END:
		flush_body(t);
		fprintf(t->out, "end");
		for (size_t i = 0; i < event->n_trailers; i++) {
			fprintf(t->out, "|%s: %s", event->trailers[i].name,
				event->trailers[i].value);
		}
		fputc('\n', t->out);
		t->over = t->upgraded;
		begin(t);
		break;
	case HTTP_EVENT_ERROR:
		flush_body(t);
		assert(event->error != HTTP_OK);
		fprintf(t->out, "refused:%s\n", http_error_word(event->error));
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
	struct trace t = {.side = side, .method = method};
	struct http_event event;
	char *text = NULL;
	size_t text_len;

	t.out = open_memstream(&text, &text_len);
	t.body = open_memstream(&t.body_text, &t.body_len);
	t.parser = http_parser_create(side, limits);
	assert(t.out != NULL && t.body != NULL && t.parser != NULL && step > 0);
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
	fclose(t.body);
	free(t.body_text);
	fclose(t.out);
	return text;
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
