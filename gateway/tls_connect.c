/*
 * TLS towards origins: we are the client. mbedTLS's own verification is off; certs_trust_check is
 * the only authority and is asked in tls_handshake before it says TLS_DONE.
 */
#include "gateway/tls_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct shown {
	LIST_ENTRY(shown) next;
	struct certs_identity *identity; /* borrowed */
	mbedtls_ssl_config config;
};

struct tls_client {
	LIST_HEAD(, shown) shown; /* settings for each client certificate */
	mbedtls_ssl_config config;
	const struct certs_trust *trust; /* borrowed */
	struct tls_sessions *sessions;   /* owned */
};

static int config_init(mbedtls_ssl_config *config)
{
	int error = tls_config_init(config, MBEDTLS_SSL_IS_CLIENT);

	mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
		config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
	return error;
}

int tls_client_create(const struct certs_trust *trust, struct tls_client **ret_client)
{
	struct tls_client *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		return -1;
	}
	c->trust = trust;
	c->sessions = tls_sessions_create();
	LIST_INIT(&c->shown);
	if (config_init(&c->config) != 0 || c->sessions == NULL) {
		tls_client_destroy(c);
		return -1;
	}
	*ret_client = c;
	return 0;
}

void tls_client_destroy(struct tls_client *c)
{
	struct shown *s;

	if (c == NULL) {
		return;
	}
	while ((s = LIST_FIRST(&c->shown)) != NULL) {
		LIST_REMOVE(s, next);
		mbedtls_ssl_config_free(&s->config);
		free(s);
	}
	mbedtls_ssl_config_free(&c->config);
	tls_sessions_destroy(c->sessions);
	free(c);
}

static bool is_address(const char *host)
{
	/* A canonical name never ends in an all-digit label (rules/target.h), nor holds a colon. */
	return strchr(host, ':') != NULL || strspn(host, "0123456789.") == strlen(host);
}

/*
 * Called with each certificate of the chain, the leaf last (x509_crt.h), as soon as they are read
 * and before anything of ours is sent. mbedTLS's own verdict in `flags` is thrown away.
 */
static int judge_early(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct tls *t = arg;

	*flags = 0;
	if (depth > 0) {
		return 0;
	}
	return tls_judge(t, crt) == TLS_DONE ? 0 : MBEDTLS_ERR_X509_FATAL_ERROR;
}

/* The settings that show a certificate: mbedTLS knows a client's by its settings alone. */
static const mbedtls_ssl_config *config_for(struct tls_client *c, struct certs_identity *identity)
{
	struct shown *s;

	if (identity == NULL) {
		return &c->config;
	}
	LIST_FOREACH(s, &c->shown, next)
	{
		if (s->identity == identity) {
			return &s->config;
		}
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL || config_init(&s->config) != 0 ||
		mbedtls_ssl_conf_own_cert(&s->config, certs_identity_chain(identity),
			certs_identity_key(identity)) != 0) {
		if (s != NULL) {
			mbedtls_ssl_config_free(&s->config);
		}
		free(s);
		return NULL;
	}
	/* Asks judge_early; with NONE it would be asked nothing, and the certificate shown first.
	 */
	mbedtls_ssl_conf_authmode(&s->config, MBEDTLS_SSL_VERIFY_OPTIONAL);
	s->identity = identity;
	LIST_INSERT_HEAD(&c->shown, s, next);
	return &s->config;
}

struct tls *tls_connect(
	struct tls_client *c, const struct tls_origin *origin, struct buffer *wire_out)
{
	const mbedtls_ssl_config *config = config_for(c, origin->identity);
	struct tls *t = config != NULL ? tls_create(config, wire_out) : NULL;

	if (t == NULL) {
		return NULL;
	}
	t->trust = origin->trust != NULL ? origin->trust : c->trust;
	t->identity = origin->identity;
	t->relax = origin->relax;
	t->port = origin->port;
	t->sessions = c->sessions;
	snprintf(t->host, sizeof(t->host), "%s", origin->host);
	if (t->identity != NULL) {
		mbedtls_ssl_set_verify(&t->ssl, judge_early, t);
	}
	/* RFC 6066 section 3: literal addresses are not permitted in SNI. */
	if (mbedtls_ssl_set_hostname(&t->ssl, is_address(t->host) ? NULL : t->host) != 0) {
		tls_destroy(t);
		return NULL;
	}
	tls_sessions_offer(c->sessions, t);
	return t;
}
