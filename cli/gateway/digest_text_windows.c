/* Wrapped for the user who made it: what another account or machine copies does not open. */
#include "cli/gateway/digest_text.h"

#include <secret.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

static const char label[] = "Sallyport digest key";

size_t digest_text_wrap(const unsigned char key[AUDIT_KEY], char ret_text[DIGEST_TEXT_MAX])
{
	char *wrapped = secret_wrap(label, key, AUDIT_KEY);
	size_t len = wrapped != NULL ? strlen(wrapped) : 0;

	if (len >= DIGEST_TEXT_MAX) {
		len = 0;
	}
	memcpy(ret_text, wrapped != NULL ? wrapped : "", len);
	free(wrapped);
	return len;
}

bool digest_text_unwrap(const char *text, size_t len, unsigned char ret_key[AUDIT_KEY])
{
	size_t plain_len = 0;
	char *plain =
		secret_is_wrapped(text, len) ? secret_unwrap(label, text, len, &plain_len) : NULL;
	bool done = plain != NULL && plain_len == AUDIT_KEY;

	if (done) {
		memcpy(ret_key, plain, AUDIT_KEY);
	}
	if (plain != NULL) {
		SecureZeroMemory(plain, plain_len);
	}
	free(plain);
	return done;
}
