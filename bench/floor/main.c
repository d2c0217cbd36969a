/*
 * The floor: what any proxy that opens TLS on one side and closes it on the other must do for a
 * request, and nothing else: bench_floor [request=BYTES] [answer=BYTES] [connections=N]
 * [requests=N] [pairs] [digest]. Bytes are received, opened (AES-128-GCM), sealed for the other
 * side and sent: two calls of the system, two passes of the cipher and the kernel's two copies a
 * direction, for at most 64 KiB in records of 16 KiB. `pairs` adds the arithmetic of a handshake on
 * each side, `digest` the SHA-256 of what is carried, which a record of it wants. No HTTP, no event
 * loop, no buffers, no rules.
 *
 * One thread plays the two ends too, over loopback, and counts its CPU time only while it is the
 * proxy. All connections take each step together, so that no call waits. Prints JSON.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "certs/certs.h"

#include <arpa/inet.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/gcm.h>
#include <mbedtls/sha256.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	RECORD = 16384,
	HEAD = 5, /* RFC 8446 5.2: type, version, length; they are the additional data */
	TAG = 16,
	NONCE = 12,
	AT_ONCE = 4 * RECORD,
	WIRE = 4 * (HEAD + RECORD + TAG),
	CONNECTIONS_MAX = 256,
};

struct leg {
	int fd, far; /* the proxy's end, and the client's or origin's */
	mbedtls_gcm_context gcm;
};

struct job {
	size_t request, answer;
	unsigned connections, requests;
	bool pairs, digest;
};

static struct leg clients[CONNECTIONS_MAX], origins[CONNECTIONS_MAX];
static unsigned char in[WIRE], plain[AT_ONCE], out[WIRE];
static const unsigned char nonce[NONCE];
static mbedtls_sha256_context sha;
static mbedtls_ecdsa_context key;
static mbedtls_ecp_group x25519;
static mbedtls_ecp_point point, peer;
static mbedtls_mpi r, s, d, z;

