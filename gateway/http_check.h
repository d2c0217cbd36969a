/*
 * What RFC 9110 and 9112 demand of a head as a whole, after its syntax was read: framing, Host,
 * connection options. Fills the meaning (framing, length, keep_alive, ...) from the fields.
 */
#ifndef SALLYPORT_GATEWAY_HTTP_CHECK_H
#define SALLYPORT_GATEWAY_HTTP_CHECK_H

#include "gateway/http_parse.h"

bool http_is_token(const char *text, size_t len);       /* RFC 9110 5.6.2 */
bool http_is_field_value(const char *text, size_t len); /* RFC 9110 5.5, obs-text included */
/* Fields that are for one connection only, whether Connection names them or not (9110 7.6.1). */
bool http_is_hop_by_hop(const char *name);

/* Both want method or status, minor, target and fields set. */
enum http_error http_check_request(struct http_head *head);
/* `method`: of the request being answered; "GET" where it does not matter. */
enum http_error http_check_response(struct http_head *head, const char *method);

#endif
