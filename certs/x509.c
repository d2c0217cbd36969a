/*
 * Reads one certificate into struct cert. Judges only what one certificate alone can show to be
 * malformed; what it may be used for is judged in path.c.
 */
#include "certs/x509.h"

#include <stdio.h>
#include <string.h>

#define EXTENSIONS_MAX 64

/* The tag of a field: [n] constructed and [n] primitive. */
#define CONTEXT(n)      (0xa0 | (n))
#define CONTEXT_DATA(n) (0x80 | (n))

static const char *read_ski(struct der value, struct cert *cert)
{
	if (!der_take(&value, DER_OCTET_STRING, &cert->ski) || value.n != 0 || cert->ski.n == 0) {
		return "malformed subjectKeyIdentifier";
	}
	return NULL;
}

static const char *read_aki(struct der value, struct cert *cert)
{
	struct der seq;
	struct der issuer;
	struct der serial;

	if (!der_take(&value, DER_SEQUENCE, &seq) || value.n != 0 ||
		!der_take_optional(&seq, CONTEXT_DATA(0), &cert->aki) ||
		!der_take_optional(&seq, CONTEXT(1), &issuer) ||
		!der_take_optional(&seq, CONTEXT_DATA(2), &serial) || seq.n != 0) {
		return "malformed authorityKeyIdentifier";
	}
	cert->aki_names_issuer = issuer.p != NULL || serial.p != NULL;
	return NULL;
}

static const char *read_key_usage(struct der value, struct cert *cert)
{
	struct der bits;

	if (!der_take(&value, DER_BIT_STRING, &bits) || value.n != 0 || bits.n < 2 || bits.n > 3 ||
		bits.p[0] > 7) {
		return "malformed keyUsage";
	}
	for (unsigned i = 0; i < 8 * (bits.n - 1) && i < 9; i++) {
		if ((bits.p[1 + i / 8] & (0x80 >> i % 8)) != 0) {
			cert->key_usage |= 1u << i;
		}
	}
	return cert->key_usage != 0 ? NULL : "an empty keyUsage";
}

static const char *read_san(struct der value, struct cert *cert)
{
	if (!der_take(&value, DER_SEQUENCE, &cert->san) || value.n != 0) {
		return "malformed subjectAltName";
	}
	return NULL;
}

static const char *read_basic(struct der value, struct cert *cert)
{
	struct der seq;
	struct der ca;

	if (!der_take(&value, DER_SEQUENCE, &seq) || value.n != 0 ||
		!der_take_optional(&seq, DER_BOOLEAN, &ca) ||
		(ca.p != NULL && !der_is(ca, "\xff", 1) && !der_is(ca, "\0", 1))) {
		return "malformed basicConstraints";
	}
	cert->is_ca = ca.p != NULL && ca.p[0] != 0;
	if (seq.n != 0) {
		cert->has_path_len = true;
		if (!der_take_small(&seq, 255, &cert->path_len) || seq.n != 0 || !cert->is_ca) {
			return "malformed basicConstraints";
		}
	}
	return NULL;
}

static const char *read_name_constraints(struct der value, struct cert *cert)
{
	if (!der_take(&value, DER_SEQUENCE, &cert->name_constraints) || value.n != 0) {
		return "malformed nameConstraints";
	}
	return NULL;
}

static const char *read_eku(struct der value, struct cert *cert)
{
	struct der rest;
	struct der oid;

	if (!der_take(&value, DER_SEQUENCE, &cert->eku) || value.n != 0 || cert->eku.n == 0) {
		return "malformed extKeyUsage";
	}
	rest = cert->eku;
	while (rest.n != 0) {
		if (!der_take(&rest, DER_OID, &oid) || oid.n == 0) {
			return "malformed extKeyUsage";
		}
	}
	return NULL;
}

/*
 * The initial policy set is any-policy and no policy is asked for, so a policies extension
 * restricts nothing (RFC 5280 6.1.1, 6.1.3 d) as long as no policyConstraints asks: those are
 * refused below.
 */
static const char *read_policies(struct der value, struct cert *cert)
{
	struct der seq;

	(void)cert;
	if (!der_take(&value, DER_SEQUENCE, &seq) || value.n != 0 || seq.n == 0) {
		return "malformed certificatePolicies";
	}
	return NULL;
}

static const char *read_policy_constraints(struct der value, struct cert *cert)
{
	(void)value;
	cert->refusal = "policyConstraints, which are not processed here";
	return NULL;
}

