/*
 * The answer to "connect me to": by CONNECT (RFC 9110 9.3.6) or by SOCKS. Given once, yes or no,
 * when the session knows which.
 */
#ifndef SALLYPORT_GATEWAY_GRANT_H
#define SALLYPORT_GATEWAY_GRANT_H

#include <stdbool.h>
#include <stdint.h>

struct session;

/*
 * The question, by a canonical host. Of a client that asked the DNS door itself it is an address
 * made up there: then it is the name behind it, as it is for a captured connection.
 */
void grant_ask(struct session *s, const char *host, bool is_address, uint16_t port);
/* Nothing when nobody asked. False when memory is out. */
bool grant(struct session *s) __attribute__((warn_unused_result));
/* No, to a SOCKS client; CONNECT is refused like any request. */
bool grant_refused(struct session *s) __attribute__((warn_unused_result));

#endif
