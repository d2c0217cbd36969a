/*
 * How the key for digests stands in its file: digest_text_posix.c as it is, digest_text_windows.c
 * wrapped for its user by DPAPI.
 */
#ifndef SALLYPORT_CLI_GATEWAY_DIGEST_TEXT_H
#define SALLYPORT_CLI_GATEWAY_DIGEST_TEXT_H

#include "audit/audit.h"

#include <stdbool.h>
#include <stddef.h>

enum { DIGEST_TEXT_MAX = 4096 };

/* The text's length in bytes, or 0 when the system refuses. */
size_t digest_text_wrap(const unsigned char key[AUDIT_KEY], char ret_text[DIGEST_TEXT_MAX]);
/* False when the text is no key, or not this user's. */
bool digest_text_unwrap(const char *text, size_t len, unsigned char ret_key[AUDIT_KEY]);

#endif
