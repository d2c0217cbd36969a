/*
 * NIST's and the RFCs' published vectors, read in place from where the distribution's package
 * python3-cryptography-vectors puts them; they are skipped where it is not installed. Every block
 * of a file is tried, those that must fail too, and that there were as many as there should be is
 * checked: a file that is read wrongly passes nothing.
 *
 * Source: CAVP's GCM, SHA-2, ECDSA (FIPS 186-3), ECC CDH (SP 800-56A) and RSA response files, RFC
 * 8439 (ChaCha20-Poly1305), RFC 7748 (X25519).
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "tests/unit/certs_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <mbedtls/chachapoly.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/gcm.h>
#include <mbedtls/md.h>
#include <mbedtls/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- files of blocks of "Name = value" lines ---- */

enum { FIELDS = 24, BYTES = 65536 };

struct block {
	char section[64]; /* what stood last in brackets */
	size_t n;
	char *name[FIELDS], *value[FIELDS]; /* owned by its line */
	char *line[FIELDS];
};

static const char *folder(void)
{
	const char *given = getenv("SALLYPORT_VECTORS");

	return given != NULL ? given : "/usr/lib/python3/dist-packages/cryptography_vectors";
}

static void need_vectors(void)
{
	struct stat st;

	if (stat(folder(), &st) != 0) {
		print_message("skipped: python3-cryptography-vectors is not installed\n");
		skip();
	}
}

static const char *field(const struct block *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++) {
		if (strcmp(b->name[i], name) == 0) {
			return b->value[i];
		}
	}
	return NULL;
}

static void block_add(struct block *b, const char *line)
{
	char *copy = strdup(line), *equals = strchr(copy, '=');
	size_t len = equals != NULL ? (size_t)(equals - copy) : strlen(copy);

	assert_true(b->n < FIELDS);
	while (len > 0 && copy[len - 1] == ' ') {
		len--;
	}
	b->line[b->n] = b->name[b->n] = copy;
	b->value[b->n] = copy + strlen(copy);
	if (equals != NULL) {
		b->value[b->n] = equals + 1 + strspn(equals + 1, " ");
	}
	copy[len] = '\0';
	b->n++;
}

static void block_clear(struct block *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->line[i]);
	}
	b->n = 0;
}

/* How many blocks `try` took; it says true for each that was a case. */
static unsigned each_block(const char *name, bool (*try)(const struct block *b))
{
	static struct block b;
	char path[512], *line = NULL;
	unsigned taken = 0;
	size_t size = 0;
	ssize_t n;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder(), name);
	file = fopen(path, "r");
	assert_non_null(file);
	b.section[0] = '\0';
	do {
		n = getline(&line, &size, file);
		if (n > 0) {
			line[strcspn(line, "\r\n")] = '\0';
		}
		if (n <= 0 || line[0] == '\0') {
			taken += b.n > 0 && try(&b);
			block_clear(&b);
		} else if (line[0] == '[') {
			snprintf(b.section, sizeof(b.section), "%s", line);
		} else if (line[0] != '#') {
			block_add(&b, line);
		}
	} while (n > 0);
	free(line);
	fclose(file);
	return taken;
}

/* Hex digits, or text in quotes. */
static size_t bytes(const char *text, unsigned char *out)
{
	size_t n = 0;

	if (text[0] == '"') {
		n = strcspn(text + 1, "\"");
		memcpy(out, text + 1, n);
		return n;
	}
	for (; text[0] != '\0' && text[1] != '\0'; text += 2) {
		const char two[3] = {text[0], text[1], '\0'};

		assert_true(n < BYTES);
		out[n++] = (unsigned char)strtoul(two, NULL, 16);
	}
	return n;
}

static void number(mbedtls_mpi *n, const char *hex)
{
	mbedtls_mpi_init(n);
	assert_int_equal(mbedtls_mpi_read_string(n, 16, hex), 0);
}

/* ---- AEAD ---- */

static unsigned char key[64], nonce[1024], ad[BYTES], plain[BYTES], sealed[BYTES], out[BYTES];

