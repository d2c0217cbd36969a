/*
 * TLS towards clients: we are the server, with the leaf minted for the host they asked for.
 */
#include "gateway/tls_private.h"

#include <mbedtls/ssl_ticket.h>
#include <stdlib.h>

struct tls_server {
	mbedtls_ssl_config config;
	mbedtls_ssl_ticket_context tickets;
};

enum { TICKET_LIFETIME = 3600 };

/* Called when the ClientHello was read: the leaf is known since tls_accept. */
static int choose_leaf(mbedtls_ssl_context *ssl)
{
	struct tls *t = mbedtls_ssl_get_user_data_p(ssl);

	return mbedtls_ssl_set_hs_own_cert(ssl, certs_leaf_chain(t->leaf), certs_leaf_key(t->leaf));
}

int tls_server_create(struct tls_server **ret_server)
{
	struct tls_server *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		return -1;
	}
	mbedtls_ssl_ticket_init(&s->tickets);
	if (tls_config_init(&s->config, MBEDTLS_SSL_IS_SERVER) != 0 ||
		mbedtls_ssl_ticket_setup(&s->tickets, certs_random, NULL,
			MBEDTLS_CIPHER_AES_256_GCM, TICKET_LIFETIME) != 0) {
		tls_server_destroy(s);
		return -1;
	}
	mbedtls_ssl_conf_session_tickets_cb(
		&s->config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse, &s->tickets);
	mbedtls_ssl_conf_cert_cb(&s->config, choose_leaf);
	*ret_server = s;
	return 0;
}

void tls_server_destroy(struct tls_server *s)
{
	if (s == NULL) {
		return;
	}
	mbedtls_ssl_config_free(&s->config);
	mbedtls_ssl_ticket_free(&s->tickets);
	free(s);
}

struct tls *tls_accept(struct tls_server *s, struct certs_leaf *leaf, struct evbuffer *wire_in,
	struct evbuffer *wire_out)
{
	struct tls *t = tls_create(&s->config, wire_in, wire_out);

	if (t == NULL) {
		certs_leaf_release(leaf);
		return NULL;
	}
	t->leaf = leaf;
	return t;
}
