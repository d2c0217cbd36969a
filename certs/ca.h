/*
 * What minting needs of a CA. The key is used under no lock: mbedTLS's EC signing only reads it.
 */
#ifndef SALLYPORT_CERTS_CA_H
#define SALLYPORT_CERTS_CA_H

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include "certs/certs.h"

struct certs_ca {
	mbedtls_pk_context key;
	mbedtls_x509_crt crt;
	char name[512]; /* the subject, as mbedtls_x509write_crt_set_issuer_name reads it */
	char *pem;      /* owned */
	char fingerprint[65];
};

/* "YYYYMMDDhhmmss" in UTC, as mbedtls_x509write_crt_set_validity wants it. */
void ca_time_text(time_t t, char ret_text[16]);
/* 20 random octets, positive and never starting with zero: RFC 5280 4.1.2.2. */
int ca_serial(unsigned char ret_serial[20]) __attribute__((warn_unused_result));
/* Seconds since 1970 of a certificate's time. */
time_t ca_time_of(const mbedtls_x509_time *t);

#endif
