/*
 * What computes below TLS answers as published vectors say, whichever provider is built in, and
 * refuses what is not so.
 *
 * Source: RFC 6979 A.2.5 (P-256) and A.2.6 (P-384), RFC 5903 8.1 (ECDH), RFC 7748 5.2 and 6.1.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/certs_group.h"

#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <psa/crypto.h>

static mbedtls_mpi number(const char *hex)
{
	mbedtls_mpi n;

	mbedtls_mpi_init(&n);
	assert_int_equal(mbedtls_mpi_read_string(&n, 16, hex), 0);
	return n;
}

/* Curve25519's octets stand the other way round. */
static mbedtls_mpi octets(const char *hex)
{
	unsigned char bytes[32];
	mbedtls_mpi n;

	for (size_t i = 0; i < sizeof(bytes); i++) {
		char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

		bytes[i] = (unsigned char)strtoul(two, NULL, 16);
	}
	mbedtls_mpi_init(&n);
	assert_int_equal(mbedtls_mpi_read_binary_le(&n, bytes, sizeof(bytes)), 0);
	return n;
}

static void load(mbedtls_ecp_group *grp, mbedtls_ecp_group_id id)
{
	mbedtls_ecp_group_init(grp);
	assert_int_equal(mbedtls_ecp_group_load(grp, id), 0);
}

static void set_point(mbedtls_ecp_point *to, const char *x, const char *y)
{
	mbedtls_ecp_point_init(to);
	assert_int_equal(mbedtls_ecp_point_read_string(to, 16, x, y), 0);
}

/* ---- ECDSA ---- */

static const struct ecdsa_vector {
	mbedtls_ecp_group_id curve;
	bool sha384;
	const char *d, *x, *y, *message, *r, *s;
} ecdsa_vectors[] = {
	{MBEDTLS_ECP_DP_SECP256R1, false,
		"C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
		"60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
		"7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299", "sample",
		"EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
		"F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"},
	{MBEDTLS_ECP_DP_SECP256R1, false,
		"C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
		"60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
		"7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299", "test",
		"F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
		"019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"},
	{MBEDTLS_ECP_DP_SECP256R1, true, /* a hash longer than the order */
		"C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
		"60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
		"7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299", "sample",
		"0EAFEA039B20E9B42309FB1D89E213057CBF973DC0CFC8F129EDDDC800EF7719",
		"4861F0491E6998B9455193E34E7B0D284DDD7149A74B95B9261F13ABDE940954"},
	{MBEDTLS_ECP_DP_SECP384R1, true,
		"6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D8"
		"96D5724E4C70A825F872C9EA60D2EDF5",
		"EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64"
		"DEF8F0EA9055866064A254515480BC13",
		"8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1"
		"288B231C3AE0D4FE7344FD2533264720",
		"sample",
		"94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C"
		"81A648152E44ACF96E36DD1E80FABE46",
		"99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94F"
		"A329C145786E679E7B82C71A38628AC8"},
};

static size_t hash_of(const struct ecdsa_vector *v, unsigned char hash[64])
{
	const unsigned char *message = (const unsigned char *)v->message;

	if (v->sha384) {
		assert_int_equal(mbedtls_sha512(message, strlen(v->message), hash, 1), 0);
		return 48;
	}
	assert_int_equal(mbedtls_sha256(message, strlen(v->message), hash, 0), 0);
	return 32;
}

