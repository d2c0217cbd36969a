/*
 * Which keys and signatures are good enough, and does a signature hold. Algorithms are compared as
 * whole encodings, as the Baseline Requirements (7.1.3) write them: no parameter is left to be read
 * in two ways. This is the one place of trust checking that calls mbedTLS.
 */
#include "certs/path.h"

#include <stdint.h>

#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>

#define RSA_BITS_MIN     2048
#define RSA_BITS_RELAXED 1024
#define RSA_BITS_MAX     8192 /* a larger one only costs us time */

struct signature_algorithm {
	const char *encoding; /* the AlgorithmIdentifier */
	size_t n_encoding;
	mbedtls_md_type_t md;
	mbedtls_pk_type_t pk; /* RSA, RSASSA_PSS or ECDSA */
	bool is_weak;
};

#define PSS(hash, salt)                                                            \
	"\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34"             \
	"\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02" hash "\x05\x00" \
	"\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"             \
	"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02" hash "\x05\x00\xa2\x03\x02\x01" salt
#define PKCS1(arc) "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" arc "\x05\x00"
#define ECDSA(arc) "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03" arc
#define ROW(text, md, pk, weak)                      \
	{                                            \
		text, sizeof(text) - 1, md, pk, weak \
	}

static const struct signature_algorithm algorithms[] = {
	ROW(ECDSA("\x02"), MBEDTLS_MD_SHA256, MBEDTLS_PK_ECDSA, false),
	ROW(ECDSA("\x03"), MBEDTLS_MD_SHA384, MBEDTLS_PK_ECDSA, false),
	ROW(ECDSA("\x04"), MBEDTLS_MD_SHA512, MBEDTLS_PK_ECDSA, false),
	ROW(PKCS1("\x0b"), MBEDTLS_MD_SHA256, MBEDTLS_PK_RSA, false),
	ROW(PKCS1("\x0c"), MBEDTLS_MD_SHA384, MBEDTLS_PK_RSA, false),
	ROW(PKCS1("\x0d"), MBEDTLS_MD_SHA512, MBEDTLS_PK_RSA, false),
	ROW(PSS("\x01", "\x20"), MBEDTLS_MD_SHA256, MBEDTLS_PK_RSASSA_PSS, false),
	ROW(PSS("\x02", "\x30"), MBEDTLS_MD_SHA384, MBEDTLS_PK_RSASSA_PSS, false),
	ROW(PSS("\x03", "\x40"), MBEDTLS_MD_SHA512, MBEDTLS_PK_RSASSA_PSS, false),
	/* SHA-1, for hosts whose rule relaxes it. MD5 is refused for everyone. */
	ROW(PKCS1("\x05"), MBEDTLS_MD_SHA1, MBEDTLS_PK_RSA, true),
	ROW("\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01", MBEDTLS_MD_SHA1, MBEDTLS_PK_ECDSA,
		true),
};

static const struct signature_algorithm *find_algorithm(struct der sig_alg)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (der_is(sig_alg, algorithms[i].encoding, algorithms[i].n_encoding)) {
			return &algorithms[i];
		}
	}
	return NULL;
}

const char *signature_weakness(struct der sig_alg, unsigned relax)
{
	const struct signature_algorithm *a = find_algorithm(sig_alg);

	if (a == NULL) {
		return "a signature algorithm that is not accepted";
	}
	if (a->is_weak && (relax & CERTS_RELAX_WEAK) == 0) {
		return "a SHA-1 signature";
	}
	return NULL;
}

static const char *rsa_weakness(struct der bits, unsigned relax)
{
	size_t floor = (relax & CERTS_RELAX_WEAK) != 0 ? RSA_BITS_RELAXED : RSA_BITS_MIN;
	struct der key;
	struct der modulus;
	struct der exponent;
	size_t n_bits;

	if (!der_take(&bits, DER_SEQUENCE, &key) || bits.n != 0 ||
		!der_take(&key, DER_INTEGER, &modulus) || !der_take(&key, DER_INTEGER, &exponent) ||
		key.n != 0) {
		return "a malformed RSA key";
	}
	/* A modulus whose length is a multiple of eight bits starts with the zero of the sign. */
	if (modulus.n < 2 || modulus.p[0] != 0 || (modulus.p[1] & 0x80) == 0) {
		return "an RSA modulus that is not a multiple of 8 bits long";
	}
	n_bits = 8 * (modulus.n - 1);
	if (n_bits < floor) {
		return "an RSA key that is too short";
	}
	if (n_bits > RSA_BITS_MAX) {
		return "an RSA key over 8192 bits";
	}
	/* Odd and at least 3; exponents over 64 bits only serve to slow a verifier down. */
	if (exponent.n < 1 || exponent.n > 9 || (exponent.p[0] & 0x80) != 0 ||
		(exponent.p[exponent.n - 1] & 1) == 0 || der_is(exponent, "\x01", 1)) {
		return "an RSA exponent that is not accepted";
	}
	return NULL;
}

const char *key_weakness(struct der spki, unsigned relax)
{
	static const struct {
		const char *encoding;
		size_t n_encoding;
	} curves[] = {
		{"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01"
		 "\x07",
			21},
		{"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22", 18},
		{"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23", 18},
	};
	struct der content;
	struct der algorithm;
	struct der bits;

	if (!der_take(&spki, DER_SEQUENCE, &content) ||
		!der_take_whole(&content, DER_SEQUENCE, &algorithm) ||
		!der_take(&content, DER_BIT_STRING, &bits) || content.n != 0 || bits.n < 2 ||
		bits.p[0] != 0) {
		return "a malformed key";
	}
	bits.p++;
	bits.n--;
	if (der_is(algorithm, PKCS1("\x01"), sizeof(PKCS1("\x01")) - 1)) {
		return rsa_weakness(bits, relax);
	}
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		if (der_is(algorithm, curves[i].encoding, curves[i].n_encoding)) {
			return NULL;
		}
	}
	return "a key that is not RSA, P-256, P-384 or P-521";
}

static bool verify(
	mbedtls_pk_context *key, const struct signature_algorithm *a, const struct cert *child)
{
	/* PSS: the hash and its length fix the salt, see the table. */
	mbedtls_pk_rsassa_pss_options pss = {.mgf1_hash_id = a->md};
	unsigned char digest[MBEDTLS_MD_MAX_SIZE];
	const mbedtls_md_info_t *md = mbedtls_md_info_from_type(a->md);
	size_t n = md != NULL ? mbedtls_md_get_size(md) : 0;

	if (n == 0 || mbedtls_md(md, child->tbs.p, child->tbs.n, digest) != 0) {
		return false;
	}
	pss.expected_salt_len = (int)n;
	return mbedtls_pk_verify_ext(a->pk, a->pk == MBEDTLS_PK_RSASSA_PSS ? &pss : NULL, key,
		       a->md, digest, n, child->signature.p, child->signature.n) == 0;
}

bool signature_holds(const struct cert *child, const struct cert *issuer)
{
	const struct signature_algorithm *a = find_algorithm(child->sig_alg);
	unsigned char *p = (unsigned char *)(uintptr_t)issuer->spki.p;
	mbedtls_pk_context key;
	bool holds = false;

	if (a == NULL) {
		return false;
	}
	mbedtls_pk_init(&key);
	if (mbedtls_pk_parse_subpubkey(&p, p + issuer->spki.n, &key) == 0 &&
		p == issuer->spki.p + issuer->spki.n) {
		holds = verify(&key, a, child);
	}
	mbedtls_pk_free(&key);
	return holds;
}
