/*
 * zstd(1) frames with a checksum, by libzstd. What is read may be anybody's: it may not grow
 * without end.
 */
#include "audit/zst.h"
#include "audit/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { CHUNK = 128 * 1024, LEVEL = 3 };

static const uint64_t text_max = (uint64_t)4 * 1024 * 1024 * 1024;

static bool put(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t done = write(fd, data, len);

		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done <= 0) {
			return false;
		}
		data += done;
		len -= (size_t)done;
	}
	return true;
}

/* A frame that stops in its middle gives what there is: the verifier finds what is missing. */
static bool decompress(int from, int to)
{
	/* Not of each thread: that would be zeroed at its start. */
	char *in = malloc(2 * CHUNK), *out = in + CHUNK;
	ZSTD_DCtx *context = ZSTD_createDCtx();
	uint64_t total = 0;
	bool good = in != NULL && context != NULL;
	ssize_t got;

	while (good && (got = read(from, in, CHUNK)) != 0) {
		ZSTD_inBuffer input = {in, got > 0 ? (size_t)got : 0, 0};

		good = got > 0;
		while (good && input.pos < input.size) {
			ZSTD_outBuffer output = {out, CHUNK, 0};
			size_t left = ZSTD_decompressStream(context, &output, &input);

			total += output.pos;
			good = !ZSTD_isError(left) && total <= text_max && put(to, out, output.pos);
			errno = good ? errno : EBADMSG;
		}
	}
	ZSTD_freeDCtx(context);
	free(in);
	return good;
}

int zst_open(int dir, const char *name)
{
	int from = open_to_read(dir, name), to, error;

	if (from < 0) {
		return -1;
	}
	to = memfd_create("segment", MFD_CLOEXEC);
	if (to >= 0 && (!decompress(from, to) || lseek(to, 0, SEEK_SET) != 0)) {
		error = errno;
		close(to);
		to = -1;
		errno = error;
	}
	error = errno;
	close(from);
	errno = error;
	return to;
}

static bool compress(int from, int to)
{
	char *in = malloc(2 * CHUNK), *out = in + CHUNK;
	ZSTD_CCtx *context = ZSTD_createCCtx();
	bool good = in != NULL && context != NULL &&
		    !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)) &&
		    !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL));
	bool last = false;

	while (good && !last) {
		ssize_t got = read(from, in, CHUNK);
		ZSTD_inBuffer input = {in, got > 0 ? (size_t)got : 0, 0};
		size_t left = 1;

		last = got == 0;
		good = got >= 0;
		while (good && (last ? left != 0 : input.pos < input.size)) {
			ZSTD_outBuffer output = {out, CHUNK, 0};

			left = ZSTD_compressStream2(
				context, &output, &input, last ? ZSTD_e_end : ZSTD_e_continue);
			good = !ZSTD_isError(left) && put(to, out, output.pos);
		}
	}
	ZSTD_freeCCtx(context);
	free(in);
	return good;
}

int zst_compress(int dir, const char *name, const char *fresh)
{
	int from = open_to_read(dir, name), to = -1, error;
	struct stat st;
	bool done = false;

	if (from >= 0 && fstat(from, &st) == 0) {
		to = openat(
			dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (to >= 0) {
		struct timespec times[2] = {st.st_atim, st.st_mtim};

		/* It stays as old as its records: retention goes by that. */
		done = compress(from, to) && futimens(to, times) == 0 && fsync(to) == 0;
	}
	error = errno;
	if (to >= 0) {
		close(to);
	}
	if (from >= 0) {
		close(from);
	}
	errno = error;
	return done ? 0 : -1;
}
