/*
 * Heads as bytes, from what was parsed and judged. Each is written in one piece into the arena. The
 * last line of defence: whatever an earlier stage let through, no field leaves here that its reader
 * could take for two.
 *
 * Knows nothing of who reads it, nor of the bytes the other side sent.
 */
#include "gateway/http_write.h"
#include "gateway/arena.h"
#include "gateway/http_check.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "rules/target.h"

/* ---- bytes ---- */

enum { ROOM = 1024 }; /* for a head to begin with: most need no more */

struct out {
	struct arena *arena;
	char *data; /* in the arena */
	size_t len, size;
	bool bad; /* nothing of it may be sent */
};

static void put_bytes(struct out *out, const char *text, size_t len)
{
	if (out->bad) {
		return;
	}
	if (out->size - out->len < len) {
		size_t size = 2 * out->size + len;
		char *data = arena_alloc(out->arena, size);

		if (data == NULL) {
			out->bad = true;
			return;
		}
		memcpy(data, out->data, out->len);
		out->data = data;
		out->size = size;
	}
	memcpy(out->data + out->len, text, len);
	out->len += len;
}

static void put(struct out *out, const char *text)
{
	put_bytes(out, text, strlen(text));
}

static void put_number(struct out *out, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	put_bytes(out, digits + at, sizeof(digits) - at);
}

static void put_field(struct out *out, const char *name, const char *value)
{
	size_t n_name = strlen(name), n_value = strlen(value);

	if (!http_is_token(name, n_name) || !http_is_field_value(value, n_value)) {
		out->bad = true;
		return;
	}
	put_bytes(out, name, n_name);
	put(out, ": ");
	put_bytes(out, value, n_value);
	put(out, "\r\n");
}

/* A part of the start line: nothing that ends it or cuts it in two. */
static void put_word(struct out *out, const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
		if (*c <= ' ' || *c >= 0x7f) {
			out->bad = true;
		}
	}
	put(out, text);
}

static struct out begin(struct arena *arena)
{
	struct out out = {.arena = arena, .data = arena_alloc(arena, ROOM), .size = ROOM};

	out.bad = out.data == NULL;
	out.size = out.bad ? 0 : ROOM;
	return out;
}

static struct http_bytes end(const struct out *out)
{
	return out->bad ? (struct http_bytes){NULL, 0} : (struct http_bytes){out->data, out->len};
}

/* ---- which fields pass ---- */

static bool has_prefix(const char *name, const char *prefix)
{
	return strncasecmp(name, prefix, strlen(prefix)) == 0;
}

/* Named by Connection: for this hop only (RFC 9110 7.6.1). */
static bool is_nominated(const struct http_head *head, const char *name)
{
	for (size_t i = 0; i < head->n_fields; i++) {
		if (strcasecmp(head->fields[i].name, "Connection") == 0 &&
			http_list_has(head->fields[i].value, name)) {
			return true;
		}
	}
	return false;
}

static bool is_framing(const char *name)
{
	return strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Host") == 0 ||
	       http_is_hop_by_hop(name);
}

