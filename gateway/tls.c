/*
 * TLS between bytes that came and bytes to go: the part that does not care which end we are.
 */
#include "gateway/tls_private.h"
#include "gateway/buffer.h"

#include <assert.h>
#include <mbedtls/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const int tls_ciphersuites[] = {
	MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
	MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
	MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	0,
};

/* We read and write HTTP/1.1 only; offering nothing else keeps HTTP/2 clients from starting it. */
static const char *alpn_protocols[] = {"http/1.1", NULL};

int tls_config_init(mbedtls_ssl_config *config, int endpoint)
{
	int error;

	mbedtls_ssl_config_init(config);
	error = mbedtls_ssl_config_defaults(
		config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
	if (error != 0) {
		return error;
	}
	mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
	mbedtls_ssl_conf_ciphersuites(config, tls_ciphersuites);
	mbedtls_ssl_conf_rng(config, certs_random, NULL);
	/* A resumed session too has keys that nothing kept can give away. */
	mbedtls_ssl_conf_tls13_key_exchange_modes(
		config, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
	/* Clients' certificates are not asked for; origins are judged by certs_trust_check alone.
	 */
	mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_NONE);
	return mbedtls_ssl_conf_alpn_protocols(config, alpn_protocols);
}

static int wire_send(void *arg, const unsigned char *data, size_t len)
{
	struct tls *t = arg;

	return buffer_add(t->wire_out, data, len) ? (int)len : MBEDTLS_ERR_SSL_ALLOC_FAILED;
}

static int wire_receive(void *arg, unsigned char *data, size_t len)
{
	struct tls *t = arg;

	if (t->n_fed == 0) {
		t->starved = true;
		return MBEDTLS_ERR_SSL_WANT_READ;
	}
	len = len < t->n_fed ? len : t->n_fed;
	memcpy(data, t->fed, len);
	t->fed += len;
	t->n_fed -= len;
	return (int)len;
}

void tls_feed(struct tls *t, const void *data, size_t len)
{
	assert(t->n_fed == 0);
	t->fed = data;
	t->n_fed = len;
}

struct tls *tls_create(const mbedtls_ssl_config *config, struct buffer *wire_out)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		return NULL;
	}
	t->wire_out = wire_out;
	mbedtls_ssl_init(&t->ssl);
	if (mbedtls_ssl_setup(&t->ssl, config) != 0) {
		tls_destroy(t);
		return NULL;
	}
	mbedtls_ssl_set_user_data_p(&t->ssl, t);
	mbedtls_ssl_set_bio(&t->ssl, t, wire_send, wire_receive, NULL);
	return t;
}

void tls_destroy(struct tls *t)
{
	if (t == NULL) {
		return;
	}
	mbedtls_ssl_free(&t->ssl);
	certs_leaf_release(t->leaf);
	tls_presented_release(t->presented);
	free(t);
}

enum tls_result tls_fail(struct tls *t, const char *word, int error)
{
	if (t->failure_word != NULL) {
		return TLS_FAILED;
	}
	t->failure_word = word;
	t->n_fed = 0;
	if (error != 0) {
		mbedtls_strerror(error, t->failure, sizeof(t->failure));
	}
	return TLS_FAILED;
}

/* A word for the record out of mbedTLS's error. */
static const char *word_of(int error)
{
	switch (error) {
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE: return "tls-alert";
	case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE: return "tls-no-common";
	case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION: return "tls-version";
	case MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL: return "tls-alpn";
	case MBEDTLS_ERR_SSL_INVALID_MAC: return "tls-mac";
	case MBEDTLS_ERR_SSL_ALLOC_FAILED: return "memory";
	default: return "tls-protocol";
	}
}

enum tls_result tls_judge(struct tls *t, const mbedtls_x509_crt *chain)
{
	struct certs_diag diag = {0};
	int error;

	certs_fingerprint(chain, t->peer_sha256);
	t->judged = time(NULL);
	error = certs_trust_check(t->trust, chain, t->host, t->judged, t->relax, &diag);
	if (error != CERTS_OK) {
		snprintf(t->failure, sizeof(t->failure), "%s", diag.message);
		return tls_fail(t, certs_check_word(diag.check), 0);
	}
	return TLS_DONE;
}

/*
 * The origin's certificate, judged once, before any byte of the request is written. Of a resumed
 * session it was judged, by the same trust, when the session was offered; where a certificate of
 * ours is shown it was judged before that.
 */
static enum tls_result judge_peer(struct tls *t)
{
	const mbedtls_x509_crt *peer = mbedtls_ssl_get_peer_cert(&t->ssl);

