/*
 * One message through the pure stages, as the gateway would send it on: parsed, target built,
 * written. For the fuzz targets and the conformance suites.
 */
#ifndef SALLYPORT_TESTS_HTTP_REWRITE_H
#define SALLYPORT_TESTS_HTTP_REWRITE_H

#include <stddef.h>

#include "gateway/http_parse.h"

struct rewritten {
	const char *refused; /* the word of the refusal, or NULL; static */
	char *data;          /* owned: what is sent on; NULL when refused */
	size_t len;
	size_t used; /* of the input */
};

/* Plain HTTP: absolute form as on the explicit proxy, else a connection that Host alone names. */
void rewrite_request(const char *bytes, size_t len, struct rewritten *ret);
/* As it goes to a client of HTTP/1.1. A body until close comes out chunked. */
void rewrite_response(const char *bytes, size_t len, const char *method, struct rewritten *ret);
void rewritten_finish(struct rewritten *r);

#endif
