/*
 * An origin for measurements: bench_origin CERT_AND_KEY.PEM PORT [no-tickets] [plain].
 *
 *   GET .../bytes/N      N bytes
 *   PUT, POST            the body is read and forgotten, 2 bytes are answered
 *   .../close/...        the connection ends after the answer
 *   GET /count           how many connections, of them resumed, and requests there were, in JSON
 *
 * Loopback only, one thread, until it is killed. It trusts its clients: it is no server.
 */
#include "bench/wire/wire.h"

#include <event2/event.h>
#include <mbedtls/ssl_ticket.h>
#include <netinet/in.h>
#include <psa/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD = 8192, CHUNK = 65536 };

struct server {
	struct event_base *base;
	mbedtls_ssl_config config;
	mbedtls_ssl_ticket_context tickets;
	mbedtls_x509_crt cert;
	mbedtls_pk_context key;
	bool plain;
	unsigned long long connections, resumed, requests;
};

struct client {
	struct server *server;
	struct wire wire;
	struct event *event; /* owned */
	bool shaken, answering, last;
	char in[HEAD];
	size_t in_len;
	uint64_t body_left; /* of the request */
	char head[512];
	size_t head_len, head_sent;
	uint64_t out_left; /* of the answer's body */
};

static unsigned char zeros[CHUNK];

static int any_bytes(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	return psa_generate_random(out, len) == PSA_SUCCESS ? 0 : -1;
}

static void client_destroy(struct client *c)
{
	event_free(c->event);
	wire_finish(&c->wire);
	free(c);
}

/* ---- one request ---- */

static uint64_t length_of_body(const char *head)
{
	for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, "content-length:", 15) == 0) {
			return strtoull(line + 15, NULL, 10);
		}
	}
	return 0;
}

static void answer(struct client *c)
{
	char *line_end = strstr(c->in, "\r\n"), *bytes;

	*line_end = '\0';
	bytes = strstr(c->in, "/bytes/");
	c->last = strstr(c->in, "/close/") != NULL;
	c->out_left = c->in[0] == 'G' && bytes != NULL ? strtoull(bytes + 7, NULL, 10) : 2;
	*line_end = '\r';
	c->head_len = (size_t)snprintf(c->head, sizeof(c->head),
		"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
		"Content-Length: %llu\r\n%s\r\n",
		(unsigned long long)c->out_left, c->last ? "Connection: close\r\n" : "");
	c->head_sent = 0;
	c->answering = true;
}

/* How it was used, this connection included: what a proxy really did is seen here. */
static void answer_count(struct client *c)
{
	const struct server *s = c->server;
	char body[200];
	int len = snprintf(body, sizeof(body),
		"{\"connections\": %llu, \"resumed\": %llu, \"requests\": %llu}", s->connections,
		s->resumed, s->requests);

	c->out_left = 0;
	c->head_len = (size_t)snprintf(c->head, sizeof(c->head),
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		len, body);
}

/* Takes a whole head out of what was read; false when there is none yet. */
static bool take_head(struct client *c)
{
	char *end;
	size_t head, body;

	c->in[c->in_len] = '\0';
	end = strstr(c->in, "\r\n\r\n");
	if (end == NULL) {
		return false;
	}
	c->body_left = length_of_body(c->in);
	c->server->requests++;
	answer(c);
	if (strncmp(c->in, "GET /count ", 11) == 0) {
		answer_count(c);
	}
	head = (size_t)(end - c->in) + 4;
	body = c->in_len - head < c->body_left ? c->in_len - head : (size_t)c->body_left;
	c->body_left -= body;
	c->in_len -= head + body;
	memmove(c->in, c->in + head + body, c->in_len);
	return true;
}

/* ---- turns: each returns 0 to go on, or a WIRE_ word ---- */

static ssize_t turn_read(struct client *c)
{
	static unsigned char sink[CHUNK];
	ssize_t n;

	if (c->answering) { /* its body comes first */
		size_t most = c->body_left < sizeof(sink) ? (size_t)c->body_left : sizeof(sink);

		n = wire_read(&c->wire, sink, most, NULL);
		c->body_left -= n > 0 ? (uint64_t)n : 0;
		return n == WIRE_END ? WIRE_FAILED : n > 0 ? 0 : n;
	}
	if (take_head(c)) {
		return 0;
	}
	n = wire_read(&c->wire, c->in + c->in_len, sizeof(c->in) - 1 - c->in_len, NULL);
	c->in_len += n > 0 ? (size_t)n : 0;
	return n == WIRE_END ? WIRE_FAILED : n > 0 ? 0 : n;
}

static ssize_t turn_write(struct client *c)
{
	unsigned char first[16384];
	size_t head = c->head_len - c->head_sent, most = head > 0 ? sizeof(first) - head : CHUNK;
	size_t body = c->out_left < most ? (size_t)c->out_left : most;
	ssize_t n;

	/* TLS wants the same bytes again after WANT_WRITE: they are made anew, and alike. */
	if (head > 0) {
		memcpy(first, c->head + c->head_sent, head);
		memset(first + head, 0, body);
	}
	n = wire_write(&c->wire, head > 0 ? first : zeros, head + body);
	if (n <= 0) {
		return n == WIRE_END ? WIRE_FAILED : n;
	}
	if ((size_t)n < head) {
		c->head_sent += (size_t)n;
		return 0;
	}
	c->head_sent = c->head_len;
	c->out_left -= (size_t)n - head;
	if (c->out_left == 0) {
		c->answering = false;
		return c->last ? WIRE_FAILED : 0;
	}
	return 0;
}

