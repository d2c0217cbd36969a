/*
 * The gateway's pure stages in a row, without the gateway.
 */
#include "tests/http/rewrite.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "gateway/arena.h"
#include "gateway/http_target.h"
#include "gateway/http_write.h"

static const struct http_limits limits = {.head_bytes = 65536, .fields = 256, .chunk_line = 1024};

struct rewrite {
	struct arena arena;
	struct text out;
	enum http_side side;
	enum http_framing framing;
	const char *refused;
};

static void put(struct rewrite *r, struct http_bytes bytes)
{
	if (bytes.data == NULL) {
		r->refused = "unwritable";
		return;
	}
	text_add(&r->out, bytes.data, bytes.len);
}

static void put_request(struct rewrite *r, const struct http_head *head)
{
	struct http_target_diag diag = {0};
	struct rules_target target;
	struct http_origin origin = {
		.scheme = head->target[0] == '/' ? RULES_HTTP : RULES_SCHEME_NONE};

	r->framing = head->framing;
	if (http_target_build(head, &origin, &r->arena, &target, &diag) != HTTP_TARGET_OK) {
		r->refused = diag.word;
		return;
	}
	put(r, http_write_request(
		       &r->arena, head, &target, head->keep_alive, head->upgrade != NULL, NULL));
}

static void put_response(struct rewrite *r, const struct http_head *head)
{
	r->framing = head->framing == HTTP_FRAMING_CLOSE ? HTTP_FRAMING_CHUNKED : head->framing;
	put(r, http_write_response(&r->arena, head, r->framing, head->length, head->keep_alive));
}

static void put_body(struct rewrite *r, const struct http_event *event)
{
	char size[24];

	if (r->framing == HTTP_FRAMING_CHUNKED) {
		text_add(&r->out, size, http_write_chunk_size(size, event->len));
	}
	text_add(&r->out, event->data, event->len);
	if (r->framing == HTTP_FRAMING_CHUNKED) {
		text_add(&r->out, "\r\n", 2);
	}
}

/* True: the message goes on. */
static bool take(struct rewrite *r, const struct http_event *event)
{
	switch (event->kind) {
	case HTTP_EVENT_HEAD:
		if (r->side == HTTP_REQUESTS) {
			put_request(r, event->head);
		} else {
			put_response(r, event->head);
		}
		break;
	case HTTP_EVENT_BODY: put_body(r, event); break;
	case HTTP_EVENT_END:
		if (r->framing == HTTP_FRAMING_CHUNKED) {
			put(r, http_write_last_chunk(
				       &r->arena, event->trailers, event->n_trailers));
		}
		return false;
	case HTTP_EVENT_ERROR: r->refused = http_error_word(event->error); break;
	case HTTP_EVENT_MORE: break;
	}
	return r->refused == NULL;
}

static void run(enum http_side side, const char *method, const char *bytes, size_t len,
	struct rewritten *ret)
{
	struct rewrite r = {.side = side};
	struct http_parser *parser = http_parser_create(side, &limits);
	size_t left = len;
	struct http_event event;
	bool more = true;

	memset(ret, 0, sizeof(*ret));
	text_put(&r.out, "");
	assert(parser != NULL);
	arena_init(&r.arena);
	http_parser_begin(parser, &r.arena);
	if (side == HTTP_RESPONSES) {
		http_parser_answers(parser, method);
	}
	do {
		http_parser_next(parser, &bytes, &left, &event);
		more = take(&r, &event);
	} while (more && event.kind != HTTP_EVENT_MORE);
	if (more) {
		http_parser_eof(parser, &event);
		/* MORE at the end: there was no message at all. */
		r.refused = event.kind == HTTP_EVENT_MORE ? "nothing" : r.refused;
		(void)take(&r, &event);
	}
	ret->data = r.out.data;
	ret->len = r.out.len;
	ret->refused = r.refused;
	ret->used = len - left;
	if (r.refused != NULL) {
		rewritten_finish(ret);
	}
	http_parser_destroy(parser);
	arena_release(&r.arena);
}

void rewrite_request(const char *bytes, size_t len, struct rewritten *ret)
{
	run(HTTP_REQUESTS, NULL, bytes, len, ret);
}

void rewrite_response(const char *bytes, size_t len, const char *method, struct rewritten *ret)
{
	run(HTTP_RESPONSES, method, bytes, len, ret);
}

void rewritten_finish(struct rewritten *r)
{
	free(r->data);
	r->data = NULL;
	r->len = 0;
}
