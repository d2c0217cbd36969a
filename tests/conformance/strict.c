/*
 * Pairs of messages that differ in one thing a lenient parser would forgive: the strict one passes,
 * the lenient one is refused with its word, however either is cut on its way. The cases are our
 * own; the list of leniencies is llhttp's, and where a case belongs to one of its flags, llhttp
 * with that flag takes the lenient message and without it does not: so the case is what it says.
 *
 * Two of llhttp's flags are about what follows a last message; that is the session's affair
 * (tests/scenario/test_55_attacks.py).
 */
#include <assert.h>
#include <llhttp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/strict_cases.h"
#include "tests/http/rewrite.h"
#include "tests/http/trace.h"

static const struct {
	const char *name;
	void (*set)(llhttp_t *parser, int enabled);
} flags[] = {
	[LENIENT_NONE] = {"of no flag", NULL},
	[HEADERS] = {"headers", llhttp_set_lenient_headers},
	[CHUNKED_LENGTH] = {"chunked-length", llhttp_set_lenient_chunked_length},
	[CODING] = {"transfer-encoding", llhttp_set_lenient_transfer_encoding},
	[VERSION] = {"version", llhttp_set_lenient_version},
	[NO_LF] = {"optional-lf-after-cr", llhttp_set_lenient_optional_lf_after_cr},
	[NO_CR] = {"optional-cr-before-lf", llhttp_set_lenient_optional_cr_before_lf},
	[NO_CRLF] = {"optional-crlf-after-chunk", llhttp_set_lenient_optional_crlf_after_chunk},
	[SPACES] = {"spaces-after-chunk-size", llhttp_set_lenient_spaces_after_chunk_size},
	/* The newest flag; where llhttp is older its cases stand for themselves. */
	[RELAXED] = {"header-value-relaxed",
#if LLHTTP_VERSION_MAJOR > 9 || LLHTTP_VERSION_MINOR >= 4
		llhttp_set_lenient_header_value_relaxed
#else
		NULL
#endif
	},
};

enum { N_FLAGS = sizeof(flags) / sizeof(flags[0]) };

static void pass_on(const struct strict_case *c, struct strict_text text, struct rewritten *ret)
{
	if (c->side == HTTP_REQUESTS) {
		rewrite_request(text.bytes, text.len, ret);
	} else {
		rewrite_response(text.bytes, text.len, c->method, ret);
	}
}

/* What is sent of it is one message, and sent once more it is the same. */
static bool passes(const struct strict_case *c)
{
	struct rewritten once, twice;
	bool good;

	pass_on(c, c->strict, &once);
	if (once.refused != NULL) {
		printf("FAILED: \"%s\": the strict one is refused: %s\n", c->what, once.refused);
		return false;
	}
	pass_on(c, (struct strict_text){once.data, once.len}, &twice);
	good = once.used == c->strict.len && twice.refused == NULL && twice.used == once.len &&
	       twice.len == once.len && memcmp(once.data, twice.data, once.len) == 0;
	if (!good) {
		printf("FAILED: \"%s\": what is sent of the strict one is not one message\n",
			c->what);
	}
	rewritten_finish(&once);
	rewritten_finish(&twice);
	return good;
}

static bool is_refused(const struct strict_case *c)
{
	struct rewritten r;

	pass_on(c, c->lenient, &r);
	if (r.refused == NULL || strcmp(r.refused, c->word) != 0) {
		printf("FAILED: \"%s\": the lenient one is %s, not refused %s\n", c->what,
			r.refused != NULL ? r.refused : "sent", c->word);
		rewritten_finish(&r);
		return false;
	}
	return true;
}

/* Does llhttp itself take the lenient one? */
static bool llhttp_takes(const struct strict_case *c, bool flag)
{
	llhttp_settings_t settings;
	llhttp_t parser;
	enum llhttp_errno error;

	llhttp_settings_init(&settings);
	llhttp_init(&parser, c->side == HTTP_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
	if (flag) {
		flags[c->flag].set(&parser, 1);
	}
	error = llhttp_execute(&parser, c->lenient.bytes, c->lenient.len);
	return error == HPE_OK;
}

static bool belongs_to_its_flag(const struct strict_case *c)
{
	if (flags[c->flag].set == NULL || (llhttp_takes(c, true) && !llhttp_takes(c, false))) {
		return true;
	}
	printf("FAILED: \"%s\" does not show llhttp's flag %s\n", c->what, flags[c->flag].name);
	return false;
}

/* Stops the program where the answer depends on how the bytes were cut. */
static void cut_everywhere(const struct strict_case *c, struct strict_text text)
{
	const char *method = c->method != NULL ? c->method : "GET";

	free(trace_every_split(c->side, method, &trace_limits, text.bytes, text.len));
}

int main(void)
{
	size_t good = 0, of[N_FLAGS][2] = {0};

	for (size_t i = 0; i < n_strict_cases; i++) {
		const struct strict_case *c = &strict_cases[i];
		bool strict = passes(c), lenient = is_refused(c), flag = belongs_to_its_flag(c);

		cut_everywhere(c, c->strict);
		cut_everywhere(c, c->lenient);
		good += strict && lenient && flag;
		of[c->flag][c->side == HTTP_RESPONSES]++;
	}
	for (size_t f = 0; f < N_FLAGS; f++) {
		printf("  %s: %zu of requests, %zu of responses\n", flags[f].name, of[f][0],
			of[f][1]);
		if (of[f][0] + of[f][1] == 0) {
			printf("FAILED: no case of flag %s\n", flags[f].name);
			return 1;
		}
	}
	printf("strict: %zu/%zu pairs, the strict passes and the lenient is refused\n", good,
		n_strict_cases);
	return good == n_strict_cases ? 0 : 1;
}