static void test_ecdsa_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ecdsa_vectors) / sizeof(ecdsa_vectors[0]); i++) {
		const struct ecdsa_vector *v = &ecdsa_vectors[i];
		mbedtls_mpi r = number(v->r), s = number(v->s), d = number(v->d),
			    zero = number("0");
		mbedtls_ecp_group grp;
		mbedtls_ecp_point q, mine;
		unsigned char hash[64];
		size_t n = hash_of(v, hash);

		load(&grp, v->curve);
		set_point(&q, v->x, v->y);
		mbedtls_ecp_point_init(&mine);
		assert_int_equal(mbedtls_ecdsa_verify(&grp, hash, n, &q, &r, &s), 0);
		/* the private key's public one, by the multiplication that key exchange uses */
		assert_int_equal(mbedtls_ecp_mul(&grp, &mine, &d, &grp.G, certs_random, NULL), 0);
		assert_int_equal(mbedtls_ecp_point_cmp(&mine, &q), 0);

		assert_int_not_equal(mbedtls_ecdsa_verify(&grp, hash, n, &q, &s, &r), 0);
		assert_int_not_equal(mbedtls_ecdsa_verify(&grp, hash, n, &q, &zero, &s), 0);
		assert_int_not_equal(mbedtls_ecdsa_verify(&grp, hash, n, &q, &r, &zero), 0);
		assert_int_not_equal(mbedtls_ecdsa_verify(&grp, hash, n, &q, &r, &grp.N), 0);
		assert_int_not_equal(mbedtls_ecdsa_verify(&grp, hash, n, &grp.G, &r, &s), 0);
		hash[0] ^= 1;
		assert_int_not_equal(mbedtls_ecdsa_verify(&grp, hash, n, &q, &r, &s), 0);
		hash[0] ^= 1;
		assert_int_equal(mbedtls_mpi_add_int(&q.X, &q.X, 1), 0); /* off the curve */
		assert_int_not_equal(mbedtls_ecdsa_verify(&grp, hash, n, &q, &r, &s), 0);
		mbedtls_mpi_free(&r);
		mbedtls_mpi_free(&s);
		mbedtls_mpi_free(&d);
		mbedtls_mpi_free(&zero);
		mbedtls_ecp_point_free(&q);
		mbedtls_ecp_point_free(&mine);
		mbedtls_ecp_group_free(&grp);
	}
}

static void test_ecdsa_sign(void **state)
{
	static const mbedtls_ecp_group_id ids[] = {MBEDTLS_ECP_DP_SECP256R1,
		MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1, MBEDTLS_ECP_DP_BP256R1};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		mbedtls_ecdsa_context key, other;
		unsigned char hash[32] = {(unsigned char)i, 1, 2};
		mbedtls_mpi r, s, r2, zero = number("0");

		mbedtls_ecdsa_init(&key);
		mbedtls_ecdsa_init(&other);
		mbedtls_mpi_init(&r);
		mbedtls_mpi_init(&r2);
		mbedtls_mpi_init(&s);
		assert_int_equal(mbedtls_ecdsa_genkey(&key, ids[i], certs_random, NULL), 0);
		assert_int_equal(mbedtls_ecdsa_genkey(&other, ids[i], certs_random, NULL), 0);
		assert_int_not_equal(mbedtls_mpi_cmp_mpi(&key.d, &other.d), 0);
		assert_int_equal(mbedtls_ecp_check_pub_priv(&key, &key, certs_random, NULL), 0);
		assert_int_equal(mbedtls_ecdsa_sign(&key.grp, &r2, &s, &key.d, hash, sizeof(hash),
					 certs_random, NULL),
			0);
		assert_int_equal(mbedtls_ecdsa_sign(&key.grp, &r, &s, &key.d, hash, sizeof(hash),
					 certs_random, NULL),
			0);
		assert_int_not_equal(
			mbedtls_mpi_cmp_mpi(&r, &r2), 0); /* a nonce used twice tells the key */
		assert_int_equal(
			mbedtls_ecdsa_verify(&key.grp, hash, sizeof(hash), &key.Q, &r, &s), 0);
		assert_int_not_equal(
			mbedtls_ecdsa_verify(&key.grp, hash, sizeof(hash), &other.Q, &r, &s), 0);
		assert_int_not_equal(mbedtls_ecdsa_sign(&key.grp, &r, &s, &zero, hash, sizeof(hash),
					     certs_random, NULL),
			0);
		assert_int_not_equal(mbedtls_ecdsa_sign(&key.grp, &r, &s, &key.grp.N, hash,
					     sizeof(hash), certs_random, NULL),
			0);
		mbedtls_mpi_free(&r);
		mbedtls_mpi_free(&r2);
		mbedtls_mpi_free(&s);
		mbedtls_mpi_free(&zero);
		mbedtls_ecdsa_free(&key);
		mbedtls_ecdsa_free(&other);
	}
}

