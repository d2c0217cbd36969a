/*
 * The proxy's URL in parts, and the list of hosts that do without it.
 */
#include "gateway/upstream_proxy.h"

#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USER_MAX = 512 };

static int hex(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
		return (c | 0x20) - 'a' + 10;
	}
	return -1;
}

/* Percent-decodes; false when it does not fit, or would hold a control character. */
static bool decode(const char *text, size_t len, char *out, size_t size, size_t *ret_len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)text[i];

		if (c == '%') {
			int high = i + 2 < len + 0 ? hex(text[i + 1]) : -1;
			int low = high >= 0 ? hex(text[i + 2]) : -1;

			if (low < 0) {
				return false;
			}
			c = high << 4 | low;
			i += 2;
		}
		if (c < ' ' || c == 0x7f || n + 1 >= size) {
			return false;
		}
		out[n++] = (char)c;
	}
	out[n] = '\0';
	*ret_len = n;
	return true;
}

/* RFC 4648 section 4. */
static void base64(const char *data, size_t len, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)data;

	for (size_t i = 0; i < len; i += 3) {
		unsigned group = (unsigned)p[i] << 16;

		group |= i + 1 < len ? (unsigned)p[i + 1] << 8 : 0;
		group |= i + 2 < len ? p[i + 2] : 0;
		*out++ = digits[group >> 18];
		*out++ = digits[group >> 12 & 63];
		*out++ = i + 1 < len ? digits[group >> 6 & 63] : '=';
		*out++ = i + 2 < len ? digits[group & 63] : '=';
	}
	*out = '\0';
}

/* "user:password" as RFC 7617 has it; a user alone has an empty password. */
static bool authorize(struct upstream_proxy *p, const char *user, size_t len)
{
	char plain[USER_MAX];
	size_t n;

	/* The URL's first colon parts them, so it is found before anything is decoded. */
	if (!decode(user, len, plain, sizeof(plain) - 1, &n)) {
		return false;
	}
	if (memchr(user, ':', len) == NULL) {
		if (strchr(plain, ':') != NULL) {
			return false;
		}
		plain[n++] = ':';
		plain[n] = '\0';
	}
	memcpy(p->authorization, "Basic ", 6);
	base64(plain, n, p->authorization + 6);
	return true;
}

int upstream_proxy_init(struct upstream_proxy *p, const char *url, const char *no_proxy)
{
	const char *at, *user_end;
	bool is_address;
	size_t len;

	memset(p, 0, sizeof(*p));
	if (strncmp(url, "http://", 7) != 0) {
		return -1;
	}
	at = url + 7;
	len = strcspn(at, "/?#");
	if (strcmp(at + len, "") != 0 && strcmp(at + len, "/") != 0) {
		return -1;
	}
	user_end = memchr(at, '@', len);
	if (user_end != NULL) {
		if (!authorize(p, at, (size_t)(user_end - at))) {
			return -1;
		}
		len -= (size_t)(user_end + 1 - at);
		at = user_end + 1;
	}
	if (rules_authority(at, len, p->host, &is_address, &p->port) != RULES_TARGET_OK) {
		return -1;
	}
	p->port = p->port != 0 ? p->port : 80;
	p->no_proxy = strdup(no_proxy != NULL ? no_proxy : "");
	return p->no_proxy != NULL ? 0 : -1;
}

void upstream_proxy_finish(struct upstream_proxy *p)
{
	free(p->no_proxy);
	memset(p, 0, sizeof(*p));
}

/* ---- NO_PROXY ---- */

static int address_bytes(const char *text, unsigned char bytes[16])
{
	if (evutil_inet_pton(AF_INET, text, bytes) == 1) {
		return 4;
	}
	return evutil_inet_pton(AF_INET6, text, bytes) == 1 ? 16 : 0;
}

/* "10.0.0.0/8", "2001:db8::/32", or one address. */
static bool network_has(const char *network, const char *host)
{
	unsigned char net[16] = {0}, address[16] = {0};
	char text[64];
	size_t len = strcspn(network, "/");
	int n, bits, n_host = address_bytes(host, address);

	snprintf(text, sizeof(text), "%.*s", (int)(len < 63 ? len : 63), network);
	n = address_bytes(text, net);
	if (n == 0 || n != n_host) {
		return false;
	}
	bits = network[len] == '/' ? atoi(network + len + 1) : n * 8;
	if (bits < 0 || bits > n * 8) {
		return false;
	}
	for (int i = 0; i < bits; i++) {
		if (((net[i / 8] ^ address[i / 8]) >> (7 - i % 8) & 1) != 0) {
			return false;
		}
	}
	return true;
}

static bool ends_with(const char *host, const char *suffix)
{
	size_t n_host = strlen(host), n = strlen(suffix);

	return n_host > n && host[n_host - n - 1] == '.' &&
	       evutil_ascii_strcasecmp(host + n_host - n, suffix) == 0;
}

/* One entry: "*", a name with or without leading dot (its subdomains too), an address, a network;
 * each but the last two may have ":port". */
static bool entry_has(char *entry, const char *host, uint16_t port)
{
	char *colon = strrchr(entry, ':');

	if (strcmp(entry, "*") == 0 || network_has(entry, host)) {
		return true;
	}
	if (colon != NULL && strchr(entry, ':') == colon) {
		if (atoi(colon + 1) != port) {
			return false;
		}
		*colon = '\0';
	}
	entry += strncmp(entry, "*.", 2) == 0 ? 2 : entry[0] == '.' ? 1 : 0;
	return evutil_ascii_strcasecmp(entry, host) == 0 || ends_with(host, entry);
}

bool upstream_proxy_covers(const struct upstream_proxy *p, const char *host, uint16_t port)
{
	const char *at = p->no_proxy;

	while (*at != '\0') {
		size_t len = strcspn(at, ", \t");
		char entry[300];

		if (len > 0 && len < sizeof(entry)) {
			memcpy(entry, at, len);
			entry[len] = '\0';
			if (entry_has(entry, host, port)) {
				return false;
			}
		}
		at += len + (at[len] != '\0');
	}
	return true;
}