static const char *read_aia(struct der value, struct cert *cert)
{
	struct der seq;
	struct der description;
	struct der part;
	unsigned tag;

	(void)cert;
	if (!der_take(&value, DER_SEQUENCE, &seq) || value.n != 0 || seq.n == 0) {
		return "malformed authorityInfoAccess";
	}
	while (seq.n != 0) {
		if (!der_take(&seq, DER_SEQUENCE, &description) ||
			!der_take(&description, DER_OID, &part) ||
			!der_next(&description, &tag, &part, NULL) || description.n != 0) {
			return "malformed authorityInfoAccess";
		}
	}
	return NULL;
}

/* RFC 7633: status_request (5) or status_request_v2 (17) means the server must staple. */
static const char *read_tls_feature(struct der value, struct cert *cert)
{
	struct der seq;
	unsigned feature;

	if (!der_take(&value, DER_SEQUENCE, &seq) || value.n != 0) {
		return "malformed TLS feature";
	}
	while (seq.n != 0) {
		if (!der_take_small(&seq, 0xffff, &feature)) {
			return "malformed TLS feature";
		}
		cert->must_staple = cert->must_staple || feature == 5 || feature == 17;
	}
	return NULL;
}

/* 2.5.29.x and 1.3.6.1.5.5.7.1.x. RFC 5280 says of some that they must never, or always, be
 * critical. */
static const struct known {
	const char *oid;
	size_t n_oid;
	enum x509_extension bit;
	bool never_critical;
	const char *(*read)(struct der value, struct cert *cert);
} known[] = {
	{"\x55\x1d\x0e", 3, X509_SKI, true, read_ski},
	{"\x55\x1d\x23", 3, X509_AKI, true, read_aki},
	{"\x55\x1d\x0f", 3, X509_KEY_USAGE, false, read_key_usage},
	{"\x55\x1d\x11", 3, X509_SAN, false, read_san},
	{"\x55\x1d\x13", 3, X509_BASIC, false, read_basic},
	{"\x55\x1d\x1e", 3, X509_NAME_CONSTRAINTS, false, read_name_constraints},
	{"\x55\x1d\x25", 3, X509_EKU, false, read_eku},
	{"\x55\x1d\x20", 3, X509_POLICIES, false, read_policies},
	{"\x55\x1d\x24", 3, X509_POLICY_CONSTRAINTS, false, read_policy_constraints},
	{"\x2b\x06\x01\x05\x05\x07\x01\x01", 8, X509_AIA, true, read_aia},
	{"\x2b\x06\x01\x05\x05\x07\x01\x18", 8, X509_TLS_FEATURE, false, read_tls_feature},
};

static const char *apply_extension(
	struct der oid, bool is_critical, struct der value, struct cert *cert)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!der_is(oid, known[i].oid, known[i].n_oid)) {
			continue;
		}
		if (is_critical && known[i].never_critical) {
			cert->refusal = "an extension marked critical that must not be";
		}
		cert->has |= known[i].bit;
		cert->critical |= is_critical ? known[i].bit : 0;
		return known[i].read(value, cert);
	}
	if (is_critical) {
		cert->refusal = "an unknown critical extension";
	}
	return NULL;
}

static const char *read_extensions(struct der list, struct cert *cert)
{
	struct der seen[EXTENSIONS_MAX];
	size_t n = 0;

	while (list.n != 0) {
		struct der ext;
		struct der oid;
		struct der critical;
		struct der value;
		const char *why;

		if (!der_take(&list, DER_SEQUENCE, &ext) || !der_take(&ext, DER_OID, &oid) ||
			!der_take_optional(&ext, DER_BOOLEAN, &critical) ||
			(critical.p != NULL && !der_is(critical, "\xff", 1) &&
				!der_is(critical, "\0", 1)) ||
			!der_take(&ext, DER_OCTET_STRING, &value) || ext.n != 0) {
			return "a malformed extension";
		}
		for (size_t i = 0; i < n; i++) {
			if (der_same(seen[i], oid)) {
				return "an extension that stands there twice";
			}
		}
		if (n == EXTENSIONS_MAX) {
			return "too many extensions";
		}
		seen[n++] = oid;
		why = apply_extension(oid, critical.p != NULL && critical.p[0] != 0, value, cert);
		if (why != NULL) {
			return why;
		}
	}
	return n > 0 ? NULL : "an empty list of extensions";
}

