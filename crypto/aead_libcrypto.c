/*
 * AES-GCM and ChaCha20-Poly1305 by libcrypto's EVP_CIPHER(3). TLS records come through aead_start()
 * to aead_tag() on the way out and through aead_open() on the way in; piecewise decryption, which
 * TLS does not use, works and is slower. Must not know which of mbedTLS's modules asks.
 */
#include "crypto/alt/aead.h"

#include <pthread.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "crypto/libcrypto.h"

enum { KINDS = AEAD_CHACHA + 1, PIECE = 1 << 30 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *ciphers[KINDS]; /* for the life of the process; NULL is refused */

static void fetch(void)
{
	static const char *const names[KINDS] = {
		[AEAD_AES_128] = "AES-128-GCM",
		[AEAD_AES_192] = "AES-192-GCM",
		[AEAD_AES_256] = "AES-256-GCM",
		[AEAD_CHACHA] = "ChaCha20-Poly1305",
	};

	libcrypto_start();
	for (size_t i = 0; i < KINDS; i++) {
		ciphers[i] = names[i] != NULL ? EVP_CIPHER_fetch(NULL, names[i], NULL) : NULL;
	}
}

void aead_finish(struct aead *a)
{
	EVP_CIPHER_CTX_free(a->cipher); /* zeroes what it held */
	EVP_CIPHER_CTX_free(a->tagger);
	memset(a, 0, sizeof(*a));
}

int aead_set_key(struct aead *a, enum aead_kind kind, const unsigned char *key)
{
	(void)pthread_once(&once, fetch);
	aead_finish(a);
	if (ciphers[kind] == NULL) {
		return -1;
	}
	a->cipher = EVP_CIPHER_CTX_new();
	if (a->cipher == NULL ||
		EVP_CipherInit_ex2(a->cipher, ciphers[kind], key, NULL, 1, NULL) != 1) {
		aead_finish(a);
		return -1;
	}
	a->nonce_len = 12;
	return 0;
}

/* The key's schedule serves both directions and stays. */
static int set_nonce(struct aead *a, bool encrypt, const unsigned char *nonce, size_t len)
{
	a->step = AEAD_IDLE;
	if (a->cipher == NULL || nonce == NULL || len == 0 || len > PIECE) {
		return -1;
	}
	if (len != a->nonce_len) {
		if (EVP_CIPHER_CTX_ctrl(a->cipher, EVP_CTRL_AEAD_SET_IVLEN, (int)len, NULL) != 1) {
			return -1;
		}
		a->nonce_len = len;
	}
	if (EVP_CipherInit_ex2(a->cipher, NULL, NULL, nonce, encrypt, NULL) != 1) {
		return -1;
	}
	a->encrypt = encrypt;
	a->step = AEAD_HEADER;
	return 0;
}

/*
 * libcrypto tells no tag while it decrypts, it compares: for a caller that wants to see the tag,
 * the plaintext is encrypted again beside it, which gives the tag of the ciphertext that came.
 */
int aead_start(struct aead *a, bool encrypt, const unsigned char *nonce, size_t nonce_len)
{
	if (set_nonce(a, encrypt, nonce, nonce_len) != 0) {
		return -1;
	}
	EVP_CIPHER_CTX_free(a->tagger);
	a->tagger = NULL;
	if (!encrypt) {
		a->tagger = EVP_CIPHER_CTX_new();
		if (a->tagger == NULL || EVP_CIPHER_CTX_copy(a->tagger, a->cipher) != 1 ||
			EVP_CipherInit_ex2(a->tagger, NULL, NULL, nonce, 1, NULL) != 1) {
			a->step = AEAD_IDLE;
			return -1;
		}
	}
	return 0;
}

static int update(EVP_CIPHER_CTX *cipher, unsigned char *out, const unsigned char *in, size_t len)
{
	while (len > 0) {
		int n = (int)(len < PIECE ? len : PIECE), got = 0;

		if (EVP_CipherUpdate(cipher, out, &got, in, n) != 1 || got != n) {
			return -1;
		}
		out = out != NULL ? out + n : NULL;
		in += n;
		len -= (size_t)n;
	}
	return 0;
}

int aead_header(struct aead *a, const unsigned char *data, size_t len)
{
	if (a->step != AEAD_HEADER || update(a->cipher, NULL, data, len) != 0 ||
		(a->tagger != NULL && update(a->tagger, NULL, data, len) != 0)) {
		a->step = AEAD_IDLE;
		return -1;
	}
	return 0;
}

/* libcrypto takes the same buffer or another, not one that begins in the middle of the first. */
static const unsigned char *aligned(const unsigned char *in, size_t len, unsigned char *out)
{
	if (out != in && out < in + len && in < out + len) {
		memmove(out, in, len);
		return out;
	}
	return in;
}

int aead_body(struct aead *a, const unsigned char *in, size_t len, unsigned char *out)
{
	int ret;

	if (a->step == AEAD_IDLE) {
		return -1;
	}
	a->step = AEAD_BODY;
	if (len == 0) {
		return 0;
	}
	ret = update(a->cipher, out, aligned(in, len, out), len);
	for (size_t i = 0; ret == 0 && a->tagger != NULL && i < len;) {
		unsigned char again[256];
		size_t n = len - i < sizeof(again) ? len - i : sizeof(again);

		ret = update(a->tagger, again, out + i, n);
		i += n;
	}
	if (ret != 0) {
		OPENSSL_cleanse(out, len);
		a->step = AEAD_IDLE;
	}
	return ret;
}

int aead_tag(struct aead *a, unsigned char *ret_tag, size_t tag_len)
{
	EVP_CIPHER_CTX *cipher = a->encrypt ? a->cipher : a->tagger;
	unsigned char none[AEAD_TAG];
	int n = 0, ret = -1;

	if (a->step != AEAD_IDLE && tag_len <= AEAD_TAG && cipher != NULL &&
		EVP_CipherFinal_ex(cipher, none, &n) == 1 && n == 0 &&
		EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, (int)tag_len, ret_tag) == 1) {
		ret = 0;
	}
	a->step = AEAD_IDLE;
	return ret;
}

int aead_open(struct aead *a, const unsigned char *nonce, size_t nonce_len,
	const unsigned char *header, size_t header_len, const unsigned char *tag, size_t tag_len,
	const unsigned char *in, size_t len, unsigned char *out)
{
	unsigned char expected[AEAD_TAG], none[AEAD_TAG];
	int n = 0, ret = -1;

	if (tag_len == 0 || tag_len > AEAD_TAG) {
		return -1;
	}
	memcpy(expected, tag, tag_len); /* the tag may stand where `out` is written */
	if (set_nonce(a, false, nonce, nonce_len) == 0 &&
		update(a->cipher, NULL, header, header_len) == 0 &&
		update(a->cipher, out, aligned(in, len, out), len) == 0 &&
		EVP_CIPHER_CTX_ctrl(a->cipher, EVP_CTRL_AEAD_SET_TAG, (int)tag_len, expected) ==
			1) {
		ret = EVP_CipherFinal_ex(a->cipher, none, &n) == 1 ? 0 : -2;
	}
	a->step = AEAD_IDLE;
	if (ret != 0 && len > 0) {
		OPENSSL_cleanse(out, len);
	}
	return ret;
}
