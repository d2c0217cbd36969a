/*
 * The second half of reading a head: its syntax is known to be right, now everything is refused
 * that two readers could understand differently, and what is left gets its one meaning. Comes
 * after llhttp in http_parse.c and knows nothing of it, nor of bytes and buffers.
 */
#include "gateway/http_check.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* tchar (RFC 9110 5.6.2). */
static const bool is_tchar[256] = {['!'] = true,
	['#'] = true,
	['$'] = true,
	['%'] = true,
	['&'] = true,
	['\''] = true,
	['*'] = true,
	['+'] = true,
	['-'] = true,
	['.'] = true,
	['^'] = true,
	['_'] = true,
	['`'] = true,
	['|'] = true,
	['~'] = true,
	['0' ... '9'] = true,
	['A' ... 'Z'] = true,
	['a' ... 'z'] = true};

bool http_is_token(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_tchar[(unsigned char)text[i]]) {
			return false;
		}
	}
	return len > 0;
}

bool http_is_field_value(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < ' ' && c != '\t') || c == 0x7f) {
			return false;
		}
	}
	return true;
}

bool http_is_hop_by_hop(const char *name)
{
	switch (name[0] | 0x20) { /* most names are none of these by their first letter */
	case 'c': return strcasecmp(name, "Connection") == 0;
	case 'k': return strcasecmp(name, "Keep-Alive") == 0;
	case 't':
		return strcasecmp(name, "TE") == 0 || strcasecmp(name, "Trailer") == 0 ||
		       strcasecmp(name, "Transfer-Encoding") == 0;
	case 'u': return strcasecmp(name, "Upgrade") == 0;
	case 'h': return strcasecmp(name, "HTTP2-Settings") == 0;
	case 'p': return strncasecmp(name, "Proxy-", 6) == 0;
	default: return false;
	}
}

/* Digits only, at most 18 of them: what fits every reader's number (RFC 9112 6.2, 6.3). */
static bool read_length(const char *value, uint64_t *ret_length)
{
	size_t len = strlen(value);

	if (len == 0 || len > 18 || strspn(value, "0123456789") != len) {
		return false;
	}
	*ret_length = strtoull(value, NULL, 10);
	return true;
}

/* The same letters once "-" and "_" are left out of the name? */
static bool same_letters(const char *name, const char *letters)
{
	for (; *name != '\0'; name++) {
		if (*name == '-' || *name == '_') {
			continue;
		}
		if (*letters == '\0' || (*name | 0x20) != *letters) {
			return false;
		}
		letters++;
	}
	return *letters == '\0';
}

/*
 * Content_Length, Transfer--Encoding: "_" and "-" are one to every server that hands fields on as
 * CGI variables (RFC 3875 4.1.18), and lenient readers drop what they find doubled.
 */
static bool looks_like_framing(const char *name)
{
	return same_letters(name, "contentlength") || same_letters(name, "transferencoding");
}

/* Every field is looked up in what Connection names, more than once: that must stay short. */
enum { CONNECTION_MAX = 1024 };

struct framing {
	bool length, coding;
	unsigned hosts, upgrades;
	size_t connection; /* bytes of values */
};

static enum http_error read_field(
	struct http_head *head, const struct http_field *field, struct framing *seen)
{
	if (strcasecmp(field->name, "Content-Length") == 0) {
		if (seen->length || !read_length(field->value, &head->length)) {
			return HTTP_ELENGTH;
		}
		seen->length = true;
	} else if (strcasecmp(field->name, "Transfer-Encoding") == 0) {
		if (seen->coding || strcasecmp(field->value, "chunked") != 0 || head->minor == 0) {
			return HTTP_ECODING;
		}
		seen->coding = true;
	} else if (looks_like_framing(field->name)) {
		return HTTP_EFIELD;
	} else if (strcasecmp(field->name, "Host") == 0) {
		head->host = field->value;
		seen->hosts++;
	} else if (strcasecmp(field->name, "Upgrade") == 0) {
		head->upgrade = field->value;
		seen->upgrades++;
	} else if (strcasecmp(field->name, "Connection") == 0) {
		seen->connection += strlen(field->value);
		if (seen->connection > CONNECTION_MAX) {
			return HTTP_ETOOLARGE;
		}
	}
	return HTTP_OK;
}

