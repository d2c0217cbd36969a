/*
 * Notes are text that ends with signature lines: "\u2014 NAME BASE64(4-byte key hash, signature)".
 * What is read has to be in the one form we would write: a second way to spell a note would be a
 * second note under one signature.
 */
#include "audit/note.h"

#include <mbedtls/base64.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEY_HASH = 4, ALGORITHM_ED25519 = 1 };

static const char dash[] = "\xe2\x80\x94 ";
static const char secret_prefix[] = "PRIVATE+KEY+";

size_t base64_write(const void *data, size_t len, char *out, size_t size)
{
	size_t done = 0;

	return mbedtls_base64_encode((unsigned char *)out, size, &done, data, len) == 0 ? done : 0;
}

bool base64_read(const char *text, size_t len, void *out, size_t want)
{
	unsigned char bytes[256];
	char again[352];
	size_t got = 0;

	if (want > sizeof(bytes) ||
		mbedtls_base64_decode(
			bytes, sizeof(bytes), &got, (const unsigned char *)text, len) != 0 ||
		got != want) {
		return false;
	}
	if (base64_write(bytes, got, again, sizeof(again)) != len ||
		memcmp(again, text, len) != 0) {
		return false;
	}
	memcpy(out, bytes, want);
	return true;
}

/* ---- keys ---- */

static bool key_hash(const struct audit_public_key *key, unsigned char ret_hash[KEY_HASH])
{
	unsigned char text[AUDIT_KEY_NAME + 2 + ED25519_PUBLIC], sha[32];
	size_t len = strlen(key->name);

	memcpy(text, key->name, len);
	text[len++] = '\n';
	text[len++] = ALGORITHM_ED25519;
	memcpy(text + len, key->bytes, ED25519_PUBLIC);
	if (mbedtls_sha256(text, len + ED25519_PUBLIC, sha, 0) != 0) {
		return false;
	}
	memcpy(ret_hash, sha, KEY_HASH);
	return true;
}

static void key_line(const struct audit_public_key *name, const unsigned char bytes[32],
	const char *prefix, char ret_text[AUDIT_KEY_TEXT])
{
	unsigned char hash[KEY_HASH] = {0}, typed[33] = {ALGORITHM_ED25519};
	char base64[64] = "";

	(void)key_hash(name, hash);
	memcpy(typed + 1, bytes, 32);
	(void)base64_write(typed, sizeof(typed), base64, sizeof(base64));
	snprintf(ret_text, AUDIT_KEY_TEXT, "%s%s+%02x%02x%02x%02x+%s", prefix, name->name, hash[0],
		hash[1], hash[2], hash[3], base64);
	mbedtls_platform_zeroize(typed, sizeof(typed));
	mbedtls_platform_zeroize(base64, sizeof(base64));
}

void note_key_text(const struct audit_public_key *key, char ret_text[AUDIT_KEY_TEXT])
{
	key_line(key, key->bytes, "", ret_text);
}

void note_secret_text(const struct audit_key *key, char ret_text[AUDIT_KEY_TEXT])
{
	key_line(&key->public, key->seed, secret_prefix, ret_text);
}

/* "name+hash+base64" of either half; the hash is checked by writing it again. */
static bool read_parts(
	const char *text, size_t len, char name[AUDIT_KEY_NAME], unsigned char ret_bytes[32])
{
	const char *plus = memchr(text, '+', len), *second;
	unsigned char typed[33];
	size_t name_len;

	if (plus == NULL || plus == text) {
		return false;
	}
	name_len = (size_t)(plus - text);
	second = memchr(plus + 1, '+', len - name_len - 1);
	if (name_len >= AUDIT_KEY_NAME || second == NULL ||
		!base64_read(second + 1, len - (size_t)(second + 1 - text), typed, sizeof(typed)) ||
		typed[0] != ALGORITHM_ED25519) {
		return false;
	}
	for (size_t i = 0; i < name_len; i++) {
		if (text[i] <= ' ' || text[i] == 0x7f) {
			return false;
		}
	}
	memcpy(name, text, name_len);
	name[name_len] = '\0';
	memcpy(ret_bytes, typed + 1, 32);
	mbedtls_platform_zeroize(typed, sizeof(typed));
	return true;
}

