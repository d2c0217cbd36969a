/*
 * Base64 and SHA-1 of public bytes by libcrypto. mbedTLS decodes in constant time, which made half
 * of what a run cost before its command.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "certs/pem.h"
#include "certs/sha1.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

long pem_base64(const char *text, size_t n, unsigned char *out)
{
	unsigned char *joined = n <= INT_MAX ? malloc(n + 1) : NULL;
	size_t len = 0, padding = 0;
	long ret = -1;

	if (joined == NULL) {
		return -1;
	}
	/* EVP_DecodeBlock(3) wants one line; EVP_DecodeUpdate would take lines, a byte at a time.
	 */
	while (n > 0) {
		const char *end = memchr(text, '\n', n);
		size_t line = end != NULL ? (size_t)(end - text) : n;
		size_t kept = line;

		while (kept > 0 && (text[kept - 1] == '\r' || text[kept - 1] == ' ' ||
					   text[kept - 1] == '\t')) {
			kept--;
		}
		memcpy(joined + len, text, kept);
		len += kept;
		line += end != NULL;
		text += line;
		n -= line;
	}
	while (padding < 2 && padding < len && joined[len - 1 - padding] == '=') {
		padding++;
	}
	if (len > 0 && len % 4 == 0 && memchr(joined, '=', len - padding) == NULL) {
		/* It counts what the padding stands for. */
		ret = EVP_DecodeBlock(out, joined, (int)len);
		ret = ret > 0 ? ret - (long)padding : -1;
	}
	free(joined);
	return ret;
}

int certs_sha1(const struct sha1_piece *pieces, size_t n, unsigned char ret_digest[20])
{
	SHA_CTX sha; /* SHA1(3) would look for a provider first */
	int done = SHA1_Init(&sha);

	for (size_t i = 0; done == 1 && i < n; i++) {
		done = SHA1_Update(&sha, pieces[i].data, pieces[i].n);
	}
	return done == 1 && SHA1_Final(ret_digest, &sha) == 1 ? 0 : -1;
}
