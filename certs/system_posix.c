/*
 * POSIX: the kernel's random bytes, files that only their owner can read, the distributions'
 * bundles. Knows nothing of certificates.
 */
#include "certs/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs/diag.h"

int certs_system_random(unsigned char *out, size_t len)
{
	while (len > 0) {
		/* 256 octets are the most that getrandom(2) gives without a signal cutting it
		 * short. */
		ssize_t n = getrandom(out, len < 256 ? len : 256, 0);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return -1;
		}
		out += n;
		len -= (size_t)n;
	}
	return 0;
}

long certs_system_process(void)
{
	return (long)getpid();
}

void certs_system_populate(void *memory, size_t len)
{
#ifdef MADV_POPULATE_WRITE /* Linux 5.14; without it each page comes when it is written to */
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)memory,
			begin = (at + page - 1) / page * page, end = (at + len) / page * page;

	if (begin < end) {
		(void)madvise((void *)begin, end - begin, MADV_POPULATE_WRITE);
	}
#else
	(void)memory;
	(void)len;
#endif
}

static int fail_file(struct certs_diag *diag, const char *path, const char *what)
{
	return certs_fail(
		diag, CERTS_EFILE, CERTS_CHECK_NONE, "%s: %s: %s", path, what, strerror(errno));
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return -1;
		}
		data += n;
		len -= (size_t)n;
	}
	return fsync(fd);
}

int certs_system_write_new(
	const char *path, const char *data, size_t len, bool is_private, struct certs_diag *diag)
{
	char fresh[4096];
	int err = CERTS_OK;
	int fd;

	if (snprintf(fresh, sizeof(fresh), "%s.%ld", path, certs_system_process()) >=
		(int)sizeof(fresh)) {
		errno = ENAMETOOLONG;
		return fail_file(diag, path, "cannot create");
	}
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		is_private ? 0600 : 0644);
	if (fd < 0) {
		return fail_file(diag, fresh, "cannot create");
	}
	if (write_all(fd, data, len) != 0) {
		err = fail_file(diag, fresh, "cannot write");
	}
	if (close(fd) != 0 && err == CERTS_OK) {
		err = fail_file(diag, fresh, "cannot write");
	}
	/* link(2), not rename(2): it fails where a file of that name exists. */
	if (err == CERTS_OK && link(fresh, path) != 0) {
		err = fail_file(diag, path, "cannot create");
	}
	unlink(fresh);
	return err;
}

static int check_file(int fd, const char *path, size_t max, bool is_private, size_t *ret_len,
	struct certs_diag *diag)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		return fail_file(diag, path, "cannot stat");
	}
	if (!S_ISREG(st.st_mode)) {
		return certs_fail(
			diag, CERTS_EFILE, CERTS_CHECK_NONE, "%s: not a regular file", path);
	}
	if (st.st_size < 0 || (size_t)st.st_size > max) {
		return certs_fail(diag, CERTS_EFILE, CERTS_CHECK_NONE, "%s: larger than %lu octets",
			path, (unsigned long)max);
	}
	if (is_private && (st.st_mode & 077) != 0) {
		return certs_fail(diag, CERTS_EFILE, CERTS_CHECK_NONE,
			"%s: mode %03o lets others in; a private key must be 0600", path,
			(unsigned)(st.st_mode & 0777));
	}
	if (is_private && st.st_uid != geteuid() && st.st_uid != 0) {
		return certs_fail(
			diag, CERTS_EFILE, CERTS_CHECK_NONE, "%s: belongs to another user", path);
	}
	*ret_len = (size_t)st.st_size;
	return CERTS_OK;
}

/* From the beginning, wherever it was read before. */
static int read_all(int fd, unsigned char *data, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = pread(fd, data + at, len - at, (off_t)at);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			errno = n == 0 ? EIO : errno;
			return -1;
		}
		at += (size_t)n;
	}
	return 0;
}

static int open_file(const char *path, bool is_private)
{
	/* Where roots lie, symbolic links are usual; O_NONBLOCK: a FIFO there must not hang us. */
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (is_private ? O_NOFOLLOW : 0));
}

static int read_file(int fd, const char *path, size_t max, bool is_private,
	unsigned char **ret_data, size_t *ret_len, struct certs_diag *diag)
{
	unsigned char *data;
	size_t len = 0;
	int err = check_file(fd, path, max, is_private, &len, diag);

	if (err != CERTS_OK) {
		return err;
	}
	data = malloc(len + 1);
	if (data == NULL) {
		return CERTS_EMEMORY;
	}
	if (read_all(fd, data, len) != 0) {
		free(data);
		return fail_file(diag, path, "cannot read");
	}
	data[len] = '\0';
	*ret_data = data;
	*ret_len = len;
	return CERTS_OK;
}

int certs_system_read(const char *path, size_t max, bool is_private, unsigned char **ret_data,
	size_t *ret_len, struct certs_diag *diag)
{
	int fd = open_file(path, is_private), err;

	if (fd < 0) {
		return fail_file(diag, path, "cannot open");
	}
	err = read_file(fd, path, max, is_private, ret_data, ret_len, diag);
	close(fd);
	return err;
}

int certs_system_open(const char *path, size_t max, char *ret_head, size_t size, int *ret_fd,
	struct certs_diag *diag)
{
	int fd = open_file(path, false), err;
	size_t len = 0;

	if (fd < 0) {
		return fail_file(diag, path, "cannot open");
	}
	err = check_file(fd, path, max, false, &len, diag);
	len = len < size - 1 ? len : size - 1;
	if (err == CERTS_OK && read_all(fd, (unsigned char *)ret_head, len) != 0) {
		err = fail_file(diag, path, "cannot read");
	}
	if (err != CERTS_OK) {
		close(fd);
		return err;
	}
	ret_head[len] = '\0';
	*ret_fd = fd;
	return CERTS_OK;
}

int certs_system_read_opened(int fd, const char *path, size_t max, unsigned char **ret_data,
	size_t *ret_len, struct certs_diag *diag)
{
	return read_file(fd, path, max, false, ret_data, ret_len, diag);
}

void certs_system_close(int fd)
{
	close(fd);
}

void certs_system_remove(const char *path)
{
	unlink(path);
}

const char *certs_system_bundle(void)
{
	static const char *const paths[] = {
		"/etc/ssl/certs/ca-certificates.crt", /* Debian, Ubuntu, Arch, Alpine */
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora, RHEL 7 and later */
		"/etc/pki/tls/certs/ca-bundle.crt",                  /* RHEL 6 */
		"/etc/ssl/ca-bundle.pem",                            /* SUSE */
		"/var/lib/ca-certificates/ca-bundle.pem",            /* newer SUSE */
		"/etc/ssl/cert.pem",                                 /* Alpine, the BSDs, macOS */
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (access(paths[i], R_OK) == 0) {
			return paths[i];
		}
	}
	return NULL;
}

int certs_system_each_root(certs_system_take take, void *context, struct certs_diag *diag)
{
	(void)take;
	(void)context;
	return certs_fail(diag, CERTS_EFILE, CERTS_CHECK_NONE,
		"none of the well-known bundles of root certificates is there");
}
