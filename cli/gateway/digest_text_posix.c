/* The key's bytes; the file's mode keeps others out. */
#include "cli/gateway/digest_text.h"

#include <string.h>

size_t digest_text_wrap(const unsigned char key[AUDIT_KEY], char ret_text[DIGEST_TEXT_MAX])
{
	memcpy(ret_text, key, AUDIT_KEY);
	return AUDIT_KEY;
}

bool digest_text_unwrap(const char *text, size_t len, unsigned char ret_key[AUDIT_KEY])
{
	if (len != AUDIT_KEY) {
		return false;
	}
	memcpy(ret_key, text, AUDIT_KEY);
	return true;
}
