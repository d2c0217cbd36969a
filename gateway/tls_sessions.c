/*
 * Sessions with origins, remembered to be resumed. A resumed handshake shows no certificate, so
 * each session carries the chain of the full handshake it began with: that chain is judged again,
 * by what is believed now and at the time that it is now, before the session is offered. A session
 * serves only the host, port, trust, client certificate and relaxed checks it was made under.
 */
#include "gateway/tls_private.h"

#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
	SESSIONS_MAX = 128, /* of a worker */
	/* Of one connection: an origin that sends tickets without end fills no memory. */
	KEPT_MAX = 2,
	SAME_MAX = 4,   /* for one host: as many connections at once begin resumed */
	AGE_MAX = 3600, /* since the full handshake, however often it was resumed */
	CHAIN_MAX = 12,
};

/* Certificates as an origin presented them; shared by the sessions that came of it. */
struct tls_presented {
	unsigned holders; /* all of one worker */
	time_t judged;
	char sha256[65];
	size_t n;
	struct certs_der chain[CHAIN_MAX];
	unsigned char octets[];
};

struct remembered {
	TAILQ_ENTRY(remembered) age;
	const struct certs_trust *trust;       /* borrowed */
	const struct certs_identity *identity; /* borrowed */
	unsigned relax;
	uint16_t port;
	char host[256];
	mbedtls_ssl_session session;
	struct tls_presented *presented; /* one hold */
	unsigned char master[TLS_MASTER_TAG];
};

struct tls_sessions {
	TAILQ_HEAD(remembered_list, remembered) ages; /* newest first */
	size_t n;
};

struct tls_sessions *tls_sessions_create(void)
{
	struct tls_sessions *s = calloc(1, sizeof(*s));

	if (s != NULL) {
		TAILQ_INIT(&s->ages);
	}
	return s;
}

void tls_presented_release(struct tls_presented *p)
{
	if (p != NULL && --p->holders == 0) {
		free(p);
	}
}

/* It is in no list any more. */
static void forget(struct remembered *r)
{
	mbedtls_ssl_session_free(&r->session);
	tls_presented_release(r->presented);
	mbedtls_platform_zeroize(r, sizeof(*r));
	free(r);
}

static void take_out(struct tls_sessions *s, struct remembered *r)
{
	TAILQ_REMOVE(&s->ages, r, age);
	s->n--;
}

void tls_sessions_destroy(struct tls_sessions *s)
{
	struct remembered *r;

	if (s == NULL) {
		return;
	}
	while ((r = TAILQ_FIRST(&s->ages)) != NULL) {
		take_out(s, r);
		forget(r);
	}
	free(s);
}

static bool same(const struct remembered *r, const struct tls *t)
{
	return r->port == t->port && r->relax == t->relax && r->trust == t->trust &&
	       r->identity == t->identity && strcmp(r->host, t->host) == 0;
}

/* ---- offering ---- */

static bool still_believed(const struct remembered *r)
{
	const struct tls_presented *p = r->presented;
	time_t now = time(NULL);
	struct certs_diag diag = {0};

	return now >= p->judged && now - p->judged < AGE_MAX &&
	       certs_trust_check_der(r->trust, p->chain, p->n, r->host, now, r->relax, &diag) ==
		       CERTS_OK;
}

/* TLS 1.2: which session the keys in use belong to, resumed or not, shows in the master secret. */
static void on_keys(void *arg, mbedtls_ssl_key_export_type type, const unsigned char *secret,
	size_t len, const unsigned char client_random[32], const unsigned char server_random[32],
	mbedtls_tls_prf_types prf)
{
	struct tls *t = arg;
	unsigned char digest[32];

	(void)client_random;
	(void)server_random;
	(void)prf;
	if (type == MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET &&
		mbedtls_sha256(secret, len, digest, 0) == 0) {
		memcpy(t->master, digest, sizeof(t->master));
		t->master_known = true;
		mbedtls_platform_zeroize(digest, sizeof(digest));
	}
}

