/*
 * llhttp, strict, turned into a pull parser. llhttp reads the head, the chunk lines and the
 * trailers; it is paused at the end of each and never given more than the part may hold, so that
 * how the bytes were cut on their way changes nothing. Body bytes are only counted: by their
 * Content-Length here, or by the size llhttp read from the chunk line. What a head means is
 * decided in http_check.c, for both sides alike, not by llhttp's flags.
 *
 * Knows nothing of rules, sockets or sessions.
 */
#include "gateway/http_parse.h"
#include "gateway/arena.h"
#include "gateway/http_check.h"

#include <assert.h>
#include <llhttp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum phase {
	PHASE_BROKEN = 0,
	PHASE_START, /* perhaps an empty line, RFC 9112 2.2 */
	PHASE_HEAD,
	PHASE_LENGTH, /* `body_left` bytes of body */
	PHASE_CHUNK_LINE,
	PHASE_CHUNK_DATA, /* `body_left` bytes of this chunk */
	PHASE_TRAILERS,
	PHASE_CLOSE, /* body until the connection ends */
	PHASE_DONE,
};

/* A field under construction: where in `text` it begins. `text` moves when it grows. */
struct piece {
	size_t name, value;
};

struct http_parser {
	llhttp_t llhttp;
	llhttp_settings_t settings;
	struct http_limits limits;
	enum http_side side;
	struct arena *arena; /* borrowed */

	enum phase phase;
	enum http_error error;
	char method[16];   /* responses: of the request being answered */
	unsigned n_empty;  /* bytes of the empty line before a request */
	size_t part_bytes; /* used of the part: head, chunk line, trailers */
	uint64_t body_left;

	char *text; /* in the arena */
	size_t text_used, text_size;
	size_t mark; /* where the string being read begins */
	bool in_name, in_value;
	bool other_protocol, has_line;
	size_t line;          /* request target or reason, in `text` */
	struct piece *pieces; /* in the arena */
	size_t n_pieces, pieces_size;
	struct http_head *head;
	struct http_field *trailers;
	size_t n_trailers;
};

/* ---- text of the head ---- */

static int stop(struct http_parser *p, enum http_error error)
{
	p->error = error;
	return -1;
}

static struct http_parser *parser_of(llhttp_t *llhttp)
{
	return llhttp->data;
}

/* Makes room by doubling: a head that comes byte by byte is copied a few times, not once a byte. */
static int append(struct http_parser *p, const char *data, size_t len)
{
	if (p->text_size - p->text_used < len) {
		size_t size = p->text_size > 0 ? p->text_size : 512;
		char *text;

		do {
			size *= 2;
		} while (size - p->text_used < len);
		text = arena_alloc(p->arena, size);
		if (text == NULL) {
			return stop(p, HTTP_EMEMORY);
		}
		if (p->text_used > 0) {
			memcpy(text, p->text, p->text_used);
		}
		p->text = text;
		p->text_size = size;
	}
	if (len > 0) {
		memcpy(p->text + p->text_used, data, len);
	}
	p->text_used += len;
	return 0;
}

static int on_text(llhttp_t *llhttp, const char *data, size_t len)
{
	return append(parser_of(llhttp), data, len);
}

/* Ends the string that began at `mark`; a NUL inside would make it shorter than it was. */
static int terminate(struct http_parser *p)
{
	if (memchr(p->text + p->mark, '\0', p->text_used - p->mark) != NULL) {
		return stop(p, HTTP_ECONTROL);
	}
	if (append(p, "", 1) != 0) {
		return -1;
	}
	p->mark = p->text_used;
	return 0;
}

/*
 * llhttp also reads RTSP and ICE. Here as below a verdict waits for the end of its string: where
 * the bytes were cut must not decide which of two faults is found first.
 */
static int on_protocol(llhttp_t *llhttp, const char *data, size_t len)
{
	struct http_parser *p = parser_of(llhttp);

	for (size_t i = 0; i < len; i++) {
		p->other_protocol |= memchr("HTTP", data[i], 4) == NULL;
	}
	return 0;
}

static int on_protocol_complete(llhttp_t *llhttp)
{
	struct http_parser *p = parser_of(llhttp);

	return p->other_protocol ? stop(p, HTTP_EVERSION) : 0;
}

