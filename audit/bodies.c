/*
 * The folder of stored bodies as a whole. A file's name is the SHA-256 of what it holds, and its
 * time that of the last request which brought it: storing a body again replaces the file.
 */
#include "audit/bodies.h"
#include "audit/segments.h"
#include "audit/sha256.h"
#include "audit/verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, NAME_LEN = 64 };

static void look_at(int dir, const char *name, bodies_fn *fn, void *arg)
{
	struct bodies_one s = {.dir = dir, .name = name};

	s.file = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (s.file >= 0 && fstat(s.file, &s.st) == 0 && S_ISREG(s.st.st_mode)) {
		fn(arg, &s);
	}
	if (s.file >= 0) {
		close(s.file);
	}
}

int bodies_each(int record, bodies_fn *fn, void *arg)
{
	int dir = openat(record, "bodies", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct dirent *entry;
	DIR *d;

	if (dir < 0) {
		/* what is no folder holds no bodies: the gateway refused to store any */
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? AUDIT_OK : AUDIT_EIO;
	}
	d = fdopendir(dir);
	if (d == NULL) {
		close(dir);
		return AUDIT_EIO;
	}
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] != '.') {
			look_at(dir, entry->d_name, fn, arg);
		}
	}
	closedir(d);
	return AUDIT_OK;
}

/* ---- are they what their names say? ---- */

static bool is_hash(const char *name)
{
	return strlen(name) == NAME_LEN && strspn(name, "0123456789abcdef") == NAME_LEN;
}

static bool hash_file(int file, char ret_hex[NAME_LEN + 1])
{
	static _Thread_local char chunk[CHUNK];
	struct sha_stream *stream = sha_stream_create(256);
	unsigned char sum[64];
	ssize_t got = -1;

	while (stream != NULL && (got = read(file, chunk, sizeof(chunk))) > 0) {
		sha_stream_add(stream, chunk, (size_t)got);
	}
	if (got == 0) {
		(void)sha_stream_end(stream, sum);
		for (size_t i = 0; i < 32; i++) {
			snprintf(ret_hex + 2 * i, 3, "%02x", sum[i]);
		}
	}
	sha_stream_destroy(stream);
	return got == 0;
}

static void check_one(void *arg, const struct bodies_one *s)
{
	struct audit_bodies *b = arg;
	char hex[NAME_LEN + 1];

	if (!is_hash(s->name)) {
		return; /* one under way */
	}
	b->n++;
	if (!hash_file(s->file, hex) || strcmp(hex, s->name) != 0) {
		b->n_bad++;
		snprintf(b->bad, sizeof(b->bad), "%s", s->name);
	}
}

int audit_bodies_check(const char *dir, struct audit_bodies *ret_bodies, struct audit_diag *diag)
{
	int record = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = AUDIT_EIO;
	struct audit_bodies bodies = {.n = 0};

	if (record >= 0) {
		error = bodies_each(record, check_one, &bodies);
		close(record);
	}
	if (error != AUDIT_OK) {
		return audit_say(diag, error, "bodies", "cannot be read");
	}
	*ret_bodies = bodies;
	return AUDIT_OK;
}
