/*
 * What one operation of a primitive costs, in CPU time, by the provider that is built in. Not a
 * test: bench/README.md says how to read it.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "certs/certs.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

#include <mbedtls/chachapoly.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/gcm.h>
#include <mbedtls/rsa.h>
#include <mbedtls/sha256.h>

enum { RECORD = 16384 };

static mbedtls_gcm_context gcm;
static mbedtls_chachapoly_context chacha;
static mbedtls_ecdsa_context key;
static mbedtls_ecp_group x25519;
static mbedtls_rsa_context rsa;
static mbedtls_mpi r, s, d, z;
static mbedtls_ecp_point point, other;
static unsigned char data[RECORD], out[RECORD], hash[32], tag[16], secret[32] = {1, 2, 3};

static int seal_gcm(void)
{
	return mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, RECORD, secret, 12, secret, 5,
		data, out, sizeof(tag), tag);
}

static int seal_chacha(void)
{
	return mbedtls_chachapoly_encrypt_and_tag(
		&chacha, RECORD, secret, secret, 5, data, out, tag);
}

static int sha256(void)
{
	return mbedtls_sha256(data, RECORD, out, 0);
}

static int sign(void)
{
	return mbedtls_ecdsa_sign(&key.grp, &r, &s, &key.d, hash, sizeof(hash), certs_random, NULL);
}

static int verify(void)
{
	return mbedtls_ecdsa_verify(&key.grp, hash, sizeof(hash), &key.Q, &r, &s);
}

/* A side's part of a key exchange: a pair of its own, and the secret. */
static int exchange(mbedtls_ecp_group *grp, const mbedtls_ecp_point *peer)
{
	int ret = mbedtls_ecdh_gen_public(grp, &d, &point, certs_random, NULL);

	return ret != 0 ? ret : mbedtls_ecdh_compute_shared(grp, &z, peer, &d, certs_random, NULL);
}

static int exchange_p256(void)
{
	return exchange(&key.grp, &key.Q);
}

static int exchange_x25519(void)
{
	return exchange(&x25519, &other);
}

static int verify_rsa(void)
{
	return mbedtls_rsa_public(&rsa, data, out);
}

static void measure(const char *name, int (*operation)(void))
{
	clock_t begin = clock(), spent;
	long n = 0;

	do {
		int ret = operation();

		assert(ret == 0);
		n++;
		spent = clock() - begin;
	} while (spent < CLOCKS_PER_SEC / 4);
	printf("%-34s %10.0f a second of CPU\n", name, (double)n * CLOCKS_PER_SEC / (double)spent);
}

int main(void)
{
	struct certs_diag diag;
	int ret = certs_init(&diag);

	mbedtls_gcm_init(&gcm);
	mbedtls_chachapoly_init(&chacha);
	mbedtls_ecdsa_init(&key);
	mbedtls_ecp_group_init(&x25519);
	mbedtls_rsa_init(&rsa);
	ret |= mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, secret, 128);
	ret |= mbedtls_chachapoly_setkey(&chacha, secret);
	ret |= mbedtls_ecdsa_genkey(&key, MBEDTLS_ECP_DP_SECP256R1, certs_random, NULL);
	ret |= mbedtls_ecp_group_load(&x25519, MBEDTLS_ECP_DP_CURVE25519);
	ret |= mbedtls_ecdh_gen_public(&x25519, &d, &other, certs_random, NULL);
	ret |= mbedtls_rsa_gen_key(&rsa, certs_random, NULL, 2048, 65537);
	assert(ret == 0);

	puts(certs_provider());
	measure("AES-128-GCM, 16 KiB", seal_gcm);
	measure("ChaCha20-Poly1305, 16 KiB", seal_chacha);
	measure("SHA-256, 16 KiB", sha256);
	measure("ECDSA P-256, sign", sign);
	measure("ECDSA P-256, verify", verify);
	measure("ECDHE P-256, pair and secret", exchange_p256);
	measure("ECDHE X25519, pair and secret", exchange_x25519);
	measure("RSA 2048, verify", verify_rsa);
	return 0;
}
