/*
 * Trust as Java keeps it: certificates in the JKS format, which every Java since 1.2 reads whatever
 * the file's name promises. Must not know where a JDK keeps its own.
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
#include "certs/java_store.h"
#include "certs/pem.h"
#include "certs/sha1.h"

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

static void put_certificate(struct store *s, uint32_t index, const unsigned char *der, size_t len)
{
	char alias[32];

	snprintf(alias, sizeof(alias), "sallyport-%lu", (unsigned long)index);
	put_number(s, JKS_CERTIFICATE, 4);
	put_string(s, alias);
	put_number(s, 0, JKS_DATE);
	put_string(s, "X.509");
	put_number(s, len, 4);
	put(s, der, len);
}

/* Over what stands before it in another place and what it has so far. */
static int put_digest(struct store *s, const unsigned char *before, size_t len)
{
	static const unsigned char password[] = {
		0, 'c', 0, 'h', 0, 'a', 0, 'n', 0, 'g', 0, 'e', 0, 'i', 0, 't'};
	static const char phrase[] = "Mighty Aphrodite";
	const struct sha1_piece pieces[] = {{password, sizeof(password)},
		{phrase, sizeof(phrase) - 1}, {before, len}, {s->data, s->len}};
	unsigned char digest[JKS_DIGEST];
	int ret = s->failed ? -1 : certs_sha1(pieces, 4, digest);

	if (ret == 0) {
		put(s, digest, sizeof(digest));
	}
	return ret == 0 && !s->failed ? 0 : -1;
}

/* As many as there are in the PEM texts, the first with this number; CERTS_EMEMORY. */
static int put_all(struct store *s, const char *const *pems, uint32_t first, uint32_t *ret_count)
{
	int ret = PEM_NONE;

	*ret_count = 0;
	for (; ret == PEM_NONE && *pems != NULL; pems++) {
		struct pem_reader r = {.at = *pems};

		while ((ret = pem_next(&r)) > PEM_NONE && !s->failed) {
			if (ret == PEM_CERTIFICATE) {
				put_certificate(s, first + (*ret_count)++, r.der, r.n);
			}
		}
		pem_finish(&r);
	}
	return ret < 0 || s->failed ? CERTS_EMEMORY : CERTS_OK;
}

static void set_count(unsigned char *store, uint32_t count)
{
	for (size_t i = 0; i < 4; i++) {
		store[JKS_COUNT_AT + i] = (unsigned char)(count >> (24 - 8 * i));
	}
}

static int give_up(struct store *s, struct certs_diag *diag)
{
	free(s->data);
	return certs_fail(diag, CERTS_EMEMORY, CERTS_CHECK_NONE, "memory is out");
}

int certs_java_store(
	const char *const *pems, unsigned char **ret_data, size_t *ret_len, struct certs_diag *diag)
{
	struct store s = {0};
	uint32_t count;
	size_t len = 1;

	for (size_t i = 0; pems[i] != NULL; i++) {
		len += strlen(pems[i]);
	}
	reserve(&s, len); /* base64 is longer than what is said beside a certificate */
	put_number(&s, JKS_MAGIC, 4);
	put_number(&s, JKS_VERSION, 4);
	put_number(&s, 0, 4);
	if (put_all(&s, pems, 0, &count) != CERTS_OK) {
		return give_up(&s, diag);
	}
	set_count(s.data, count);
	if (put_digest(&s, NULL, 0) != 0) {
		return give_up(&s, diag);
	}
	*ret_data = s.data;
	*ret_len = s.len;
	return CERTS_OK;
}

int certs_java_store_extend(unsigned char *store, size_t len, const char *const *pems,
	size_t *ret_kept, unsigned char **ret_tail, size_t *ret_tail_len, struct certs_diag *diag)
{
	struct store s = {0};
	uint32_t count, more;

	if (!java_store_read(store, len, &count) || count == 0 || count > UINT16_MAX) {
		return certs_fail(
			diag, CERTS_EFORMAT, CERTS_CHECK_NONE, "not a JKS store of certificates");
	}
	if (put_all(&s, pems, count, &more) != CERTS_OK) {
		return give_up(&s, diag);
	}
	set_count(store, count + more);
	if (put_digest(&s, store, len - JKS_DIGEST) != 0) {
		set_count(store, count);
		return give_up(&s, diag);
	}
	*ret_kept = len - JKS_DIGEST;
	*ret_tail = s.data;
	*ret_tail_len = s.len;
	return CERTS_OK;
}
