/*
 * Key exchange: MBEDTLS_ECDH_GEN_PUBLIC_ALT, MBEDTLS_ECDH_COMPUTE_SHARED_ALT. PSA, which TLS 1.3
 * uses, multiplies by itself when it exports a public key; the linker leads that call here, too
 * (--wrap, see CMakeLists.txt), as there is no switch for it.
 *
 * Source: SEC 1, 3.2.1 and 3.3.1; mbedtls/ecdh.h.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "crypto/libcrypto.h"

#include <mbedtls/ecdh.h>

int __real_mbedtls_ecp_mul(mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
	const mbedtls_ecp_point *P, mbedtls_f_rng_t *f_rng, void *p_rng);
int __wrap_mbedtls_ecp_mul(mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
	const mbedtls_ecp_point *P, mbedtls_f_rng_t *f_rng, void *p_rng);

int __wrap_mbedtls_ecp_mul(mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
	const mbedtls_ecp_point *P, mbedtls_f_rng_t *f_rng, void *p_rng)
{
	int ret;

	return ec_mul(grp, R, m, P, &ret) ? ret
					  : __real_mbedtls_ecp_mul(grp, R, m, P, f_rng, p_rng);
}

int mbedtls_ecdh_gen_public(mbedtls_ecp_group *grp, mbedtls_mpi *d, mbedtls_ecp_point *Q,
	mbedtls_f_rng_t *f_rng, void *p_rng)
{
	int ret = mbedtls_ecp_gen_privkey(grp, d, f_rng, p_rng);

	return ret != 0 ? ret : __wrap_mbedtls_ecp_mul(grp, Q, d, &grp->G, f_rng, p_rng);
}

int mbedtls_ecdh_compute_shared(mbedtls_ecp_group *grp, mbedtls_mpi *z, const mbedtls_ecp_point *Q,
	const mbedtls_mpi *d, mbedtls_f_rng_t *f_rng, void *p_rng)
{
	mbedtls_ecp_point shared;
	int ret;

	mbedtls_ecp_point_init(&shared);
	ret = mbedtls_ecp_check_pubkey(grp, Q);
	ret = ret != 0 ? ret : __wrap_mbedtls_ecp_mul(grp, &shared, d, Q, f_rng, p_rng);
	if (ret == 0 && mbedtls_ecp_is_zero(&shared)) {
		ret = MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
	}
	ret = ret != 0 ? ret : mbedtls_mpi_copy(z, &shared.X);
	mbedtls_ecp_point_free(&shared);
	return ret;
}
