/*
 * Trust as Java keeps it: certificates in the JKS format, which every Java since 1.2 reads whatever
 * the file's name promises. Written only, never read. Must not know where a JDK keeps its own.
 *
 * The format has no RFC; java.security.KeyStore's JKS is: magic, version 2, count, then per
 * certificate tag 2, alias, time, "X.509" and its DER, all big-endian with 16-bit counted strings;
 * at the end a SHA-1 over the password (UTF-16), a fixed phrase and everything before. The digest
 * is no protection and is meant as none: its password is public ("changeit").
 */
#include "certs/certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/diag.h"
#include "certs/pem.h"
#include "certs/sha1.h"

enum { MAGIC = 0xFEEDFEED, VERSION = 2, TAG_CERTIFICATE = 2, DIGEST_SIZE = 20 };

struct store {
	unsigned char *data; /* owned by the caller in the end */
	size_t len, size;
	bool failed;
};

/* Room for that many octets in all; there is more when it does not do. */
static void reserve(struct store *s, size_t size)
{
	s->data = malloc(size);
	s->failed = s->data == NULL;
	s->size = s->failed ? 0 : size;
	if (!s->failed) {
		certs_system_populate(s->data, size / 4 * 3);
	}
}

static void put(struct store *s, const void *bytes, size_t len)
{
	if (!s->failed && s->len + len > s->size) {
		size_t size = (s->len + len) * 2;
		unsigned char *data = realloc(s->data, size);

		s->failed = data == NULL;
		if (data != NULL) {
			s->data = data;
			s->size = size;
		}
	}
	if (!s->failed) {
		memcpy(s->data + s->len, bytes, len);
		s->len += len;
	}
}

static void put_number(struct store *s, uint64_t value, size_t octets)
{
	unsigned char bytes[8];

	for (size_t i = 0; i < octets; i++) {
		bytes[i] = (unsigned char)(value >> (8 * (octets - 1 - i)));
	}
	put(s, bytes, octets);
}

static void put_string(struct store *s, const char *text)
{
	put_number(s, strlen(text), 2);
	put(s, text, strlen(text));
}

static void put_certificate(struct store *s, unsigned index, const unsigned char *der, size_t len)
{
	char alias[24];

	snprintf(alias, sizeof(alias), "root-%u", index);
	put_number(s, TAG_CERTIFICATE, 4);
	put_string(s, alias);
	put_number(s, 0, 8);
	put_string(s, "X.509");
	put_number(s, len, 4);
	put(s, der, len);
}

/* Over what stands before the store in memory: see HEAD. */
static int put_digest(struct store *s)
{
	unsigned char digest[DIGEST_SIZE];
	int ret = s->failed ? -1 : certs_sha1(s->data, s->len, digest);

	if (ret == 0) {
		put(s, digest, sizeof(digest));
	}
	return ret;
}

int certs_java_store(
	const char *const *pems, unsigned char **ret_data, size_t *ret_len, struct certs_diag *diag)
{
	static const unsigned char password[] = {
		0, 'c', 0, 'h', 0, 'a', 0, 'n', 0, 'g', 0, 'e', 0, 'i', 0, 't'};
	static const char phrase[] = "Mighty Aphrodite";
	enum { HEAD = sizeof(password) + sizeof(phrase) - 1 }; /* is hashed, not part of it */
	struct store s = {0};
	uint32_t count = 0;
	size_t len = 1;
	int ret = PEM_NONE;

	for (size_t i = 0; pems[i] != NULL; i++) {
		len += strlen(pems[i]);
	}
	reserve(&s, len); /* base64 is longer than what is said beside a certificate */
	put(&s, password, sizeof(password));
	put(&s, phrase, sizeof(phrase) - 1);
	put_number(&s, MAGIC, 4);
	put_number(&s, VERSION, 4);
	put_number(&s, 0, 4);
	for (; ret == PEM_NONE && *pems != NULL; pems++) {
		struct pem_reader r = {.at = *pems};

		while ((ret = pem_next(&r)) > PEM_NONE && !s.failed) {
			if (ret == PEM_CERTIFICATE) {
				put_certificate(&s, count++, r.der, r.n);
			}
		}
		pem_finish(&r);
	}
	for (size_t i = 0; i < 4 && !s.failed; i++) {
		s.data[HEAD + 8 + i] = (unsigned char)(count >> (24 - 8 * i));
	}
	if (ret < 0 || put_digest(&s) != 0 || s.failed) {
		free(s.data);
		return certs_fail(diag, CERTS_EMEMORY, CERTS_CHECK_NONE, "memory is out");
	}
	memmove(s.data, s.data + HEAD, s.len - HEAD);
	*ret_data = s.data;
	*ret_len = s.len - HEAD;
	return CERTS_OK;
}
