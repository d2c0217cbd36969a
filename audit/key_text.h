/*
 * How the secret half of a key lies on disk: as it is where the file's mode keeps others out
 * (key_text_posix.c), wrapped for its user on Windows (key_text_windows.c). Private to audit/.
 */
#ifndef SALLYPORT_AUDIT_KEY_TEXT_H
#define SALLYPORT_AUDIT_KEY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Into the same room. False when it has none, or when the system refuses. */
bool key_text_wrap(char *text, size_t size) __attribute__((warn_unused_result));
bool key_text_unwrap(char *text, size_t size, size_t *len) __attribute__((warn_unused_result));

#endif
