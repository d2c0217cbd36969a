/*
 * What the parser makes of some bytes, as text, whatever pieces they come in: for tests that say
 * "the same events" and for tests that say which.
 */
#ifndef SALLYPORT_TESTS_HTTP_TRACE_H
#define SALLYPORT_TESTS_HTTP_TRACE_H

#include <stddef.h>

#include "gateway/http_parse.h"

extern const struct http_limits trace_limits;

/*
 * Feeds `len` bytes in pieces: one of `first`, then as many of `step` as it takes, each in memory
 * of its own that is gone after the call; then the end of the connection. Messages follow each
 * other until an error, an upgrade or the end. Every response answers `method`. To be freed.
 */
char *trace_http(enum http_side side, const char *method, const struct http_limits *limits,
	const char *bytes, size_t len, size_t first, size_t step);

/* The same for every cut in two and byte by byte; stops the program where one differs. The trace.
 */
char *trace_every_split(enum http_side side, const char *method, const struct http_limits *limits,
	const char *bytes, size_t len);

#endif
