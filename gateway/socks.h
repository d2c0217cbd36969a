/*
 * What a SOCKS client says, message by message: SOCKS5 (RFC 1928), its user name and password (RFC
 * 1929), SOCKS4 and SOCKS4a (the de-facto memos of Ying-Da Lee). Pure: bytes in, facts out.
 */
#ifndef SALLYPORT_GATEWAY_SOCKS_H
#define SALLYPORT_GATEWAY_SOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum socks_result {
	SOCKS_BAD = 0, /* not SOCKS, or not as it must be */
	SOCKS_MORE,    /* its end has not come */
	SOCKS_OK,
};

/* No message is longer. */
enum { SOCKS_MESSAGE_MAX = 8 + 2 * 256 };

enum { SOCKS_COMMAND_CONNECT = 1 };

/* What SOCKS5 can answer (RFC 1928 section 6); 4 knows only granted and not. */
enum socks_reply {
	SOCKS_GENERAL = 1,
	SOCKS_GRANTED = 0,
	SOCKS_NOT_ALLOWED = 2,
	SOCKS_HOST_UNREACHABLE = 4,
	SOCKS_REFUSED = 5,
	SOCKS_COMMAND = 7,
};

struct socks_greeting {
	bool no_authentication, password; /* methods offered */
};
struct socks_password {
	char user[256], password[256];
};
struct socks_request {
	uint8_t command;
	/* As a URL would have it: a name, an IPv4 address, or an IPv6 address in brackets. Not yet
	 * canonical, but without NUL. */
	char host[258];
	uint16_t port;
};

/* Each gives in *ret_used how many octets the message had. */
enum socks_result socks_read_greeting(
	const uint8_t *data, size_t len, struct socks_greeting *ret_greeting, size_t *ret_used);
enum socks_result socks_read_password(
	const uint8_t *data, size_t len, struct socks_password *ret_password, size_t *ret_used);
enum socks_result socks_read_request(
	const uint8_t *data, size_t len, struct socks_request *ret_request, size_t *ret_used);
/* SOCKS4 has no greeting. */
enum socks_result socks_read_request4(
	const uint8_t *data, size_t len, struct socks_request *ret_request, size_t *ret_used);

/* The answer to a request of version 4 or 5; its length. */
size_t socks_write_reply(uint8_t version, enum socks_reply reply, uint8_t buf[10]);

#endif