static bool gcm_opens(const struct block *b)
{
	unsigned char tag[16], zeros[256] = {0};
	mbedtls_gcm_context gcm;
	size_t n, n_tag, n_key, n_nonce, n_ad;
	int status;

	if (field(b, "Key") == NULL) {
		return false;
	}
	n_key = bytes(field(b, "Key"), key);
	n_nonce = bytes(field(b, "IV"), nonce);
	n_ad = bytes(field(b, "AAD"), ad);
	n = bytes(field(b, "CT"), sealed);
	n_tag = bytes(field(b, "Tag"), tag);
	mbedtls_gcm_init(&gcm);
	assert_int_equal(
		mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 8 * (unsigned)n_key), 0);
	memset(out, 'x', n);
	status = mbedtls_gcm_auth_decrypt(
		&gcm, n, nonce, n_nonce, ad, n_ad, tag, n_tag, sealed, out);
	if (field(b, "FAIL") != NULL) {
		assert_int_equal(status, MBEDTLS_ERR_GCM_AUTH_FAILED);
		assert_memory_equal(out, zeros, n); /* nothing of it is left */
	} else {
		assert_int_equal(status, 0);
		assert_int_equal(bytes(field(b, "PT"), plain), n);
		assert_memory_equal(out, plain, n);
	}
	mbedtls_gcm_free(&gcm);
	return true;
}

static bool gcm_seals(const struct block *b)
{
	unsigned char tag[16], want[16];
	mbedtls_gcm_context gcm;
	size_t n, n_tag, n_key, n_nonce, n_ad;

	if (field(b, "Key") == NULL) {
		return false;
	}
	n_key = bytes(field(b, "Key"), key);
	n_nonce = bytes(field(b, "IV"), nonce);
	n_ad = bytes(field(b, "AAD"), ad);
	n = bytes(field(b, "PT"), plain);
	n_tag = bytes(field(b, "Tag"), want);
	mbedtls_gcm_init(&gcm);
	assert_int_equal(
		mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 8 * (unsigned)n_key), 0);
	assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, n, nonce, n_nonce, ad,
				 n_ad, plain, out, n_tag, tag),
		0);
	assert_int_equal(bytes(field(b, "CT"), sealed), n);
	assert_memory_equal(out, sealed, n);
	assert_memory_equal(tag, want, n_tag);
	mbedtls_gcm_free(&gcm);
	return true;
}

/* Tags of 4 to 16 octets, IVs of 1 to 128. */
static void aes_gcm(void **state)
{
	static const unsigned bits[] = {128, 192, 256};
	char name[64];

	(void)state;
	need_vectors();
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		snprintf(name, sizeof(name), "ciphers/AES/GCM/gcmDecrypt%u.rsp", bits[i]);
		assert_int_equal(each_block(name, gcm_opens), 7875);
		snprintf(name, sizeof(name), "ciphers/AES/GCM/gcmEncryptExtIV%u.rsp", bits[i]);
		assert_int_equal(each_block(name, gcm_seals), 7875);
	}
}

static const char *either(const struct block *b, const char *one, const char *other)
{
	return field(b, one) != NULL ? field(b, one) : field(b, other);
}

static bool chacha_both_ways(const struct block *b)
{
	unsigned char tag[16], made[16];
	mbedtls_chachapoly_context chacha;
	size_t n, n_ad;
	int status;

	if (either(b, "Key", "KEY") == NULL) {
		return false;
	}
	assert_int_equal(bytes(either(b, "Key", "KEY"), key), 32);
	assert_int_equal(bytes(either(b, "IV", "NONCE"), nonce), 12);
	n_ad = bytes(either(b, "AAD", "AD"), ad);
	n = bytes(either(b, "Plaintext", "IN"), plain);
	assert_int_equal(bytes(either(b, "Ciphertext", "CT"), sealed), n);
	assert_int_equal(bytes(either(b, "Tag", "TAG"), tag), 16);
	mbedtls_chachapoly_init(&chacha);
	assert_int_equal(mbedtls_chachapoly_setkey(&chacha, key), 0);
	status = mbedtls_chachapoly_auth_decrypt(&chacha, n, nonce, ad, n_ad, tag, sealed, out);
	if (field(b, "Result") != NULL) {
		assert_int_equal(status, MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED);
	} else {
		assert_int_equal(status, 0);
		assert_memory_equal(out, plain, n);
		assert_int_equal(mbedtls_chachapoly_encrypt_and_tag(
					 &chacha, n, nonce, ad, n_ad, plain, out, made),
			0);
		assert_memory_equal(out, sealed, n);
		assert_memory_equal(made, tag, 16);
	}
	mbedtls_chachapoly_free(&chacha);
	return true;
}

