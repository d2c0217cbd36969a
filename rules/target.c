/*
 * Where does a text want to go? Scheme, host and port in their one canonical form. The path is
 * path.c's. Forms that two readers could read differently are refused, not repaired.
 */
#include "rules/target.h"
#include "rules/text.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *word, *sentence;
} errors[] = {
	{"ok", "well-formed"},
	{"scheme", "only http and https are known here"},
	{"userinfo", "a user name or password has no place in a target"},
	{"host", "the host is neither a DNS name nor an address in its usual form"},
	{"port", "the port is not a number from 1 to 65535"},
	{"path", "the path holds a byte that no path may hold"},
	{"encoding", "a percent-encoding is broken, doubled or not UTF-8"},
	{"backslash", "a backslash, plain or encoded, is read as a slash by some"},
	{"control", "a control character, plain or encoded"},
	{"dots", "dot segments climb out of the root or hide behind an encoded slash"},
	{"fragment", "a fragment has no place in a request"},
	{"too-long", "the target is too long"},
};

static size_t index_of(int error)
{
	size_t n = (size_t)-error;

	return error <= 0 && n < sizeof(errors) / sizeof(errors[0]) ? n : 5;
}

const char *rules_target_strerror(int error)
{
	return errors[index_of(error)].sentence;
}

const char *rules_target_word(int error)
{
	return errors[index_of(error)].word;
}

uint16_t rules_default_port(enum rules_scheme scheme)
{
	return scheme == RULES_HTTPS ? 443 : scheme == RULES_HTTP ? 80 : 0;
}

const char *rules_scheme_name(enum rules_scheme scheme)
{
	switch (scheme) {
	case RULES_HTTP: return "http";
	case RULES_HTTPS: return "https";
	case RULES_TCP: return "tcp";
	case RULES_SCHEME_NONE: break;
	}
	return "none";
}

/* ---- addresses ---- */

/* "203.0.113.9": four decimal numbers without leading zeros, nothing else (no 0x7f.1, no 127.1). */
static bool read_v4(const char *text, size_t len, uint8_t bytes[4])
{
	size_t at = 0;

	for (int i = 0; i < 4; i++) {
		unsigned value = 0, digits = 0;

		if (i > 0 && (at >= len || text[at++] != '.')) {
			return false;
		}
		while (at < len && text_is_digit(text[at])) {
			if (digits > 0 && value == 0) {
				return false;
			}
			value = value * 10 + (unsigned)(text[at++] - '0');
			if (++digits > 3 || value > 255) {
				return false;
			}
		}
		if (digits == 0) {
			return false;
		}
		bytes[i] = (uint8_t)value;
	}
	return at == len;
}

static bool read_group(const char *text, size_t len, size_t *at, unsigned *ret_value)
{
	unsigned value = 0, digits = 0;

	while (*at < len && text_hex(text[*at]) >= 0 && digits < 4) {
		value = value << 4 | (unsigned)text_hex(text[(*at)++]);
		digits++;
	}
	*ret_value = value;
	return digits > 0;
}

/* RFC 4291 section 2.2, without zone. */
static bool read_v6(const char *text, size_t len, uint8_t bytes[16])
{
	uint8_t groups[16] = {0};
	size_t at = 0, n = 0, gap = 16;

	if (len >= 2 && text[0] == ':') {
		if (text[1] != ':') {
			return false;
		}
		gap = 0;
		at = 2;
	}
	while (at < len) {
		unsigned value;
		size_t begin = at;

		if (n >= 16) {
			return false;
		}
		if (!read_group(text, len, &at, &value)) {
			return false;
		}
		if (at < len && text[at] == '.') {
			if (n > 12 || !read_v4(text + begin, len - begin, groups + n)) {
				return false;
			}
			n += 4;
			at = len;
			break;
		}
		groups[n++] = (uint8_t)(value >> 8);
		groups[n++] = (uint8_t)value;
		if (at == len) {
			break;
		}
		if (text[at++] != ':' || at == len + 1) {
			return false;
		}
		if (at < len && text[at] == ':') {
			if (gap != 16) {
				return false;
			}
			gap = n;
			at++;
		} else if (at == len) {
			return false; /* ends in a single colon */
		}
	}
	if (gap == 16) {
		if (n != 16) {
			return false;
		}
		memcpy(bytes, groups, 16);
		return true;
	}
	if (n > 14) {
		return false;
	}
	memset(bytes, 0, 16);
	memcpy(bytes, groups, gap);
	memcpy(bytes + 16 - (n - gap), groups + gap, n - gap);
	return true;
}

/* RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups as "::". */
static void write_v6(const uint8_t b[16], char *out)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	int best = -1, best_len = 1, at = 0;

	if (memcmp(b, mapped, 12) == 0) {
		sprintf(out, "::ffff:%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
		return;
	}
	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && b[2 * (i + n)] == 0 && b[2 * (i + n) + 1] == 0) {
			n++;
		}
		if (n > best_len) {
			best = i;
			best_len = n;
		}
	}
	for (int i = 0; i < 8;) {
		if (i == best) {
			at += sprintf(out + at, "::");
			i += best_len;
			continue;
		}
		at += sprintf(out + at, "%s%x", at > 0 && out[at - 1] != ':' ? ":" : "",
			(unsigned)b[2 * i] << 8 | b[2 * i + 1]);
		i++;
	}
	out[at] = '\0';
}

/* ---- names ---- */

