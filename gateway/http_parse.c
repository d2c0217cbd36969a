/*
 * llhttp, strict, turned into a pull parser: every callback that ends an event pauses it, so that
 * the caller sees one event at a time and nothing of a body before its head was judged.
 *
 * llhttp decides the syntax. What it leaves open and another reader could read differently is
 * refused in check_head().
 */
#include "gateway/http_parse.h"
#include "gateway/arena.h"

#include <assert.h>
#include <llhttp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum phase { PHASE_START, PHASE_HEAD, PHASE_BODY, PHASE_DONE, PHASE_BROKEN };

/* A string of the head under construction: where in `text` it begins. Strings are NUL-terminated.
 */
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
	struct http_event *event; /* of the call under way */
	bool no_body;             /* the response answers HEAD or CONNECT */
	bool connect;             /* it answers CONNECT */
	unsigned empty_lines;
	bool trailing; /* fields now are trailers */
	bool in_value;
	size_t head_bytes, quiet_bytes;

	char *text; /* in the arena */
	size_t text_used, text_size;
	size_t url, status;
	struct piece *pieces; /* in the arena */
	size_t n_pieces, pieces_size;
	struct http_head *head;
};

static const struct {
	const char *word, *sentence;
} errors[] = {
	[HTTP_OK] = {"ok", "well-formed"},
	[HTTP_ESYNTAX] = {"syntax", "not an HTTP/1 message"},
	[HTTP_EMETHOD] = {"method", "the method is not one that HTTP knows"},
	[HTTP_EVERSION] = {"version", "only HTTP/1.0 and HTTP/1.1 are spoken here"},
	[HTTP_ETARGET] = {"target", "the request target holds a byte that no target may hold"},
	[HTTP_EFIELD] = {"field",
		"a header field is malformed, folded, or has a space before its colon"},
	[HTTP_ECONTROL] = {"control", "a control character, or a CR or LF alone"},
	[HTTP_ELENGTH] = {"length", "Content-Length is repeated, malformed or too large"},
	[HTTP_ECODING] = {"coding", "Transfer-Encoding is not a single final `chunked`, or stands "
				    "beside Content-Length"},
	[HTTP_ECHUNK] = {"chunk", "the chunked body is malformed"},
	[HTTP_EHOST] = {"host", "Host is missing or repeated"},
	[HTTP_ETOOLARGE] = {"too-large", "the head is larger than this gateway accepts"},
	[HTTP_ESTATUS] = {"status", "the response's status line is malformed"},
	[HTTP_EEOF] = {"eof", "the connection ended inside a message"},
	[HTTP_EMEMORY] = {"memory", "memory is out"},
};

const char *http_error_word(enum http_error error)
{
	return errors[error].word;
}

const char *http_error_sentence(enum http_error error)
{
	return errors[error].sentence;
}

/* ---- text of the head ---- */

static int stop(struct http_parser *p, enum http_error error)
{
	p->error = error;
	return -1;
}

