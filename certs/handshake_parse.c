/*
 * What mbedTLS's handshake reads of the chain an origin sends. Its own parser ends the handshake at
 * a certificate with critical nameConstraints, which RFC 5280 demands of CAs that have any, and at
 * a certificate with a key it does not know, though no path may need that one. There is no setting
 * for it, so the linker puts this function in the place of mbedtls_x509_crt_parse_der (--wrap, see
 * CMakeLists.txt). It only decides what can be handed on: certs_trust_check reads the octets again
 * with a reader of its own and is the one that judges.
 */
#include <stdbool.h>

#include <mbedtls/x509_crt.h>

int __wrap_mbedtls_x509_crt_parse_der(
	mbedtls_x509_crt *chain, const unsigned char *buf, size_t buflen);

static int take_extension(void *unused, const mbedtls_x509_crt *crt, const mbedtls_x509_buf *oid,
	int critical, const unsigned char *p, const unsigned char *end)
{
	(void)unused;
	(void)crt;
	(void)oid;
	(void)critical;
	(void)p;
	(void)end;
	return 0;
}

int __wrap_mbedtls_x509_crt_parse_der(
	mbedtls_x509_crt *chain, const unsigned char *buf, size_t buflen)
{
	bool is_first = chain == NULL || chain->raw.p == NULL;
	int ret =
		mbedtls_x509_crt_parse_der_with_ext_cb(chain, buf, buflen, 1, take_extension, NULL);

	/* Past the leaf, one that cannot be read is left out: then no path goes through it. */
	return ret == MBEDTLS_ERR_X509_ALLOC_FAILED || is_first ? ret : 0;
}