static int on_line_complete(llhttp_t *llhttp)
{
	struct http_parser *p = parser_of(llhttp);

	p->line = p->mark;
	p->has_line = true;
	return p->text == NULL ? append(p, "", 1) : terminate(p);
}

/* llhttp takes several spaces for one (see is_one_spaced). */
static int on_version_complete(llhttp_t *llhttp)
{
	return parser_of(llhttp)->side == HTTP_REQUESTS ? HPE_PAUSED : 0;
}

static int grow_pieces(struct http_parser *p)
{
	size_t size = p->pieces_size > 0 ? p->pieces_size * 2 : 16;
	struct piece *pieces = arena_alloc(p->arena, size * sizeof(*pieces));

	if (pieces == NULL) {
		return stop(p, HTTP_EMEMORY);
	}
	if (p->n_pieces > 0) {
		memcpy(pieces, p->pieces, p->n_pieces * sizeof(*pieces));
	}
	p->pieces = pieces;
	p->pieces_size = size;
	return 0;
}

static int on_field(llhttp_t *llhttp, const char *data, size_t len)
{
	struct http_parser *p = parser_of(llhttp);

	if (!p->in_name) {
		if (p->n_pieces == p->pieces_size && grow_pieces(p) != 0) {
			return -1;
		}
		p->mark = p->text_used;
		p->pieces[p->n_pieces++].name = p->mark;
		p->in_name = true;
	}
	return append(p, data, len);
}

static int on_field_complete(llhttp_t *llhttp)
{
	struct http_parser *p = parser_of(llhttp);

	if (p->n_pieces > p->limits.fields) {
		return stop(p, HTTP_ETOOLARGE);
	}
	if (!p->in_name || !http_is_token(p->text + p->mark, p->text_used - p->mark)) {
		return stop(p, HTTP_EFIELD);
	}
	if (terminate(p) != 0) {
		return -1;
	}
	p->pieces[p->n_pieces - 1].value = p->mark;
	p->in_name = false;
	p->in_value = true;
	return 0;
}

static int on_value_complete(llhttp_t *llhttp)
{
	struct http_parser *p = parser_of(llhttp);

	/* Optional whitespace around a value is no part of it (RFC 9110 5.5). */
	while (p->text_used > p->mark &&
		(p->text[p->text_used - 1] == ' ' || p->text[p->text_used - 1] == '\t')) {
		p->text_used--;
	}
	if (!http_is_field_value(p->text + p->mark, p->text_used - p->mark)) {
		return stop(p, HTTP_ECONTROL);
	}
	p->in_value = false;
	return terminate(p);
}

/* ---- the ends of the parts ---- */

static struct http_field *take_fields(struct http_parser *p, size_t *ret_n)
{
	struct http_field *fields = arena_alloc(p->arena, (p->n_pieces + 1) * sizeof(*fields));

	if (fields == NULL) {
		p->error = HTTP_EMEMORY;
		return NULL;
	}
	for (size_t i = 0; i < p->n_pieces; i++) {
		fields[i].name = p->text + p->pieces[i].name;
		fields[i].value = p->text + p->pieces[i].value;
	}
	*ret_n = p->n_pieces;
	p->n_pieces = 0;
	return fields;
}

static enum http_error fill_head(struct http_parser *p, struct http_head *head)
{
	const char *line = p->has_line ? p->text + p->line : "";

	if (llhttp_get_http_major(&p->llhttp) != 1 || llhttp_get_http_minor(&p->llhttp) > 1) {
		return HTTP_EVERSION;
	}
	head->minor = llhttp_get_http_minor(&p->llhttp);
	if (p->side == HTTP_REQUESTS) {
		head->method = llhttp_method_name((llhttp_method_t)llhttp_get_method(&p->llhttp));
		head->target = line;
		return http_check_request(head);
	}
	head->status = llhttp_get_status_code(&p->llhttp);
	head->reason = line;
	return http_check_response(head, p->method);
}

static int on_headers_complete(llhttp_t *llhttp)
{
	struct http_parser *p = parser_of(llhttp);
	struct http_head *head = arena_alloc(p->arena, sizeof(*head));
	enum http_error error;

	if (head == NULL) {
		return stop(p, HTTP_EMEMORY);
	}
	memset(head, 0, sizeof(*head));
	head->fields = take_fields(p, &head->n_fields);
	if (head->fields == NULL) {
		return -1;
	}
	error = fill_head(p, head);
	if (error != HTTP_OK) {
		return stop(p, error);
	}
	p->head = head;
	return HPE_PAUSED;
}

