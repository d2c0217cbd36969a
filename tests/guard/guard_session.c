/*
 * What is counted by tests/guard/guard.py: guard_session request|pair N. Drives the gateway through
 * N kept-alive requests, or N connections with a TLS handshake on either side, one at a time.
 *
 * Client, origin and gateway take turns in one thread, and only what gateway_turn() does is
 * counted: so it matters neither what the ends cost, nor how threads are scheduled. The gateway is
 * called when both ends have nothing more to do, and after an answer when its record is committed.
 */
#include "bench/wire/wire.h"
#include "tests/one_worker.h"
#include "tests/unit/made.h"

#include <assert.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STAND_STILL = 300, BODY = 1024, WARM_UP = 3 };

struct end {
	struct wire wire;
	bool open, shaken;
	char in[4096];
	size_t in_len;
};

static struct {
	struct one_worker gateway;
	struct made root, leaf;
	mbedtls_ssl_config as_client, as_origin;
	mbedtls_x509_crt cert;
	int listener;
	uint16_t port;
	bool closes; /* the origin, after each answer */
	struct end client, origin;
	char request[256];
} all;

#define must(call)                 \
	do {                       \
		int ret_ = (call); \
		assert(ret_ == 0); \
		(void)ret_;        \
	} while (0)

/* ---- the part that is counted ---- */

void gateway_turn(int flags);

__attribute__((noinline)) void gateway_turn(int flags)
{
	event_base_loop(all.gateway.worker->base, flags | EVLOOP_NO_EXIT_ON_EMPTY);
}

/* ---- set-up ---- */

static void set_up_ends(void)
{
	static const char *alpn[] = {"http/1.1", NULL};
	mbedtls_ssl_config *both[] = {&all.as_client, &all.as_origin};

	made_create(&(struct made_spec){.subject = "CN=root", .is_ca = true}, NULL, &all.root);
	made_create(&(struct made_spec){.subject = "CN=origin",
			    MADE_SAN("\x30\x06\x87\x04\x7f\x00\x00\x01")},
		&all.root, &all.leaf);
	mbedtls_x509_crt_init(&all.cert);
	must(mbedtls_x509_crt_parse_der(&all.cert, all.leaf.der, all.leaf.n));
	for (int i = 0; i < 2; i++) {
		mbedtls_ssl_config_init(both[i]);
		must(mbedtls_ssl_config_defaults(both[i],
			i == 0 ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER,
			MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT));
		must(mbedtls_ssl_conf_alpn_protocols(both[i], alpn));
		mbedtls_ssl_conf_rng(both[i], certs_random, NULL);
		mbedtls_ssl_conf_session_tickets(both[i], MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
	}
	mbedtls_ssl_conf_authmode(&all.as_client, MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_ciphersuites(&all.as_client, wire_suites_offered);
	mbedtls_ssl_conf_ciphersuites(&all.as_origin, wire_suites_taken);
	must(mbedtls_ssl_conf_own_cert(&all.as_origin, &all.cert, &all.leaf.key));
	all.listener = one_worker_listen(&all.port);
}

/* Ten statements, of which the last is the one. */
static void set_up_gateway(struct certs_trust *trust)
{
	char rules[1024];
	int len = 0;

	for (int i = 0; i < 9; i++) {
		len += snprintf(rules + len, sizeof(rules) - (size_t)len,
			"allow GET host%d.example/path%d/**\n", i, i);
	}
	snprintf(rules + len, sizeof(rules) - (size_t)len, "allow GET 127.0.0.1:%u/** private\n",
		all.port);
	one_worker_create(&all.gateway,
		&(struct one_worker_options){
			.name = "guard", .rules = rules, .trust = trust, .deadline = 600});
}

/* ---- the two ends: each step says whether anything was done ---- */

static void end_open(struct end *e, int fd, const mbedtls_ssl_config *config)
{
	memset(e, 0, sizeof(*e));
	must(wire_init(&e->wire, fd, config));
	e->open = true;
}

static void end_close(struct end *e)
{
	if (e->open) {
		wire_finish(&e->wire);
		e->open = false;
	}
}

/* What there is; the end's buffer ends with NUL. False: nothing, or the other side has gone. */
static bool end_read(struct end *e)
{
	ssize_t n = wire_read(&e->wire, e->in + e->in_len, sizeof(e->in) - 1 - e->in_len, NULL);

	assert(n != WIRE_FAILED && n != WIRE_WANT_WRITE);
	if (n <= 0) {
		return false;
	}
	e->in_len += (size_t)n;
	e->in[e->in_len] = '\0';
	return true;
}

static void end_forget(struct end *e)
{
	e->in_len = 0;
	e->in[0] = '\0'; /* or the last answer would be taken for the next */
}

static void end_write(struct end *e, const char *data, size_t len)
{
	ssize_t n = wire_write(&e->wire, data, len);

	assert(n == (ssize_t)len); /* it fits into the socket's buffer */
	(void)n;
}

static bool end_shakes(struct end *e)
{
	int status = wire_handshake(&e->wire);

	assert(status != WIRE_FAILED);
	e->shaken = status == 0;
	return e->shaken;
}

static void origin_answers(void)
{
	char answer[BODY + 256];
	int len = snprintf(answer, sizeof(answer),
		"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
		"Content-Length: %d\r\n%s\r\n",
		BODY, all.closes ? "Connection: close\r\n" : "");

	memset(answer + len, 'a', BODY);
	end_write(&all.origin, answer, (size_t)len + BODY);
	end_forget(&all.origin);
	if (all.closes) {
		end_close(&all.origin);
	}
}

static bool origin_step(void)
{
	struct end *o = &all.origin;
	int fd = accept4(all.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		assert(!o->open);
		end_open(o, fd, &all.as_origin);
	}
	if (!o->open) {
		return false;
	}
	if (!o->shaken) {
		return end_shakes(o);
	}
	if (!end_read(o)) {
		return false;
	}
	if (strstr(o->in, "\r\n\r\n") != NULL) {
		origin_answers();
	}
	return true;
}

/* Both ends until neither can go on; then the gateway, which waits until there is something. */
static void turn(void)
{
	if (!origin_step()) {
		gateway_turn(EVLOOP_ONCE);
	}
}

/* Until the record of what was answered is committed and has been noticed. */
static void settle(void)
{
	while (audit_lag(all.gateway.audit) > 0) {
		usleep(200);
	}
	usleep(2000); /* between the commit and the word of it */
	gateway_turn(EVLOOP_NONBLOCK);
}

/* ---- a connection and its requests ---- */

static void connect_client(void)
{
	struct end *c = &all.client;
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair));
	session_create(all.gateway.worker, pair[0]);
	end_open(c, pair[1], NULL);
	snprintf(all.request, sizeof(all.request),
		"CONNECT 127.0.0.1:%u HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", all.port, all.port);
	end_write(c, all.request, strlen(all.request));
	while (!end_read(c)) {
		turn();
	}
	assert(strncmp(c->in, "HTTP/1.1 200", 12) == 0);
	end_forget(c);
	must(wire_secure(&c->wire, &all.as_client));
	while (!end_shakes(c)) {
		turn();
	}
}

