/*
 * mbedtls_mpi_exp_mod_unsafe() by libcrypto: what verifying an RSA signature costs. mbedTLS calls
 * it with public numbers only (its name says so), and its RSA module can be replaced as a whole
 * alone, so that the linker's --wrap brings the call here.
 */
#include "crypto/libcrypto.h"

#include <mbedtls/bignum.h>
#include <mbedtls/error.h>
#include <openssl/bn.h>

/* No header of mbedTLS's tells of it. */
int __real_mbedtls_mpi_exp_mod_unsafe(mbedtls_mpi *X, const mbedtls_mpi *A, const mbedtls_mpi *E,
	const mbedtls_mpi *N, mbedtls_mpi *prec_RR);
int __wrap_mbedtls_mpi_exp_mod_unsafe(mbedtls_mpi *X, const mbedtls_mpi *A, const mbedtls_mpi *E,
	const mbedtls_mpi *N, mbedtls_mpi *prec_RR);

enum { MAX_BYTES = MBEDTLS_MPI_MAX_SIZE };

static BIGNUM *number(const mbedtls_mpi *from)
{
	unsigned char bytes[MAX_BYTES];
	size_t n = mbedtls_mpi_size(from);

	return n <= sizeof(bytes) && mbedtls_mpi_write_binary(from, bytes, n) == 0
		       ? BN_bin2bn(bytes, (int)n, NULL)
		       : NULL;
}

int __wrap_mbedtls_mpi_exp_mod_unsafe(mbedtls_mpi *X, const mbedtls_mpi *A, const mbedtls_mpi *E,
	const mbedtls_mpi *N, mbedtls_mpi *prec_RR)
{
	unsigned char bytes[MAX_BYTES];
	BIGNUM *base = NULL, *exponent = NULL, *modulus = NULL, *result = NULL;
	BN_CTX *context = NULL;
	int n, ret = MBEDTLS_ERR_ERROR_GENERIC_ERROR;

	if (mbedtls_mpi_cmp_int(A, 0) < 0 || mbedtls_mpi_cmp_int(E, 0) <= 0 ||
		mbedtls_mpi_cmp_int(N, 1) <= 0 || mbedtls_mpi_get_bit(N, 0) == 0 ||
		mbedtls_mpi_size(N) > MAX_BYTES || mbedtls_mpi_size(A) > MAX_BYTES) {
		return __real_mbedtls_mpi_exp_mod_unsafe(X, A, E, N, prec_RR);
	}
	libcrypto_start();
	base = number(A);
	exponent = number(E);
	modulus = number(N);
	result = BN_new();
	context = BN_CTX_new();
	if (base != NULL && exponent != NULL && modulus != NULL && result != NULL &&
		context != NULL &&
		BN_mod_exp_mont(result, base, exponent, modulus, context, NULL) == 1 &&
		(n = BN_bn2bin(result, bytes)) >= 0) {
		ret = mbedtls_mpi_read_binary(X, bytes, (size_t)n);
	}
	BN_CTX_free(context);
	BN_free(result);
	BN_free(modulus);
	BN_free(exponent);
	BN_free(base);
	return ret;
}
