/*
 * Authenticated encryption by libcrypto, in the steps that mbedTLS's GCM and ChaCha20-Poly1305
 * modules have. All functions give 0 or -1; after -1 what was written is not to be used.
 */
#ifndef SALLYPORT_CRYPTO_AEAD_H
#define SALLYPORT_CRYPTO_AEAD_H

#include <stdbool.h>
#include <stddef.h>

enum { AEAD_TAG = 16 };

enum aead_kind { AEAD_NONE = 0, AEAD_AES_128, AEAD_AES_192, AEAD_AES_256, AEAD_CHACHA };

enum aead_step { AEAD_IDLE = 0, AEAD_HEADER, AEAD_BODY };

struct evp_cipher_ctx_st;

struct aead {
	struct evp_cipher_ctx_st *cipher; /* owned; holds the key */
	struct evp_cipher_ctx_st *tagger; /* owned; piecewise decryption alone: see aead_start() */
	size_t nonce_len;                 /* what the cipher is set to */
	enum aead_step step;
	bool encrypt;
};

void aead_finish(struct aead *a); /* forgets the key; a zeroed struct is fine */

int aead_set_key(struct aead *a, enum aead_kind kind, const unsigned char *key);

/*
 * Piecewise: header first, then the body, then the tag, which is given for either direction and
 * compared by the caller.
 */
int aead_start(struct aead *a, bool encrypt, const unsigned char *nonce, size_t nonce_len);
int aead_header(struct aead *a, const unsigned char *data, size_t len);
int aead_body(struct aead *a, const unsigned char *in, size_t len, unsigned char *out);
int aead_tag(struct aead *a, unsigned char *ret_tag, size_t tag_len);

/* Whole, tag checked: -2 when it does not fit, and then `out` holds zeros. */
int aead_open(struct aead *a, const unsigned char *nonce, size_t nonce_len,
	const unsigned char *header, size_t header_len, const unsigned char *tag, size_t tag_len,
	const unsigned char *in, size_t len, unsigned char *out);

#endif
