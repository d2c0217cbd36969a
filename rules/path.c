/*
 * One canonical path (RFC 3986 6.2.2): percent-encodings of unreserved characters decoded, hex
 * digits upper case, dot segments resolved. What origins are known to read in more than one way is
 * refused; the one exception, the encoded slash, is kept and flagged, because package registries
 * use it.
 */
#include "rules/target.h"
#include "rules/text.h"

#include <string.h>

static bool is_unreserved(unsigned char c)
{
	return text_is_digit((char)c) ||
	       (text_lower((char)c) >= 'a' && text_lower((char)c) <= 'z') || c == '-' || c == '.' ||
	       c == '_' || c == '~';
}

/* What may stand in a path unencoded (RFC 3986 3.3), and what clients send all the same and all
 * read alike. */
static bool may_stand(unsigned char c)
{
	return is_unreserved(c) || strchr("!$&'()*+,;=:@/|^[]{}\"<>`", c) != NULL;
}

/*
 * Steps through one byte of encoded UTF-8: `left` continuation bytes are due, the first of them
 * within [low, high] (RFC 3629 section 4: no overlong forms, no surrogates, nothing over U+10FFFF).
 */
struct utf8 {
	unsigned left;
	unsigned char low, high;
};

static bool utf8_step(struct utf8 *u, unsigned char c)
{
	if (u->left > 0) {
		bool good = c >= u->low && c <= u->high;

		u->left--;
		u->low = 0x80;
		u->high = 0xbf;
		return good;
	}
	u->low = 0x80;
	u->high = 0xbf;
	if (c < 0x80) {
		return true;
	}
	if (c >= 0xc2 && c <= 0xdf) {
		u->left = 1;
	} else if (c >= 0xe0 && c <= 0xef) {
		u->left = 2;
		u->low = c == 0xe0 ? 0xa0 : 0x80;
		u->high = c == 0xed ? 0x9f : 0xbf;
	} else if (c >= 0xf0 && c <= 0xf4) {
		u->left = 3;
		u->low = c == 0xf0 ? 0x90 : 0x80;
		u->high = c == 0xf4 ? 0x8f : 0xbf;
	} else {
		return false;
	}
	return true;
}

/* "%25" followed by what would be a dot, a slash or a backslash if someone decoded twice. Asked of
 * the decoded form: in "%25%32E" the doubled dot stands only there. */
static bool doubled(const char *path, size_t len)
{
	for (size_t i = 0; i + 5 <= len; i++) {
		int high, low;

		if (memcmp(path + i, "%25", 3) != 0) {
			continue;
		}
		high = text_hex(path[i + 3]);
		low = text_hex(path[i + 4]);
		if (high >= 0 && low >= 0 && strchr("./\\%", high << 4 | low) != NULL) {
			return true;
		}
	}
	return false;
}

/* One "%XX" at text; appends its canonical form. */
static int take_encoded(const char *text, size_t len, struct utf8 *utf8, char *out, size_t *n)
{
	static const char digits[] = "0123456789ABCDEF";
	int high = len >= 3 ? text_hex(text[1]) : -1, low = len >= 3 ? text_hex(text[2]) : -1;
	unsigned char c = high >= 0 && low >= 0 ? (unsigned char)(high << 4 | low) : 0;

	if (high < 0 || low < 0 || !utf8_step(utf8, c)) {
		return RULES_TARGET_EENCODING;
	}
	if (c < 0x20 || c == 0x7f) {
		return RULES_TARGET_ECONTROL;
	}
	if (c == '\\') {
		return RULES_TARGET_EBACKSLASH;
	}
	if (is_unreserved(c)) {
		out[(*n)++] = (char)c;
		return RULES_TARGET_OK;
	}
	out[(*n)++] = '%';
	out[(*n)++] = digits[high];
	out[(*n)++] = digits[low];
	return RULES_TARGET_OK;
}

static int decode(const char *text, size_t len, char *out, size_t *ret_n)
{
	struct utf8 utf8 = {0, 0x80, 0xbf};
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '%') {
			int error = take_encoded(text + i, len - i, &utf8, out, &n);

			if (error != RULES_TARGET_OK) {
				return error;
			}
			i += 2;
		} else if (utf8.left > 0) {
			return RULES_TARGET_EENCODING;
		} else if (c < 0x20 || c == 0x7f) {
			return RULES_TARGET_ECONTROL;
		} else if (c == '\\') {
			return RULES_TARGET_EBACKSLASH;
		} else if (c == '#') {
			return RULES_TARGET_EFRAGMENT;
		} else if (!may_stand(c)) {
			return RULES_TARGET_EPATH;
		} else {
			out[n++] = (char)c;
		}
	}
	*ret_n = n;
	return utf8.left > 0 || doubled(out, n) ? RULES_TARGET_EENCODING : RULES_TARGET_OK;
}