static ssize_t turn(struct client *c)
{
	int status;

	if (!c->shaken) {
		status = wire_handshake(&c->wire);
		c->shaken = status == 0;
		return status;
	}
	return !c->answering || c->body_left > 0 ? turn_read(c) : turn_write(c);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	ssize_t status = 0;

	(void)what;
	for (int i = 0; status == 0 && i < 64; i++) {
		status = turn(c);
	}
	if (status == WIRE_FAILED) {
		client_destroy(c);
		return;
	}
	event_del(c->event);
	event_assign(c->event, c->server->base, fd, status == WIRE_WANT_READ ? EV_READ : EV_WRITE,
		on_event, c);
	event_add(c->event, NULL);
}

static void on_client(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	int accepted;

	(void)what;
	while ((accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct client *c = calloc(1, sizeof(*c));

		if (c == NULL) {
			close(accepted);
			return;
		}
		c->server = s;
		s->connections++;
		c->event = event_new(s->base, accepted, EV_READ, on_event, c);
		if (wire_init(&c->wire, accepted, s->plain ? NULL : &s->config) != 0 ||
			c->event == NULL || event_add(c->event, NULL) != 0) {
			client_destroy(c);
		}
	}
}

/* ---- start ---- */

static int parse_ticket(void *arg, mbedtls_ssl_session *session, unsigned char *buf, size_t len)
{
	struct server *s = arg;
	int status = mbedtls_ssl_ticket_parse(&s->tickets, session, buf, len);

	s->resumed += status == 0;
	return status;
}

static int write_ticket(void *arg, const mbedtls_ssl_session *session, unsigned char *start,
	const unsigned char *end, size_t *ret_len, uint32_t *ret_lifetime)
{
	struct server *s = arg;

	return mbedtls_ssl_ticket_write(&s->tickets, session, start, end, ret_len, ret_lifetime);
}

static int set_up_tls(struct server *s, const char *pem, bool tickets)
{
	static const char *alpn[] = {"http/1.1", NULL};

	mbedtls_x509_crt_init(&s->cert);
	mbedtls_pk_init(&s->key);
	mbedtls_ssl_config_init(&s->config);
	mbedtls_ssl_ticket_init(&s->tickets);
	if (psa_crypto_init() != PSA_SUCCESS || mbedtls_x509_crt_parse_file(&s->cert, pem) != 0 ||
		mbedtls_pk_parse_keyfile(&s->key, pem, NULL, any_bytes, NULL) != 0 ||
		mbedtls_ssl_config_defaults(&s->config, MBEDTLS_SSL_IS_SERVER,
			MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0 ||
		mbedtls_ssl_conf_own_cert(&s->config, &s->cert, &s->key) != 0 ||
		mbedtls_ssl_conf_alpn_protocols(&s->config, alpn) != 0) {
		return -1;
	}
	mbedtls_ssl_conf_rng(&s->config, any_bytes, NULL);
	mbedtls_ssl_conf_ciphersuites(&s->config, wire_suites_taken);
	mbedtls_ssl_conf_session_tickets(
		&s->config, tickets ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED
				    : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
	if (!tickets) {
		return 0;
	}
	mbedtls_ssl_conf_session_tickets_cb(&s->config, write_ticket, parse_ticket, s);
	return mbedtls_ssl_ticket_setup(
		&s->tickets, any_bytes, NULL, MBEDTLS_CIPHER_AES_128_GCM, 86400);
}

static int listen_at(struct server *s, int family, unsigned short port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const void *at = family == AF_INET ? (const void *)&v4 : (const void *)&v6;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	struct event *event;

	if (fd < 0) {
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	event = event_new(s->base, fd, EV_READ | EV_PERSIST, on_client, s);
	if (bind(fd, at, family == AF_INET ? sizeof(v4) : sizeof(v6)) != 0 ||
		listen(fd, SOMAXCONN) != 0 || event == NULL || event_add(event, NULL) != 0) {
		close(fd);
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct server s;
	struct rlimit files;
	bool tickets = true;

	for (int i = 3; i < argc; i++) {
		tickets = tickets && strcmp(argv[i], "no-tickets") != 0;
		s.plain = s.plain || strcmp(argv[i], "plain") == 0;
	}
	if (argc < 3 || set_up_tls(&s, argv[1], tickets) != 0) {
		fprintf(stderr, "usage: bench_origin CERT_AND_KEY.PEM PORT [no-tickets] [plain]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	s.base = event_base_new();
	if (s.base == NULL || listen_at(&s, AF_INET, (unsigned short)atoi(argv[2])) != 0) {
		perror("bench_origin: listen");
		return 1;
	}
	(void)listen_at(&s, AF_INET6, (unsigned short)atoi(argv[2])); /* where there is IPv6 */
	return event_base_dispatch(s.base) == 0 ? 0 : 1;
}