static bool ends_in_number(const char *host, size_t len)
{
	size_t begin = len;

	while (begin > 0 && host[begin - 1] != '.') {
		begin--;
	}
	/* The URL standard reads such a host as an IPv4 address, others as a name. */
	if (len - begin >= 2 && host[begin] == '0' && host[begin + 1] == 'x') {
		return true;
	}
	for (size_t i = begin; i < len; i++) {
		if (!text_is_digit(host[i])) {
			return false;
		}
	}
	return true;
}

/* LDH labels and "_", lower-cased (RFC 952, 1123, 5890; "_" is common in service names). */
static int read_name(const char *text, size_t len, char *out)
{
	size_t label = 0;

	if (len > 0 && text[len - 1] == '.') {
		len--;
	}
	if (len == 0 || len > 253) {
		return RULES_TARGET_EHOST;
	}
	for (size_t i = 0; i < len; i++) {
		char c = text_lower(text[i]);
		bool inner = (c >= 'a' && c <= 'z') || text_is_digit(c) || c == '_';

		if (c == '.') {
			if (label == 0 || text[i - 1] == '-') {
				return RULES_TARGET_EHOST;
			}
			label = 0;
		} else if (!inner && (c != '-' || label == 0)) {
			return RULES_TARGET_EHOST;
		} else if (++label > 63) {
			return RULES_TARGET_EHOST;
		}
		out[i] = c;
	}
	out[len] = '\0';
	if (label == 0 || out[len - 1] == '-' || ends_in_number(out, len)) {
		return RULES_TARGET_EHOST;
	}
	return RULES_TARGET_OK;
}

static int read_host(
	const char *text, size_t len, char ret_host[RULES_HOST_MAX], bool *ret_is_address)
{
	uint8_t bytes[16];
	char host[RULES_HOST_MAX];
	int error;

	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		if (!read_v6(text + 1, len - 2, bytes)) {
			return RULES_TARGET_EHOST;
		}
		write_v6(bytes, ret_host);
		*ret_is_address = true;
		return RULES_TARGET_OK;
	}
	if (read_v4(text, len, bytes)) {
		sprintf(ret_host, "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
		*ret_is_address = true;
		return RULES_TARGET_OK;
	}
	error = read_name(text, len, host);
	if (error == RULES_TARGET_OK) {
		strcpy(ret_host, host);
		*ret_is_address = false;
	}
	return error;
}

int text_port(const char *text, size_t len, uint16_t *ret_port)
{
	unsigned value = 0;

	if (len == 0 || len > 5 || text[0] == '0') {
		return RULES_TARGET_EPORT;
	}
	for (size_t i = 0; i < len; i++) {
		if (!text_is_digit(text[i])) {
			return RULES_TARGET_EPORT;
		}
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	if (value > 65535) {
		return RULES_TARGET_EPORT;
	}
	*ret_port = (uint16_t)value;
	return RULES_TARGET_OK;
}

int rules_authority(const char *text, size_t len, char ret_host[RULES_HOST_MAX],
	bool *ret_is_address, uint16_t *ret_port)
{
	size_t host_len = len;
	const char *colon;
	uint16_t port = 0;
	int error;

	if (memchr(text, '@', len) != NULL) {
		return RULES_TARGET_EUSERINFO;
	}
	if (len > 0 && text[0] == '[') {
		const char *end = memchr(text, ']', len);

		host_len = end != NULL ? (size_t)(end - text) + 1 : 0;
		colon = host_len > 0 && host_len < len ? text + host_len : NULL;
		if (host_len == 0 || (colon != NULL && *colon != ':')) {
			return RULES_TARGET_EHOST;
		}
	} else {
		colon = memchr(text, ':', len);
		host_len = colon != NULL ? (size_t)(colon - text) : len;
	}
	if (colon != NULL) {
		error = text_port(colon + 1, len - host_len - 1, &port);
		if (error != RULES_TARGET_OK) {
			return error;
		}
	}
	error = read_host(text, host_len, ret_host, ret_is_address);
	if (error == RULES_TARGET_OK) {
		*ret_port = port;
	}
	return error;
}

static bool has_prefix(const char *text, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	if (len < n) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (text_lower(text[i]) != prefix[i]) {
			return false;
		}
	}
	return true;
}

int rules_target_from_url(
	const char *url, size_t len, struct rules_target *ret_target, char *buf, size_t size)
{
	struct rules_target target = {0};
	char host[RULES_HOST_MAX];
	size_t skip, authority, host_len;
	int error;

	if (has_prefix(url, len, "https://")) {
		target.scheme = RULES_HTTPS;
		skip = 8;
	} else if (has_prefix(url, len, "http://")) {
		target.scheme = RULES_HTTP;
		skip = 7;
	} else {
		return RULES_TARGET_ESCHEME;
	}
	for (authority = 0;
		skip + authority < len && strchr("/?#", url[skip + authority]) == NULL;) {
		authority++;
	}
	error = rules_authority(url + skip, authority, host, &target.host_is_address, &target.port);
	if (error != RULES_TARGET_OK) {
		return error;
	}
	if (target.port == 0) {
		target.port = rules_default_port(target.scheme);
	}
	host_len = strlen(host) + 1;
	if (size < host_len + 2) {
		return RULES_TARGET_ETOOLONG;
	}
	memcpy(buf, host, host_len);
	target.host = buf;
	skip += authority;
	if (skip < len && url[skip] == '/') {
		error = rules_path(
			url + skip, len - skip, &target, buf + host_len, size - host_len);
	} else if (skip == len) {
		error = rules_path("/", 1, &target, buf + host_len, size - host_len);
	} else {
		error = url[skip] == '#' ? RULES_TARGET_EFRAGMENT : RULES_TARGET_EPATH;
	}
	if (error == RULES_TARGET_OK) {
		*ret_target = target;
	}
	return error;
}
