/*
 * Bodies and secrets as digests; bodies that a rule wants kept, as files named by their hash.
 *
 * A stored body is written beside its final name and renamed when it is whole, so that a file
 * under a hash always holds what the hash says.
 */
#include "audit/audit.h"
#include "audit/bodies.h"
#include "audit/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mbedtls/md.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct audit_body {
	struct sha_stream hash, strong;
	bool has_strong; /* it was asked for */
	int64_t store_max, len;
	bool too_long;
	bool failed;     /* something of it could not be written: it is not stored */
	int file;        /* owned; -1: none */
	const char *dir; /* borrowed */
	char *path;      /* owned: of the file under way */
};

static void hex(const unsigned char *bytes, size_t len, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[2 * len] = '\0';
}

void audit_digest(
	const unsigned char key[AUDIT_KEY], const void *value, size_t len, char ret[AUDIT_DIGEST])
{
	unsigned char mac[32] = {0};

	(void)mbedtls_md_hmac(
		mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), key, AUDIT_KEY, value, len, mac);
	memcpy(ret, "hmac-sha256:", 12);
	hex(mac, sizeof(mac), ret + 12);
}

const size_t audit_body_size = sizeof(struct audit_body);

struct audit_body *audit_body_begin(void *memory, const char *dir, int64_t store_max, bool sha512)
{
	struct audit_body *b = memory;

	b->store_max = store_max;
	b->len = 0;
	b->too_long = b->failed = false;
	b->file = -1;
	b->dir = dir;
	b->path = NULL;
	b->has_strong = sha512;
	if (!sha_stream_begin(&b->hash, 256) || (sha512 && !sha_stream_begin(&b->strong, 512))) {
		return NULL;
	}
	return b;
}

static void give_up_file(struct audit_body *b)
{
	if (b->file >= 0) {
		close(b->file);
		(void)unlink(b->path);
		b->file = -1;
	}
}

static int open_file(struct audit_body *b)
{
	/* One writer a folder: a number is a name nobody else has. */
	static atomic_uint number;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/bodies", b->dir);
	if (mkdir(path, 0700) != 0 && errno != EEXIST) {
		return AUDIT_EIO;
	}
	snprintf(path, sizeof(path), "%s/bodies/%s%u", b->dir, bodies_part,
		atomic_fetch_add(&number, 1) + 1);
	b->path = strdup(path);
	if (b->path == NULL) {
		return AUDIT_EIO;
	}
	b->file = open(b->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	return b->file >= 0 ? AUDIT_OK : AUDIT_EIO;
}

static int write_all(int file, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t put = write(file, data, len);

		if (put < 0 && errno == EINTR) {
			continue;
		}
		if (put <= 0) {
			return AUDIT_EIO;
		}
		data += put;
		len -= (size_t)put;
	}
	return AUDIT_OK;
}

int audit_body_add(struct audit_body *b, const void *data, size_t len)
{
	sha_stream_add(&b->hash, data, len);
	if (b->has_strong) {
		sha_stream_add(&b->strong, data, len);
	}
	b->len += (int64_t)len;
	if (b->store_max < 0 || b->too_long) {
		return AUDIT_OK;
	}
	if (b->len > b->store_max) {
		b->too_long = true;
		give_up_file(b);
		return AUDIT_OK;
	}
	b->failed = b->failed || (b->file < 0 && open_file(b) != AUDIT_OK) ||
		    write_all(b->file, data, len) != AUDIT_OK;
	if (b->failed) {
		give_up_file(b);
	}
	return b->failed ? AUDIT_EIO : AUDIT_OK;
}

static int sync_names(const struct audit_body *b)
{
	char path[PATH_MAX];
	int dir, error;

	snprintf(path, sizeof(path), "%s/bodies", b->dir);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	error = dir >= 0 && fsync(dir) == 0 ? AUDIT_OK : AUDIT_EIO;
	if (dir >= 0) {
		close(dir);
	}
	return error;
}

/* On disk under its name before a record says so. Its time is now: retention goes by it. */
static int keep_file(struct audit_body *b, const char *name)
{
	char path[PATH_MAX];
	bool whole = futimens(b->file, NULL) == 0 && fdatasync(b->file) == 0;

	snprintf(path, sizeof(path), "%s/bodies/%s", b->dir, name);
	bodies_lock();
	/* Where a name cannot be taken twice, whoever has it holds the same bytes. */
	whole = whole && (rename(b->path, path) == 0 || access(path, F_OK) == 0);
	bodies_unlock();
	if (!whole) {
		give_up_file(b);
		return AUDIT_EIO;
	}
	close(b->file);
	b->file = -1;
	return sync_names(b);
}

int audit_body_end(struct audit_body *b, char ret_hex[65], const char **ret_stored)
{
	unsigned char sum[64];
	int error = b->failed ? AUDIT_EIO : AUDIT_OK;

	hex(sum, sha_stream_end(&b->hash, sum), ret_hex);
	*ret_stored = b->too_long ? "too-long" : NULL;
	if (b->file >= 0) {
		error = keep_file(b, ret_hex);
		*ret_stored = error == AUDIT_OK ? "stored" : NULL;
	}
	return error;
}

bool audit_body_sha512(struct audit_body *b, char ret_hex[129])
{
	unsigned char sum[64];

	if (b->has_strong) {
		hex(sum, sha_stream_end(&b->strong, sum), ret_hex);
	}
	return b->has_strong;
}

void audit_body_finish(struct audit_body *b)
{
	if (b == NULL) {
		return;
	}
	give_up_file(b);
	sha_stream_finish(&b->hash);
	if (b->has_strong) {
		sha_stream_finish(&b->strong);
	}
	free(b->path);
}