static void chacha20_poly1305(void **state)
{
	(void)state;
	need_vectors();
	assert_true(each_block("ciphers/ChaCha20Poly1305/openssl.txt", chacha_both_ways) >= 5);
	assert_true(each_block("ciphers/ChaCha20Poly1305/boringssl.txt", chacha_both_ways) >= 60);
}

/* ---- SHA-2 ---- */

static const mbedtls_md_info_t *md; /* of the file under way */

static bool hash_is(const struct block *b)
{
	unsigned char digest[64], want[64];
	size_t n, len;

	if (field(b, "Msg") == NULL) {
		return false;
	}
	n = bytes(field(b, "Msg"), plain);
	len = strtoul(field(b, "Len"), NULL, 10) / 8; /* an empty one is written as 00 */
	assert_true(len == n || len == 0);
	assert_int_equal(mbedtls_md(md, plain, len, digest), 0);
	assert_int_equal(bytes(field(b, "MD"), want), mbedtls_md_get_size(md));
	assert_memory_equal(digest, want, mbedtls_md_get_size(md));
	return true;
}

static unsigned char seed[64];

/* Each is the hash of the three before it; the thousandth is told, and is the next seed. */
static bool monte_carlo(const struct block *b)
{
	size_t n = mbedtls_md_get_size(md);
	unsigned char last[3 * 64], next[64];

	if (field(b, "Seed") != NULL) {
		assert_int_equal(bytes(field(b, "Seed"), seed), n);
		return false;
	}
	if (field(b, "COUNT") == NULL) {
		return false;
	}
	for (int i = 0; i < 3; i++) {
		memcpy(last + (size_t)i * n, seed, n);
	}
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(mbedtls_md(md, last, 3 * n, next), 0);
		memmove(last, last + n, 2 * n);
		memcpy(last + 2 * n, next, n);
	}
	memcpy(seed, next, n);
	assert_int_equal(bytes(field(b, "MD"), plain), n);
	assert_memory_equal(next, plain, n);
	return true;
}

static void sha2(void **state)
{
	static const struct {
		const char *name;
		mbedtls_md_type_t type;
		unsigned texts;
	} all[] = {{"224", MBEDTLS_MD_SHA224, 65 + 64}, {"256", MBEDTLS_MD_SHA256, 65 + 64},
		{"384", MBEDTLS_MD_SHA384, 129 + 128}, {"512", MBEDTLS_MD_SHA512, 129 + 128}};
	char name[64];

	(void)state;
	need_vectors();
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		unsigned n;

		md = mbedtls_md_info_from_type(all[i].type);
		snprintf(name, sizeof(name), "hashes/SHA2/SHA%sShortMsg.rsp", all[i].name);
		n = each_block(name, hash_is);
		snprintf(name, sizeof(name), "hashes/SHA2/SHA%sLongMsg.rsp", all[i].name);
		assert_int_equal(n + each_block(name, hash_is), all[i].texts);
		snprintf(name, sizeof(name), "hashes/SHA2/SHA%sMonte.rsp", all[i].name);
		assert_int_equal(each_block(name, monte_carlo), 100);
	}
}

/* ---- curves ---- */

/* The curve and hash that a section like "[P-256,SHA-384]" names; false: none of ours. */
static bool section_is(const struct block *b, mbedtls_ecp_group *grp)
{
	static const struct {
		const char *curve;
		mbedtls_ecp_group_id id;
	} curves[] = {{"[P-256", MBEDTLS_ECP_DP_SECP256R1}, {"[P-384", MBEDTLS_ECP_DP_SECP384R1},
		{"[P-521", MBEDTLS_ECP_DP_SECP521R1}, {"[EC", MBEDTLS_ECP_DP_SECP256R1},
		{"[ED", MBEDTLS_ECP_DP_SECP384R1}, {"[EE", MBEDTLS_ECP_DP_SECP521R1}};
	const char *hash = strstr(b->section, "SHA-");

	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		if (strncmp(b->section, curves[i].curve, strlen(curves[i].curve)) == 0) {
			char name[16] = "";

			if (hash != NULL) { /* as mbedTLS writes it */
				snprintf(name, sizeof(name), "SHA%.*s", (int)strcspn(hash + 4, "]"),
					hash + 4);
			}
			md = mbedtls_md_info_from_string(name);
			mbedtls_ecp_group_init(grp);
			assert_int_equal(mbedtls_ecp_group_load(grp, curves[i].id), 0);
			return true;
		}
	}
	return false;
}

