/*
 * Texts on disk that only this user can read again, by DPAPI: CryptProtectData,
 * CryptUnprotectData. A copy that another account or another machine gets does not open.
 *
 * `label` says what the text is; one wrapped under another label does not open either.
 */
#ifndef SALLYPORT_COMPAT_SECRET_H
#define SALLYPORT_COMPAT_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* As lines of text, NUL-terminated; the caller frees. NULL when Windows refuses. */
char *secret_wrap(const char *label, const void *data, size_t len);
bool secret_is_wrapped(const void *text, size_t len);
/* With a NUL behind it; the caller wipes and frees. NULL when it does not open. */
char *secret_unwrap(const char *label, const void *text, size_t len, size_t *ret_len);

#endif