/* Makes room by doubling: a head that comes byte by byte is copied a few times, not once a byte. */
static int append(struct http_parser *p, const char *data, size_t len)
{
	if (p->text_used + len + 1 > p->limits.head_bytes * 2 + 64) {
		return stop(p, HTTP_ETOOLARGE);
	}
	if (p->text_used + len + 1 > p->text_size) {
		size_t size = p->text_size ? p->text_size : 1024;
		char *text;

		while (size < p->text_used + len + 1) {
			size *= 2;
		}
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
	memcpy(p->text + p->text_used, data, len);
	p->text_used += len;
	return 0;
}

static int terminate(struct http_parser *p)
{
	return append(p, "", 1);
}

static struct http_parser *parser_of(llhttp_t *llhttp)
{
	return llhttp->data;
}

static int on_url(llhttp_t *llhttp, const char *data, size_t len)
{
	return append(parser_of(llhttp), data, len);
}

static int on_url_complete(llhttp_t *llhttp)
{
	struct http_parser *p = parser_of(llhttp);

	p->url = 0;
	return terminate(p);
}

static int on_status_complete(llhttp_t *llhttp)
{
	struct http_parser *p = parser_of(llhttp);

	p->status = 0;
	return terminate(p);
}

static int on_field(llhttp_t *llhttp, const char *data, size_t len)
{
	struct http_parser *p = parser_of(llhttp);

	if (p->n_pieces > 0 && !p->in_value) {
		return append(p, data, len); /* the name goes on */
	}
	if (p->n_pieces >= p->limits.fields) {
		return stop(p, HTTP_ETOOLARGE);
	}
	if (p->n_pieces == p->pieces_size) {
		size_t size = p->pieces_size ? p->pieces_size * 2 : 16;
		struct piece *pieces = arena_alloc(p->arena, size * sizeof(*pieces));

		if (pieces == NULL) {
			return stop(p, HTTP_EMEMORY);
		}
		if (p->n_pieces > 0) {
			memcpy(pieces, p->pieces, p->n_pieces * sizeof(*pieces));
		}
		p->pieces = pieces;
		p->pieces_size = size;
	}
	p->pieces[p->n_pieces].name = p->text_used;
	p->n_pieces++;
	p->in_value = false;
	return append(p, data, len);
}

static int on_field_complete(llhttp_t *llhttp)
{
	struct http_parser *p = parser_of(llhttp);

	if (terminate(p) != 0) {
		return -1;
	}
	p->pieces[p->n_pieces - 1].value = p->text_used;
	p->in_value = true;
	return 0;
}

static int on_value(llhttp_t *llhttp, const char *data, size_t len)
{
	return append(parser_of(llhttp), data, len);
}

static int on_value_complete(llhttp_t *llhttp)
{
	struct http_parser *p = parser_of(llhttp);
	size_t begin = p->pieces[p->n_pieces - 1].value;

	/* Optional whitespace around a value is no part of it (RFC 9110 5.5). */
	while (p->text_used > begin &&
		(p->text[p->text_used - 1] == ' ' || p->text[p->text_used - 1] == '\t')) {
		p->text_used--;
	}
	return terminate(p);
}

/* ---- what llhttp leaves open ---- */

static bool has_control(const char *value)
{
	for (const unsigned char *c = (const unsigned char *)value; *c != '\0'; c++) {
		if ((*c < 0x20 && *c != '\t') || *c == 0x7f) {
			return true;
		}
	}
	return false;
}

static struct http_field *take_fields(struct http_parser *p, size_t *ret_n)
{
	struct http_field *fields = arena_alloc(p->arena, (p->n_pieces + 1) * sizeof(*fields));

	for (size_t i = 0; fields != NULL && i < p->n_pieces; i++) {
		fields[i].name = p->text + p->pieces[i].name;
		fields[i].value = p->text + p->pieces[i].value;
		if (has_control(fields[i].value)) {
			p->error = HTTP_ECONTROL;
			return NULL;
		}
	}
	if (fields == NULL) {
		p->error = HTTP_EMEMORY;
	}
	*ret_n = p->n_pieces;
	return fields;
}

static enum http_error check_target(const char *target)
{
	for (const unsigned char *c = (const unsigned char *)target; *c != '\0'; c++) {
		if (*c <= 0x20 || *c >= 0x7f || *c == '#') {
			return HTTP_ETARGET;
		}
	}
	return *target != '\0' ? HTTP_OK : HTTP_ETARGET;
}

/* Digits only, at most 18 of them: what fits every reader's number (RFC 9112 6.2, 6.3). */
static enum http_error read_length(const char *value, uint64_t *ret_length)
{
	size_t len = strlen(value);

	if (len == 0 || len > 18 || strspn(value, "0123456789") != len) {
		return HTTP_ELENGTH;
	}
	*ret_length = strtoull(value, NULL, 10);
	return HTTP_OK;
}

static enum http_error check_framing(struct http_head *head)
{
	bool length = false, coding = false, host = false;

	for (size_t i = 0; i < head->n_fields; i++) {
		const char *name = head->fields[i].name, *value = head->fields[i].value;

		if (strcasecmp(name, "Content-Length") == 0) {
			if (length || read_length(value, &head->length) != HTTP_OK) {
				return HTTP_ELENGTH;
			}
			length = true;
		} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
			if (coding || strcasecmp(value, "chunked") != 0 || head->minor == 0) {
				return HTTP_ECODING;
			}
			coding = true;
		} else if (strcasecmp(name, "Host") == 0) {
			if (host) {
				return HTTP_EHOST;
			}
			host = true;
			head->host = value;
		} else if (strcasecmp(name, "Upgrade") == 0) {
			head->upgrade = value;
		}
	}
	if (length && coding) {
		return HTTP_ECODING;
	}
	head->framing = coding   ? HTTP_FRAMING_CHUNKED
			: length ? HTTP_FRAMING_LENGTH
				 : HTTP_FRAMING_NONE;
	if (length && head->length == 0) {
		head->framing = HTTP_FRAMING_NONE;
	}
	return HTTP_OK;
}

static void check_connection(struct http_head *head)
{
	bool close = false, keep = false, upgrade = false;

	for (size_t i = 0; i < head->n_fields; i++) {
		const char *value = head->fields[i].value;

		if (strcasecmp(head->fields[i].name, "Connection") == 0) {
			close |= http_list_has(value, "close");
			keep |= http_list_has(value, "keep-alive");
			upgrade |= http_list_has(value, "upgrade");
		}
	}
	head->keep_alive = !close && (head->minor >= 1 || keep);
	if (!upgrade) {
		head->upgrade = NULL;
	}
}