static bool read_version(struct der *tbs, unsigned *ret_version)
{
	struct der wrapped;
	unsigned version = 0;

	if (!der_take_optional(tbs, CONTEXT(0), &wrapped)) {
		return false;
	}
	if (wrapped.p != NULL && (!der_take_small(&wrapped, 2, &version) || wrapped.n != 0)) {
		return false;
	}
	*ret_version = version + 1;
	return true;
}

static bool read_validity(struct der *tbs, struct cert *cert)
{
	struct der validity;

	return der_take(tbs, DER_SEQUENCE, &validity) &&
	       der_take_time(&validity, &cert->not_before) &&
	       der_take_time(&validity, &cert->not_after) && validity.n == 0;
}

static const char *read_tbs(struct der tbs, struct cert *cert)
{
	struct der unique_id;
	struct der wrapped;
	struct der extensions;

	if (!read_version(&tbs, &cert->version) || !der_take(&tbs, DER_INTEGER, &cert->serial) ||
		!der_take_whole(&tbs, DER_SEQUENCE, &cert->sig_alg) ||
		!der_take_whole(&tbs, DER_SEQUENCE, &cert->issuer) || !read_validity(&tbs, cert) ||
		!der_take_whole(&tbs, DER_SEQUENCE, &cert->subject) ||
		!der_take_whole(&tbs, DER_SEQUENCE, &cert->spki) ||
		!der_take_optional(&tbs, CONTEXT_DATA(1), &unique_id) ||
		!der_take_optional(&tbs, CONTEXT_DATA(2), &unique_id) ||
		!der_take_optional(&tbs, CONTEXT(3), &wrapped) || tbs.n != 0) {
		return "not a certificate";
	}
	if (wrapped.p == NULL) {
		return NULL;
	}
	if (cert->version != 3 || !der_take(&wrapped, DER_SEQUENCE, &extensions) ||
		wrapped.n != 0) {
		return "malformed extensions";
	}
	return read_extensions(extensions, cert);
}

const char *x509_read(struct der raw, struct cert *ret_cert)
{
	struct cert cert = {.raw = raw};
	struct der all;
	struct der tbs;
	struct der whole = raw;
	struct der sig_alg;
	const char *why;

	if (!der_take(&whole, DER_SEQUENCE, &all) || whole.n != 0 ||
		!der_take_whole(&all, DER_SEQUENCE, &cert.tbs) ||
		!der_take_whole(&all, DER_SEQUENCE, &sig_alg) ||
		!der_take(&all, DER_BIT_STRING, &cert.signature) || all.n != 0) {
		return "not a certificate";
	}
	if (cert.signature.n < 2 || cert.signature.p[0] != 0) {
		return "a malformed signature";
	}
	cert.signature.p++;
	cert.signature.n--;
	whole = cert.tbs;
	if (!der_take(&whole, DER_SEQUENCE, &tbs)) {
		return "not a certificate";
	}
	why = read_tbs(tbs, &cert);
	if (why != NULL) {
		return why;
	}
	if (!der_same(cert.sig_alg, sig_alg)) {
		return "two signature algorithms that differ";
	}
	*ret_cert = cert;
	return NULL;
}

bool x509_self_issued(const struct cert *cert)
{
	return der_same(cert->issuer, cert->subject);
}

bool x509_common_name(const struct cert *cert, struct der *ret_name)
{
	struct der whole = cert->subject;
	struct der rdns;
	bool found = false;

	if (!der_take(&whole, DER_SEQUENCE, &rdns)) {
		return false;
	}
	while (rdns.n != 0) {
		struct der set;
		struct der pair;
		struct der oid;
		struct der value;
		unsigned tag;

		if (!der_take(&rdns, DER_SET, &set)) {
			return found;
		}
		while (set.n != 0 && der_take(&set, DER_SEQUENCE, &pair)) {
			if (der_take(&pair, DER_OID, &oid) && der_next(&pair, &tag, &value, NULL) &&
				der_is(oid, "\x55\x04\x03", 3)) {
				*ret_name = value;
				found = true;
			}
		}
	}
	return found;
}

void x509_subject_text(const struct cert *cert, char *out, size_t size)
{
	struct der name;
	size_t n = 0;

	if (!x509_common_name(cert, &name)) {
		snprintf(out, size, "(no common name)");
		return;
	}
	for (; n < name.n && n + 1 < size; n++) {
		/* It comes from the origin and goes to logs: nothing but plain ASCII. */
		out[n] = name.p[n] >= 0x20 && name.p[n] < 0x7f ? (char)name.p[n] : '?';
	}
	out[n] = '\0';
}