static void point(mbedtls_ecp_point *p, const char *x, const char *y)
{
	mbedtls_ecp_point_init(p);
	assert_int_equal(mbedtls_ecp_point_read_string(p, 16, x, y), 0);
}

static bool signature_is(const struct block *b)
{
	unsigned char hash[64];
	mbedtls_ecp_group grp;
	mbedtls_ecp_point q;
	mbedtls_mpi r, s;
	bool good;
	int status;

	if (field(b, "R") == NULL || !section_is(b, &grp)) {
		return false;
	}
	good = field(b, "Result") == NULL || field(b, "Result")[0] == 'P';
	assert_non_null(md);
	assert_int_equal(mbedtls_md(md, plain, bytes(field(b, "Msg"), plain), hash), 0);
	point(&q, field(b, "Qx"), field(b, "Qy"));
	number(&r, field(b, "R"));
	number(&s, field(b, "S"));
	status = mbedtls_ecdsa_verify(&grp, hash, mbedtls_md_get_size(md), &q, &r, &s);
	assert_int_equal(status == 0, good);
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	mbedtls_ecp_point_free(&q);
	mbedtls_ecp_group_free(&grp);
	return true;
}

static void ecdsa(void **state)
{
	(void)state;
	need_vectors(); /* three curves, five hashes, fifteen each */
	assert_int_equal(each_block("asymmetric/ECDSA/FIPS_186-3/SigVer.rsp", signature_is), 225);
	assert_int_equal(each_block("asymmetric/ECDSA/FIPS_186-3/SigGen.txt", signature_is), 225);
}

/* A key that is none gives no secret, and a changed secret is another than what comes out. */
static bool secret_is(const struct block *b)
{
	const char *result = field(b, "Result");
	mbedtls_ecp_group grp;
	mbedtls_ecp_point q;
	mbedtls_mpi d, z, made;
	int status;

	if (field(b, "Z") == NULL || !section_is(b, &grp)) {
		return false;
	}
	point(&q, field(b, "QsCAVSx"), field(b, "QsCAVSy"));
	number(&d, field(b, "dsIUT"));
	number(&z, field(b, "Z"));
	mbedtls_mpi_init(&made);
	status = mbedtls_ecdh_compute_shared(&grp, &made, &q, &d, certs_random, NULL);
	if (result[0] == 'P') {
		assert_int_equal(status, 0);
		assert_int_equal(mbedtls_mpi_cmp_mpi(&made, &z), 0);
	} else if (strstr(result, "CAVS's Static public key") != NULL) {
		assert_int_not_equal(status, 0);
	} else if (strstr(result, "Z changed") != NULL) {
		assert_int_equal(status, 0);
		assert_int_not_equal(mbedtls_mpi_cmp_mpi(&made, &z), 0);
	}
	mbedtls_mpi_free(&d);
	mbedtls_mpi_free(&z);
	mbedtls_mpi_free(&made);
	mbedtls_ecp_point_free(&q);
	mbedtls_ecp_group_free(&grp);
	return true;
}

static void ecdh(void **state)
{
	(void)state;
	need_vectors();
	assert_int_equal(each_block("asymmetric/ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_"
				    "init.fax",
				 secret_is),
		90);
}

static void x25519_of(
	const unsigned char scalar[32], const unsigned char u[32], unsigned char result[32])
{
	mbedtls_ecp_group grp;
	mbedtls_ecp_point p;
	mbedtls_mpi d, z;
	unsigned char clamped[32];

	memcpy(clamped, scalar, 32);
	clamped[0] &= 248;
	clamped[31] = (unsigned char)((clamped[31] & 127) | 64);
	mbedtls_ecp_group_init(&grp);
	mbedtls_ecp_point_init(&p);
	mbedtls_mpi_init(&d);
	mbedtls_mpi_init(&z);
	assert_int_equal(mbedtls_ecp_group_load(&grp, MBEDTLS_ECP_DP_CURVE25519), 0);
	assert_int_equal(mbedtls_mpi_read_binary_le(&d, clamped, 32), 0);
	assert_int_equal(mbedtls_ecp_point_read_binary(&grp, &p, u, 32), 0);
	assert_int_equal(mbedtls_ecdh_compute_shared(&grp, &z, &p, &d, certs_random, NULL), 0);
	assert_int_equal(mbedtls_mpi_write_binary_le(&z, result, 32), 0);
	mbedtls_mpi_free(&d);
	mbedtls_mpi_free(&z);
	mbedtls_ecp_point_free(&p);
	mbedtls_ecp_group_free(&grp);
}

