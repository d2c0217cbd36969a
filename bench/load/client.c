/*
 * One connection of the load generator. Each step goes on until the socket would block; an answer
 * other than 200 with a Content-Length is a failure, so that a refusal is never counted as work.
 */
#include "bench/load/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static unsigned char upload[65536];

static void on_event(evutil_socket_t fd, short what, void *arg);

static void wait_for(struct client *c, short what)
{
	event_del(c->event);
	event_assign(c->event, c->load->base, c->wire.fd, what, on_event, c);
	event_add(c->event, NULL);
}

void client_close(struct client *c)
{
	if (c->state != CLIENT_UNCONNECTED) {
		event_free(c->event);
		wire_finish(&c->wire);
		c->state = CLIENT_UNCONNECTED;
	}
}

static void fail(struct client *c)
{
	static const char *const doing[] = {"", "connecting", "asking the proxy",
		"hearing the proxy", "in the handshake", "idle", "asking", "being answered"};
	bool under_way = c->state != CLIENT_IDLE;

	if (under_way && c->load->first_failure == NULL) {
		c->load->first_failure = doing[c->state];
	}
	client_close(c);
	if (under_way) {
		load_ended(c->load, c, false, c->since);
	}
}

/* ---- connecting ---- */

static int connect_begin(struct client *c)
{
	const struct load_options *o = &c->load->options;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		return WIRE_FAILED;
	}
	c->requests = 0;
	c->in_len = 0;
	c->out_sent = 0;
	c->state = CLIENT_CONNECTING;
	c->event = event_new(c->load->base, fd, EV_WRITE, on_event, c);
	if (wire_init(&c->wire, fd, NULL) != 0 || c->event == NULL ||
		(connect(fd, (const struct sockaddr *)&o->at, sizeof(o->at)) != 0 &&
			errno != EINPROGRESS)) {
		return WIRE_FAILED;
	}
	return WIRE_WANT_WRITE;
}

static int secure(struct client *c)
{
	struct load *l = c->load;
	char name[256];

	if (l->options.plain) {
		c->state = CLIENT_WRITES;
		return 0;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(strrchr(l->options.host, ':') - l->options.host),
		l->options.host);
	if (wire_secure(&c->wire, &l->config) != 0 ||
		mbedtls_ssl_set_hostname(&c->wire.ssl, name) != 0 ||
		(l->has_session && mbedtls_ssl_set_session(&c->wire.ssl, &l->session) != 0)) {
		return WIRE_FAILED;
	}
	c->state = CLIENT_SHAKES_HANDS;
	return 0;
}

static ssize_t ask_proxy(struct client *c)
{
	const struct load *l = c->load;
	ssize_t n = wire_write(&c->wire, l->connect + c->out_sent, l->connect_len - c->out_sent);

	if (n <= 0) {
		return n;
	}
	c->out_sent += (size_t)n;
	if (c->out_sent == l->connect_len) {
		c->state = CLIENT_HEARS_PROXY;
	}
	return 0;
}

static ssize_t read_head(struct client *c, bool *ret_ticket)
{
	ssize_t n =
		wire_read(&c->wire, c->in + c->in_len, sizeof(c->in) - 1 - c->in_len, ret_ticket);

	if (n <= 0) {
		return n == WIRE_END ? WIRE_FAILED : n;
	}
	c->in_len += (size_t)n;
	c->in[c->in_len] = '\0';
	return 0;
}

static ssize_t hear_proxy(struct client *c)
{
	ssize_t status = read_head(c, NULL);

	if (status != 0) {
		return status;
	}
	if (strstr(c->in, "\r\n\r\n") == NULL) {
		return 0;
	}
	if (c->in_len < 12 || memcmp(c->in + 9, "200", 3) != 0) {
		return WIRE_FAILED;
	}
	c->in_len = 0;
	return secure(c);
}

static void keep_session(struct client *c)
{
	struct load *l = c->load;

	if (!l->options.resume) {
		return;
	}
	mbedtls_ssl_session_free(&l->session);
	mbedtls_ssl_session_init(&l->session);
	l->has_session = mbedtls_ssl_get_session(&c->wire.ssl, &l->session) == 0;
}

static int shake_hands(struct client *c)
{
	struct load *l = c->load;
	int status = wire_handshake(&c->wire);

	if (status != 0) {
		return status;
	}
	l->handshakes++;
	snprintf(l->version, sizeof(l->version), "%s", mbedtls_ssl_get_version(&c->wire.ssl));
	snprintf(l->suite, sizeof(l->suite), "%s", mbedtls_ssl_get_ciphersuite(&c->wire.ssl));
	if (strcmp(l->version, "TLSv1.2") == 0) {
		keep_session(c);
	}
	c->state = CLIENT_WRITES;
	c->out_sent = 0;
	c->in_len = 0;
	c->head_seen = false;
	return 0;
}

/* ---- a request and its answer ---- */

