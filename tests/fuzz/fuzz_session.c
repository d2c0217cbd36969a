/*
 * Any bytes as all that a client says in one session, and what the origin answers, through the
 * whole gateway: rules, record, loop, a dialled origin. Input: the client's bytes, "\0\0", the
 * origin's;
 * "@@@@@" stands for the origin's port. The session comes to an end, and what reaches the origin
 * begins with a request that the rules allow.
 */
#include "audit/audit.h"
#include "certs/certs.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "rules/rules.h"

#include <assert.h>
#include <event2/event.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ORIGINS = 16, CLIENT_MAX = 64 * 1024, SECONDS = 20 };

struct origin {
	int fd; /* -1: none */
	char head[16];
	size_t n_head;
};

static struct {
	char folder[64];
	struct rules *rules;
	struct certs_ca *ca;
	struct certs_mint *mint;
	struct certs_trust *trust;
	struct audit_log *audit;
	struct gateway *gateway;
	struct worker *worker;
	int listener;
	uint16_t port;
	struct origin origins[ORIGINS];
	const uint8_t *answer;
	size_t answer_len;
} all;

static void clean_up(void)
{
	struct audit_diag diag;
	struct dirent *entry;
	DIR *folder;

	gateway_destroy(all.gateway);
	(void)!audit_close(all.audit, &diag);
	certs_mint_destroy(all.mint);
	certs_ca_destroy(all.ca);
	certs_trust_destroy(all.trust);
	rules_destroy(all.rules);
	close(all.listener);
	folder = opendir(all.folder);
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		(void)unlinkat(dirfd(folder), entry->d_name, 0);
	}
	closedir(folder);
	rmdir(all.folder);
}

static void listen_as_origin(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	/* A port of five digits stands for five characters. */
	do {
		all.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert(bind(all.listener, (struct sockaddr *)&at, sizeof(at)) == 0);
		assert(getsockname(all.listener, (struct sockaddr *)&at, &len) == 0);
		all.port = ntohs(at.sin_port);
	} while (all.port < 10000);
	assert(listen(all.listener, 16) == 0);
	for (int i = 0; i < ORIGINS; i++) {
		all.origins[i].fd = -1;
	}
}

static struct rules *make_rules(void)
{
	struct rules *rules = rules_create();
	struct rules_diag diag;
	char text[256];
	int len = snprintf(text, sizeof(text),
		"allow GET,POST http://127.0.0.1:%u/ok/** private websocket\n"
		"allow GET https://127.0.0.1:%u/ok/** private\n"
		"allow GET http://name.test/** private\n",
		all.port, all.port);

	assert(rules_add(rules, text, (size_t)len, "given", &diag) == RULES_OK);
	assert(rules_compile(rules, &diag) == RULES_OK);
	return rules;
}

static void set_up(void)
{
	static const unsigned char key[AUDIT_KEY] = {1};
	struct audit_options options = {.durability = AUDIT_BUFFERED,
		.run = "fuzz",
		.segment_bytes = 1 << 20,
		.keep_bytes = 2 << 20};
	struct gateway_config config = {
		.workers = 1, .connections = 16, .nameserver = "127.0.0.1:9"};
	struct gateway_diag diag;
	struct certs_diag certs_diag;
	struct audit_diag audit_diag;

	signal(SIGPIPE, SIG_IGN);
	listen_as_origin();
	snprintf(all.folder, sizeof(all.folder), "/dev/shm/fuzz_session.XXXXXX");
	if (mkdtemp(all.folder) == NULL) {
		snprintf(all.folder, sizeof(all.folder), "/tmp/fuzz_session.XXXXXX");
		assert(mkdtemp(all.folder) != NULL);
	}
	assert(certs_init(&certs_diag) == CERTS_OK &&
		certs_ca_create("fuzz", 1, &all.ca, &certs_diag) == CERTS_OK &&
		certs_mint_create(all.ca, 64, &all.mint, &certs_diag) == CERTS_OK &&
		certs_trust_create(&all.trust) == CERTS_OK);
	assert(audit_open(all.folder, &options, &all.audit, &audit_diag) == AUDIT_OK);
	all.rules = make_rules();
	config.rules = all.rules;
	config.mint = all.mint;
	config.trust = all.trust;
	config.audit = all.audit;
	config.recording.key = key;
	config.recording.dir = all.folder;
	config.deadlines = (struct gateway_deadlines){1, 1, 1, 1, 1, 1};
	assert(gateway_create(&config, &all.gateway, &diag) == GATEWAY_OK);
	all.worker = &all.gateway->workers[0];
	atexit(clean_up);
}