static int on_chunk_header(llhttp_t *llhttp)
{
	struct http_parser *p = parser_of(llhttp);

	p->body_left = llhttp->content_length;
	p->phase = p->body_left > 0 ? PHASE_CHUNK_DATA : PHASE_TRAILERS;
	return HPE_PAUSED;
}

static int on_message_complete(llhttp_t *llhttp)
{
	struct http_parser *p = parser_of(llhttp);

	p->trailers = take_fields(p, &p->n_trailers);
	if (p->trailers == NULL) {
		return -1;
	}
	p->phase = PHASE_DONE;
	return HPE_PAUSED;
}

/* ---- life ---- */

struct http_parser *http_parser_create(enum http_side side, const struct http_limits *limits)
{
	struct http_parser *p = calloc(1, sizeof(*p));

	assert(limits->head_bytes > 0 && limits->fields > 0 && limits->chunk_line > 0);
	if (p == NULL) {
		return NULL;
	}
	p->side = side;
	p->limits = *limits;
	llhttp_settings_init(&p->settings);
	p->settings.on_protocol = on_protocol;
	p->settings.on_protocol_complete = on_protocol_complete;
	p->settings.on_url = on_text;
	p->settings.on_url_complete = on_line_complete;
	p->settings.on_status = on_text;
	p->settings.on_status_complete = on_line_complete;
	p->settings.on_version_complete = on_version_complete;
	p->settings.on_header_field = on_field;
	p->settings.on_header_field_complete = on_field_complete;
	p->settings.on_header_value = on_text;
	p->settings.on_header_value_complete = on_value_complete;
	p->settings.on_headers_complete = on_headers_complete;
	p->settings.on_chunk_header = on_chunk_header;
	p->settings.on_message_complete = on_message_complete;
	return p;
}

void http_parser_destroy(struct http_parser *p)
{
	free(p);
}

void http_parser_begin(struct http_parser *p, struct arena *arena)
{
	llhttp_init(
		&p->llhttp, p->side == HTTP_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE, &p->settings);
	p->llhttp.data = p;
	p->arena = arena;
	p->phase = PHASE_START;
	p->error = HTTP_OK;
	strcpy(p->method, "GET");
	p->n_empty = 0;
	p->part_bytes = 0;
	p->body_left = 0;
	p->text = NULL;
	p->text_used = p->text_size = p->mark = 0;
	p->in_name = p->in_value = p->other_protocol = p->has_line = false;
	p->pieces = NULL;
	p->n_pieces = p->pieces_size = 0;
	p->head = NULL;
	p->trailers = NULL;
	p->n_trailers = 0;
}

void http_parser_answers(struct http_parser *p, const char *method)
{
	assert(p->phase == PHASE_START);
	/* Only two of them matter, and both are short. */
	if (strlen(method) < sizeof(p->method)) {
		strcpy(p->method, method);
	}
}

/* ---- one event at a time ---- */

static void fail(struct http_parser *p, enum http_error error, struct http_event *event)
{
	memset(event, 0, sizeof(*event));
	p->phase = PHASE_BROKEN;
	p->error = error;
	event->kind = HTTP_EVENT_ERROR;
	event->error = error;
}

/* A folded line shows only after the value it goes on with; llhttp tells it apart in words alone.
 */
static enum http_error error_in_field(const struct http_parser *p)
{
	const char *reason = llhttp_get_error_reason(&p->llhttp);
	bool folded = reason != NULL && strstr(reason, "whitespace") != NULL;

	return p->in_value && !folded ? HTTP_ECONTROL : HTTP_EFIELD;
}

