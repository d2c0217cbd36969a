/*
 * The answer to "connect me to": by CONNECT (RFC 9110 9.3.6) or by SOCKS. Given once, yes or no,
 * when the session knows which.
 */
#ifndef SALLYPORT_GATEWAY_GRANT_H
#define SALLYPORT_GATEWAY_GRANT_H

#include <stdbool.h>

struct session;

/* Nothing when nobody asked. False when memory is out. */
bool grant(struct session *s) __attribute__((warn_unused_result));
/* No, to a SOCKS client; CONNECT is refused like any request. */
bool grant_refused(struct session *s) __attribute__((warn_unused_result));

#endif
