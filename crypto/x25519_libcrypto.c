/*
 * X25519: mbedTLS keeps the scalar and the u-coordinate as numbers, libcrypto wants RFC 7748's
 * little-endian octets.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "crypto/libcrypto.h"

#include <mbedtls/error.h>
#include <mbedtls/platform_util.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

enum { X25519_LEN = 32 };

static bool derive(EVP_PKEY *own, EVP_PKEY *peer, unsigned char out[X25519_LEN])
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
	size_t len = X25519_LEN;
	/* It fails where the result is all zero (RFC 7748, 6.1): a point of small order. */
	bool done = context != NULL && EVP_PKEY_derive_init(context) == 1 &&
		    EVP_PKEY_derive_set_peer(context, peer) == 1 &&
		    EVP_PKEY_derive(context, out, &len) == 1 && len == X25519_LEN;

	EVP_PKEY_CTX_free(context);
	return done;
}

/*
 * A key of the scalar alone. libcrypto computes the public half of a raw private key, which costs
 * as much as the exchange and is not wanted here: it takes one that is given for granted, and an
 * exchange does not look at it.
 */
static EVP_PKEY *key_of(const unsigned char scalar[X25519_LEN])
{
	static const unsigned char unused[X25519_LEN];
	OSSL_PARAM halves[] = {
		OSSL_PARAM_octet_string(
			OSSL_PKEY_PARAM_PRIV_KEY, (unsigned char *)scalar, X25519_LEN),
		OSSL_PARAM_octet_string(
			OSSL_PKEY_PARAM_PUB_KEY, (unsigned char *)unused, X25519_LEN),
		OSSL_PARAM_END,
	};
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
	EVP_PKEY *key = NULL;

	if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
		EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, halves) != 1) {
		key = NULL;
	}
	EVP_PKEY_CTX_free(context);
	return key;
}

static bool exchange(const unsigned char scalar[X25519_LEN], const unsigned char u[X25519_LEN],
	unsigned char out[X25519_LEN])
{
	EVP_PKEY *own = key_of(scalar);
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, u, X25519_LEN);
	bool done = own != NULL && peer != NULL && derive(own, peer, out);

	EVP_PKEY_free(own);
	EVP_PKEY_free(peer);
	return done;
}

/* The scalar times the base point, for which libcrypto has a table. */
static bool public_half(const unsigned char scalar[X25519_LEN], unsigned char out[X25519_LEN])
{
	EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, scalar, X25519_LEN);
	size_t len = X25519_LEN;
	bool done = own != NULL && EVP_PKEY_get_raw_public_key(own, out, &len) == 1 &&
		    len == X25519_LEN;

	EVP_PKEY_free(own);
	return done;
}

int x25519_mul(mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
	const mbedtls_ecp_point *P)
{
	unsigned char scalar[X25519_LEN], u[X25519_LEN], out[X25519_LEN];
	bool base = mbedtls_mpi_cmp_int(&P->X, 9) == 0;
	int ret;

	libcrypto_start();
	ret = mbedtls_ecp_check_privkey(grp, m);
	ret = ret != 0 ? ret : mbedtls_mpi_write_binary_le(m, scalar, sizeof(scalar));
	ret = ret != 0 ? ret : mbedtls_mpi_write_binary_le(&P->X, u, sizeof(u));
	if (ret == 0) {
		ret = (base ? public_half(scalar, out) : exchange(scalar, u, out))
			      ? mbedtls_ecp_point_read_binary(grp, R, out, sizeof(out))
			      : MBEDTLS_ERR_ECP_INVALID_KEY;
	}
	mbedtls_platform_zeroize(scalar, sizeof(scalar));
	mbedtls_platform_zeroize(out, sizeof(out));
	return ret;
}
