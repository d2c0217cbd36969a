/*
 * Wrapped for the user who made it. One that is not wrapped is taken as it is: it came from another
 * system, or was written by hand.
 */
#include "audit/key_text.h"

#include <secret.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/platform_util.h>

static const char label[] = "Sallyport record key";

bool key_text_wrap(char *text, size_t size)
{
	char *wrapped = secret_wrap(label, text, strlen(text));
	bool done = wrapped != NULL && strlen(wrapped) < size;

	if (done) {
		strcpy(text, wrapped);
	}
	free(wrapped);
	return done;
}

bool key_text_unwrap(char *text, size_t size, size_t *len)
{
	size_t plain_len = 0;
	char *plain;
	bool done;

	if (!secret_is_wrapped(text, *len)) {
		return true;
	}
	plain = secret_unwrap(label, text, *len, &plain_len);
	done = plain != NULL && plain_len < size;
	if (done) {
		memcpy(text, plain, plain_len + 1);
		*len = plain_len;
	}
	if (plain != NULL) {
		mbedtls_platform_zeroize(plain, plain_len);
	}
	free(plain);
	return done;
}
