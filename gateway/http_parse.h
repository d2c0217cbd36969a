/*
 * Bytes in, one event at a time out. Pull-style so that whoever drives it decides the order: a body
 * byte is not looked at before its head was judged. The only file that includes llhttp.
 *
 * Strict: llhttp with no lenient flag, and on top of it what RFC 9112 leaves open is refused: see
 * enum http_error. The parser borrows `arena` for everything in the head.
 */
#ifndef SALLYPORT_GATEWAY_HTTP_PARSE_H
#define SALLYPORT_GATEWAY_HTTP_PARSE_H

#include "gateway/http.h"

struct arena;
struct http_parser;

enum http_event_kind {
	HTTP_EVENT_ERROR = 0, /* `error`; the connection can only be closed */
	HTTP_EVENT_MORE,      /* all input used; feed more */
	HTTP_EVENT_HEAD,      /* `head` is complete (also for each 1xx response) */
	HTTP_EVENT_BODY,      /* `data`, `len`: body bytes without framing, inside the fed buffer */
	HTTP_EVENT_END,       /* the message is complete; `trailers` may be there */
};

enum http_error {
	HTTP_OK = 0,
	HTTP_ESYNTAX,   /* llhttp's own refusal */
	HTTP_EMETHOD,   /* not a token, or one we do not know how to frame (PRI) */
	HTTP_EVERSION,  /* not HTTP/1.0 or HTTP/1.1 */
	HTTP_ETARGET,   /* a byte that no request target may hold */
	HTTP_EFIELD,    /* field name not a token, space before colon, obs-fold */
	HTTP_ECONTROL,  /* bare CR or LF, NUL, control character */
	HTTP_ELENGTH,   /* Content-Length twice, signed, listed, overflowing or empty */
	HTTP_ECODING,   /* Transfer-Encoding other than a single final chunked; with Content-Length;
			   in HTTP/1.0; twice */
	HTTP_ECHUNK,    /* chunk size or framing malformed */
	HTTP_EHOST,     /* none in HTTP/1.1, or more than one */
	HTTP_ETOOLARGE, /* head over the limit: 431 */
	HTTP_ESTATUS,   /* response: status line malformed, or body where none may be */
	HTTP_EEOF,      /* ended inside a message */
	HTTP_EMEMORY,
};
const char *http_error_word(enum http_error error); /* "length", "coding" */
const char *http_error_sentence(enum http_error error);

struct http_event {
	enum http_event_kind kind;
	enum http_error error;
	struct http_head *head;
	const char *data;
	size_t len;
	struct http_field *trailers; /* END; in the arena */
	size_t n_trailers;
};

enum http_side { HTTP_REQUESTS, HTTP_RESPONSES };

struct http_parser *http_parser_create(enum http_side side, const struct http_limits *limits);
void http_parser_destroy(struct http_parser *p);

/* Makes it ready for the next message of the same connection; its head will live in `arena`. */
void http_parser_begin(struct http_parser *p, struct arena *arena);
/*
 * Responses: the method of the request being answered (HEAD and CONNECT change the framing, RFC
 * 9112 6.3), to be set before its response is fed.
 */
void http_parser_answers(struct http_parser *p, const char *method);
/*
 * Takes from *data, *len (both moved past what was used) until one event is there. After HEAD and
 * BODY call again with the rest; after END call http_parser_begin first.
 */
void http_parser_next(
	struct http_parser *p, const char **data, size_t *len, struct http_event *ret_event);
/* The sender closed its side: END for a body delimited by close, MORE between messages, else ERROR.
 */
void http_parser_eof(struct http_parser *p, struct http_event *ret_event);

#endif
