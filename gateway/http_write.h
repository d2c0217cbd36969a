/*
 * The judged head as bytes. Written field by field from struct http_head and the canonical target,
 * never copied from the client. Hop-by-hop fields (RFC 9110 7.6.1: Connection and what it names,
 * Keep-Alive, Proxy-*, TE, Trailer, Transfer-Encoding, Upgrade, HTTP2-Settings) are left out and
 * our own framing written.
 */
#ifndef SALLYPORT_GATEWAY_HTTP_WRITE_H
#define SALLYPORT_GATEWAY_HTTP_WRITE_H

#include "gateway/http.h"

struct arena;
struct rules_target;

struct http_bytes {
	/* In the arena. NULL when memory is out, or when a part could not be written without being
	 * read as something else: a CR, LF or NUL in a value, a name that is no token. */
	const char *data;
	size_t len;
};

/* Extra fields that replace any of the same name (injected secrets). Framing, Host and hop-by-hop
 * fields cannot be injected: nothing is written then. */
struct http_extra {
	const struct http_field *fields;
	size_t n_fields;
	/* To an upstream proxy: absolute-form target, and the credentials it wants (or NULL). */
	bool to_proxy;
	const char *proxy_authorization;
};

/*
 * Request head for the origin: origin-form target from `target`, Host from it (port only when not
 * the scheme's default; IPv6 in brackets), `keep` asks to keep the connection. `websocket` passes
 * Upgrade and Sec-WebSocket-* on.
 */
struct http_bytes http_write_request(struct arena *arena, const struct http_head *head,
	const struct rules_target *target, bool keep, bool websocket,
	const struct http_extra *extra);

/* Response head for the client; `framing` and `length` as it will be sent to it. */
struct http_bytes http_write_response(struct arena *arena, const struct http_head *head,
	enum http_framing framing, uint64_t length, bool keep);

/* Our own answer (refusal, error): status line, Content-Type, Content-Length, body. HEAD: no body.
 */
struct http_bytes http_write_answer(struct arena *arena, int status, const char *content_type,
	const char *body, bool head_only, bool keep, const char *extra_field);

/* "1f40\r\n" into buf (at least 20 bytes); returns its length. The data and CRLF follow. */
size_t http_write_chunk_size(char *buf, size_t len);
/* The last chunk with trailers: "0\r\n" ... "\r\n". Framing and hop-by-hop fields are left out. */
struct http_bytes http_write_last_chunk(
	struct arena *arena, const struct http_field *trailers, size_t n_trailers);

const char *http_status_text(int status);

#endif
