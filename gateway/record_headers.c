/*
 * What of a message's head goes on record: chosen fields, and of credentials and of whatever the
 * operator named only a keyed digest.
 */
#include "gateway/record_headers.h"
#include "audit/audit.h"
#include "gateway/arena.h"
#include "gateway/http.h"

#include <string.h>
#include <strings.h>

/* What tells an auditor who asked, for what, and what came; nothing a stranger could use. */
static const char *const chosen[] = {"accept", "accept-encoding", "access-control-request-method",
	"content-disposition", "content-encoding", "content-language", "content-length",
	"content-range", "content-type", "etag", "if-modified-since", "if-none-match",
	"last-modified", "location", "origin", "range", "referer", "retry-after", "server",
	"transfer-encoding", "upgrade", "user-agent", "via", NULL};
static const char *const credentials[] = {"authorization", "cookie", "set-cookie",
	"proxy-authorization", "authentication-info", "proxy-authentication-info", "x-api-key",
	"x-auth-token", NULL};
/*
 * Fields whose values are URLs: their queries, and fragments, are recorded like the request's own,
 * and who has a name or password before the host has it as a digest.
 */
static const char *const urls[] = {
	"location", "referer", "origin", "content-location", "destination", NULL};

static bool has(const char *const *names, const char *name)
{
	for (; names != NULL && *names != NULL; names++) {
		/* Most differ in the first letter, of which letters know two cases. */
		if (((**names ^ *name) & ~0x20) == 0 && strcasecmp(*names, name) == 0) {
			return true;
		}
	}
	return false;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static char folded(char c)
{
	return c != '\0' && strchr(". +", c) != NULL ? '_' : c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool is_folded(const char *name, const char *plain)
{
	while (*name != '\0' && folded(*name) == *plain) {
		name++;
		plain++;
	}
	return *name == *plain;
}

/*
 * Is the parameter's name one of these, or what some origin takes for it (rules/query.c):
 * percent-encoded, in other case, with blanks before it, `name[]`?
 */
static bool is_named(const char *const *names, const char *name, size_t len)
{
	char plain[128];
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (c == '%' && i + 2 < len && hex_digit(name[i + 1]) >= 0 &&
			hex_digit(name[i + 2]) >= 0) {
			c = (char)(hex_digit(name[i + 1]) << 4 | hex_digit(name[i + 2]));
			i += 2;
		}
		if (c == '[') {
			break;
		}
		if (n + 1 == sizeof(plain)) {
			return false;
		}
		if (n > 0 || (c != ' ' && c != '+')) {
			plain[n++] = folded(c);
		}
	}
	plain[n] = '\0';
	for (; names != NULL && *names != NULL; names++) {
		if (is_folded(*names, plain)) {
			return true;
		}
	}
	return false;
}

/* Appends len bytes; the caller has made room. */
static char *put(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

const char *record_query(
	const struct gateway_recording *how, struct arena *arena, const char *query)
{
	size_t room = 1, parameters = 1;
	char *text, *to;

	if (query == NULL || how->digested == NULL || how->digested[0] == NULL) {
		return query;
	}
	for (const char *p = query; *p != '\0'; p++) {
		parameters += *p == '&' || *p == ';' || *p == '#';
		room++;
	}
	text = to = arena_alloc(arena, room + parameters * AUDIT_DIGEST);
	if (text == NULL) {
		return "(memory is out)"; /* never the value itself */
	}
	for (;;) {
		size_t len = strcspn(query, "&;#"), name = strcspn(query, "=&;#"), begin = name;
		char digest[AUDIT_DIGEST];

		/* A fragment may be a path with a query of its own: "#/done?token=...". */
		while (begin > 0 && query[begin - 1] != '?') {
			begin--;
		}
		if (name < len && is_named(how->digested, query + begin, name - begin)) {
			audit_digest(how->key, query + name + 1, len - name - 1, digest);
			to = put(to, query, name + 1);
			to = put(to, digest, AUDIT_DIGEST - 1);
		} else {
			to = put(to, query, len);
		}
		query += len;
		if (*query == '\0') {
			*to = '\0';
			return text;
		}
		*to++ = *query++;
	}
}

/*
 * Of "scheme://WHO@host/..." or "//WHO@host/...": where WHO begins, and its length (RFC
 * 3986 3.2.1); with as many slashes of either kind as browsers put up with (WHATWG URL 4.4).
 */
static size_t find_userinfo(const char *url, size_t *ret_len)
{
	size_t scheme = strcspn(url, ":/\\?#"), begin, len;

	*ret_len = 0;
	scheme = url[scheme] == ':' ? scheme + 1 : 0;
	begin = scheme + strspn(url + scheme, "/\\");
	if (scheme == 0 && begin < 2) {
		return 0; /* a path */
	}
	len = strcspn(url + begin, "/\\?#");
	for (size_t i = 0; i < len; i++) {
		*ret_len = url[begin + i] == '@' ? i : *ret_len;
	}
	return begin;
}

static const char *url_of(const struct gateway_recording *how, struct arena *arena, const char *url)
{
	size_t len, begin = find_userinfo(url, &len);
	const char *rest = url + begin + len;
	size_t head = strcspn(rest, "?#");
	char digest[AUDIT_DIGEST] = "";

	if (len > 0) {
		audit_digest(how->key, url + begin, len, digest);
	}
	if (rest[head] != '\0') {
		head++;
	}
	return arena_printf(arena, "%.*s%s%.*s%s", (int)begin, url, digest, (int)head, rest,
		record_query(how, arena, rest + head));
}

/* The value as it may be recorded; NULL: the field is not recorded. */
static const char *value_of(const struct gateway_recording *how, struct arena *arena,
	const struct http_field *field, char digest[AUDIT_DIGEST])
{
	if (has(credentials, field->name) || has(how->digested, field->name)) {
		audit_digest(how->key, field->value, strlen(field->value), digest);
		return digest;
	}
	if (!has(chosen, field->name) && !has(how->headers, field->name)) {
		return NULL;
	}
	if (has(urls, field->name)) {
		return url_of(how, arena, field->value);
	}
	return field->value;
}

/* A character takes six bytes at most. */
static size_t quote(char *to, const char *text)
{
	return audit_json_string(text, to, 6 * strlen(text) + 2);
}

/* Into an array that began with '['. */
static char *put_pair(char *to, const char *name, const char *value)
{
	to = put(to, to[-1] == '[' ? "[" : ",[", to[-1] == '[' ? 1 : 2);
	to += quote(to, name);
	*to++ = ',';
	to += quote(to, value);
	*to++ = ']';
	return to;
}

static bool is_replaced(const struct http_field *injected, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(injected[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

const char *record_headers(const struct gateway_recording *how, struct arena *arena,
	const struct http_head *head, const struct http_field *injected, size_t n_injected)
{
	size_t room = 3;
	char *text, *to;

	if (head == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < head->n_fields; i++) {
		const struct http_field *f = &head->fields[i];

		/* In a URL each parameter, of two bytes at least, may become a digest. */
		room += 6 * strlen(f->name) + 8 + AUDIT_DIGEST +
			(has(urls, f->name) ? 6 + AUDIT_DIGEST : 6) * strlen(f->value);
	}
	for (size_t i = 0; i < n_injected; i++) {
		room += 6 * strlen(injected[i].name) + 8 + AUDIT_DIGEST;
	}
	text = to = arena_alloc(arena, room);
	if (text == NULL) {
		return NULL;
	}
	*to++ = '[';
	for (size_t i = 0; i < head->n_fields; i++) {
		char digest[AUDIT_DIGEST];
		const char *name = head->fields[i].name,
			   *value = is_replaced(injected, n_injected, name)
					    ? NULL
					    : value_of(how, arena, &head->fields[i], digest);

		if (value != NULL) {
			to = put_pair(to, name, value);
		}
	}
	for (size_t i = 0; i < n_injected; i++) {
		char digest[AUDIT_DIGEST];

		audit_digest(how->key, injected[i].value, strlen(injected[i].value), digest);
		to = put_pair(to, injected[i].name, digest);
	}
	to = put(to, "]", 2);
	return text;
}
