/*
 * One certificate, read: every field as octets of the DER it came from, and no memory of its own.
 * The reading is our own because mbedTLS's parser refuses what RFC 5280 asks to process (critical
 * name constraints) and takes what it forbids (explicit curves, lengths that are not the shortest).
 *
 * Source: RFC 5280 section 4.
 */
#ifndef SALLYPORT_CERTS_X509_H
#define SALLYPORT_CERTS_X509_H

#include "certs/certs.h"
#include "certs/der.h"

enum x509_extension {
	X509_SKI = 1 << 0,
	X509_AKI = 1 << 1,
	X509_KEY_USAGE = 1 << 2,
	X509_SAN = 1 << 3,
	X509_BASIC = 1 << 4,
	X509_NAME_CONSTRAINTS = 1 << 5,
	X509_EKU = 1 << 6,
	X509_POLICIES = 1 << 7,
	X509_POLICY_CONSTRAINTS = 1 << 8,
	X509_AIA = 1 << 9,
	X509_TLS_FEATURE = 1 << 10,
};

enum x509_key_usage { /* bit i of the BIT STRING is 1 << i */
	X509_USE_SIGN = 1 << 0,
	X509_USE_ENCIPHER = 1 << 2,
	X509_USE_AGREE = 1 << 4,
	X509_USE_CERT_SIGN = 1 << 5,
};

struct cert {
	struct der raw, tbs, serial, sig_alg, issuer, subject, spki,
		signature; /* names: whole TLV */
	int64_t not_before, not_after;
	unsigned version;                      /* 1, 2 or 3 */
	unsigned has;                          /* enum x509_extension */
	unsigned critical;                     /* those of them marked so */
	struct der ski;                        /* the identifier */
	struct der aki;                        /* keyIdentifier; empty when not there */
	struct der san, name_constraints, eku; /* contents of their SEQUENCE */
	bool aki_names_issuer; /* authorityCertIssuer or authorityCertSerialNumber */
	bool is_ca;
	bool has_path_len;
	unsigned path_len;
	unsigned key_usage;
	bool must_staple;
	const char *refusal; /* why no path may use it, though it can be read; NULL */
};

/* Reads one certificate; all of `raw` must be it. Returns NULL, or what is malformed. */
const char *x509_read(struct der raw, struct cert *ret_cert) __attribute__((warn_unused_result));
bool x509_self_issued(const struct cert *cert);
/* The subject's last common name, content of its string; false when there is none. */
bool x509_common_name(const struct cert *cert, struct der *ret_name);
/* The subject for people: the common name or the whole in short, printable. */
void x509_subject_text(const struct cert *cert, char *out, size_t size);

#endif
