/*
 * Frame headers, one octet after the other; payloads are skipped by their length.
 */
#include "gateway/websocket.h"

#include <string.h>

enum { OP_CONTINUATION = 0, OP_BINARY = 2, OP_CLOSE = 8, OP_PONG = 10 };

void websocket_init(struct websocket *w, bool masked, bool extensions)
{
	memset(w, 0, sizeof(*w));
	w->masked = masked;
	w->extensions = extensions;
}

/* How long the header is, as far as its first two octets tell. */
static unsigned header_len(const struct websocket *w)
{
	unsigned length = w->header[1] & 0x7f;

	return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + (w->masked ? 4 : 0);
}

static bool first_octets_fit(const struct websocket *w)
{
	unsigned op = w->header[0] & 0x0f, length = w->header[1] & 0x7f;
	bool final = (w->header[0] & 0x80) != 0, control = op >= OP_CLOSE;

	if ((w->header[0] & 0x70) != 0 && !w->extensions) {
		return false;
	}
	if (((w->header[1] & 0x80) != 0) != w->masked) {
		return false;
	}
	if (control) {
		return op <= OP_PONG && final && length <= 125;
	}
	return op <= OP_BINARY && (op == OP_CONTINUATION) == w->in_message;
}

/* 5.2: the shortest form, and no more than 63 bits. */
static bool read_length(struct websocket *w)
{
	unsigned length = w->header[1] & 0x7f, n = length == 126 ? 2 : 8;

	w->left = length;
	if (length < 126) {
		return true;
	}
	w->left = 0;
	for (unsigned i = 0; i < n; i++) {
		w->left = w->left << 8 | w->header[2 + i];
	}
	return w->left >= (length == 126 ? 126u : 65536u) && w->left >> 63 == 0;
}

static bool take_header(struct websocket *w)
{
	unsigned op = w->header[0] & 0x0f;
	bool final = (w->header[0] & 0x80) != 0;

	if (!read_length(w)) {
		return false;
	}
	w->frames++;
	w->n_header = 0;
	if (op < OP_CLOSE) {
		w->in_message = !final;
		w->messages += final;
	}
	w->closed = op == OP_CLOSE;
	return true;
}

bool websocket_take(struct websocket *w, const uint8_t *data, size_t len)
{
	while (len > 0) {
		if (w->left > 0) {
			size_t n = w->left < len ? (size_t)w->left : len;

			w->left -= n;
			data += n;
			len -= n;
			continue;
		}
		if (w->closed) {
			return false;
		}
		w->header[w->n_header++] = *data++;
		len--;
		if (w->n_header == 2 && !first_octets_fit(w)) {
			return false;
		}
		if (w->n_header >= 2 && w->n_header == header_len(w) && !take_header(w)) {
			return false;
		}
	}
	return true;
}
