/*
 * The journal as a crash left it. The input is frames whose hashes are made to fit where their
 * lengths allow it, so that what stands behind the hash is reached.
 */
#include "audit/journal.h"
#include "audit/sha256.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_hashes_fit(unsigned char *text, size_t size)
{
	size_t at = 0;

	while (size - at >= JOURNAL_HEADER) {
		size_t len = text[at + 12] | (size_t)text[at + 13] << 8;

		if (len > size - at - JOURNAL_HEADER ||
			!sha256_parts(2, text + at, 32, text + at + JOURNAL_HEADER, len,
				text + at + 32)) {
			return;
		}
		at += JOURNAL_HEADER + len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	unsigned segment;
	uint64_t offset;
	size_t len;

	memcpy(text, data, size);
	if (size > 0 && data[size - 1] % 2 == 0) {
		make_hashes_fit((unsigned char *)text, size);
	}
	len = audit_journal_join(text, size, &segment, &offset);
	assert(len == 0 || (len + JOURNAL_HEADER <= size && text[len - 1] == '\n'));
	assert(offset <= INT64_MAX);
	free(text);
	return 0;
}