static bool is_replaced(const struct http_extra *extra, const char *name)
{
	for (size_t i = 0; extra != NULL && i < extra->n_fields; i++) {
		if (strcasecmp(extra->fields[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

static void put_fields(struct out *out, const struct http_head *head,
	const struct http_extra *extra, bool websocket)
{
	bool connection = http_field(head, "Connection") != NULL;

	for (size_t i = 0; i < head->n_fields; i++) {
		const char *name = head->fields[i].name;

		if (is_framing(name) || is_replaced(extra, name) ||
			(connection && is_nominated(head, name)) ||
			(!websocket && has_prefix(name, "Sec-WebSocket-"))) {
			continue;
		}
		put_field(out, name, head->fields[i].value);
	}
}

static void put_extra(struct out *out, const struct http_extra *extra)
{
	for (size_t i = 0; extra != NULL && i < extra->n_fields; i++) {
		if (is_framing(extra->fields[i].name)) {
			out->bad = true;
		}
		put_field(out, extra->fields[i].name, extra->fields[i].value);
	}
	if (extra != NULL && extra->to_proxy && extra->proxy_authorization != NULL) {
		put_field(out, "Proxy-Authorization", extra->proxy_authorization);
	}
}

static void put_length(struct out *out, uint64_t length)
{
	put(out, "Content-Length: ");
	put_number(out, length);
	put(out, "\r\n");
}

/* ---- the request ---- */

struct request {
	const struct http_head *head;
	const struct rules_target *target;
	bool keep, websocket;
	const struct http_extra *extra;
};

static bool is_default_port(const struct rules_target *target)
{
	return target->port == (target->scheme == RULES_HTTPS ? 443 : 80);
}

static void put_authority(struct out *out, const struct rules_target *target)
{
	bool ipv6 = strchr(target->host, ':') != NULL;

	put(out, ipv6 ? "[" : "");
	put_word(out, target->host);
	put(out, ipv6 ? "]" : "");
	if (!is_default_port(target)) {
		put(out, ":");
		put_number(out, target->port);
	}
}

/* RFC 9110 8.6: a method that usually has a body says so when there is none. */
static bool tells_empty(const struct http_head *head)
{
	return http_field(head, "Content-Length") != NULL || strcmp(head->method, "POST") == 0 ||
	       strcmp(head->method, "PUT") == 0 || strcmp(head->method, "PATCH") == 0;
}

static void put_request_framing(struct out *out, const struct http_head *head)
{
	switch (head->framing) {
	case HTTP_FRAMING_NONE:
		if (tells_empty(head)) {
			put_length(out, 0);
		}
		break;
	case HTTP_FRAMING_LENGTH: put_length(out, head->length); break;
	case HTTP_FRAMING_CHUNKED: put(out, "Transfer-Encoding: chunked\r\n"); break;
	case HTTP_FRAMING_CLOSE:
	case HTTP_FRAMING_UPGRADE: out->bad = true; break;
	}
}

static void put_request(struct out *out, const struct request *r)
{
	/* No other protocol: what came after its 101 would be read by nobody here. */
	bool upgrade = r->websocket && http_wants_websocket(r->head);

	/* The scheme is what the default port follows from; the path begins the target. */
	if ((r->target->scheme != RULES_HTTP && r->target->scheme != RULES_HTTPS) ||
		r->target->path[0] != '/' || r->target->host[0] == '\0' ||
		!http_is_token(r->head->method, strlen(r->head->method))) {
		out->bad = true;
	}
	put(out, r->head->method);
	put(out, " ");
	if (r->extra != NULL && r->extra->to_proxy) {
		put(out, r->target->scheme == RULES_HTTP ? "http://" : "https://");
		put_authority(out, r->target);
	}
	put_word(out, r->target->path);
	if (r->target->query != NULL) {
		put(out, "?");
		put_word(out, r->target->query);
	}
	put(out, " HTTP/1.1\r\n");
	put(out, "Host: ");
	put_authority(out, r->target);
	put(out, "\r\n");
	put_fields(out, r->head, r->extra, upgrade);
	put_extra(out, r->extra);
	put_request_framing(out, r->head);
	if (upgrade) {
		put_field(out, "Upgrade", r->head->upgrade);
		put(out, "Connection: Upgrade\r\n");
	} else if (!r->keep) {
		put(out, "Connection: close\r\n");
	}
	put(out, "\r\n");
}

struct http_bytes http_write_request(struct arena *arena, const struct http_head *head,
	const struct rules_target *target, bool keep, bool websocket,
	const struct http_extra *extra)
{
	const struct request request = {head, target, keep, websocket, extra};
	struct out out = begin(arena);

	put_request(&out, &request);
	return end(&out);
}

/* ---- the response ---- */

struct response {
	const struct http_head *head;
	enum http_framing framing;
	uint64_t length;
	bool keep;
};

static void put_status_line(struct out *out, int status, const char *reason)
{
	if (status < 100 || status > 599 || !http_is_field_value(reason, strlen(reason))) {
		out->bad = true;
	}
	put(out, "HTTP/1.1 ");
	put_number(out, (uint64_t)status);
	put(out, " ");
	put(out, reason);
	put(out, "\r\n");
}

/*
 * No body. To HEAD and with 304 Content-Length is the length there would have been; elsewhere the
 * parser saw that it is 0. 1xx and 204 may not have one (RFC 9110 8.6).
 */
static void put_no_body(struct out *out, const struct http_head *head)
{
	if (head->status < 200 || head->status == 204) {
		return;
	}
	if (head->framing != HTTP_FRAMING_NONE) {
		put_length(out, 0);
	} else if (http_field(head, "Content-Length") != NULL) {
		put_length(out, head->length);
	}
}

static void put_response_framing(struct out *out, const struct response *r)
{
	switch (r->framing) {
	case HTTP_FRAMING_NONE: put_no_body(out, r->head); break;
	case HTTP_FRAMING_LENGTH: put_length(out, r->length); break;
	case HTTP_FRAMING_CHUNKED: put(out, "Transfer-Encoding: chunked\r\n"); break;
	case HTTP_FRAMING_CLOSE: break;
	case HTTP_FRAMING_UPGRADE:
		if (r->head->upgrade != NULL) {
			put_field(out, "Upgrade", r->head->upgrade);
			put(out, "Connection: Upgrade\r\n");
		}
		break;
	}
}

static void put_response(struct out *out, const struct response *r)
{
	bool upgrade = r->framing == HTTP_FRAMING_UPGRADE;

	put_status_line(out, r->head->status, r->head->reason);
	put_fields(out, r->head, NULL, upgrade);
	put_response_framing(out, r);
	if (r->head->status >= 200 && !upgrade) {
		/* Said both ways: a client of HTTP/1.0 takes silence for close. */
		put(out, r->keep && r->framing != HTTP_FRAMING_CLOSE ? "Connection: keep-alive\r\n"
								     : "Connection: close\r\n");
	}
	put(out, "\r\n");
}

struct http_bytes http_write_response(struct arena *arena, const struct http_head *head,
	enum http_framing framing, uint64_t length, bool keep)
{
	const struct response response = {head, framing, length, keep};
	struct out out = begin(arena);

	put_response(&out, &response);
	return end(&out);
}

/* ---- our own answer ---- */

struct answer {
	int status;
	const char *content_type, *body, *extra_field;
	bool head_only, keep;
};

/* "Name: value", checked like every other field. */
static void put_line(struct out *out, const char *line)
{
	const char *colon = strstr(line, ": ");

	if (colon == NULL || !http_is_token(line, (size_t)(colon - line)) ||
		!http_is_field_value(colon, strlen(colon))) {
		out->bad = true;
		return;
	}
	put(out, line);
	put(out, "\r\n");
}

static void put_answer(struct out *out, const struct answer *a)
{
	put_status_line(out, a->status, http_status_text(a->status));
	put_field(out, "Content-Type", a->content_type);
	put_length(out, strlen(a->body));
	if (a->status == 407) { /* RFC 9110 15.5.8: it must say how */
		put_field(out, "Proxy-Authenticate", "Basic realm=\"sallyport\"");
	}
	if (a->extra_field != NULL) {
		put_line(out, a->extra_field);
	}
	put(out, a->keep ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n");
	if (!a->head_only) {
		put(out, a->body);
	}
}

struct http_bytes http_write_answer(struct arena *arena, int status, const char *content_type,
	const char *body, bool head_only, bool keep, const char *extra_field)
{
	const struct answer answer = {status, content_type, body, extra_field, head_only, keep};
	struct out out = begin(arena);

	put_answer(&out, &answer);
	return end(&out);
}

/* ---- chunks ---- */

size_t http_write_chunk_size(char *buf, size_t len)
{
	return (size_t)snprintf(buf, 20, "%zx\r\n", len);
}

/* RFC 9110 6.5.1: a trailer may not change how its message is framed, routed, who sent it, or how
 * its content is to be read. */
static bool may_trail(const char *name)
{
	static const char *const never[] = {"Authorization", "Cookie", "Set-Cookie",
		"WWW-Authenticate", "Content-Encoding", "Content-Type", "Content-Range",
		"Content_Length", "Transfer_Encoding", "Cache-Control", "Expect", "Max-Forwards",
		"Pragma", "Range", "Age", "Date", "Expires", "Location", "Retry-After", "Vary",
		"Warning", "Authentication-Info"};

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		if (strcasecmp(name, never[i]) == 0) {
			return false;
		}
	}
	return !is_framing(name) && !has_prefix(name, "If-") && !has_prefix(name, "Sec-") &&
	       !has_prefix(name, "X-Forwarded-");
}

struct http_bytes http_write_last_chunk(
	struct arena *arena, const struct http_field *trailers, size_t n_trailers)
{
	struct out out = begin(arena);

	put(&out, "0\r\n");
	for (size_t i = 0; i < n_trailers; i++) {
		if (may_trail(trailers[i].name)) {
			put_field(&out, trailers[i].name, trailers[i].value);
		}
	}
	put(&out, "\r\n");
	return end(&out);
}

const char *http_status_text(int status)
{
	switch (status) {
	case 200: return "OK";
	case 400: return "Bad Request";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 407: return "Proxy Authentication Required";
	case 408: return "Request Timeout";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 417: return "Expectation Failed";
	case 421: return "Misdirected Request";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 502: return "Bad Gateway";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	case 505: return "HTTP Version Not Supported";
	default: return "";
	}
}
