/*
 * TLS towards clients: we are the server, with the leaf minted for the host they asked for.
 */
#include "gateway/tls_private.h"

#include <stdio.h>
#include <stdlib.h>

struct tls_server {
	mbedtls_ssl_config config;
	struct tls_tickets *tickets; /* borrowed */
	struct tls *turn;            /* borrowed: whose handshake goes on */
};

void tls_server_turn(struct tls_server *s, struct tls *t)
{
	s->turn = t;
}

static int write_ticket(void *arg, const mbedtls_ssl_session *session, unsigned char *start,
	const unsigned char *end, size_t *ret_len, uint32_t *ret_lifetime)
{
	const struct tls_server *s = arg;

	return tls_ticket_write(s->tickets, s->turn, session, start, end, ret_len, ret_lifetime);
}

static int parse_ticket(void *arg, mbedtls_ssl_session *session, unsigned char *buf, size_t len)
{
	struct tls_server *s = arg;
	int error = tls_ticket_parse(s->tickets, s->turn, session, buf, len);

	s->turn->resumed |= error == 0;
	return error;
}

/* Called when the ClientHello was read: the leaf is known since tls_accept. */
static int choose_leaf(mbedtls_ssl_context *ssl)
{
	struct tls *t = mbedtls_ssl_get_user_data_p(ssl);

	return mbedtls_ssl_set_hs_own_cert(ssl, certs_leaf_chain(t->leaf), certs_leaf_key(t->leaf));
}

int tls_server_create(struct tls_tickets *tickets, struct tls_server **ret_server)
{
	struct tls_server *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		return -1;
	}
	s->tickets = tickets;
	if (tls_config_init(&s->config, MBEDTLS_SSL_IS_SERVER) != 0) {
		tls_server_destroy(s);
		return -1;
	}
	mbedtls_ssl_conf_session_tickets_cb(&s->config, write_ticket, parse_ticket, s);
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
	free(s);
}

struct tls *tls_accept(
	struct tls_server *s, const char *host, struct certs_leaf *leaf, struct buffer *wire_out)
{
	struct tls *t = tls_create(&s->config, wire_out);

	if (t == NULL) {
		certs_leaf_release(leaf);
		return NULL;
	}
	t->leaf = leaf;
	t->server = s;
	snprintf(t->host, sizeof(t->host), "%s", host);
	return t;
}
