/*
 * Session tickets for clients. mbedTLS encrypts them and replaces its keys; what it does not know
 * is whom they were given for: its tickets hold for every name of a server. Here a ticket carries a
 * seal over the host and the version of TLS as well, and opens no session for any other.
 */
#include "gateway/tls_private.h"

#include <mbedtls/constant_time.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/ssl_ticket.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { LIFETIME = 3600, SEAL = 32, KEY = 32 };

struct tls_tickets {
	mbedtls_ssl_ticket_context context; /* has a lock of its own */
	unsigned char key[KEY];             /* of the seals; never changes */
	pthread_mutex_t lock;
	atomic_bool ready; /* made at the first ticket: many a run has none, each has a start */
};

int tls_tickets_create(struct tls_tickets **ret_tickets)
{
	struct tls_tickets *tickets = calloc(1, sizeof(*tickets));

	if (tickets == NULL || pthread_mutex_init(&tickets->lock, NULL) != 0) {
		free(tickets);
		return -1;
	}
	mbedtls_ssl_ticket_init(&tickets->context);
	*ret_tickets = tickets;
	return 0;
}

void tls_tickets_destroy(struct tls_tickets *tickets)
{
	if (tickets == NULL) {
		return;
	}
	mbedtls_ssl_ticket_free(&tickets->context);
	mbedtls_platform_zeroize(tickets->key, sizeof(tickets->key));
	pthread_mutex_destroy(&tickets->lock);
	free(tickets);
}

/* 0, or mbedTLS's error: no ticket is given then, and none believed. */
static int make_ready(struct tls_tickets *tickets)
{
	int error = 0;

	if (atomic_load(&tickets->ready)) {
		return 0;
	}
	pthread_mutex_lock(&tickets->lock);
	if (!atomic_load(&tickets->ready)) {
		error = certs_random(NULL, tickets->key, sizeof(tickets->key));
		if (error == 0) {
			error = mbedtls_ssl_ticket_setup(&tickets->context, certs_random, NULL,
				MBEDTLS_CIPHER_AES_256_GCM, LIFETIME);
		}
		atomic_store(&tickets->ready, error == 0);
	}
	pthread_mutex_unlock(&tickets->lock);
	return error;
}

/* HMAC-SHA-256 over version, host with its NUL, and the ticket as mbedTLS made it. */
static int seal(const struct tls_tickets *tickets, const struct tls *t, const unsigned char *ticket,
	size_t len, unsigned char ret_seal[SEAL])
{
	unsigned char version = mbedtls_ssl_get_version_number(&t->ssl) & 0xff;
	mbedtls_md_context_t md;
	int error;

	mbedtls_md_init(&md);
	if ((error = mbedtls_md_setup(&md, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 1)) == 0 &&
		(error = mbedtls_md_hmac_starts(&md, tickets->key, KEY)) == 0 &&
		(error = mbedtls_md_hmac_update(&md, &version, 1)) == 0 &&
		(error = mbedtls_md_hmac_update(
			 &md, (const unsigned char *)t->host, strlen(t->host) + 1)) == 0 &&
		(error = mbedtls_md_hmac_update(&md, ticket, len)) == 0) {
		error = mbedtls_md_hmac_finish(&md, ret_seal);
	}
	mbedtls_md_free(&md);
	return error;
}

int tls_ticket_write(struct tls_tickets *tickets, const struct tls *t,
	const mbedtls_ssl_session *session, unsigned char *start, const unsigned char *end,
	size_t *ret_len, uint32_t *ret_lifetime)
{
	size_t len = 0;
	int error;

	if (end - start < SEAL) {
		return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
	}
	error = make_ready(tickets);
	if (error == 0) {
		error = mbedtls_ssl_ticket_write(
			&tickets->context, session, start + SEAL, end, &len, ret_lifetime);
	}
	if (error == 0) {
		error = seal(tickets, t, start + SEAL, len, start);
	}
	*ret_len = error == 0 ? len + SEAL : 0;
	return error;
}

int tls_ticket_parse(struct tls_tickets *tickets, const struct tls *t, mbedtls_ssl_session *session,
	unsigned char *buf, size_t len)
{
	unsigned char wanted[SEAL];

	if (make_ready(tickets) != 0 || len < SEAL ||
		seal(tickets, t, buf + SEAL, len - SEAL, wanted) != 0 ||
		mbedtls_ct_memcmp(wanted, buf, SEAL) != 0) {
		return MBEDTLS_ERR_SSL_INVALID_MAC;
	}
	return mbedtls_ssl_ticket_parse(&tickets->context, session, buf + SEAL, len - SEAL);
}