bool note_key_read(const char *text, size_t len, struct audit_public_key *ret_key)
{
	struct audit_public_key key = {""};
	char again[AUDIT_KEY_TEXT];

	if (!read_parts(text, len, key.name, key.bytes)) {
		return false;
	}
	note_key_text(&key, again);
	if (strlen(again) != len || memcmp(again, text, len) != 0) {
		return false;
	}
	*ret_key = key;
	return true;
}

bool note_secret_read(const char *text, size_t len, struct audit_key *ret_key)
{
	struct audit_key key = {{""}, {0}};
	size_t prefix = strlen(secret_prefix);
	char again[AUDIT_KEY_TEXT];
	bool good = len > prefix && memcmp(text, secret_prefix, prefix) == 0 &&
		    read_parts(text + prefix, len - prefix, key.public.name, key.seed) &&
		    ed25519_public(key.seed, key.public.bytes);

	if (good) {
		note_secret_text(&key, again);
		good = strlen(again) == len && memcmp(again, text, len) == 0;
		mbedtls_platform_zeroize(again, sizeof(again));
	}
	if (good) {
		*ret_key = key;
	}
	mbedtls_platform_zeroize(&key, sizeof(key));
	return good;
}

bool note_key_make(struct audit_key *ret_key)
{
	struct audit_key key = {{""}, {0}};
	unsigned char sha[32];

	if (!ed25519_random(key.seed, sizeof(key.seed)) ||
		!ed25519_public(key.seed, key.public.bytes) ||
		mbedtls_sha256(key.public.bytes, ED25519_PUBLIC, sha, 0) != 0) {
		return false;
	}
	snprintf(key.public.name, sizeof(key.public.name), "sallyport-%02x%02x%02x%02x", sha[0],
		sha[1], sha[2], sha[3]);
	*ret_key = key;
	mbedtls_platform_zeroize(&key, sizeof(key));
	return true;
}

/* ---- checkpoints ---- */

size_t checkpoint_write(
	const struct checkpoint *c, const struct audit_key *key, char ret_text[NOTE_TEXT])
{
	unsigned char signature[KEY_HASH + ED25519_SIGNATURE];
	char root[64], base64[128], time_text[32];
	time_t seconds = (time_t)(c->time_ns / 1000000000);
	struct tm tm;
	int len, all;

	(void)base64_write(c->root, sizeof(c->root), root, sizeof(root));
	strftime(time_text, sizeof(time_text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
	len = snprintf(ret_text, NOTE_TEXT, "%s\n%" PRIu64 "\n%s\nnumber %" PRIu64 "\ntime %s\n",
		c->origin, c->size, root, c->number, time_text);
	if (len < 0 || len >= NOTE_TEXT || !key_hash(&key->public, signature) ||
		!ed25519_sign(key->seed, ret_text, (size_t)len, signature + KEY_HASH) ||
		base64_write(signature, sizeof(signature), base64, sizeof(base64)) == 0) {
		return 0;
	}
	all = snprintf(ret_text + len, (size_t)(NOTE_TEXT - len), "\n%s%s %s\n", dash,
		key->public.name, base64);
	return all < NOTE_TEXT - len ? (size_t)(len + all) : 0;
}

struct lines {
	const char *at, *end;
};

static bool next_line(struct lines *l, const char **ret_line, size_t *ret_len)
{
	const char *newline = memchr(l->at, '\n', (size_t)(l->end - l->at));

	if (newline == NULL) {
		return false;
	}
	*ret_line = l->at;
	*ret_len = (size_t)(newline - l->at);
	l->at = newline + 1;
	return true;
}

/* The newline before an empty line; NULL when there is none. */
static const char *empty_line(const char *at, const char *end)
{
	for (; end - at >= 2; at++) {
		if (at[0] == '\n' && at[1] == '\n') {
			return at;
		}
	}
	return NULL;
}

static bool decimal(const char *text, size_t len, uint64_t *ret)
{
	uint64_t value = 0;

	if (len == 0 || (len > 1 && text[0] == '0')) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' ||
			__builtin_mul_overflow(value, (uint64_t)10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value)) {
			return false;
		}
	}
	*ret = value;
	return true;
}