/* "..;jsessionid=1" and the like: some servers cut the parameter and then see dots. */
static bool dots_with_parameter(const char *segment, size_t len)
{
	const char *semicolon = memchr(segment, ';', len);
	size_t n = semicolon != NULL ? (size_t)(semicolon - segment) : 0;

	return semicolon != NULL && ((n == 1 && segment[0] == '.') ||
					    (n == 2 && segment[0] == '.' && segment[1] == '.'));
}

/* "a%2F..": a dot segment for whoever decodes the slash. */
static bool dots_behind_slash(const char *segment, size_t len)
{
	size_t begin = 0;

	for (size_t i = 0; i <= len; i++) {
		bool edge = i == len || (i + 2 < len && memcmp(segment + i, "%2F", 3) == 0);

		if (edge) {
			size_t n = i - begin;
			const char *part = segment + begin;

			if ((n == 1 && part[0] == '.') ||
				(n == 2 && part[0] == '.' && part[1] == '.') ||
				dots_with_parameter(part, n)) {
				return true;
			}
			begin = i + 3;
			i += i == len ? 0 : 2;
		}
	}
	return false;
}

/* Resolves "." and ".." in place (RFC 3986 5.2.4), but never above the root. */
static int resolve_dots(char *path, size_t len)
{
	size_t out = 0, at = 0;

	while (at < len) {
		size_t end = at + 1, n;
		const char *segment = path + at + 1;

		while (end < len && path[end] != '/') {
			end++;
		}
		n = end - at - 1;
		if (n == 1 && segment[0] == '.') {
			if (end == len) {
				path[out++] = '/';
			}
		} else if (n == 2 && segment[0] == '.' && segment[1] == '.') {
			if (out == 0) {
				return RULES_TARGET_EDOTS;
			}
			while (path[--out] != '/') {
			}
			if (end == len) {
				path[out++] = '/';
			}
		} else if (dots_with_parameter(segment, n) || dots_behind_slash(segment, n)) {
			return RULES_TARGET_EDOTS;
		} else {
			memmove(path + out, path + at, n + 1);
			out += n + 1;
		}
		at = end;
	}
	path[out] = '\0';
	return RULES_TARGET_OK;
}

/* The query's bytes as they are, hex digits upper case: what they mean is the origin's affair. */
static int copy_query(const char *text, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == 0x7f) {
			return RULES_TARGET_ECONTROL;
		}
		if (c == '#') {
			return RULES_TARGET_EFRAGMENT;
		}
		if (c == ' ' || c >= 0x80) {
			return RULES_TARGET_EPATH;
		}
		out[i] = (char)c;
		if (c == '%') {
			if (i + 2 >= len || text_hex(text[i + 1]) < 0 ||
				text_hex(text[i + 2]) < 0) {
				return RULES_TARGET_EENCODING;
			}
			if (text[i + 1] == '0' && text[i + 2] == '0') {
				return RULES_TARGET_ECONTROL; /* ends strings once decoded */
			}
			for (int k = 1; k <= 2; k++) {
				char h = text[i + (size_t)k];

				out[i + (size_t)k] = h >= 'a' ? (char)(h - 'a' + 'A') : h;
			}
			i += 2;
		}
	}
	out[len] = '\0';
	return RULES_TARGET_OK;
}

int rules_path(const char *text, size_t len, struct rules_target *target, char *buf, size_t size)
{
	const char *question = memchr(text, '?', len);
	size_t path_len = question != NULL ? (size_t)(question - text) : len, n = 0;
	char *query = NULL;
	int error;

	if (len == 0 || text[0] != '/') {
		return RULES_TARGET_EPATH;
	}
	if (len + 3 > size) {
		return RULES_TARGET_ETOOLONG;
	}
	error = decode(text, path_len, buf, &n);
	if (error == RULES_TARGET_OK) {
		error = resolve_dots(buf, n);
	}
	if (error == RULES_TARGET_OK && question != NULL) {
		query = buf + path_len + 2;
		error = copy_query(question + 1, len - path_len - 1, query);
	}
	if (error != RULES_TARGET_OK) {
		return error;
	}
	target->path = buf;
	target->query = query;
	/* Of the form that is sent: one that went with a dot segment is nobody's any more. */
	target->encoded_slash = strstr(buf, "%2F") != NULL;
	return RULES_TARGET_OK;
}
