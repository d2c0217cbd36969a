/*
 * What a verifier reads of others: checkpoints, keys, proofs, headers of tree files. The key that
 * signs is not known here, so nothing may be believed.
 */
#include "audit/note.h"
#include "audit/seal_recover.h"
#include "audit/verify.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void keys(const char *text, size_t size)
{
	struct audit_public_key public;
	struct audit_key secret;
	char again[AUDIT_KEY_TEXT];

	/* One spelling a key. */
	if (note_key_read(text, size, &public)) {
		note_key_text(&public, again);
		assert(strlen(again) == size && memcmp(again, text, size) == 0);
	}
	if (note_secret_read(text, size, &secret)) {
		note_secret_text(&secret, again);
		assert(strlen(again) == size && memcmp(again, text, size) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct audit_public_key key = {"nobody", {7}};
	char *text = malloc(size + 1), *line = NULL;
	struct checkpoint c;
	struct tree tree;
	struct audit_diag diag;
	size_t at = 0, len = 0, header = 0;

	memcpy(text, data, size);
	text[size] = '\0';
	keys(text, size);
	while (checkpoint_read(text + at, size - at, &c, &len) == NOTE_WHOLE) {
		assert(len > 0 && len <= size - at);
		assert(memchr(c.origin, '\0', sizeof(c.origin)) != NULL && c.origin[0] != '\0');
		assert(!checkpoint_signed(text + at, len, &key, 1));
		at += len;
	}
	if (tree_file_header(text, size, &tree, &header) == AUDIT_OK) {
		assert(header <= size);
	}
	assert(audit_verify_proof(text, &key, 1, &line, &diag) != AUDIT_OK && line == NULL);
	free(text);
	return 0;
}
