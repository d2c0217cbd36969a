/*
 * What must not pass whichever provider is built in: signatures with numbers out of range, points
 * that are none, and RSA signatures whose padding was made by somebody who cannot sign.
 *
 * Source: FIPS 186-4 4.7 and 6.4 (ranges of r and s), SP 800-56A 5.6.2.3 (public keys), RFC 7748 5
 * and 6.1 (u coordinates), RFC 8017 8.1.2, 8.2.2 and 9 (padding). Bleichenbacher's forgery of 2006
 * is one of the last: what stands after the hash is not looked at.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "tests/unit/certs_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/rsa.h>
#include <mbedtls/sha256.h>
#include <string.h>

/* ---- ECDSA ---- */

static mbedtls_ecdsa_context signer;
static mbedtls_mpi r, s;
static const unsigned char hash[32] = {1, 2, 3};

static int verify_with(const mbedtls_mpi *with_r, const mbedtls_mpi *with_s)
{
	return mbedtls_ecdsa_verify(&signer.grp, hash, sizeof(hash), &signer.Q, with_r, with_s);
}

static void ecdsa_numbers_out_of_range(void **state)
{
	const mbedtls_mpi *n, *p;
	mbedtls_mpi bad[8];

	(void)state;
	mbedtls_ecdsa_init(&signer);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	for (size_t i = 0; i < 8; i++) {
		mbedtls_mpi_init(&bad[i]);
	}
	assert_int_equal(
		mbedtls_ecdsa_genkey(&signer, MBEDTLS_ECP_DP_SECP256R1, certs_random, NULL), 0);
	n = &signer.grp.N;
	p = &signer.grp.P;
	assert_int_equal(mbedtls_ecdsa_sign(&signer.grp, &r, &s, &signer.d, hash, sizeof(hash),
				 certs_random, NULL),
		0);
	assert_int_equal(verify_with(&r, &s), 0);

	/* 0, -1, n, n + 1, p, 2^256, 2^600, and below: the number itself, by n more or less */
	assert_int_equal(mbedtls_mpi_lset(&bad[0], 0), 0);
	assert_int_equal(mbedtls_mpi_lset(&bad[1], -1), 0);
	assert_int_equal(mbedtls_mpi_copy(&bad[2], n), 0);
	assert_int_equal(mbedtls_mpi_add_int(&bad[3], n, 1), 0);
	assert_int_equal(mbedtls_mpi_copy(&bad[4], p), 0);
	assert_int_equal(mbedtls_mpi_set_bit(&bad[5], 256, 1), 0);
	assert_int_equal(mbedtls_mpi_set_bit(&bad[6], 600, 1), 0);
	for (size_t i = 0; i < 7; i++) {
		assert_int_not_equal(verify_with(&bad[i], &s), 0);
		assert_int_not_equal(verify_with(&r, &bad[i]), 0);
		assert_int_not_equal(verify_with(&bad[i], &bad[i]), 0);
	}
	for (int sign = -1; sign <= 1; sign += 2) {
		for (int of_s = 0; of_s < 2; of_s++) {
			const mbedtls_mpi *from = of_s ? &s : &r;

			assert_int_equal(sign < 0 ? mbedtls_mpi_sub_mpi(&bad[7], from, n)
						  : mbedtls_mpi_add_mpi(&bad[7], from, n),
				0);
			assert_int_not_equal(
				verify_with(of_s ? &r : &bad[7], of_s ? &bad[7] : &s), 0);
		}
	}
	/* -r and -s name the same point and none of them is a signature; n - s is one, by design */
	assert_int_equal(mbedtls_mpi_copy(&bad[0], &r), 0);
	bad[0].s = -1;
	assert_int_not_equal(verify_with(&bad[0], &s), 0);
	assert_int_equal(mbedtls_mpi_copy(&bad[0], &s), 0);
	bad[0].s = -1;
	assert_int_not_equal(verify_with(&r, &bad[0]), 0);
	assert_int_equal(mbedtls_mpi_sub_mpi(&bad[0], n, &s), 0);
	assert_int_equal(verify_with(&r, &bad[0]), 0);
	for (size_t i = 0; i < 8; i++) {
		mbedtls_mpi_free(&bad[i]);
	}
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	mbedtls_ecdsa_free(&signer);
}

/* ---- points ---- */

/* 0: there is a secret. */
static int secret_with(const mbedtls_ecp_point *q, const mbedtls_mpi *d)
{
	mbedtls_ecp_group grp;
	mbedtls_mpi z;
	int status;

	mbedtls_ecp_group_init(&grp);
	mbedtls_mpi_init(&z);
	assert_int_equal(mbedtls_ecp_group_load(&grp, MBEDTLS_ECP_DP_SECP256R1), 0);
	status = mbedtls_ecdh_compute_shared(&grp, &z, q, d, certs_random, NULL);
	mbedtls_mpi_free(&z);
	mbedtls_ecp_group_free(&grp);
	return status;
}

