/*
 * TLS towards origins: we are the client. mbedTLS's own verification is off; certs_trust_check is
 * the only authority and is asked in tls_handshake before it says TLS_DONE.
 */
#include "gateway/tls_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls_client {
	mbedtls_ssl_config config;
	const struct certs_trust *trust; /* borrowed */
	struct tls_sessions *sessions;   /* owned */
};

int tls_client_create(const struct certs_trust *trust, struct tls_client **ret_client)
{
	struct tls_client *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		return -1;
	}
	c->trust = trust;
	c->sessions = tls_sessions_create();
	if (tls_config_init(&c->config, MBEDTLS_SSL_IS_CLIENT) != 0 || c->sessions == NULL) {
		tls_client_destroy(c);
		return -1;
	}
	mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
		&c->config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
	*ret_client = c;
	return 0;
}

void tls_client_destroy(struct tls_client *c)
{
	if (c == NULL) {
		return;
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

struct tls *tls_connect(struct tls_client *c, const char *host, uint16_t port, unsigned relax,
	struct evbuffer *wire_in, struct evbuffer *wire_out)
{
	struct tls *t = tls_create(&c->config, wire_in, wire_out);

	if (t == NULL) {
		return NULL;
	}
	t->trust = c->trust;
	t->relax = relax;
	t->port = port;
	t->sessions = c->sessions;
	snprintf(t->host, sizeof(t->host), "%s", host);
	/* RFC 6066 section 3: literal addresses are not permitted in SNI. */
	if (mbedtls_ssl_set_hostname(&t->ssl, is_address(host) ? NULL : host) != 0) {
		tls_destroy(t);
		return NULL;
	}
	tls_sessions_offer(c->sessions, t);
	return t;
}
