/*
 * A non-blocking socket with TLS or without. Knows neither HTTP nor a loop.
 */
#include "bench/wire/wire.h"

#include <errno.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

const int wire_suites_offered[] = {
	MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
	MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
	MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	0,
};
const int wire_suites_taken[] = {
	MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	0,
};

static int send_some(void *arg, const unsigned char *data, size_t len)
{
	const struct wire *w = arg;
	ssize_t n = send(w->fd, data, len, MSG_NOSIGNAL);

	if (n >= 0) {
		return (int)n;
	}
	return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE
						 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static int receive_some(void *arg, unsigned char *data, size_t size)
{
	const struct wire *w = arg;
	ssize_t n = recv(w->fd, data, size, 0);

	if (n >= 0) {
		return (int)n;
	}
	return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ
						 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static ssize_t result(int status)
{
	switch (status) {
	case MBEDTLS_ERR_SSL_WANT_READ: return WIRE_WANT_READ;
	case MBEDTLS_ERR_SSL_WANT_WRITE: return WIRE_WANT_WRITE;
	case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY: return WIRE_END;
	case 0: return WIRE_END;
	default: return status > 0 ? status : WIRE_FAILED;
	}
}

int wire_secure(struct wire *w, const mbedtls_ssl_config *config)
{
	w->tls = true;
	mbedtls_ssl_init(&w->ssl);
	if (mbedtls_ssl_setup(&w->ssl, config) != 0) {
		return WIRE_FAILED;
	}
	mbedtls_ssl_set_bio(&w->ssl, w, send_some, receive_some, NULL);
	return 0;
}

int wire_init(struct wire *w, int fd, const mbedtls_ssl_config *config)
{
	int on = 1;

	w->fd = fd;
	w->tls = false;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return config != NULL ? wire_secure(w, config) : 0;
}

void wire_finish(struct wire *w)
{
	if (w->tls) {
		(void)mbedtls_ssl_close_notify(&w->ssl);
		mbedtls_ssl_free(&w->ssl);
	}
	close(w->fd);
}

int wire_handshake(struct wire *w)
{
	int status = w->tls ? mbedtls_ssl_handshake(&w->ssl) : 0;

	return status == 0 ? 0 : status > 0 ? WIRE_FAILED : (int)result(status);
}

ssize_t wire_read(struct wire *w, void *data, size_t size, bool *ret_ticket)
{
	int status;

	if (!w->tls) {
		status = receive_some(w, data, size);
		return result(status);
	}
	do {
		status = mbedtls_ssl_read(&w->ssl, data, size);
		if (status == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET && ret_ticket != NULL) {
			*ret_ticket = true;
		}
	} while (status == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET);
	return result(status);
}

ssize_t wire_write(struct wire *w, const void *data, size_t len)
{
	return result(w->tls ? mbedtls_ssl_write(&w->ssl, data, len) : send_some(w, data, len));
}