static enum http_error check_request(struct http_parser *p, struct http_head *head)
{
	const char *expect;

	head->method = llhttp_method_name((llhttp_method_t)llhttp_get_method(&p->llhttp));
	head->target = p->text + p->url;
	if (check_target(head->target) != HTTP_OK) {
		return HTTP_ETARGET;
	}
	if (head->host == NULL && head->minor >= 1) {
		return HTTP_EHOST;
	}
	expect = http_field(head, "Expect");
	head->expect_continue = expect != NULL && strcasecmp(expect, "100-continue") == 0;
	return HTTP_OK;
}

/* RFC 9112 6.3: which responses have no body whatever their fields say. */
static enum http_error check_response(struct http_parser *p, struct http_head *head)
{
	head->status = llhttp_get_status_code(&p->llhttp);
	head->reason = p->text_used > 0 ? p->text + p->status : "";
	if (head->status < 100 || head->status > 599 || has_control(head->reason)) {
		return HTTP_ESTATUS;
	}
	if (head->status == 101 || (p->connect && head->status / 100 == 2)) {
		head->framing = HTTP_FRAMING_UPGRADE;
		return HTTP_OK;
	}
	if (p->no_body || head->status < 200 || head->status == 204 || head->status == 304) {
		/* A HEAD response tells the length it would have: the writer passes the field on.
		 */
		head->framing = HTTP_FRAMING_NONE;
	} else if (head->framing == HTTP_FRAMING_NONE &&
		   http_field(head, "Content-Length") == NULL) {
		head->framing = HTTP_FRAMING_CLOSE;
		head->keep_alive = false;
	}
	return HTTP_OK;
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
	if (llhttp_get_http_major(llhttp) != 1 || llhttp_get_http_minor(llhttp) > 1) {
		return stop(p, HTTP_EVERSION);
	}
	head->minor = llhttp_get_http_minor(llhttp);
	error = check_framing(head);
	if (error == HTTP_OK) {
		check_connection(head);
		error = p->side == HTTP_REQUESTS ? check_request(p, head) : check_response(p, head);
	}
	if (error != HTTP_OK) {
		return stop(p, error);
	}
	p->head = head;
	p->phase = PHASE_BODY;
	p->trailing = true;
	p->n_pieces = p->pieces_size = 0;
	p->in_value = false;
	p->quiet_bytes = 0;
	p->event->kind = HTTP_EVENT_HEAD;
	p->event->head = head;
	/* Pausing tells llhttp nothing of bodies: `skip_body` below does, before it goes on. */
	return HPE_PAUSED;
}

static int on_body(llhttp_t *llhttp, const char *data, size_t len)
{
	struct http_parser *p = parser_of(llhttp);

	p->quiet_bytes = 0;
	p->event->kind = HTTP_EVENT_BODY;
	p->event->data = data;
	p->event->len = len;
	return len > 0 ? HPE_PAUSED : 0;
}

static int on_message_complete(llhttp_t *llhttp)
{
	struct http_parser *p = parser_of(llhttp);

	p->phase = PHASE_DONE;
	p->event->kind = HTTP_EVENT_END;
	p->event->trailers = take_fields(p, &p->event->n_trailers);
	if (p->event->trailers == NULL) {
		return -1;
	}
	return HPE_PAUSED;
}

/* ---- the parser ---- */

struct http_parser *http_parser_create(enum http_side side, const struct http_limits *limits)
{
	struct http_parser *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		return NULL;
	}
	p->side = side;
	p->limits = *limits;
	llhttp_settings_init(&p->settings);
	p->settings.on_url = on_url;
	p->settings.on_url_complete = on_url_complete;
	p->settings.on_status = on_url;
	p->settings.on_status_complete = on_status_complete;
	p->settings.on_header_field = on_field;
	p->settings.on_header_field_complete = on_field_complete;
	p->settings.on_header_value = on_value;
	p->settings.on_header_value_complete = on_value_complete;
	p->settings.on_headers_complete = on_headers_complete;
	p->settings.on_body = on_body;
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
	p->no_body = p->connect = p->trailing = p->in_value = false;
	p->empty_lines = 0;
	p->head_bytes = p->quiet_bytes = 0;
	p->text = NULL;
	p->text_used = p->text_size = 0;
	p->pieces = NULL;
	p->n_pieces = p->pieces_size = 0;
	p->head = NULL;
}

void http_parser_answers(struct http_parser *p, const char *method)
{
	p->connect = strcmp(method, "CONNECT") == 0;
	p->no_body = p->connect || strcmp(method, "HEAD") == 0;
}