	t->resumed = tls_sessions_was_resumed(t);
	if (t->resumed) {
		return TLS_DONE;
	}
	if (peer == NULL) {
		snprintf(t->failure, sizeof(t->failure), "the origin presented no certificate");
		return tls_fail(t, certs_check_word(CERTS_CHECK_CHAIN), 0);
	}
	return t->judged != 0 ? TLS_DONE : tls_judge(t, peer);
}

enum tls_result tls_handshake(struct tls *t)
{
	int error;

	assert(!t->done);
	if (t->server != NULL) {
		tls_server_turn(t->server, t);
	}
	do {
		t->starved = false;
		error = mbedtls_ssl_handshake(&t->ssl);
	} while (error == MBEDTLS_ERR_SSL_WANT_READ && !t->starved);
	if (error == MBEDTLS_ERR_SSL_WANT_READ || error == MBEDTLS_ERR_SSL_WANT_WRITE) {
		return TLS_WANT;
	}
	if (error != 0) {
		return tls_fail(t, word_of(error), error);
	}
	if (t->trust != NULL && judge_peer(t) != TLS_DONE) {
		return TLS_FAILED;
	}
	t->done = true;
	/* TLS 1.3 brings its tickets later. */
	if (t->sessions != NULL &&
		mbedtls_ssl_get_version_number(&t->ssl) == MBEDTLS_SSL_VERSION_TLS1_2) {
		tls_sessions_keep(t);
	}
	return TLS_DONE;
}

/* After a message that is none of ours, and in the midst of a ticket, mbedTLS says that it wants
 * more though it has not asked. */
static int read_once(struct tls *t, void *buf, size_t size)
{
	int got;

	do {
		t->starved = false;
		got = mbedtls_ssl_read(&t->ssl, buf, size);
	} while (got == MBEDTLS_ERR_SSL_WANT_READ && !t->starved);
	return got;
}

enum tls_result tls_read(struct tls *t, void *buf, size_t size, size_t *ret_len)
{
	int got;

	assert(t->done);
	got = read_once(t, buf, size);
	while (got == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
		tls_sessions_keep(t);
		got = read_once(t, buf, size);
	}
	if (got > 0) {
		*ret_len = (size_t)got;
		return TLS_DONE;
	}
	if (got == MBEDTLS_ERR_SSL_WANT_READ || got == MBEDTLS_ERR_SSL_WANT_WRITE) {
		return TLS_WANT;
	}
	t->n_fed = 0; /* nothing counts that came after the end */
	if (got == 0 || got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
		return TLS_CLOSED;
	}
	return tls_fail(t, word_of(got), got);
}

bool tls_is_dry(const struct tls *t)
{
	return t->n_fed == 0 && mbedtls_ssl_check_pending(&t->ssl) == 0;
}

enum tls_result tls_write(struct tls *t, const void *data, size_t len)
{
	const unsigned char *from = data;

	assert(t->done);
	while (len > 0) {
		int put = mbedtls_ssl_write(&t->ssl, from, len);

		if (put <= 0) {
			return tls_fail(t, word_of(put), put);
		}
		from += put;
		len -= (size_t)put;
	}
	return TLS_DONE;
}

void tls_close_notify(struct tls *t)
{
	/* The buffer takes it or memory is out; the connection ends either way. */
	(void)mbedtls_ssl_close_notify(&t->ssl);
}

void tls_facts(const struct tls *t, struct tls_facts *ret_facts)
{
	mbedtls_ssl_protocol_version version = mbedtls_ssl_get_version_number(&t->ssl);

	memset(ret_facts, 0, sizeof(*ret_facts));
	/* What the other side answered with may be none that is spoken here, and is no fact then.
	 */
	if (version == MBEDTLS_SSL_VERSION_TLS1_2 || version == MBEDTLS_SSL_VERSION_TLS1_3) {
		ret_facts->version = mbedtls_ssl_get_version(&t->ssl);
	}
	ret_facts->cipher = mbedtls_ssl_get_ciphersuite(&t->ssl);
	ret_facts->alpn = mbedtls_ssl_get_alpn_protocol(&t->ssl);
	memcpy(ret_facts->peer_sha256, t->peer_sha256, sizeof(t->peer_sha256));
	ret_facts->resumed = t->resumed;
}

bool tls_was_resumed(const struct tls *t)
{
	return t->resumed;
}

const char *tls_failure_word(const struct tls *t)
{
	return t->failure_word != NULL ? t->failure_word : "tls-protocol";
}

const char *tls_failure(const struct tls *t)
{
	return t->failure;
}