void tls_sessions_offer(struct tls_sessions *s, struct tls *t)
{
	struct remembered *r = TAILQ_FIRST(&s->ages);

	mbedtls_ssl_set_export_keys_cb(&t->ssl, on_keys, t);
	while (r != NULL && t->presented == NULL) {
		struct remembered *next = TAILQ_NEXT(r, age);

		if (same(r, t)) {
			take_out(s, r);
			if (still_believed(r) &&
				mbedtls_ssl_set_session(&t->ssl, &r->session) == 0) {
				t->presented = r->presented;
				r->presented = NULL;
				memcpy(t->offered_master, r->master, sizeof(r->master));
			}
			forget(r);
		}
		r = next;
	}
}

bool tls_sessions_was_resumed(struct tls *t)
{
	bool resumed = false;

	if (t->presented == NULL) {
		return false;
	}
	if (mbedtls_ssl_get_version_number(&t->ssl) == MBEDTLS_SSL_VERSION_TLS1_3) {
		/* RFC 8446 4.4.2: without a certificate only when by a pre-shared key, ours. */
		resumed = mbedtls_ssl_get_peer_cert(&t->ssl) == NULL;
	} else {
		resumed = t->master_known &&
			  memcmp(t->master, t->offered_master, sizeof(t->master)) == 0;
	}
	if (resumed) {
		memcpy(t->peer_sha256, t->presented->sha256, sizeof(t->peer_sha256));
	} else {
		tls_presented_release(t->presented);
		t->presented = NULL;
	}
	return resumed;
}

/* ---- keeping ---- */

static struct tls_presented *present(const struct tls *t)
{
	const mbedtls_x509_crt *first = mbedtls_ssl_get_peer_cert(&t->ssl);
	struct tls_presented *p;
	size_t n = 0, octets = 0;

	for (const mbedtls_x509_crt *c = first; c != NULL && c->raw.p != NULL; c = c->next) {
		octets += c->raw.len;
		n++;
	}
	p = n > 0 && n <= CHAIN_MAX ? calloc(1, sizeof(*p) + octets) : NULL;
	if (p == NULL) {
		return NULL;
	}
	octets = 0;
	for (const mbedtls_x509_crt *c = first; p->n < n; c = c->next) {
		memcpy(p->octets + octets, c->raw.p, c->raw.len);
		p->chain[p->n++] = (struct certs_der){p->octets + octets, c->raw.len};
		octets += c->raw.len;
	}
	p->holders = 1;
	p->judged = t->judged;
	memcpy(p->sha256, t->peer_sha256, sizeof(p->sha256));
	return p;
}

/* The oldest go: of the same host when it has enough, then of all. */
static void make_room(struct tls_sessions *s, const struct tls *t)
{
	struct remembered *r, *oldest = NULL;
	size_t n = 0;

	TAILQ_FOREACH(r, &s->ages, age)
	{
		if (same(r, t)) {
			n++;
			oldest = r;
		}
	}
	if (n < SAME_MAX) {
		oldest = s->n < SESSIONS_MAX ? NULL : TAILQ_LAST(&s->ages, remembered_list);
	}
	if (oldest != NULL) {
		take_out(s, oldest);
		forget(oldest);
	}
}

void tls_sessions_keep(struct tls *t)
{
	struct remembered *r;

	if (t->sessions == NULL || t->kept >= KEPT_MAX) {
		return;
	}
	if (t->presented == NULL) {
		t->presented = present(t);
	}
	r = t->presented != NULL ? calloc(1, sizeof(*r)) : NULL;
	if (r == NULL) {
		return; /* the next handshake is a full one */
	}
	mbedtls_ssl_session_init(&r->session);
	if (mbedtls_ssl_get_session(&t->ssl, &r->session) != 0) {
		forget(r);
		return;
	}
	r->trust = t->trust;
	r->identity = t->identity;
	r->relax = t->relax;
	r->port = t->port;
	memcpy(r->host, t->host, sizeof(r->host));
	memcpy(r->master, t->master, sizeof(r->master));
	r->presented = t->presented;
	r->presented->holders++;
	make_room(t->sessions, t);
	TAILQ_INSERT_HEAD(&t->sessions->ages, r, age);
	t->sessions->n++;
	t->kept++;
}
