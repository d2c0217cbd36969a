/*
 * A key store that a run builds on. What is taken must be one afterwards too, with one certificate
 * more; what is not must be left as it was.
 */
#include "certs/certs.h"
#include "certs/java_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes, which is all that is asked of it here. */
static const char pem[] = "-----BEGIN CERTIFICATE-----\nMAAwADAA\n-----END CERTIFICATE-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *const pems[] = {pem, NULL};
	unsigned char *store = malloc(size + 1), *tail, *whole;
	size_t kept = 0, tail_len = 0;
	uint32_t before = 0, after = 0;
	struct certs_diag diag;

	assert(store != NULL);
	memcpy(store, data, size);
	if (certs_java_store_extend(store, size, pems, &kept, &tail, &tail_len, &diag) ==
		CERTS_OK) {
		assert(kept < size && java_store_read(data, size, &before));
		whole = malloc(kept + tail_len);
		assert(whole != NULL);
		memcpy(whole, store, kept);
		memcpy(whole + kept, tail, tail_len);
		assert(java_store_read(whole, kept + tail_len, &after) && after == before + 1);
		free(whole);
		free(tail);
	} else {
		assert(memcmp(store, data, size) == 0);
	}
	free(store);
	return 0;
}
