/*
 * One long computation whose digest is the same whoever does the arithmetic, libcrypto or mbedTLS's
 * built-in code; the library's self-tests; and no plaintext of what was not authentic.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "certs/certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <mbedtls/chachapoly.h>
#include <mbedtls/ecp.h>
#include <mbedtls/gcm.h>
#include <mbedtls/rsa.h>
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>

/* The same numbers every time, and no two calls the same. */
static int counted(void *arg, unsigned char *out, size_t len)
{
	uint32_t *count = arg;
	unsigned char block[32];

	for (size_t i = 0; i < len; i++) {
		if (i % sizeof(block) == 0) {
			assert_int_equal(mbedtls_sha256((unsigned char *)count, 4, block, 0), 0);
			++*count;
		}
		out[i] = block[i % sizeof(block)];
	}
	return 0;
}

static void self_tests(void **state)
{
	(void)state;
	assert_int_equal(mbedtls_gcm_self_test(0), 0);
	assert_int_equal(mbedtls_chachapoly_self_test(0), 0);
	assert_int_equal(mbedtls_sha224_self_test(0), 0);
	assert_int_equal(mbedtls_sha256_self_test(0), 0);
	assert_int_equal(mbedtls_sha384_self_test(0), 0);
	assert_int_equal(mbedtls_sha512_self_test(0), 0);
	assert_int_equal(mbedtls_ecp_self_test(0), 0);
	assert_int_equal(mbedtls_rsa_self_test(0), 0);
}

enum { TEXT = 100 };

static void no_plaintext_of_a_wrong_tag(void **state)
{
	static const unsigned char key[32] = {1}, nonce[12] = {2}, zeros[TEXT];
	unsigned char text[TEXT] = "text", sealed[TEXT], out[TEXT], tag[16];
	mbedtls_chachapoly_context chacha;
	mbedtls_gcm_context gcm;

	(void)state;
	mbedtls_gcm_init(&gcm);
	assert_int_not_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 64), 0);
	assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 128), 0);
	assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, TEXT, nonce, 12, key,
				 5, text, sealed, 16, tag),
		0);
	assert_int_equal(
		mbedtls_gcm_auth_decrypt(&gcm, TEXT, nonce, 12, key, 5, tag, 16, sealed, out), 0);
	assert_memory_equal(out, text, TEXT);
	tag[15] ^= 1;
	assert_int_equal(
		mbedtls_gcm_auth_decrypt(&gcm, TEXT, nonce, 12, key, 5, tag, 16, sealed, out),
		MBEDTLS_ERR_GCM_AUTH_FAILED);
	assert_memory_equal(out, zeros, TEXT);
	tag[15] ^= 1;
	assert_int_equal(/* in place, one octet of the header less */
		mbedtls_gcm_auth_decrypt(&gcm, TEXT, nonce, 12, key, 4, tag, 16, sealed, sealed),
		MBEDTLS_ERR_GCM_AUTH_FAILED);
	assert_memory_equal(sealed, zeros, TEXT);
	mbedtls_gcm_free(&gcm);

	mbedtls_chachapoly_init(&chacha);
	assert_int_equal(mbedtls_chachapoly_setkey(&chacha, key), 0);
	assert_int_equal(
		mbedtls_chachapoly_encrypt_and_tag(&chacha, TEXT, nonce, key, 5, text, sealed, tag),
		0);
	assert_int_equal(
		mbedtls_chachapoly_auth_decrypt(&chacha, TEXT, nonce, key, 5, tag, sealed, out), 0);
	assert_memory_equal(out, text, TEXT);
	sealed[0] ^= 1;
	assert_int_equal(
		mbedtls_chachapoly_auth_decrypt(&chacha, TEXT, nonce, key, 5, tag, sealed, out),
		MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED);
	assert_memory_equal(out, zeros, TEXT);
	assert_int_not_equal(mbedtls_chachapoly_update(&chacha, 1, text, out), 0); /* not begun */
	mbedtls_chachapoly_free(&chacha);
}