/* ---- key exchange ---- */

static int shared(
	mbedtls_ecp_group *grp, mbedtls_mpi *z, const mbedtls_ecp_point *q, const mbedtls_mpi *d)
{
	mbedtls_mpi_init(z);
	return mbedtls_ecdh_compute_shared(grp, z, q, d, certs_random, NULL);
}

static void test_ecdh_p256(void **state)
{
	mbedtls_mpi i = number("C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433");
	mbedtls_mpi r = number("C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53");
	mbedtls_mpi wanted =
		number("D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE");
	mbedtls_ecp_point gi, gr, made;
	mbedtls_ecp_group grp;
	mbedtls_mpi z;

	(void)state;
	load(&grp, MBEDTLS_ECP_DP_SECP256R1);
	set_point(&gi, "DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180",
		"5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3");
	set_point(&gr, "D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63",
		"56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB");
	mbedtls_ecp_point_init(&made);
	assert_int_equal(mbedtls_ecp_mul(&grp, &made, &i, &grp.G, certs_random, NULL), 0);
	assert_int_equal(mbedtls_ecp_point_cmp(&made, &gi), 0);
	assert_int_equal(shared(&grp, &z, &gr, &i), 0);
	assert_int_equal(mbedtls_mpi_cmp_mpi(&z, &wanted), 0);
	mbedtls_mpi_free(&z);
	assert_int_equal(shared(&grp, &z, &gi, &r), 0);
	assert_int_equal(mbedtls_mpi_cmp_mpi(&z, &wanted), 0);
	mbedtls_mpi_free(&z);
	assert_int_equal(mbedtls_mpi_add_int(&gr.Y, &gr.Y, 1), 0); /* off the curve */
	assert_int_not_equal(shared(&grp, &z, &gr, &i), 0);
	mbedtls_mpi_free(&z);
	assert_int_equal(mbedtls_ecp_set_zero(&gr), 0);
	assert_int_not_equal(shared(&grp, &z, &gr, &i), 0);
	mbedtls_mpi_free(&z);
	mbedtls_mpi_free(&i);
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&wanted);
	mbedtls_ecp_point_free(&gi);
	mbedtls_ecp_point_free(&gr);
	mbedtls_ecp_point_free(&made);
	mbedtls_ecp_group_free(&grp);
}