static ssize_t write_request(struct client *c)
{
	const struct load *l = c->load;
	uint64_t all = l->head_len + l->options.upload, left = all - c->out_sent;
	unsigned char first[16384];
	size_t head = c->out_sent < l->head_len ? l->head_len - c->out_sent : 0, len;
	ssize_t n;

	if (head > 0) { /* with what fits of the body, as clients do */
		memcpy(first, l->head + c->out_sent, head);
		len = left < sizeof(first) ? (size_t)left : sizeof(first);
		memset(first + head, 'u', len - head);
		n = wire_write(&c->wire, first, len);
	} else {
		len = left < sizeof(upload) ? (size_t)left : sizeof(upload);
		n = wire_write(&c->wire, upload, len);
	}
	if (n <= 0) {
		return n;
	}
	c->out_sent += (size_t)n;
	if (c->out_sent == all) {
		c->state = CLIENT_READS;
	}
	return 0;
}

static int parse_answer(struct client *c)
{
	char *end = strstr(c->in, "\r\n\r\n"), *length;
	size_t body;

	if (end == NULL) {
		return c->in_len + 1 < sizeof(c->in) ? 0 : WIRE_FAILED;
	}
	end[2] = '\0';
	length = strcasestr(c->in, "\r\ncontent-length:");
	if (memcmp(c->in + 9, "200", 3) != 0 || length == NULL) {
		return WIRE_FAILED;
	}
	c->ends = strcasestr(c->in, "\r\nconnection: close") != NULL;
	c->body_left = strtoull(length + 17, NULL, 10);
	body = c->in_len - (size_t)(end + 4 - c->in);
	if (body > c->body_left) {
		return WIRE_FAILED;
	}
	c->load->bytes_in += body;
	c->body_left -= body;
	c->head_seen = true;
	return 0;
}

static ssize_t finish_request(struct client *c)
{
	struct load *l = c->load;
	double since = c->since;

	c->requests++;
	c->state = CLIENT_IDLE;
	l->bytes_out += l->options.upload;
	if (c->ends || (l->options.per_connection > 0 && !l->warming &&
			       c->requests >= l->options.per_connection)) {
		client_close(c);
	}
	load_ended(l, c, true, since);
	return c->state == CLIENT_UNCONNECTED ? WIRE_END : 0;
}

static ssize_t read_answer(struct client *c)
{
	static unsigned char sink[65536];
	bool ticket = false;
	ssize_t n;

	if (!c->head_seen) {
		n = read_head(c, &ticket);
		n = n == 0 ? parse_answer(c) : n;
	} else {
		size_t most = c->body_left < sizeof(sink) ? (size_t)c->body_left : sizeof(sink);

		n = wire_read(&c->wire, sink, most, &ticket);
		if (n > 0) {
			c->body_left -= (uint64_t)n;
			c->load->bytes_in += (uint64_t)n;
		}
		n = n > 0 ? 0 : n == WIRE_END ? WIRE_FAILED : n;
	}
	if (ticket) {
		keep_session(c);
	}
	return n == 0 && c->head_seen && c->body_left == 0 ? finish_request(c) : n;
}

/* An idle connection hears nothing but tickets and its end. */
static ssize_t listen_idle(struct client *c)
{
	unsigned char byte;
	bool ticket = false;
	ssize_t n = wire_read(&c->wire, &byte, 1, &ticket);

	if (ticket) {
		keep_session(c);
	}
	return n >= 0 ? WIRE_FAILED : n;
}

static ssize_t step(struct client *c)
{
	const struct load_options *o = &c->load->options;

	switch (c->state) {
	case CLIENT_CONNECTING:
		if (o->proxy) {
			c->state = CLIENT_ASKS_PROXY;
			return 0;
		}
		return secure(c);
	case CLIENT_ASKS_PROXY: return ask_proxy(c);
	case CLIENT_HEARS_PROXY: return hear_proxy(c);
	case CLIENT_SHAKES_HANDS: return shake_hands(c);
	case CLIENT_WRITES: return write_request(c);
	case CLIENT_READS: return read_answer(c);
	case CLIENT_IDLE: return listen_idle(c);
	default: return WIRE_END;
	}
}

static void run(struct client *c)
{
	ssize_t status = 0;

	for (int i = 0; status == 0 && i < 256; i++) {
		status = step(c);
	}
	if (c->state == CLIENT_UNCONNECTED) { /* ended with its request */
		return;
	}
	if (status == WIRE_FAILED) {
		fail(c);
		return;
	}
	wait_for(c, status == WIRE_WANT_READ ? EV_READ : EV_WRITE);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	run(arg);
}

void client_go(struct client *c)
{
	if (!load_take(c->load, &c->since)) {
		return;
	}
	c->head_seen = false;
	c->ends = false;
	c->in_len = 0;
	c->out_sent = 0;
	if (c->state == CLIENT_UNCONNECTED) {
		if (connect_begin(c) == WIRE_FAILED) {
			fail(c);
			return;
		}
		wait_for(c, EV_WRITE);
		return;
	}
	c->state = CLIENT_WRITES;
	wait_for(c, EV_WRITE);
}
