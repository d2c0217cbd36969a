/*
 * The process's crypto: PSA (TLS 1.3 needs it) and random bytes. Each thread has a generator of its
 * own, seeded by the kernel, so that no lock is taken; a forked child sees that its copy is one and
 * seeds anew. Must not know certificates.
 */
#include "certs/certs.h"

#include <stdio.h>
#include <string.h>

#include <mbedtls/sha256.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/platform_util.h>
#include <psa/crypto.h>

#include "certs/diag.h"
#include "certs/system.h"
#include "crypto/crypto.h"

struct generator {
	mbedtls_ctr_drbg_context drbg;
	long process; /* who seeded it */
	bool is_seeded;
};

static _Thread_local struct generator generator;

int certs_init(struct certs_diag *diag)
{
	unsigned char probe[16];
	psa_status_t status;

	certs_system_memory();
	status = psa_crypto_init();
	if (status != PSA_SUCCESS) {
		return certs_fail(diag, CERTS_ECRYPTO, CERTS_CHECK_NONE,
			"psa_crypto_init: status %d", (int)status);
	}
	if (certs_random(NULL, probe, sizeof(probe)) != 0) {
		return certs_fail(diag, CERTS_ECRYPTO, CERTS_CHECK_NONE, "no random bytes");
	}
	mbedtls_platform_zeroize(probe, sizeof(probe));
	return CERTS_OK;
}

void certs_finish(void)
{
	if (generator.is_seeded) {
		mbedtls_ctr_drbg_free(&generator.drbg);
		generator.is_seeded = false;
	}
	mbedtls_psa_crypto_free();
}

const char *certs_provider(void)
{
	return crypto_provider();
}

static int seed_from_system(void *unused, unsigned char *out, size_t len)
{
	(void)unused;
	return certs_system_random(out, len) == 0 ? 0 : MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
}

static int generator_ready(void)
{
	long process = certs_system_process();
	int ret;

	if (generator.is_seeded && generator.process == process) {
		return 0;
	}
	mbedtls_ctr_drbg_init(&generator.drbg);
	ret = mbedtls_ctr_drbg_seed(&generator.drbg, seed_from_system, NULL, NULL, 0);
	generator.is_seeded = ret == 0;
	generator.process = process;
	return ret;
}

int certs_random(void *unused, unsigned char *out, size_t len)
{
	int ret = generator_ready();

	(void)unused;
	while (ret == 0 && len > 0) {
		size_t n = len < MBEDTLS_CTR_DRBG_MAX_REQUEST ? len : MBEDTLS_CTR_DRBG_MAX_REQUEST;

		ret = mbedtls_ctr_drbg_random(&generator.drbg, out, n);
		out += n;
		len -= n;
	}
	return ret;
}

void certs_sha256(const void *data, size_t len, char ret_hex[65])
{
	unsigned char digest[32];

	/* Fails only when the hash is not built in. */
	if (mbedtls_sha256(data, len, digest, 0) != 0) {
		memset(digest, 0, sizeof(digest));
	}
	for (size_t i = 0; i < sizeof(digest); i++) {
		snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
	}
}
