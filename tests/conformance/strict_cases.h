/*
 * The pairs of strict.c.
 */
#ifndef SALLYPORT_TESTS_CONFORMANCE_STRICT_CASES_H
#define SALLYPORT_TESTS_CONFORMANCE_STRICT_CASES_H

#include <stddef.h>

#include "gateway/http_parse.h"

/* llhttp's leniencies, by the names of its setters. */
enum leniency {
	LENIENT_NONE,
	HEADERS,
	CHUNKED_LENGTH,
	CODING,
	VERSION,
	NO_LF,
	NO_CR,
	NO_CRLF,
	SPACES,
	RELAXED,
};

struct strict_text {
	const char *bytes;
	size_t len;
};

struct strict_case {
	const char *what;
	enum leniency flag;
	enum http_side side;
	const char *method; /* responses: of the request they answer */
	struct strict_text strict, lenient;
	const char *word; /* of the lenient one's refusal */
};

extern const struct strict_case strict_cases[];
extern const size_t n_strict_cases;

#endif
