/*
 * Any bytes as requests: where they are cut never changes what is read, and whatever is accepted
 * and written parses to one message of the same body, and is written the same again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/http/rewrite.h"
#include "tests/http/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_splits(const char *bytes, size_t len)
{
	char *whole = trace_http(HTTP_REQUESTS, NULL, &trace_limits, bytes, len, 0, len + 1);
	/* The last byte chooses a cut; all of them are too many for a fuzzer. */
	size_t first = len > 0 ? (unsigned char)bytes[len - 1] % (len + 1) : 0;
	char *cut = trace_http(HTTP_REQUESTS, NULL, &trace_limits, bytes, len, first, len + 1);
	char *bytewise = trace_http(HTTP_REQUESTS, NULL, &trace_limits, bytes, len, 1, 1);

	assert(strcmp(whole, cut) == 0);
	assert(strcmp(whole, bytewise) == 0);
	free(whole);
	free(cut);
	free(bytewise);
}

static void check_rewriting(const char *bytes, size_t len)
{
	struct rewritten once, twice;

	rewrite_request(bytes, len, &once);
	if (once.refused != NULL) {
		assert(once.data == NULL);
		return;
	}
	rewrite_request(once.data, once.len, &twice);
	assert(twice.refused == NULL);
	/* One message, to its last byte: nothing is left that could be a second one. */
	assert(twice.used == once.len);
	assert(twice.len == once.len && memcmp(twice.data, once.data, once.len) == 0);
	rewritten_finish(&once);
	rewritten_finish(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_splits((const char *)data, size);
	check_rewriting((const char *)data, size);
	return 0;
}