static void ask(void)
{
	struct end *c = &all.client;
	const char *body = NULL;

	snprintf(all.request, sizeof(all.request),
		"GET /bytes/1024 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAccept: */*\r\n\r\n", all.port);
	end_forget(c);
	end_write(c, all.request, strlen(all.request));
	while (body == NULL || c->in + c->in_len < body + 4 + BODY) {
		if (!end_read(c)) {
			turn();
		}
		body = strstr(c->in, "\r\n\r\n");
	}
	assert(strncmp(c->in, "HTTP/1.1 200", 12) == 0);
	settle();
}

static void disconnect_client(void)
{
	end_close(&all.client);
	while (!LIST_EMPTY(&all.gateway.worker->sessions)) {
		turn();
	}
	settle();
}

int main(int argc, char **argv)
{
	bool pair = argc == 3 && strcmp(argv[1], "pair") == 0;
	long n = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	struct certs_diag diag;

	if ((!pair && (argc != 3 || strcmp(argv[1], "request") != 0)) || n <= 0 || n > 100000) {
		fprintf(stderr, "usage: guard_session request|pair N\n");
		return 2;
	}
	alarm(STAND_STILL);
	must(certs_init(&diag));
	all.closes = pair;
	set_up_ends();
	set_up_gateway(made_trust(&all.root));
	if (!pair) {
		connect_client();
	}
	for (long i = 0; i < n + WARM_UP; i++) {
		if (pair) {
			connect_client();
		}
		ask();
		if (pair) {
			disconnect_client();
		}
	}
	if (!pair) {
		end_close(&all.origin);
		disconnect_client();
	}
	one_worker_finish(&all.gateway);
	close(all.listener);
	printf("%s\n", certs_provider());
	return 0;
}