static void tell(mbedtls_sha512_context *told, const void *data, size_t len)
{
	assert_int_equal(mbedtls_sha512_update(told, data, len), 0);
}

static void tell_hashes(mbedtls_sha512_context *told, const unsigned char *data)
{
	for (size_t n = 0; n < 300; n++) {
		unsigned char out[64];

		for (int shorter = 0; shorter < 2; shorter++) {
			assert_int_equal(mbedtls_sha256(data, n, out, shorter), 0);
			tell(told, out, shorter ? 28 : 32);
			assert_int_equal(mbedtls_sha512(data, n, out, shorter), 0);
			tell(told, out, shorter ? 48 : 64);
		}
	}
}

/* Both directions, in pieces, each length of nonce and tag. */
static void tell_gcm(mbedtls_sha512_context *told, const unsigned char *data)
{
	for (unsigned i = 0; i < 200; i++) {
		unsigned char out[300], tag[16];
		size_t len = 3 * i / 2, cut = i % 7 < len ? i % 7 : len, n, tag_len = 4 + i % 13;
		mbedtls_gcm_context gcm;

		mbedtls_gcm_init(&gcm);
		assert_int_equal(mbedtls_gcm_setkey(
					 &gcm, MBEDTLS_CIPHER_ID_AES, data + i, 128 + 64 * (i % 3)),
			0);
		assert_int_equal(
			mbedtls_gcm_starts(&gcm, (int)(i / 3 % 2), data + 2 * i, 1 + (i * 11) % 40),
			0);
		assert_int_equal(mbedtls_gcm_update_ad(&gcm, data, i / 2), 0);
		assert_int_equal(mbedtls_gcm_update_ad(&gcm, data + 9, i % 5), 0);
		assert_int_equal(mbedtls_gcm_update(&gcm, data, cut, out, sizeof(out), &n), 0);
		assert_int_equal(mbedtls_gcm_update(&gcm, data + cut, len - cut, out + cut,
					 sizeof(out) - cut, &n),
			0);
		assert_int_equal(mbedtls_gcm_finish(&gcm, NULL, 0, &n, tag, tag_len), 0);
		tell(told, out, len);
		tell(told, tag, tag_len);
		mbedtls_gcm_free(&gcm);
	}
}

static void tell_chacha(mbedtls_sha512_context *told, const unsigned char *data)
{
	for (unsigned i = 0; i < 200; i++) {
		unsigned char out[300], tag[16];
		size_t len = 3 * i / 2, cut = i % 7 < len ? i % 7 : len;
		mbedtls_chachapoly_context chacha;

		mbedtls_chachapoly_init(&chacha);
		assert_int_equal(mbedtls_chachapoly_setkey(&chacha, data + i), 0);
		assert_int_equal(
			mbedtls_chachapoly_starts(&chacha, data + 2 * i,
				i % 2 ? MBEDTLS_CHACHAPOLY_ENCRYPT : MBEDTLS_CHACHAPOLY_DECRYPT),
			0);
		assert_int_equal(mbedtls_chachapoly_update_aad(&chacha, data, i / 2), 0);
		assert_int_equal(mbedtls_chachapoly_update(&chacha, cut, data, out), 0);
		assert_int_equal(
			mbedtls_chachapoly_update(&chacha, len - cut, data + cut, out + cut), 0);
		assert_int_equal(mbedtls_chachapoly_finish(&chacha, tag), 0);
		tell(told, out, len);
		tell(told, tag, sizeof(tag));
		mbedtls_chachapoly_free(&chacha);
	}
}