static enum http_error error_of(const struct http_parser *p, llhttp_errno_t error)
{
	if (p->error != HTTP_OK) {
		return p->error;
	}
	if (p->phase == PHASE_CHUNK_LINE) {
		return HTTP_ECHUNK;
	}
	switch (error) {
	case HPE_INVALID_METHOD:
	case HPE_PAUSED_H2_UPGRADE: return HTTP_EMETHOD;
	case HPE_INVALID_VERSION: return HTTP_EVERSION;
	case HPE_INVALID_URL: return HTTP_ETARGET;
	case HPE_INVALID_HEADER_TOKEN: return error_in_field(p);
	case HPE_UNEXPECTED_SPACE: return HTTP_EFIELD;
	case HPE_STRICT:
	case HPE_LF_EXPECTED:
	case HPE_CR_EXPECTED: return HTTP_ECONTROL;
	case HPE_UNEXPECTED_CONTENT_LENGTH:
	case HPE_INVALID_CONTENT_LENGTH:
		return p->llhttp.flags & F_TRANSFER_ENCODING ? HTTP_ECODING : HTTP_ELENGTH;
	case HPE_INVALID_TRANSFER_ENCODING: return HTTP_ECODING;
	case HPE_INVALID_STATUS: return HTTP_ESTATUS;
	default: return p->side == HTTP_RESPONSES && p->head == NULL ? HTTP_ESTATUS : HTTP_ESYNTAX;
	}
}

/*
 * Gives llhttp what there is, but no more than the part may still hold. True: it paused at the end
 * of the part. False: more is needed, or `event` says what is wrong.
 */
static bool feed(struct http_parser *p, const char **data, size_t *len, size_t cap,
	enum http_error too_much, struct http_event *event)
{
	size_t n = cap - p->part_bytes < *len ? cap - p->part_bytes : *len;
	const char *end = *data + n;
	llhttp_errno_t error = llhttp_execute(&p->llhttp, *data, n);

	if (error == HPE_PAUSED && p->error == HTTP_OK) {
		end = llhttp_get_error_pos(&p->llhttp);
		llhttp_resume(&p->llhttp);
	} else if (error != HPE_OK) {
		fail(p, error_of(p, error), event);
		return false;
	}
	n = (size_t)(end - *data);
	*data += n;
	*len -= n;
	p->part_bytes += n;
	if (error == HPE_OK && p->part_bytes == cap) {
		fail(p, too_much, event);
	}
	return error == HPE_PAUSED;
}

/* RFC 9112 2.2: one empty line before a request is forgiven, more is not. */
static bool skip_empty_line(struct http_parser *p, const char **data, size_t *len)
{
	while (*len > 0 && p->side == HTTP_REQUESTS && p->n_empty < 2 &&
		**data == "\r\n"[p->n_empty]) {
		p->n_empty++;
		p->part_bytes++;
		++*data;
		--*len;
	}
	return *len == 0 || (p->n_empty != 1 && **data != '\r' && **data != '\n');
}

static enum phase phase_of_body(const struct http_head *head)
{
	switch (head->framing) {
	case HTTP_FRAMING_LENGTH: return PHASE_LENGTH;
	case HTTP_FRAMING_CHUNKED: return PHASE_CHUNK_LINE;
	case HTTP_FRAMING_CLOSE: return PHASE_CLOSE;
	case HTTP_FRAMING_NONE:
	case HTTP_FRAMING_UPGRADE: break;
	}
	/* Nothing to come: the next call says END. */
	return PHASE_LENGTH;
}

/*
 * At the end of a request line: is it as long as its three words, their two spaces and "HTTP/1.1"
 * (RFC 9112 3)? Readers differ on what more spaces mean.
 */
static bool is_one_spaced(struct http_parser *p)
{
	const char *method = llhttp_method_name((llhttp_method_t)llhttp_get_method(&p->llhttp));

	return p->part_bytes - p->n_empty ==
	       strlen(method) + 1 + strlen(p->text + p->line) + 1 + strlen("HTTP/1.1");
}

static void next_of_head(
	struct http_parser *p, const char **data, size_t *len, struct http_event *event)
{
	if (p->phase == PHASE_START) {
		if (!skip_empty_line(p, data, len)) {
			fail(p, HTTP_ECONTROL, event);
			return;
		}
		if (*len == 0) {
			return;
		}
		p->phase = PHASE_HEAD;
	}
	while (feed(p, data, len, p->limits.head_bytes, HTTP_ETOOLARGE, event)) {
		if (p->head == NULL) {
			if (!is_one_spaced(p)) {
				fail(p, HTTP_ESYNTAX, event);
				return;
			}
			continue;
		}
		event->kind = HTTP_EVENT_HEAD;
		event->head = p->head;
		p->phase = phase_of_body(p->head);
		p->body_left = p->head->framing == HTTP_FRAMING_LENGTH ? p->head->length : 0;
		p->part_bytes = 0;
		return;
	}
}