static bool read_body(struct lines *l, struct checkpoint *c)
{
	const char *line;
	size_t len;

	if (!next_line(l, &line, &len) || len == 0 || len >= NOTE_ORIGIN) {
		return false;
	}
	memcpy(c->origin, line, len);
	c->origin[len] = '\0';
	return strlen(c->origin) == len && next_line(l, &line, &len) &&
	       decimal(line, len, &c->size) && next_line(l, &line, &len) &&
	       base64_read(line, len, c->root, TREE_HASH) && next_line(l, &line, &len) && len > 7 &&
	       memcmp(line, "number ", 7) == 0 && decimal(line + 7, len - 7, &c->number) &&
	       next_line(l, &line, &len) && len > 5 && memcmp(line, "time ", 5) == 0 &&
	       next_line(l, &line, &len) && len == 0;
}

enum note_end checkpoint_read(
	const char *text, size_t len, struct checkpoint *ret_checkpoint, size_t *ret_len)
{
	struct checkpoint c = {""};
	struct lines l = {text, text + len};
	const char *line;
	size_t line_len;
	int signatures = 0;
	/* Text, empty line, signatures, empty line. */
	const char *middle = empty_line(text, text + len);
	const char *last = middle != NULL ? empty_line(middle + 2, text + len) : NULL;

	if (len == 0) {
		return NOTE_NONE;
	}
	if (last == NULL) {
		return NOTE_TORN;
	}
	if (!read_body(&l, &c) || l.at != middle + 2) {
		return NOTE_BAD;
	}
	while (next_line(&l, &line, &line_len) && line_len > 0) {
		if (line_len < sizeof(dash) || memcmp(line, dash, sizeof(dash) - 1) != 0) {
			return NOTE_BAD;
		}
		signatures++;
	}
	if (signatures == 0) {
		return NOTE_BAD;
	}
	*ret_checkpoint = c;
	*ret_len = (size_t)(l.at - text);
	return NOTE_WHOLE;
}

static bool signed_by(const char *text, size_t text_len, const char *line, size_t len,
	const struct audit_public_key *key)
{
	unsigned char signature[KEY_HASH + ED25519_SIGNATURE], hash[KEY_HASH];
	size_t name = strlen(key->name), skip = sizeof(dash) - 1 + name + 1;

	return len > skip && memcmp(line, dash, sizeof(dash) - 1) == 0 &&
	       memcmp(line + sizeof(dash) - 1, key->name, name) == 0 && line[skip - 1] == ' ' &&
	       base64_read(line + skip, len - skip, signature, sizeof(signature)) &&
	       key_hash(key, hash) && memcmp(hash, signature, KEY_HASH) == 0 &&
	       ed25519_verify(key->bytes, text, text_len, signature + KEY_HASH);
}

bool checkpoint_signed(
	const char *text, size_t len, const struct audit_public_key *keys, size_t n_keys)
{
	const char *middle = empty_line(text, text + len), *line;
	struct lines l = {middle != NULL ? middle + 2 : text + len, text + len};
	size_t line_len;
	bool good = false;

	while (middle != NULL && next_line(&l, &line, &line_len) && line_len > 0) {
		for (size_t i = 0; i < n_keys; i++) {
			good |= signed_by(
				text, (size_t)(middle + 1 - text), line, line_len, &keys[i]);
		}
	}
	return good;
}
