/*
 * Any bytes as responses, to a method that the first byte chooses: where they are cut never changes
 * what is read, and whatever is accepted and written parses to one message again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/http/rewrite.h"
#include "tests/http/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_splits(const char *method, const char *bytes, size_t len)
{
	char *whole = trace_http(HTTP_RESPONSES, method, &trace_limits, bytes, len, 0, len + 1);
	size_t first = len > 0 ? (unsigned char)bytes[len - 1] % (len + 1) : 0;
	char *cut = trace_http(HTTP_RESPONSES, method, &trace_limits, bytes, len, first, len + 1);
	char *bytewise = trace_http(HTTP_RESPONSES, method, &trace_limits, bytes, len, 1, 1);

	assert(strcmp(whole, cut) == 0);
	assert(strcmp(whole, bytewise) == 0);
	free(whole);
	free(cut);
	free(bytewise);
}

static void check_rewriting(const char *method, const char *bytes, size_t len)
{
	struct rewritten once, twice;

	rewrite_response(bytes, len, method, &once);
	if (once.refused != NULL) {
		assert(once.data == NULL);
		return;
	}
	rewrite_response(once.data, once.len, method, &twice);
	assert(twice.refused == NULL);
	assert(twice.used == once.len);
	assert(twice.len == once.len && memcmp(twice.data, once.data, once.len) == 0);
	rewritten_finish(&once);
	rewritten_finish(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const methods[] = {"GET", "HEAD", "CONNECT"};
	const char *method;

	if (size == 0) {
		return 0;
	}
	method = methods[data[0] % 3];
	check_splits(method, (const char *)data + 1, size - 1);
	check_rewriting(method, (const char *)data + 1, size - 1);
	return 0;
}
