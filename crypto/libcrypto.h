/*
 * What the replaced primitives share. Private to crypto/.
 */
#ifndef SALLYPORT_CRYPTO_LIBCRYPTO_H
#define SALLYPORT_CRYPTO_LIBCRYPTO_H

#include <stdbool.h>

#include <mbedtls/ecp.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/sha.h>

/*
 * Makes libcrypto ready, once: without its tables of names and the system's configuration, and with
 * the kernel's random bytes. To be called first by whatever calls it.
 */
void libcrypto_start(void);
/*
 * From here on the random bytes that libcrypto gets in this thread are SHA-512 over this state and
 * 64 of the kernel's for each 64, which must not repeat even should those; NULL: the kernel's as
 * they are.
 */
void libcrypto_hedge(const SHA512_CTX *state);

/* ec_libcrypto.c: for the life of the process; NULL: a curve that libcrypto does not have. */
const EC_GROUP *ec_group(mbedtls_ecp_group_id id);
BIGNUM *ec_number(const mbedtls_mpi *from); /* the caller's, to be cleared; NULL without memory */
int ec_number_back(const BIGNUM *from, mbedtls_mpi *to);
/* NULL: not on the curve, or no memory. */
EC_POINT *ec_point(const EC_GROUP *group, const mbedtls_ecp_point *from);
int ec_point_back(const EC_GROUP *group, const EC_POINT *from, mbedtls_ecp_point *to);

/* R = m * P. False: this curve is not ours; *ret_error is then untouched. */
bool ec_mul(mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
	const mbedtls_ecp_point *P, int *ret_error);
/* x25519_libcrypto.c: the same on Curve25519. */
int x25519_mul(mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
	const mbedtls_ecp_point *P);

#endif
