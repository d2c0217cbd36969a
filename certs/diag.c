/*
 * Words for errors: of the library, of a failed check, and of mbedTLS. Pure text; nothing here
 * decides.
 */
#include "certs/diag.h"

#include <stdarg.h>
#include <stdio.h>

#include <mbedtls/error.h>

const char *certs_strerror(int error)
{
	switch (error) {
	case CERTS_OK: return "ok";
	case CERTS_EMEMORY: return "out of memory";
	case CERTS_ECRYPTO: return "the crypto provider failed";
	case CERTS_EFILE: return "a file cannot be read or written";
	case CERTS_EFORMAT: return "not a certificate or key";
	case CERTS_ENAME: return "not a host name or address a certificate can carry";
	case CERTS_EPENDING: return "under way";
	case CERTS_EUNTRUSTED: return "the certificate is not trusted";
	}
	return "unknown error";
}

const char *certs_check_word(enum certs_check check)
{
	switch (check) {
	case CERTS_CHECK_NONE: return "none";
	case CERTS_CHECK_PASSED: return "passed";
	case CERTS_CHECK_CHAIN: return "chain";
	case CERTS_CHECK_EXPIRED: return "expired";
	case CERTS_CHECK_NAME: return "name";
	case CERTS_CHECK_USAGE: return "usage";
	case CERTS_CHECK_CONSTRAINT: return "constraint";
	case CERTS_CHECK_WEAK: return "weak";
	case CERTS_CHECK_STAPLE: return "staple";
	case CERTS_CHECK_FORM: return "form";
	}
	return "none";
}

int certs_fail(struct certs_diag *diag, int error, enum certs_check check, const char *format, ...)
{
	va_list args;

	if (diag != NULL) {
		diag->check = check;
		va_start(args, format);
		vsnprintf(diag->message, sizeof(diag->message), format, args);
		va_end(args);
	}
	return error;
}

int certs_fail_crypto(struct certs_diag *diag, const char *what, int mbedtls_error)
{
	char words[160];

	mbedtls_strerror(mbedtls_error, words, sizeof(words));
	return certs_fail(diag, CERTS_ECRYPTO, CERTS_CHECK_NONE, "%s: %s", what, words);
}