/* RFC 7748, 6.1: Bob's key, clamped as it is used, and Alice's public one. */
static void test_x25519(void **state)
{
	mbedtls_mpi b = octets("58ab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e06b");
	mbedtls_mpi wanted =
		octets("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
	mbedtls_mpi mine =
		octets("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	mbedtls_ecp_point alice, made;
	mbedtls_ecp_group grp;
	mbedtls_mpi z, d;

	(void)state;
	load(&grp, MBEDTLS_ECP_DP_CURVE25519);
	mbedtls_ecp_point_init(&alice);
	mbedtls_ecp_point_init(&made);
	alice.X = octets("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	assert_int_equal(mbedtls_mpi_lset(&alice.Z, 1), 0);
	assert_int_equal(mbedtls_ecp_mul(&grp, &made, &b, &grp.G, certs_random, NULL), 0);
	assert_int_equal(mbedtls_mpi_cmp_mpi(&made.X, &mine), 0);
	assert_int_equal(shared(&grp, &z, &alice, &b), 0);
	assert_int_equal(mbedtls_mpi_cmp_mpi(&z, &wanted), 0);
	mbedtls_mpi_free(&z);

	/* a pair of its own agrees with the other side */
	mbedtls_mpi_init(&d);
	assert_int_equal(mbedtls_ecdh_gen_public(&grp, &d, &made, certs_random, NULL), 0);
	assert_int_equal(shared(&grp, &z, &made, &b), 0);
	mbedtls_mpi_free(&wanted);
	mbedtls_mpi_free(&alice.X);
	assert_int_equal(mbedtls_mpi_copy(&alice.X, &mine), 0);
	assert_int_equal(shared(&grp, &wanted, &alice, &d), 0);
	assert_int_equal(mbedtls_mpi_cmp_mpi(&z, &wanted), 0);
	mbedtls_mpi_free(&z);

	/* points of small order: the result would be zero (RFC 7748, 6.1) */
	for (int u = 0; u <= 1; u++) {
		assert_int_equal(mbedtls_mpi_lset(&alice.X, u), 0);
		assert_int_not_equal(shared(&grp, &z, &alice, &b), 0);
		mbedtls_mpi_free(&z);
	}
	mbedtls_mpi_free(&b);
	mbedtls_mpi_free(&d);
	mbedtls_mpi_free(&wanted);
	mbedtls_mpi_free(&mine);
	mbedtls_ecp_point_free(&alice);
	mbedtls_ecp_point_free(&made);
	mbedtls_ecp_group_free(&grp);
}

/* What TLS 1.3 goes through: PSA, whose pairs have to fit each other. */
static void test_psa_agreement(void **state)
{
	static const struct {
		psa_ecc_family_t family;
		size_t bits;
	} curves[] = {{PSA_ECC_FAMILY_SECP_R1, 256}, {PSA_ECC_FAMILY_SECP_R1, 384},
		{PSA_ECC_FAMILY_MONTGOMERY, 255}};

	(void)state;
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
		unsigned char public[2][PSA_EXPORT_PUBLIC_KEY_MAX_SIZE],
			secret[2][PSA_RAW_KEY_AGREEMENT_OUTPUT_MAX_SIZE];
		size_t public_len[2], secret_len[2];
		psa_key_id_t keys[2];

		psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(curves[i].family));
		psa_set_key_bits(&attributes, curves[i].bits);
		psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
		psa_set_key_algorithm(&attributes, PSA_ALG_ECDH);
		for (size_t k = 0; k < 2; k++) {
			assert_int_equal(psa_generate_key(&attributes, &keys[k]), PSA_SUCCESS);
			assert_int_equal(psa_export_public_key(keys[k], public[k],
						 sizeof(public[k]), &public_len[k]),
				PSA_SUCCESS);
		}
		for (size_t k = 0; k < 2; k++) {
			assert_int_equal(psa_raw_key_agreement(PSA_ALG_ECDH, keys[k], public[1 - k],
						 public_len[1 - k], secret[k], sizeof(secret[k]),
						 &secret_len[k]),
				PSA_SUCCESS);
		}
		assert_int_equal(secret_len[0], secret_len[1]);
		assert_memory_equal(secret[0], secret[1], secret_len[0]);
		assert_memory_not_equal(public[0], public[1], public_len[0]);
		for (size_t k = 0; k < 2; k++) {
			assert_int_equal(psa_destroy_key(keys[k]), PSA_SUCCESS);
		}
	}
}

/* mbedTLS's own examinations of what is computed here, in part or whole. */
static void test_self_tests(void **state)
{
	(void)state;
	assert_int_equal(mbedtls_ecp_self_test(0), 0);
	assert_int_equal(mbedtls_sha256_self_test(0), 0);
	assert_int_equal(mbedtls_sha512_self_test(0), 0);
	assert_int_equal(mbedtls_gcm_self_test(0), 0);
	assert_int_equal(mbedtls_chachapoly_self_test(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ecdsa_verify),
		cmocka_unit_test(test_ecdsa_sign),
		cmocka_unit_test(test_ecdh_p256),
		cmocka_unit_test(test_x25519),
		cmocka_unit_test(test_psa_agreement),
		cmocka_unit_test(test_self_tests),
	};

	return cmocka_run_group_tests(tests, certs_group_start, certs_group_finish);
}
