/*
 * An HTTP/1 message as the gateway understands it: what http_parse made of the bytes of one side
 * and what http_write makes bytes of for the other. Nothing else of the client's bytes is ever
 * sent.
 *
 * Sources: RFC 9110 (semantics), RFC 9112 (HTTP/1.1 syntax, sections 6 and 7 for framing).
 */
#ifndef SALLYPORT_GATEWAY_HTTP_H
#define SALLYPORT_GATEWAY_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_framing {
	HTTP_FRAMING_NONE = 0, /* no body */
	HTTP_FRAMING_LENGTH,   /* Content-Length */
	HTTP_FRAMING_CHUNKED,  /* a single final `chunked` */
	HTTP_FRAMING_CLOSE,    /* responses only: until the connection ends */
	HTTP_FRAMING_UPGRADE,  /* 101, or 2xx to CONNECT: no longer HTTP */
};

struct http_field {
	const char *name;  /* as received */
	const char *value; /* surrounding whitespace removed */
};

/* All strings live in the arena given to the parser. */
struct http_head {
	const char *method; /* requests */
	const char *target; /* requests: the request target as received */
	int status;         /* responses */
	const char *reason; /* responses; may be "" */
	int minor;          /* HTTP/1.minor: 0 or 1 */
	struct http_field *fields;
	size_t n_fields;
	enum http_framing framing;
	uint64_t length;      /* HTTP_FRAMING_LENGTH */
	bool keep_alive;      /* the sender lets the connection go on after this message */
	bool expect_continue; /* requests, HTTP/1.1 */
	bool expect_other;    /* requests: an expectation nobody here can meet (417) */
	const char *upgrade;  /* value of Upgrade when Connection names it, else NULL */
	const char *host;     /* requests: the one Host field, NULL when absent (HTTP/1.0) */
};

/* Caps, all > 0. */
struct http_limits {
	size_t head_bytes; /* start line and fields together: 64 KiB; over it 431 */
	size_t fields;     /* 256 */
	size_t chunk_line; /* chunk-size line with extensions: 1 KiB (extensions are dropped) */
};

/* Case-insensitive; the first such field or NULL. */
const char *http_field(const struct http_head *head, const char *name);

/* Does a request ask for an upgrade to WebSocket, and to nothing else (RFC 6455 4.1)? */
bool http_wants_websocket(const struct http_head *head);

/* Is the token one of a comma-separated list (RFC 9110 5.6.1)? Case-insensitive. */
bool http_list_has(const char *list, const char *token);

#endif