/* Up to `body_left` bytes as a BODY event, straight out of the caller's buffer. */
static void take_body(
	struct http_parser *p, const char **data, size_t *len, struct http_event *event)
{
	size_t n = p->body_left < *len ? (size_t)p->body_left : *len;

	if (n > 0) {
		event->kind = HTTP_EVENT_BODY;
		event->data = *data;
		event->len = n;
		*data += n;
		*len -= n;
		p->body_left -= n;
	}
}

static void next_of_chunk_data(
	struct http_parser *p, const char **data, size_t *len, struct http_event *event)
{
	take_body(p, data, len, event);
	/* llhttp counts along; it has no callback for these bytes and nothing to pause for. */
	if (event->kind == HTTP_EVENT_BODY &&
		llhttp_execute(&p->llhttp, event->data, event->len) != HPE_OK) {
		fail(p, HTTP_ECHUNK, event);
	} else if (p->body_left == 0) {
		p->phase = PHASE_CHUNK_LINE;
	}
}

static void next_of_length(
	struct http_parser *p, const char **data, size_t *len, struct http_event *event)
{
	if (p->body_left > 0) {
		take_body(p, data, len, event);
	} else {
		p->phase = PHASE_DONE;
		event->kind = HTTP_EVENT_END;
	}
}

static void next_of_trailers(
	struct http_parser *p, const char **data, size_t *len, struct http_event *event)
{
	if (feed(p, data, len, p->limits.head_bytes, HTTP_ETOOLARGE, event)) {
		event->kind = HTTP_EVENT_END;
		event->trailers = p->trailers;
		event->n_trailers = p->n_trailers;
	}
}

void http_parser_next(
	struct http_parser *p, const char **data, size_t *len, struct http_event *ret_event)
{
	memset(ret_event, 0, sizeof(*ret_event));
	ret_event->kind = HTTP_EVENT_MORE;
	/* The line that ends a chunk's data is counted to the next chunk's line. */
	while (p->phase == PHASE_CHUNK_LINE && *len > 0 && ret_event->kind == HTTP_EVENT_MORE &&
		feed(p, data, len, p->limits.chunk_line, HTTP_ECHUNK, ret_event)) {
		p->part_bytes = 0;
	}
	switch (ret_event->kind == HTTP_EVENT_MORE ? p->phase : PHASE_CHUNK_LINE) {
	case PHASE_START:
	case PHASE_HEAD: next_of_head(p, data, len, ret_event); break;
	case PHASE_LENGTH: next_of_length(p, data, len, ret_event); break;
	case PHASE_CHUNK_LINE: break;
	case PHASE_CHUNK_DATA: next_of_chunk_data(p, data, len, ret_event); break;
	case PHASE_TRAILERS: next_of_trailers(p, data, len, ret_event); break;
	case PHASE_CLOSE:
		p->body_left = UINT64_MAX;
		take_body(p, data, len, ret_event);
		break;
	case PHASE_BROKEN: fail(p, p->error, ret_event); break;
	case PHASE_DONE: assert(!"http_parser_begin comes before the next message");
	}
}

void http_parser_eof(struct http_parser *p, struct http_event *ret_event)
{
	memset(ret_event, 0, sizeof(*ret_event));
	switch (p->phase) {
	case PHASE_BROKEN: fail(p, p->error, ret_event); break;
	case PHASE_CLOSE: ret_event->kind = HTTP_EVENT_END; break;
	case PHASE_LENGTH:
		if (p->body_left == 0) {
			ret_event->kind = HTTP_EVENT_END;
			break;
		}
		/* fall through */
	case PHASE_HEAD:
	case PHASE_CHUNK_LINE:
	case PHASE_CHUNK_DATA:
	case PHASE_TRAILERS: fail(p, HTTP_EEOF, ret_event); break;
	case PHASE_START:
	case PHASE_DONE: ret_event->kind = HTTP_EVENT_MORE; break;
	}
	if (ret_event->kind == HTTP_EVENT_END) {
		p->phase = PHASE_DONE;
	}
}
