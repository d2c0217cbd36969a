/*
 * ECDSA: MBEDTLS_ECDSA_SIGN_ALT, MBEDTLS_ECDSA_VERIFY_ALT, MBEDTLS_ECDSA_GENKEY_ALT.
 *
 * Source: SEC 1, 4.1; ECDSA_do_sign(3); mbedtls/ecdsa.h.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "crypto/libcrypto.h"

#include <limits.h>

#include <mbedtls/ecdsa.h>
#include <mbedtls/error.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>

static EC_KEY *key_on(const EC_GROUP *group)
{
	EC_KEY *key = group != NULL ? EC_KEY_new() : NULL;

	if (key != NULL && EC_KEY_set_group(key, group) != 1) {
		EC_KEY_free(key);
		key = NULL;
	}
	return key;
}

/*
 * As ECDSA_do_sign(3), whose nonce is also the private key's, the hash's and random bytes' SHA-512;
 * but that fetches the digest each time, which at first makes all that libcrypto has: 1% of a
 * run's start.
 */
static ECDSA_SIG *sign(EC_KEY *key, const unsigned char *buf, int blen)
{
	unsigned char private[MBEDTLS_ECP_MAX_BYTES];
	BIGNUM *inverse = NULL, *r = NULL;
	ECDSA_SIG *signature = NULL;
	SHA512_CTX hedge;

	if (BN_bn2binpad(EC_KEY_get0_private_key(key), private, sizeof(private)) ==
			(int)sizeof(private) &&
		SHA512_Init(&hedge) == 1 && SHA512_Update(&hedge, private, sizeof(private)) == 1 &&
		SHA512_Update(&hedge, buf, (size_t)blen) == 1) {
		libcrypto_hedge(&hedge);
		if (ECDSA_sign_setup(key, NULL, &inverse, &r) == 1) {
			signature = ECDSA_do_sign_ex(buf, blen, inverse, r, key);
		}
		libcrypto_hedge(NULL);
	}
	OPENSSL_cleanse(private, sizeof(private));
	OPENSSL_cleanse(&hedge, sizeof(hedge));
	BN_clear_free(inverse);
	BN_clear_free(r);
	return signature;
}

/* Longer hashes count with their leftmost bits (SEC 1, 4.1.3, 5); libcrypto cuts them itself. */
int mbedtls_ecdsa_sign(mbedtls_ecp_group *grp, mbedtls_mpi *r, mbedtls_mpi *s, const mbedtls_mpi *d,
	const unsigned char *buf, size_t blen, mbedtls_f_rng_t *f_rng, void *p_rng)
{
	EC_KEY *key = key_on(ec_group(grp->id));
	BIGNUM *private = ec_number(d);
	ECDSA_SIG *signature = NULL;
	int ret = MBEDTLS_ERR_ECP_BAD_INPUT_DATA;

	(void)f_rng; /* provider_libcrypto.c says whose random bytes are used */
	(void)p_rng;
	if (key != NULL && private != NULL && blen <= INT_MAX &&
		mbedtls_ecp_check_privkey(grp, d) == 0 &&
		EC_KEY_set_private_key(key, private) == 1) {
		signature = sign(key, buf, (int)blen);
		ret = MBEDTLS_ERR_ECP_RANDOM_FAILED;
	}
	if (signature != NULL) {
		ret = ec_number_back(ECDSA_SIG_get0_r(signature), r);
		ret = ret != 0 ? ret : ec_number_back(ECDSA_SIG_get0_s(signature), s);
	}
	ECDSA_SIG_free(signature);
	BN_clear_free(private);
	EC_KEY_free(key);
	return ret;
}

int mbedtls_ecdsa_verify(mbedtls_ecp_group *grp, const unsigned char *buf, size_t blen,
	const mbedtls_ecp_point *Q, const mbedtls_mpi *r, const mbedtls_mpi *s)
{
	const EC_GROUP *group = ec_group(grp->id);
	EC_KEY *key = key_on(group);
	EC_POINT *public = key != NULL ? ec_point(group, Q) : NULL;
	ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *its_r = ec_number(r), *its_s = ec_number(s);
	int ret = MBEDTLS_ERR_ECP_VERIFY_FAILED;

	if (signature != NULL && its_r != NULL && its_s != NULL &&
		ECDSA_SIG_set0(signature, its_r, its_s) == 1) {
		its_r = its_s = NULL; /* the signature's */
		if (public != NULL && blen <= INT_MAX && EC_KEY_set_public_key(key, public) == 1 &&
			ECDSA_do_verify(buf, (int)blen, signature, key) == 1) {
			ret = 0;
		}
	}
	BN_free(its_r);
	BN_free(its_s);
	ECDSA_SIG_free(signature);
	EC_POINT_free(public);
	EC_KEY_free(key);
	return ret;
}

int mbedtls_ecdsa_genkey(
	mbedtls_ecdsa_context *ctx, mbedtls_ecp_group_id gid, mbedtls_f_rng_t *f_rng, void *p_rng)
{
	int done = 0, ret = mbedtls_ecp_group_load(&ctx->grp, gid);

	ret = ret != 0 ? ret : mbedtls_ecp_gen_privkey(&ctx->grp, &ctx->d, f_rng, p_rng);
	if (ret == 0 && !ec_mul(&ctx->grp, &ctx->Q, &ctx->d, &ctx->grp.G, &done)) {
		return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
	}
	return ret != 0 ? ret : done;
}