static void tell_curve(mbedtls_sha512_context *told, mbedtls_ecp_group_id id, uint32_t *count)
{
	unsigned char octets[140];
	mbedtls_ecp_point Q, R;
	mbedtls_ecp_group grp;
	mbedtls_mpi d;
	size_t n;

	mbedtls_ecp_group_init(&grp);
	mbedtls_ecp_point_init(&Q);
	mbedtls_ecp_point_init(&R);
	mbedtls_mpi_init(&d);
	assert_int_equal(mbedtls_ecp_group_load(&grp, id), 0);
	for (int i = 0; i < 3; i++) {
		uint32_t blinding = 1; /* how many numbers go into blinding differs */

		assert_int_equal(mbedtls_ecp_gen_privkey(&grp, &d, counted, count), 0);
		assert_int_equal(
			mbedtls_ecp_mul(&grp, &Q, &d, i == 0 ? &grp.G : &Q, counted, &blinding), 0);
		assert_int_equal(mbedtls_ecp_point_write_binary(&grp, &Q,
					 MBEDTLS_ECP_PF_UNCOMPRESSED, &n, octets, sizeof(octets)),
			0);
		tell(told, octets, n);
	}
	mbedtls_mpi_free(&d);
	mbedtls_ecp_point_free(&R);
	mbedtls_ecp_point_free(&Q);
	mbedtls_ecp_group_free(&grp);
}

static void tell_rsa(mbedtls_sha512_context *told, const unsigned char *data)
{
	for (unsigned i = 0; i < 6; i++) {
		unsigned char modulus[256], in[256], out[256], e[] = {1, 0, 1};
		mbedtls_rsa_context rsa;

		memcpy(modulus, data + i, sizeof(modulus));
		memcpy(in, data + 2 * i + 60, sizeof(in));
		modulus[0] = 0xC0;
		modulus[255] |= 1;
		in[0] = (unsigned char)(i % 2 ? 0x7F : 0);
		mbedtls_rsa_init(&rsa);
		assert_int_equal(mbedtls_rsa_import_raw(&rsa, modulus, sizeof(modulus), NULL, 0,
					 NULL, 0, NULL, 0, e, sizeof(e)),
			0);
		assert_int_equal(mbedtls_rsa_complete(&rsa), 0);
		assert_int_equal(mbedtls_rsa_public(&rsa, in, out), 0);
		tell(told, out, sizeof(out));
		in[0] = 0xFF; /* not below the modulus */
		assert_int_not_equal(mbedtls_rsa_public(&rsa, in, out), 0);
		mbedtls_rsa_free(&rsa);
	}
}

/* The digest is the built-in code's; -DSALLYPORT_CRYPTO=builtin runs this too. */
static void one_answer_of_both_providers(void **state)
{
	static const char want[] =
		"f9bf7c902ce2f2f788ac0a5da4bbf41e7d65f1bbf0b9738580728ddfb1d57e27"
		"9e4f5c2c0dbb0c12c2f596b1121559cadd7337331818a64f0a2cebc4e4bb136c";
	unsigned char data[1024], digest[64];
	mbedtls_sha512_context told;
	uint32_t count = 0;
	char hex[129];

	(void)state;
	mbedtls_sha512_init(&told);
	assert_int_equal(mbedtls_sha512_starts(&told, 0), 0);
	(void)counted(&count, data, sizeof(data));
	tell_hashes(&told, data);
	tell_gcm(&told, data);
	tell_chacha(&told, data);
	for (const mbedtls_ecp_curve_info *curve = mbedtls_ecp_curve_list();
		curve->grp_id != MBEDTLS_ECP_DP_NONE; curve++) {
		tell_curve(&told, curve->grp_id, &count);
	}
	tell_rsa(&told, data);
	assert_int_equal(mbedtls_sha512_finish(&told, digest), 0);
	for (size_t i = 0; i < sizeof(digest); i++) {
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	}
	assert_string_equal(hex, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(self_tests),
		cmocka_unit_test(no_plaintext_of_a_wrong_tag),
		cmocka_unit_test(one_answer_of_both_providers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
