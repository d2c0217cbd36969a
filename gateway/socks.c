/*
 * SOCKS messages. Their lengths are inside them, so that each either is whole, or wants more, or is
 * wrong, however it was cut on its way. What the host means is not decided here.
 */
#include "gateway/socks.h"

#include <stdio.h>
#include <string.h>

enum { ADDRESS_V4 = 1, ADDRESS_NAME = 3, ADDRESS_V6 = 4, USER_MAX = 255 };

enum socks_result socks_read_greeting(
	const uint8_t *data, size_t len, struct socks_greeting *ret_greeting, size_t *ret_used)
{
	if (len >= 1 && data[0] != 5) {
		return SOCKS_BAD;
	}
	if (len < 2 || len < 2 + (size_t)data[1]) {
		return SOCKS_MORE;
	}
	memset(ret_greeting, 0, sizeof(*ret_greeting));
	for (size_t i = 0; i < data[1]; i++) {
		ret_greeting->no_authentication |= data[2 + i] == 0;
		ret_greeting->password |= data[2 + i] == 2;
	}
	*ret_used = 2 + (size_t)data[1];
	return data[1] > 0 ? SOCKS_OK : SOCKS_BAD;
}

/* A text behind one octet of length, without NUL. */
static enum socks_result read_text(
	const uint8_t *data, size_t len, size_t at, char *ret_text, size_t *ret_end)
{
	size_t n;

	if (len <= at || len - at - 1 < data[at]) {
		return SOCKS_MORE;
	}
	n = data[at];
	if (n == 0 || memchr(data + at + 1, '\0', n) != NULL) {
		return SOCKS_BAD;
	}
	memcpy(ret_text, data + at + 1, n);
	ret_text[n] = '\0';
	*ret_end = at + 1 + n;
	return SOCKS_OK;
}

enum socks_result socks_read_password(
	const uint8_t *data, size_t len, struct socks_password *ret_password, size_t *ret_used)
{
	enum socks_result result;
	size_t at = 1;

	if (len >= 1 && data[0] != 1) {
		return SOCKS_BAD;
	}
	result = read_text(data, len, at, ret_password->user, &at);
	if (result == SOCKS_OK) {
		result = read_text(data, len, at, ret_password->password, ret_used);
	}
	return result;
}

static void write_v4(const uint8_t *p, char *host, size_t size)
{
	snprintf(host, size, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
}

static void write_v6(const uint8_t *p, char *host, size_t size)
{
	size_t n = 0;

	for (int i = 0; i < 8; i++) {
		n += (size_t)snprintf(host + n, size - n, "%s%x", i == 0 ? "[" : ":",
			p[2 * i] << 8 | p[2 * i + 1]);
	}
	snprintf(host + n, size - n, "]");
}

static uint16_t read_port(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

enum socks_result socks_read_request(
	const uint8_t *data, size_t len, struct socks_request *ret_request, size_t *ret_used)
{
	size_t end;

	if ((len >= 1 && data[0] != 5) || (len >= 3 && data[2] != 0)) {
		return SOCKS_BAD;
	}
	if (len < 4) {
		return SOCKS_MORE;
	}
	if (data[3] == ADDRESS_NAME) {
		enum socks_result result = read_text(data, len, 4, ret_request->host, &end);

		if (result != SOCKS_OK) {
			return result;
		}
	} else if (data[3] == ADDRESS_V4 || data[3] == ADDRESS_V6) {
		end = 4 + (data[3] == ADDRESS_V4 ? 4 : 16);
	} else {
		return SOCKS_BAD;
	}
	if (len < end + 2) {
		return SOCKS_MORE;
	}
	if (data[3] == ADDRESS_V4) {
		write_v4(data + 4, ret_request->host, sizeof(ret_request->host));
	} else if (data[3] == ADDRESS_V6) {
		write_v6(data + 4, ret_request->host, sizeof(ret_request->host));
	}
	ret_request->command = data[1];
	ret_request->port = read_port(data + end);
	*ret_used = end + 2;
	return SOCKS_OK;
}

/* A text that ends in NUL, at most `max` octets of it. */
static enum socks_result find_end(
	const uint8_t *data, size_t len, size_t at, size_t max, size_t *ret_end)
{
	size_t n = len - at < max + 1 ? len - at : max + 1;
	const uint8_t *nul = memchr(data + at, '\0', n);

	if (nul == NULL) {
		return n > max ? SOCKS_BAD : SOCKS_MORE;
	}
	*ret_end = (size_t)(nul - data) + 1;
	return SOCKS_OK;
}

enum socks_result socks_read_request4(
	const uint8_t *data, size_t len, struct socks_request *ret_request, size_t *ret_used)
{
	enum socks_result result;
	size_t user_end, end;
	bool named;

	if (len >= 1 && data[0] != 4) {
		return SOCKS_BAD;
	}
	if (len < 9) {
		return SOCKS_MORE;
	}
	result = find_end(data, len, 8, USER_MAX, &user_end);
	if (result != SOCKS_OK) {
		return result;
	}
	/* 4a: an address that cannot be, 0.0.0.x, says that a name follows. */
	named = data[4] == 0 && data[5] == 0 && data[6] == 0 && data[7] != 0;
	end = user_end;
	if (named) {
		result = find_end(data, len, user_end, 255, &end);
		if (result != SOCKS_OK) {
			return result;
		}
		if (end - user_end == 1) {
			return SOCKS_BAD;
		}
		memcpy(ret_request->host, data + user_end, end - user_end);
	} else {
		write_v4(data + 4, ret_request->host, sizeof(ret_request->host));
	}
	ret_request->command = data[1];
	ret_request->port = read_port(data + 2);
	*ret_used = end;
	return SOCKS_OK;
}

size_t socks_write_reply(uint8_t version, enum socks_reply reply, uint8_t buf[10])
{
	memset(buf, 0, 10);
	if (version == 4) {
		buf[1] = reply == SOCKS_GRANTED ? 90 : 91;
		return 8;
	}
	/* The bound address tells nothing to a client of ours: 0.0.0.0:0. */
	buf[0] = 5;
	buf[1] = (uint8_t)reply;
	buf[3] = ADDRESS_V4;
	return 10;
}