/* ---- the origin ---- */

/* What the rules let below /ok lets /ok itself. TLS: ours, which believes nobody here. */
static void check_head(const struct origin *o)
{
	const char *path = o->head[0] == 'P' ? "POST /ok" : "GET /ok";
	size_t len = strlen(path);

	if (o->n_head >= 9 && o->head[0] != 0x16) {
		assert(strncmp(o->head, path, len) == 0 && strchr("/? ", o->head[len]) != NULL);
	}
}

static void serve(struct origin *o)
{
	char data[4096];
	ssize_t got = recv(o->fd, data, sizeof(data), MSG_DONTWAIT);

	for (ssize_t i = 0; i < got && o->n_head < sizeof(o->head) - 1; i++) {
		o->head[o->n_head++] = data[i];
	}
	if (o->n_head > 0) {
		check_head(o);
	}
	if (got > 0 && o->n_head >= 9 && all.answer_len > 0) {
		(void)send(o->fd, all.answer, all.answer_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	if (got >= 0) {
		close(o->fd);
		o->fd = -1;
	}
}

static void serve_all(void)
{
	for (int i = 0; i < ORIGINS; i++) {
		struct origin *o = &all.origins[i];

		if (o->fd < 0) {
			*o = (struct origin){.fd = accept4(all.listener, NULL, NULL,
						     SOCK_NONBLOCK | SOCK_CLOEXEC)};
		}
		if (o->fd >= 0) {
			serve(o);
		}
	}
}

/* ---- the client ---- */

static size_t put_port(const uint8_t *data, size_t size, uint8_t *out)
{
	char port[8];

	snprintf(port, sizeof(port), "%05u", all.port);
	memcpy(out, data, size);
	for (size_t i = 0; i + 5 <= size; i++) {
		if (memcmp(out + i, "@@@@@", 5) == 0) {
			memcpy(out + i, port, 5);
		}
	}
	return size;
}

static void turn(void)
{
	static const struct timeval soon = {.tv_usec = 200};

	event_base_loopexit(all.worker->base, &soon);
	event_base_loop(all.worker->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
	serve_all();
}

static void converse(int fd, const uint8_t *data, size_t len)
{
	time_t began = time(NULL);
	bool shut = false;

	while (!LIST_EMPTY(&all.worker->sessions)) {
		char answer[4096];
		ssize_t put = len > 0 ? send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

		if (put > 0) {
			data += put;
			len -= (size_t)put;
		}
		if (len == 0 && !shut) {
			shutdown(fd, SHUT_WR);
			shut = true;
		}
		turn();
		while (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0) {
		}
		assert(time(NULL) - began < SECONDS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t client[CLIENT_MAX];
	const uint8_t *split;
	size_t len;
	int pair[2];

	if (all.gateway == NULL) {
		set_up();
	}
	if (size > CLIENT_MAX) {
		return 0;
	}
	split = memmem(data, size, "\0\0", 2);
	len = put_port(data, split != NULL ? (size_t)(split - data) : size, client);
	all.answer = split != NULL ? split + 2 : data;
	all.answer_len = split != NULL ? size - len - 2 : 0;
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	session_create(all.worker, pair[0]);
	converse(pair[1], client, len);
	turn();
	close(pair[1]);
	for (int i = 0; i < ORIGINS; i++) {
		if (all.origins[i].fd >= 0) {
			close(all.origins[i].fd);
			all.origins[i].fd = -1;
		}
	}
	return 0;
}