static void need(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "bench_floor: %s\n", what);
		exit(1);
	}
}

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Two connected sockets of loopback, as far apart as a proxy is from its peers. */
static void connect_leg(struct leg *leg)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int one = 1, room = 4 * WIRE;
	int door = socket(AF_INET, SOCK_STREAM, 0);

	/* Room for all that is on its way, since nobody else takes it. */
	setsockopt(door, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	need(bind(door, (struct sockaddr *)&at, len) == 0 && listen(door, 1) == 0 &&
			getsockname(door, (struct sockaddr *)&at, &len) == 0,
		"no socket of loopback");
	leg->fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(leg->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	need(connect(leg->fd, (struct sockaddr *)&at, len) == 0, "no connection on loopback");
	leg->far = accept(door, NULL, NULL);
	need(leg->far >= 0, "no connection on loopback");
	close(door);
	setsockopt(leg->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(leg->far, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	mbedtls_gcm_init(&leg->gcm);
	need(mbedtls_gcm_setkey(&leg->gcm, MBEDTLS_CIPHER_ID_AES, plain, 128) == 0, "no AES");
}

/* `len` bytes of `plain` as records in `wire`; how long they are. */
static size_t seal(mbedtls_gcm_context *gcm, size_t len, unsigned char *wire)
{
	unsigned char *w = wire;

	for (size_t at = 0; at < len; at += RECORD) {
		size_t n = len - at < RECORD ? len - at : RECORD;

		w[0] = 23;
		w[1] = 3;
		w[2] = 3;
		w[3] = (unsigned char)((n + TAG) >> 8);
		w[4] = (unsigned char)(n + TAG);
		need(mbedtls_gcm_crypt_and_tag(gcm, MBEDTLS_GCM_ENCRYPT, n, nonce, NONCE, w, HEAD,
			     plain + at, w + HEAD, TAG, w + HEAD + n) == 0,
			"no seal");
		w += HEAD + n + TAG;
	}
	return (size_t)(w - wire);
}

static void open_records(mbedtls_gcm_context *gcm, const unsigned char *wire, size_t len)
{
	for (size_t at = 0, done = 0; at < len; at += HEAD + RECORD + TAG, done += RECORD) {
		size_t whole = len - at < HEAD + RECORD + TAG ? len - at : HEAD + RECORD + TAG;
		size_t n = whole - HEAD - TAG;

		need(mbedtls_gcm_auth_decrypt(gcm, n, nonce, NONCE, wire + at, HEAD,
			     wire + at + HEAD + n, TAG, wire + at + HEAD, plain + done) == 0,
			"what was sealed does not open");
	}
}

static size_t on_the_wire(size_t len)
{
	return len + (len + RECORD - 1) / RECORD * (HEAD + TAG);
}

/* The proxy's step: what lies at `from`'s socket leaves by `to`'s. */
static void carry(struct leg *from, struct leg *to, size_t len, bool digest)
{
	size_t wire = on_the_wire(len);

	need(recv(from->fd, in, wire, MSG_WAITALL) == (ssize_t)wire, "received less");
	open_records(&from->gcm, in, wire);
	if (digest) {
		need(mbedtls_sha256_update(&sha, plain, len) == 0, "no SHA-256");
	}
	need(seal(&to->gcm, len, out) == wire, "another length");
	need(send(to->fd, out, wire, MSG_NOSIGNAL) == (ssize_t)wire, "sent less");
}

/* `len` bytes from one side to the other on each connection; CPU seconds of the proxy. */
static double carry_all(struct leg *from, struct leg *to, size_t len, const struct job *job)
{
	double used = 0;

	for (size_t done = 0; done < len; done += AT_ONCE) {
		size_t n = len - done < AT_ONCE ? len - done : AT_ONCE;
		size_t wire = on_the_wire(n);
		double began;

		for (unsigned i = 0; i < job->connections; i++) {
			need(seal(&from[i].gcm, n, in) == wire &&
					send(from[i].far, in, wire, MSG_NOSIGNAL) == (ssize_t)wire,
				"an end sent less");
		}
		began = cpu();
		for (unsigned i = 0; i < job->connections; i++) {
			carry(&from[i], &to[i], n, job->digest);
		}
		used += cpu() - began;
		for (unsigned i = 0; i < job->connections; i++) {
			need(recv(to[i].far, in, wire, MSG_WAITALL) == (ssize_t)wire,
				"an end received less");
		}
	}
	return used;
}

static void exchange(void)
{
	need(mbedtls_ecdh_gen_public(&x25519, &d, &point, certs_random, NULL) == 0 &&
			mbedtls_ecdh_compute_shared(&x25519, &z, &peer, &d, certs_random, NULL) ==
				0,
		"no X25519");
}

/* Of TLS 1.3 without resumption: an exchange a side, a signature to the client, and the origin's
 * with the one of its certificate to verify. */
static double handshakes(unsigned n)
{
	double began = cpu();

	for (unsigned i = 0; i < n; i++) {
		exchange();
		exchange();
		need(mbedtls_ecdsa_sign(&key.grp, &r, &s, &key.d, plain, 32, certs_random, NULL) ==
					0 &&
				mbedtls_ecdsa_verify(&key.grp, plain, 32, &key.Q, &r, &s) == 0 &&
				mbedtls_ecdsa_verify(&key.grp, plain, 32, &key.Q, &r, &s) == 0,
			"no ECDSA");
	}
	return cpu() - began;
}

static bool number(const char *word, const char *name, size_t most, size_t *ret)
{
	size_t len = strlen(name);
	char *end;

	if (strncmp(word, name, len) != 0 || word[len] != '=') {
		return false;
	}
	*ret = strtoull(word + len + 1, &end, 10);
	need(*end == '\0' && *ret > 0 && *ret <= most, word);
	return true;
}

static struct job parse(int argc, char **argv)
{
	size_t request = 100, answer = 100, connections = 1, requests = 1;
	struct job job = {0};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "pairs") == 0) {
			job.pairs = true;
		} else if (strcmp(argv[i], "digest") == 0) {
			job.digest = true;
		} else {
			need(number(argv[i], "request", 1u << 30, &request) ||
					number(argv[i], "answer", 1u << 30, &answer) ||
					number(argv[i], "connections", CONNECTIONS_MAX,
						&connections) ||
					number(argv[i], "requests", 1u << 20, &requests),
				argv[i]);
		}
	}
	job.request = request;
	job.answer = answer;
	job.connections = (unsigned)connections;
	job.requests = (unsigned)requests;
	return job;
}

int main(int argc, char **argv)
{
	struct job job = parse(argc, argv);
	struct certs_diag diag;
	unsigned turns = (job.requests + job.connections - 1) / job.connections;
	double used = 0;

	need(certs_init(&diag) == 0, "no crypto");
	mbedtls_sha256_init(&sha);
	mbedtls_ecdsa_init(&key);
	mbedtls_ecp_group_init(&x25519);
	need(mbedtls_sha256_starts(&sha, 0) == 0 &&
			mbedtls_ecdsa_genkey(&key, MBEDTLS_ECP_DP_SECP256R1, certs_random, NULL) ==
				0 &&
			mbedtls_ecp_group_load(&x25519, MBEDTLS_ECP_DP_CURVE25519) == 0 &&
			mbedtls_ecdh_gen_public(&x25519, &d, &peer, certs_random, NULL) == 0,
		"no keys");
	for (unsigned i = 0; i < job.connections; i++) {
		connect_leg(&clients[i]);
		connect_leg(&origins[i]);
	}
	for (unsigned i = 0; i < turns; i++) {
		used += job.pairs ? handshakes(job.connections) : 0;
		used += carry_all(clients, origins, job.request, &job);
		used += carry_all(origins, clients, job.answer, &job);
	}
	printf("{\"done\": %u, \"cpu\": %.9f}\n", turns * job.connections, used);
	return 0;
}