static enum http_error check_framing(struct http_head *head, struct framing *seen)
{
	for (size_t i = 0; i < head->n_fields; i++) {
		enum http_error error = read_field(head, &head->fields[i], seen);

		if (error != HTTP_OK) {
			return error;
		}
	}
	if (seen->length && seen->coding) {
		return HTTP_ECODING;
	}
	if (seen->coding) {
		head->framing = HTTP_FRAMING_CHUNKED;
	} else if (seen->length && head->length > 0) {
		head->framing = HTTP_FRAMING_LENGTH;
	}
	/* Several offers in several fields: which of them an answer takes up would be a guess. */
	if (seen->upgrades > 1) {
		head->upgrade = NULL;
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

/*
 * A request may not name one of its own end-to-end fields in Connection: it would be judged by the
 * rules and then left out (RFC 9110 7.6.1: "MUST NOT" for fields meant for all recipients).
 */
static bool hides_a_field(const struct http_head *head)
{
	for (size_t c = 0; c < head->n_fields; c++) {
		if (strcasecmp(head->fields[c].name, "Connection") != 0) {
			continue;
		}
		for (size_t i = 0; i < head->n_fields; i++) {
			const char *name = head->fields[i].name;

			if (!http_is_hop_by_hop(name) &&
				http_list_has(head->fields[c].value, name)) {
				return true;
			}
		}
	}
	return false;
}

static bool is_target(const char *target)
{
	for (const unsigned char *c = (const unsigned char *)target; *c != '\0'; c++) {
		if (*c <= ' ' || *c >= 0x7f || *c == '#') {
			return false;
		}
	}
	return *target != '\0';
}

/* One expectation is known (RFC 9110 10.1.1); a second one would be met by whoever reads the
 * second. */
static void check_expect(struct http_head *head)
{
	unsigned n = 0;

	for (size_t i = 0; i < head->n_fields; i++) {
		if (strcasecmp(head->fields[i].name, "Expect") == 0) {
			head->expect_other |=
				n++ > 0 || strcasecmp(head->fields[i].value, "100-continue") != 0;
		}
	}
	head->expect_continue = n == 1 && !head->expect_other && head->minor >= 1;
}

enum http_error http_check_request(struct http_head *head)
{
	struct framing seen = {0};
	enum http_error error;

	if (!is_target(head->target)) {
		return HTTP_ETARGET;
	}
	error = check_framing(head, &seen);
	if (error != HTTP_OK) {
		return error;
	}
	if (seen.hosts > 1 || (seen.hosts == 0 && head->minor >= 1)) {
		return HTTP_EHOST;
	}
	if (hides_a_field(head)) {
		return HTTP_EFIELD;
	}
	/* What follows a CONNECT is the tunnel (RFC 9110 9.3.6): a body there has two readings. */
	if (strcmp(head->method, "CONNECT") == 0 && head->framing != HTTP_FRAMING_NONE) {
		return seen.coding ? HTTP_ECODING : HTTP_ELENGTH;
	}
	check_connection(head);
	check_expect(head);
	return HTTP_OK;
}

/* RFC 9112 6.3: which responses have no body whatever their fields say. */
static enum http_error frame_response(
	struct http_head *head, const char *method, const struct framing *seen)
{
	bool bodiless = head->status < 200 || head->status == 204;

	/* RFC 9110 8.6, RFC 9112 6.1: the sender must not announce a body there. */
	if (bodiless && head->framing != HTTP_FRAMING_NONE) {
		return HTTP_ESTATUS;
	}
	if (head->status == 101) {
		head->framing = HTTP_FRAMING_UPGRADE;
		return head->upgrade != NULL ? HTTP_OK : HTTP_ESTATUS;
	}
	if (strcmp(method, "CONNECT") == 0 && head->status / 100 == 2) {
		head->framing = HTTP_FRAMING_UPGRADE;
	} else if (bodiless || head->status == 304 || strcmp(method, "HEAD") == 0) {
		/* Content-Length is then the length it would have had: http_write passes it on. */
		head->framing = HTTP_FRAMING_NONE;
	} else if (!seen->length && !seen->coding) {
		head->framing = HTTP_FRAMING_CLOSE;
		head->keep_alive = false;
	}
	return HTTP_OK;
}

enum http_error http_check_response(struct http_head *head, const char *method)
{
	struct framing seen = {0};
	enum http_error error;

	if (head->status < 100 || head->status > 599 ||
		!http_is_field_value(head->reason, strlen(head->reason))) {
		return HTTP_ESTATUS;
	}
	error = check_framing(head, &seen);
	if (error != HTTP_OK) {
		return error;
	}
	head->host = NULL;
	check_connection(head);
	return frame_response(head, method, &seen);
}
