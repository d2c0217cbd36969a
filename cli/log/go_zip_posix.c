/*
 * The files in a module's zip, hashed as go does for go.sum. minizip reads the zip; what it says of
 * sizes and names is of foreign make, so that both are bounded here.
 */
#include "cli/log/go_zip.h"
#include "certs/certs.h"
#include "cli/text.h"

#include <fcntl.h>
#include <limits.h>
#include <minizip/unzip.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NAME_MAX_BYTES = 4096,
	FILES_MAX = 1 << 20,
};
static const uint64_t unpacked_max = UINT64_C(500) << 20; /* golang.org/x/mod/zip, MaxZipFile */

struct one {
	char *name; /* owned */
	char sha256[65];
};

struct zip {
	unzFile file;      /* owned */
	struct one *files; /* owned */
	size_t n;
	uint64_t unpacked;
};

/* ---- the body ---- */

static bool is_digest(const char *text)
{
	return text != NULL && strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* At its begin; NULL: not there, or not what its name says. */
static FILE *open_body(const char *dir, const char *sha256)
{
	struct certs_hash *hash;
	char path[PATH_MAX], found[65] = "", part[65536];
	struct stat st;
	FILE *f;
	size_t n;
	int fd;

	if (!is_digest(sha256) ||
		(size_t)snprintf(path, sizeof(path), "%s/bodies/%s", dir, sha256) >= sizeof(path)) {
		return NULL;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		return NULL;
	}
	f = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "rb") : NULL;
	hash = f != NULL ? certs_hash_create() : NULL;
	if (hash != NULL) {
		while ((n = fread(part, 1, sizeof(part), f)) > 0) {
			certs_hash_add(hash, part, n);
		}
		certs_hash_finish(hash, found);
	}
	if (strcmp(found, sha256) == 0 && !ferror(f)) {
		rewind(f);
		return f;
	}
	if (f != NULL) {
		fclose(f);
	} else {
		close(fd);
	}
	return NULL;
}

/* ---- minizip ---- */

/* It opens names; ours is open already. */
static voidpf give_file(voidpf file, const void *name, int mode)
{
	(void)name;
	(void)mode;
	return file;
}

static bool hash_current(struct zip *z, char ret_sha256[65])
{
	struct certs_hash *hash;
	char part[65536];
	int n;

	if (unzOpenCurrentFile(z->file) != UNZ_OK) {
		return false;
	}
	hash = certs_hash_create();
	if (hash == NULL) {
		abort(); /* as text.c does */
	}
	while ((n = unzReadCurrentFile(z->file, part, sizeof(part))) > 0) {
		z->unpacked += (uint64_t)n;
		if (z->unpacked > unpacked_max) {
			n = -1;
			break;
		}
		certs_hash_add(hash, part, (size_t)n);
	}
	certs_hash_finish(hash, ret_sha256);
	/* which compares the CRC, too */
	return unzCloseCurrentFile(z->file) == UNZ_OK && n == 0;
}

static bool add_current(struct zip *z)
{
	char name[NAME_MAX_BYTES];
	unz_file_info64 info;
	struct one *files;

	if (z->n == FILES_MAX ||
		unzGetCurrentFileInfo64(z->file, &info, name, sizeof(name), NULL, 0, NULL, 0) !=
			UNZ_OK ||
		info.size_filename >= sizeof(name) || strlen(name) != info.size_filename ||
		strchr(name, '\n') != NULL) {
		return false;
	}
	if ((z->n & (z->n - 1)) == 0) {
		files = realloc(z->files, (z->n > 0 ? 2 * z->n : 1) * sizeof(*files));
		if (files == NULL) {
			abort();
		}
		z->files = files;
	}
	z->files[z->n].name = strdup(name);
	if (z->files[z->n].name == NULL) {
		abort();
	}
	return hash_current(z, z->files[z->n++].sha256);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct one *)a)->name, ((const struct one *)b)->name);
}

/* Lines of "digest  name", hashed. */
static bool hash_list(struct zip *z, char ret_hex[65])
{
	struct text list = {0};

	qsort(z->files, z->n, sizeof(*z->files), by_name);
	for (size_t i = 0; i < z->n; i++) {
		if (i > 0 && strcmp(z->files[i - 1].name, z->files[i].name) == 0) {
			text_finish(&list);
			return false;
		}
		text_print(&list, "%s  %s\n", z->files[i].sha256, z->files[i].name);
	}
	certs_sha256(list.data, list.len, ret_hex);
	text_finish(&list);
	return true;
}

static bool hash_zip(struct zip *z, char ret_hex[65])
{
	int at = unzGoToFirstFile(z->file);

	while (at == UNZ_OK) {
		if (!add_current(z)) {
			return false;
		}
		at = unzGoToNextFile(z->file);
	}
	return at == UNZ_END_OF_LIST_OF_FILE && z->n > 0 && hash_list(z, ret_hex);
}

bool go_zip_hash(const char *dir, const char *sha256, char ret_hex[65])
{
	FILE *f = open_body(dir, sha256);
	zlib_filefunc64_def functions;
	struct zip z = {.n = 0};
	char hex[65];
	bool done;

	if (f == NULL) {
		return false;
	}
	fill_fopen64_filefunc(&functions);
	functions.zopen64_file = give_file;
	functions.opaque = f;
	z.file = unzOpen2_64(sha256, &functions);
	if (z.file == NULL) {
		return false; /* it has closed what give_file gave */
	}
	done = hash_zip(&z, hex);
	if (done) {
		memcpy(ret_hex, hex, sizeof(hex));
	}
	for (size_t i = 0; i < z.n; i++) {
		free(z.files[i].name);
	}
	free(z.files);
	unzClose(z.file);
	return done;
}