static void p256_points_that_are_none(void **state)
{
	mbedtls_ecp_group grp;
	mbedtls_ecp_point q;
	mbedtls_mpi d, keep;

	(void)state;
	mbedtls_ecp_group_init(&grp);
	mbedtls_ecp_point_init(&q);
	mbedtls_mpi_init(&d);
	mbedtls_mpi_init(&keep);
	assert_int_equal(mbedtls_ecp_group_load(&grp, MBEDTLS_ECP_DP_SECP256R1), 0);
	assert_int_equal(mbedtls_ecp_gen_keypair(&grp, &d, &q, certs_random, NULL), 0);
	assert_int_equal(secret_with(&q, &d), 0);

	/* the same point by numbers that are p too much, or negative */
	assert_int_equal(mbedtls_mpi_copy(&keep, &q.X), 0);
	assert_int_equal(mbedtls_mpi_add_mpi(&q.X, &q.X, &grp.P), 0);
	assert_int_not_equal(secret_with(&q, &d), 0);
	assert_int_equal(mbedtls_mpi_sub_mpi(&q.X, &keep, &grp.P), 0);
	assert_int_not_equal(secret_with(&q, &d), 0);
	assert_int_equal(mbedtls_mpi_copy(&q.X, &keep), 0);
	assert_int_equal(secret_with(&q, &d), 0);

	/* on y^2 = x^3 - 3x + c for another c: what an invalid-curve attack sends */
	assert_int_equal(mbedtls_mpi_add_int(&q.Y, &q.Y, 1), 0);
	assert_int_not_equal(secret_with(&q, &d), 0);
	assert_int_equal(mbedtls_mpi_lset(&q.X, 0), 0);
	assert_int_equal(mbedtls_mpi_lset(&q.Y, 0), 0);
	assert_int_not_equal(secret_with(&q, &d), 0);
	assert_int_equal(mbedtls_ecp_set_zero(&q), 0); /* infinity */
	assert_int_not_equal(secret_with(&q, &d), 0);

	/* scalars */
	assert_int_not_equal(secret_with(&grp.G, &grp.N), 0);
	assert_int_equal(mbedtls_mpi_lset(&d, 0), 0);
	assert_int_not_equal(secret_with(&grp.G, &d), 0);
	mbedtls_mpi_free(&d);
	mbedtls_mpi_free(&keep);
	mbedtls_ecp_point_free(&q);
	mbedtls_ecp_group_free(&grp);
}

/* Little-endian octets, as they arrive; status and result of a multiplication by a fixed scalar. */
static int x25519_with(const unsigned char u[32], mbedtls_mpi *z)
{
	static const unsigned char scalar[32] = {0xA8, 1, 2, 3, [31] = 0x55};
	mbedtls_ecp_group grp;
	mbedtls_ecp_point q;
	mbedtls_mpi d;
	int status;

	mbedtls_ecp_group_init(&grp);
	mbedtls_ecp_point_init(&q);
	mbedtls_mpi_init(&d);
	assert_int_equal(mbedtls_ecp_group_load(&grp, MBEDTLS_ECP_DP_CURVE25519), 0);
	assert_int_equal(mbedtls_mpi_read_binary_le(&d, scalar, 32), 0);
	status = mbedtls_ecp_point_read_binary(&grp, &q, u, 32);
	if (status == 0) {
		status = mbedtls_ecdh_compute_shared(&grp, z, &q, &d, certs_random, NULL);
	}
	mbedtls_mpi_free(&d);
	mbedtls_ecp_point_free(&q);
	mbedtls_ecp_group_free(&grp);
	return status;
}