static enum http_error error_of(struct http_parser *p, llhttp_errno_t error)
{
	if (p->error != HTTP_OK) {
		return p->error;
	}
	switch (error) {
	case HPE_INVALID_METHOD:
	case HPE_PAUSED_H2_UPGRADE: return HTTP_EMETHOD;
	case HPE_INVALID_VERSION: return HTTP_EVERSION;
	case HPE_INVALID_URL: return HTTP_ETARGET;
	case HPE_INVALID_HEADER_TOKEN: return HTTP_EFIELD;
	case HPE_UNEXPECTED_SPACE: return HTTP_EFIELD;
	case HPE_LF_EXPECTED:
	case HPE_CR_EXPECTED: return HTTP_ECONTROL;
	case HPE_UNEXPECTED_CONTENT_LENGTH:
	case HPE_INVALID_CONTENT_LENGTH: return HTTP_ELENGTH;
	case HPE_INVALID_TRANSFER_ENCODING: return HTTP_ECODING;
	case HPE_INVALID_CHUNK_SIZE: return HTTP_ECHUNK;
	case HPE_INVALID_STATUS: return HTTP_ESTATUS;
	default: return HTTP_ESYNTAX;
	}
}

static void broken(struct http_parser *p, enum http_error error, struct http_event *event)
{
	memset(event, 0, sizeof(*event));
	p->phase = PHASE_BROKEN;
	p->error = error;
	event->kind = HTTP_EVENT_ERROR;
	event->error = error;
}

/* RFC 9112 2.2: one empty line before a request is forgiven, more is not. */
static bool skip_empty_line(struct http_parser *p, const char **data, size_t *len)
{
	while (*len > 0 && p->empty_lines < 2 && p->side == HTTP_REQUESTS &&
		**data == "\r\n"[p->empty_lines]) {
		p->empty_lines++;
		++*data;
		--*len;
	}
	return *len == 0 || (p->empty_lines != 1 && **data != '\r' && **data != '\n');
}

/* A body that RFC 9112 6.3 says is not there, or that no longer is HTTP. */
static bool without_body(const struct http_parser *p)
{
	return p->phase == PHASE_BODY &&
	       (p->head->framing == HTTP_FRAMING_NONE || p->head->framing == HTTP_FRAMING_UPGRADE);
}

void http_parser_next(
	struct http_parser *p, const char **data, size_t *len, struct http_event *ret_event)
{
	const char *begin = *data;
	llhttp_errno_t error;
	size_t used;

	memset(ret_event, 0, sizeof(*ret_event));
	assert(p->phase != PHASE_DONE);
	if (p->phase == PHASE_BROKEN) {
		broken(p, p->error, ret_event);
		return;
	}
	if (without_body(p)) {
		p->phase = PHASE_DONE;
		ret_event->kind = HTTP_EVENT_END;
		return;
	}
	ret_event->kind = HTTP_EVENT_MORE;
	if (p->phase == PHASE_START) {
		if (!skip_empty_line(p, data, len)) {
			broken(p, HTTP_ECONTROL, ret_event);
			return;
		}
		begin = *data;
		if (*len > 0) {
			p->phase = PHASE_HEAD;
		}
	}
	if (*len == 0) {
		return;
	}
	p->event = ret_event;
	error = llhttp_execute(&p->llhttp, *data, *len);
	p->event = NULL;
	if (error == HPE_PAUSED && p->error == HTTP_OK) {
		*len -= (size_t)(llhttp_get_error_pos(&p->llhttp) - *data);
		*data = llhttp_get_error_pos(&p->llhttp);
		llhttp_resume(&p->llhttp);
	} else if (error == HPE_OK) {
		*data += *len;
		*len = 0;
	} else {
		broken(p, error_of(p, error), ret_event);
		return;
	}
	used = (size_t)(*data - begin);
	if (p->phase == PHASE_HEAD || ret_event->kind == HTTP_EVENT_HEAD) {
		p->head_bytes += used;
	} else if (ret_event->kind != HTTP_EVENT_BODY) {
		/* Chunk lines and trailers: bounded too, although they carry nothing. */
		p->quiet_bytes += used;
	}
	if (p->head_bytes > p->limits.head_bytes) {
		broken(p, HTTP_ETOOLARGE, ret_event);
	} else if (p->quiet_bytes > p->limits.head_bytes + p->limits.chunk_line) {
		broken(p, HTTP_ECHUNK, ret_event);
	}
}

void http_parser_eof(struct http_parser *p, struct http_event *ret_event)
{
	memset(ret_event, 0, sizeof(*ret_event));
	if (p->phase == PHASE_BODY && (p->head->framing == HTTP_FRAMING_CLOSE || without_body(p))) {
		p->phase = PHASE_DONE;
		ret_event->kind = HTTP_EVENT_END;
	} else if (p->phase == PHASE_START || p->phase == PHASE_DONE) {
		ret_event->kind = HTTP_EVENT_MORE;
	} else {
		broken(p, HTTP_EEOF, ret_event);
	}
}
