/*
 * Nonces of ECDSA where the kernel's random bytes repeat: they must not, for two signatures under
 * one nonce tell the private key.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <mbedtls/ecdsa.h>
#include <sys/random.h>

#include "certs/certs.h"

/* In place of the C library's. */
ssize_t getrandom(void *buf, size_t len, unsigned int flags)
{
	(void)flags;
	memset(buf, 0x5a, len);
	return (ssize_t)len;
}

static void sign(mbedtls_ecdsa_context *key, unsigned char message, mbedtls_mpi *ret_r)
{
	unsigned char hash[32] = {message};
	mbedtls_mpi s;

	mbedtls_mpi_init(&s);
	mbedtls_mpi_init(ret_r);
	assert_int_equal(mbedtls_ecdsa_sign(&key->grp, ret_r, &s, &key->d, hash, sizeof(hash),
				 certs_random, NULL),
		0);
	assert_int_equal(
		mbedtls_ecdsa_verify(&key->grp, hash, sizeof(hash), &key->Q, ret_r, &s), 0);
	hash[1] ^= 1;
	assert_int_not_equal(
		mbedtls_ecdsa_verify(&key->grp, hash, sizeof(hash), &key->Q, ret_r, &s), 0);
	mbedtls_mpi_free(&s);
}

static void nonces_differ_by_message_and_key(void **state)
{
	static const mbedtls_ecp_group_id ids[] = {
		MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		mbedtls_ecdsa_context key, other;
		mbedtls_mpi r[4];

		mbedtls_ecdsa_init(&key);
		mbedtls_ecdsa_init(&other);
		assert_int_equal(mbedtls_ecdsa_genkey(&key, ids[i], certs_random, NULL), 0);
		assert_int_equal(mbedtls_ecdsa_genkey(&other, ids[i], certs_random, NULL), 0);
		sign(&key, 1, &r[0]);
		sign(&key, 1, &r[1]);
		sign(&key, 2, &r[2]);
		sign(&other, 1, &r[3]);
		assert_int_equal(mbedtls_mpi_cmp_mpi(&r[0], &r[1]), 0); /* the kernel's do repeat */
		assert_int_not_equal(mbedtls_mpi_cmp_mpi(&r[0], &r[2]), 0);
		assert_int_not_equal(mbedtls_mpi_cmp_mpi(&r[0], &r[3]), 0);
		for (size_t k = 0; k < 4; k++) {
			mbedtls_mpi_free(&r[k]);
		}
		mbedtls_ecdsa_free(&key);
		mbedtls_ecdsa_free(&other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonces_differ_by_message_and_key),
	};
	struct certs_diag diag;

	if (certs_init(&diag) != CERTS_OK) {
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