static bool multiple_is(const struct block *b)
{
	unsigned char scalar[64], u[64], want[64], result[32];

	if (field(b, "INPUT_SCALAR") == NULL) {
		return false;
	}
	bytes(field(b, "INPUT_SCALAR"), scalar);
	bytes(field(b, "INPUT_U"), u);
	bytes(field(b, "OUTPUT_U"), want);
	x25519_of(scalar, u, result);
	assert_memory_equal(result, want, 32);
	return true;
}

/* RFC 7748, 5.2: and what comes after a thousand rounds. */
static void x25519(void **state)
{
	static const char after[] =
		"684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51";
	unsigned char k[32] = {9}, u[32] = {9}, next[32], want[64];

	(void)state;
	need_vectors();
	assert_true(each_block("asymmetric/X25519/rfc7748.txt", multiple_is) >= 3);
	for (int i = 0; i < 1000; i++) {
		x25519_of(k, u, next);
		memcpy(u, k, 32);
		memcpy(k, next, 32);
	}
	assert_int_equal(bytes(after, want), 32);
	assert_memory_equal(k, want, 32);
}

/* ---- RSA ---- */

static mbedtls_mpi modulus;
static bool pss;

static bool rsa_signature_is(const struct block *b)
{
	unsigned char hash[64], e[512];
	mbedtls_rsa_context rsa;
	mbedtls_mpi exponent;
	char name[16];
	size_t n;
	int status;

	if (field(b, "n") != NULL) {
		mbedtls_mpi_free(&modulus);
		number(&modulus, field(b, "n"));
		return false;
	}
	if (field(b, "SHAAlg") == NULL) {
		return false;
	}
	snprintf(name, sizeof(name), "%s", field(b, "SHAAlg"));
	md = mbedtls_md_info_from_string(name);
	assert_non_null(md);
	n = bytes(field(b, "e"), e);
	mbedtls_mpi_init(&exponent);
	assert_int_equal(mbedtls_mpi_read_binary(&exponent, e, n), 0);
	mbedtls_rsa_init(&rsa);
	assert_int_equal(mbedtls_rsa_import(&rsa, &modulus, NULL, NULL, NULL, &exponent), 0);
	assert_int_equal(mbedtls_rsa_complete(&rsa), 0);
	assert_int_equal(
		mbedtls_rsa_set_padding(&rsa, pss ? MBEDTLS_RSA_PKCS_V21 : MBEDTLS_RSA_PKCS_V15,
			pss ? mbedtls_md_get_type(md) : MBEDTLS_MD_NONE),
		0);
	assert_int_equal(mbedtls_md(md, plain, bytes(field(b, "Msg"), plain), hash), 0);
	assert_int_equal(bytes(field(b, "S"), sealed), mbedtls_rsa_get_len(&rsa));
	status = mbedtls_rsa_pkcs1_verify(
		&rsa, mbedtls_md_get_type(md), mbedtls_md_get_size(md), hash, sealed);
	assert_int_equal(status == 0, field(b, "Result")[0] == 'P');
	mbedtls_rsa_free(&rsa);
	mbedtls_mpi_free(&exponent);
	return true;
}

static void rsa(void **state)
{
	(void)state;
	need_vectors();
	mbedtls_mpi_init(&modulus);
	pss = false;
	assert_int_equal(
		each_block("asymmetric/RSA/FIPS_186-2/SigVer15_186-3.rsp", rsa_signature_is), 450);
	pss = true;
	assert_int_equal(
		each_block("asymmetric/RSA/FIPS_186-2/SigVerPSS_186-3.rsp", rsa_signature_is), 450);
	mbedtls_mpi_free(&modulus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aes_gcm),
		cmocka_unit_test(chacha20_poly1305),
		cmocka_unit_test(sha2),
		cmocka_unit_test(ecdsa),
		cmocka_unit_test(ecdh),
		cmocka_unit_test(x25519),
		cmocka_unit_test(rsa),
	};

	return cmocka_run_group_tests(tests, certs_group_start, certs_group_finish);
}
