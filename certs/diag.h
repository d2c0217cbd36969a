/*
 * Filling a caller's struct certs_diag: every failure of this library says what and why in one
 * place.
 */
#ifndef SALLYPORT_CERTS_DIAG_H
#define SALLYPORT_CERTS_DIAG_H

#include "certs/certs.h"

/* Writes the sentence (and the check) when diag is not NULL; returns `error`, to be returned on. */
int certs_fail(struct certs_diag *diag, int error, enum certs_check check, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The same for a negative mbedTLS result: `what` was tried, mbedTLS's own words say why it failed.
 */
int certs_fail_crypto(struct certs_diag *diag, const char *what, int mbedtls_error);

#endif
