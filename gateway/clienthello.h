/*
 * Reads a TLS ClientHello without answering it: whom does the client want? Pure: bytes in, facts
 * out. Sources: RFC 8446 section 4.1.2, 4.2.3 and 5.1, RFC 6066 section 3 (SNI), RFC 8422
 * section 2.2.
 */
#ifndef SALLYPORT_GATEWAY_CLIENTHELLO_H
#define SALLYPORT_GATEWAY_CLIENTHELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum clienthello_result {
	CLIENTHELLO_BAD = 0, /* not one, or one that contradicts itself */
	CLIENTHELLO_MORE,    /* its end has not come */
	CLIENTHELLO_OK,
};

struct clienthello {
	char sni[256];    /* canonical host name; "" when none was sent */
	bool tls13;       /* supported_versions offers it */
	bool alpn_http11; /* ALPN was sent and offers http/1.1 */
	bool alpn;        /* ALPN was sent */
	bool ecdsa;       /* a server with a P-256 key can answer it */
};

enum clienthello_result clienthello_read(
	const uint8_t *data, size_t len, struct clienthello *ret_hello);

#endif