static void x25519_points_of_small_order(void **state)
{
	/* 0, 1, the two of order 8, p - 1, p, p + 1; p = 2^255 - 19 */
	static const unsigned char small[][32] = {
		{0},
		{1},
		{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f,
			0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62,
			0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
		{0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83,
			0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22,
			0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
	};
	mbedtls_mpi z;

	(void)state;
	mbedtls_mpi_init(&z);
	for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
		unsigned char u[32];

		assert_int_not_equal(x25519_with(small[i], &z), 0);
		memcpy(u, small[i], 32); /* the highest bit is not looked at */
		u[31] |= 0x80;
		assert_int_not_equal(x25519_with(u, &z), 0);
	}
	for (unsigned char low = 0xec; low <= 0xee; low++) {
		unsigned char u[32];

		memset(u, 0xff, sizeof(u));
		u[0] = low;
		u[31] = 0x7f;
		assert_int_not_equal(x25519_with(u, &z), 0);
	}
	mbedtls_mpi_free(&z);
}

/* RFC 7748, 5: numbers of p and above stand for what they leave, and the highest bit for nothing.
 */
static void x25519_other_ways_to_write_nine(void **state)
{
	unsigned char nine[32] = {9}, masked[32] = {9, [31] = 0x80}, more[32];
	mbedtls_mpi z, other;

	(void)state;
	mbedtls_mpi_init(&z);
	mbedtls_mpi_init(&other);
	memset(more, 0xff, sizeof(more));
	more[0] = 0xed + 9;
	more[31] = 0x7f;
	assert_int_equal(x25519_with(nine, &z), 0);
	assert_int_equal(x25519_with(masked, &other), 0);
	assert_int_equal(mbedtls_mpi_cmp_mpi(&z, &other), 0);
	assert_int_equal(x25519_with(more, &other), 0);
	assert_int_equal(mbedtls_mpi_cmp_mpi(&z, &other), 0);
	mbedtls_mpi_free(&z);
	mbedtls_mpi_free(&other);
}

/* ---- RSA ---- */

enum { MODULUS = 256, DIGEST_INFO = 19 + 32 };

static mbedtls_rsa_context rsa;

/* What is in a good signature: 00 01 FF... 00, the DigestInfo of SHA-256, the hash. */
static void encode(unsigned char em[MODULUS])
{
	static const unsigned char info[19] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
		0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

	memset(em, 0xff, MODULUS);
	em[0] = 0;
	em[1] = 1;
	em[MODULUS - DIGEST_INFO - 1] = 0;
	memcpy(em + MODULUS - DIGEST_INFO, info, sizeof(info));
	memcpy(em + MODULUS - 32, hash, 32);
}

/* Whatever is in it is signed, as who holds the key could, and e = 3 without padding lets others.
 */
static int verify_encoded(const unsigned char em[MODULUS])
{
	unsigned char signature[MODULUS];

	assert_int_equal(mbedtls_rsa_private(&rsa, certs_random, NULL, em, signature), 0);
	return mbedtls_rsa_pkcs1_verify(&rsa, MBEDTLS_MD_SHA256, 32, hash, signature);
}

static void set_up_rsa(int padding, mbedtls_md_type_t type)
{
	mbedtls_rsa_init(&rsa);
	assert_int_equal(mbedtls_rsa_gen_key(&rsa, certs_random, NULL, 8 * MODULUS, 65537), 0);
	assert_int_equal(mbedtls_rsa_set_padding(&rsa, padding, type), 0);
}

static void rsa_padding_made_by_others(void **state)
{
	unsigned char good[MODULUS], em[MODULUS], signature[MODULUS];
	size_t info = MODULUS - DIGEST_INFO;
	mbedtls_mpi more;

	(void)state;
	set_up_rsa(MBEDTLS_RSA_PKCS_V15, MBEDTLS_MD_NONE);
	encode(good);
	assert_int_equal(verify_encoded(good), 0);

	/* one octet changed at each place */
	for (size_t i = 1; i < MODULUS; i += i < info ? 17 : 1) {
		memcpy(em, good, MODULUS);
		em[i] ^= 1;
		assert_int_not_equal(verify_encoded(em), 0);
	}
	/* Bleichenbacher: eight of padding, then hash, then what makes the cube root come out */
	memset(em, 0x5a, MODULUS);
	memcpy(em, good, 10);
	em[10] = 0;
	memcpy(em + 11, good + info, DIGEST_INFO);
	assert_int_not_equal(verify_encoded(em), 0);
	/* the same with the garbage inside, in the parameters of the algorithm */
	memset(em, 0x5a, MODULUS);
	memcpy(em, good, 10);
	em[10] = 0;
	memcpy(em + 11, good + info, 17);
	em[11 + 16] = (unsigned char)(MODULUS - 11 - 17 - 34); /* their length */
	memcpy(em + MODULUS - 34, good + MODULUS - 34, 34);
	assert_int_not_equal(verify_encoded(em), 0);
	/* no NULL for parameters, one octet of padding more */
	memset(em, 0xff, MODULUS);
	em[0] = 0;
	em[1] = 1;
	em[info + 1] = 0;
	memcpy(em + info + 2, good + info, 15);
	memcpy(em + info + 17, good + info + 17, 34);
	em[info + 3] = 0x2f;
	em[info + 5] = 0x0b;
	assert_int_not_equal(verify_encoded(em), 0);
	/* a length in the long form, one octet of padding less */
	memcpy(em, good, MODULUS);
	em[info - 2] = 0;
	em[info - 1] = 0x30;
	em[info] = 0x81;
	assert_int_not_equal(verify_encoded(em), 0);
	/* encryption's block type, no padding at all */
	memcpy(em, good, MODULUS);
	em[1] = 2;
	assert_int_not_equal(verify_encoded(em), 0);
	memset(em, 0, MODULUS);
	memcpy(em + info, good + info, DIGEST_INFO);
	assert_int_not_equal(verify_encoded(em), 0);

	/* signatures that are no number below the modulus, or the trivial ones */
	assert_int_equal(mbedtls_rsa_private(&rsa, certs_random, NULL, good, signature), 0);
	mbedtls_mpi_init(&more);
	assert_int_equal(mbedtls_mpi_read_binary(&more, signature, MODULUS), 0);
	assert_int_equal(mbedtls_mpi_add_mpi(&more, &more, &rsa.N), 0);
	if (mbedtls_mpi_size(&more) <= MODULUS) {
		assert_int_equal(mbedtls_mpi_write_binary(&more, signature, MODULUS), 0);
		assert_int_not_equal(
			mbedtls_rsa_pkcs1_verify(&rsa, MBEDTLS_MD_SHA256, 32, hash, signature), 0);
	}
	for (int i = -1; i <= 1; i++) { /* n - 1, 0, 1 */
		assert_int_equal(
			i < 0 ? mbedtls_mpi_add_int(&more, &rsa.N, -1) : mbedtls_mpi_lset(&more, i),
			0);
		assert_int_equal(mbedtls_mpi_write_binary(&more, signature, MODULUS), 0);
		assert_int_not_equal(
			mbedtls_rsa_pkcs1_verify(&rsa, MBEDTLS_MD_SHA256, 32, hash, signature), 0);
	}
	assert_int_equal(mbedtls_mpi_write_binary(&rsa.N, signature, MODULUS), 0);
	assert_int_not_equal(
		mbedtls_rsa_pkcs1_verify(&rsa, MBEDTLS_MD_SHA256, 32, hash, signature), 0);
	mbedtls_mpi_free(&more);
	mbedtls_rsa_free(&rsa);
}

/* PSS: one bit anywhere, another length of salt than is asked for, another hash. */
static void rsa_pss_made_by_others(void **state)
{
	unsigned char good[MODULUS], em[MODULUS], signature[MODULUS];

	(void)state;
	set_up_rsa(MBEDTLS_RSA_PKCS_V21, MBEDTLS_MD_SHA256);
	assert_int_equal(mbedtls_rsa_rsassa_pss_sign(
				 &rsa, certs_random, NULL, MBEDTLS_MD_SHA256, 32, hash, signature),
		0);
	assert_int_equal(mbedtls_rsa_pkcs1_verify(&rsa, MBEDTLS_MD_SHA256, 32, hash, signature), 0);
	assert_int_equal(mbedtls_rsa_rsassa_pss_verify_ext(&rsa, MBEDTLS_MD_SHA256, 32, hash,
				 MBEDTLS_MD_SHA256, 32, signature),
		0);
	assert_int_not_equal(mbedtls_rsa_rsassa_pss_verify_ext(&rsa, MBEDTLS_MD_SHA256, 32, hash,
				     MBEDTLS_MD_SHA256, 20, signature),
		0);
	assert_int_not_equal(mbedtls_rsa_rsassa_pss_verify_ext(&rsa, MBEDTLS_MD_SHA256, 32, hash,
				     MBEDTLS_MD_SHA384, 32, signature),
		0);
	assert_int_equal(mbedtls_rsa_public(&rsa, signature, good), 0);
	assert_int_equal(good[MODULUS - 1], 0xbc);
	for (size_t i = 0; i < MODULUS; i += i < MODULUS - 34 ? 13 : 1) {
		memcpy(em, good, MODULUS);
		em[i] ^= 1;
		assert_int_not_equal(verify_encoded(em), 0);
	}
	/* the highest bit, which the modulus has no room for: as number it stays below */
	memcpy(em, good, MODULUS);
	em[0] |= 0x80;
	if (memcmp(em, good, MODULUS) != 0 &&
		mbedtls_rsa_private(&rsa, certs_random, NULL, em, signature) == 0) {
		assert_int_not_equal(
			mbedtls_rsa_pkcs1_verify(&rsa, MBEDTLS_MD_SHA256, 32, hash, signature), 0);
	}
	mbedtls_rsa_free(&rsa);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ecdsa_numbers_out_of_range),
		cmocka_unit_test(p256_points_that_are_none),
		cmocka_unit_test(x25519_points_of_small_order),
		cmocka_unit_test(x25519_other_ways_to_write_nine),
		cmocka_unit_test(rsa_padding_made_by_others),
		cmocka_unit_test(rsa_pss_made_by_others),
	};

	return cmocka_run_group_tests(tests, certs_group_start, certs_group_finish);
}
