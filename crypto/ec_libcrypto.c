/*
 * Curves, points and numbers between mbedTLS's form and libcrypto's, and the one operation that key
 * exchange and making keys consist of.
 *
 * Source: SEC 1, version 2.0; EC_POINT_mul(3), EC_POINT_set_affine_coordinates(3).
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "crypto/libcrypto.h"

#include <pthread.h>
#include <stdint.h>

#include <mbedtls/error.h>
#include <mbedtls/platform_util.h>
#include <openssl/obj_mac.h>

enum { NUMBER_MAX = 66 }; /* P-521 */

/* ---- curves ---- */

static const struct curve {
	mbedtls_ecp_group_id id;
	int nid;
} curves[] = {
	{MBEDTLS_ECP_DP_SECP256R1, NID_X9_62_prime256v1},
	{MBEDTLS_ECP_DP_SECP384R1, NID_secp384r1},
	{MBEDTLS_ECP_DP_SECP521R1, NID_secp521r1},
	{MBEDTLS_ECP_DP_SECP192R1, NID_X9_62_prime192v1},
	{MBEDTLS_ECP_DP_SECP224R1, NID_secp224r1},
	{MBEDTLS_ECP_DP_SECP192K1, NID_secp192k1},
	{MBEDTLS_ECP_DP_SECP224K1, NID_secp224k1},
	{MBEDTLS_ECP_DP_SECP256K1, NID_secp256k1},
	{MBEDTLS_ECP_DP_BP256R1, NID_brainpoolP256r1},
	{MBEDTLS_ECP_DP_BP384R1, NID_brainpoolP384r1},
	{MBEDTLS_ECP_DP_BP512R1, NID_brainpoolP512r1},
};

enum { CURVES = sizeof(curves) / sizeof(curves[0]) };

/* Kept until the process ends: a group costs more than what is done with it. */
static EC_GROUP *groups[CURVES];
static pthread_mutex_t groups_lock = PTHREAD_MUTEX_INITIALIZER;

const EC_GROUP *ec_group(mbedtls_ecp_group_id id)
{
	const EC_GROUP *group = NULL;

	libcrypto_start();
	pthread_mutex_lock(&groups_lock);
	for (size_t i = 0; i < CURVES; i++) {
		if (curves[i].id == id) {
			if (groups[i] == NULL) {
				groups[i] = EC_GROUP_new_by_curve_name(curves[i].nid);
			}
			group = groups[i];
		}
	}
	pthread_mutex_unlock(&groups_lock);
	return group;
}

/* ---- numbers and points ---- */

BIGNUM *ec_number(const mbedtls_mpi *from)
{
	unsigned char bytes[NUMBER_MAX];
	size_t len = mbedtls_mpi_size(from);
	BIGNUM *made = NULL;

	if (len <= sizeof(bytes) && mbedtls_mpi_cmp_int(from, 0) >= 0 &&
		mbedtls_mpi_write_binary(from, bytes, len) == 0) {
		made = BN_bin2bn(bytes, (int)len, NULL);
	}
	mbedtls_platform_zeroize(bytes, sizeof(bytes));
	return made;
}

int ec_number_back(const BIGNUM *from, mbedtls_mpi *to)
{
	unsigned char bytes[NUMBER_MAX];
	int len = BN_num_bytes(from), ret = MBEDTLS_ERR_ERROR_GENERIC_ERROR;

	if (len <= NUMBER_MAX && BN_bn2bin(from, bytes) == len) {
		ret = mbedtls_mpi_read_binary(to, bytes, (size_t)len);
	}
	mbedtls_platform_zeroize(bytes, sizeof(bytes));
	return ret;
}

EC_POINT *ec_point(const EC_GROUP *group, const mbedtls_ecp_point *from)
{
	EC_POINT *made = EC_POINT_new(group);
	BIGNUM *x = ec_number(&from->X), *y = ec_number(&from->Y);

	/* Affine, as every point that came through mbedTLS's interface is; infinity is refused. */
	if (made == NULL || x == NULL || y == NULL || mbedtls_mpi_cmp_int(&from->Z, 1) != 0 ||
		EC_POINT_set_affine_coordinates(group, made, x, y, NULL) != 1) {
		EC_POINT_free(made);
		made = NULL;
	}
	BN_free(x);
	BN_free(y);
	return made;
}

int ec_point_back(const EC_GROUP *group, const EC_POINT *from, mbedtls_ecp_point *to)
{
	BIGNUM *x = BN_new(), *y = BN_new();
	int ret = MBEDTLS_ERR_ECP_INVALID_KEY;

	if (x != NULL && y != NULL &&
		EC_POINT_get_affine_coordinates(group, from, x, y, NULL) == 1) {
		ret = ec_number_back(x, &to->X);
		ret = ret != 0 ? ret : ec_number_back(y, &to->Y);
		ret = ret != 0 ? ret : mbedtls_mpi_lset(&to->Z, 1);
	}
	BN_clear_free(x);
	BN_clear_free(y);
	return ret;
}

/* ---- the operation ---- */

static bool is_generator(const mbedtls_ecp_group *grp, const mbedtls_ecp_point *P)
{
	return mbedtls_mpi_cmp_mpi(&P->X, &grp->G.X) == 0 &&
	       mbedtls_mpi_cmp_mpi(&P->Y, &grp->G.Y) == 0;
}

static int mul(const EC_GROUP *group, mbedtls_ecp_group *grp, mbedtls_ecp_point *R,
	const mbedtls_mpi *m, const mbedtls_ecp_point *P)
{
	bool generator = is_generator(grp, P);
	EC_POINT *from = generator ? NULL : ec_point(group, P), *result = EC_POINT_new(group);
	BIGNUM *scalar = ec_number(m);
	int ret = MBEDTLS_ERR_ECP_INVALID_KEY;

	if (result != NULL && scalar != NULL && (generator || from != NULL)) {
		BN_set_flags(scalar, BN_FLG_CONSTTIME);
		ret = EC_POINT_mul(group, result, generator ? scalar : NULL, from,
			      generator ? NULL : scalar, NULL) == 1
			      ? ec_point_back(group, result, R)
			      : MBEDTLS_ERR_ERROR_GENERIC_ERROR;
	}
	BN_clear_free(scalar);
	EC_POINT_free(from);
	EC_POINT_clear_free(result);
	return ret;
}

bool ec_mul(mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
	const mbedtls_ecp_point *P, int *ret_error)
{
	const EC_GROUP *group;

	if (grp->id == MBEDTLS_ECP_DP_CURVE25519) {
		*ret_error = x25519_mul(grp, R, m, P);
		return true;
	}
	group = ec_group(grp->id);
	if (group == NULL) {
		return false;
	}
	*ret_error = mbedtls_ecp_check_privkey(grp, m);
	if (*ret_error == 0) {
		*ret_error = mul(group, grp, R, m, P);
	}
	return true;
}
