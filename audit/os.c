/*
 * Files that only grow, over the table of calls. A write that fails half-way leaves bytes of no
 * meaning: they are cut off before anything else is written there.
 */
#include "audit/os.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ZEROS = 64 * 1024, ROOM = 4 * ZEROS };

static int create(int dir, const char *name, int flags)
{
	return openat(dir, name, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static int truncate_to(int fd, off_t size)
{
	return ftruncate(fd, size);
}

static ssize_t put_at(int fd, const void *data, size_t len, off_t offset)
{
	return pwrite(fd, data, len, offset);
}

static int sync_data(int fd)
{
	return fdatasync(fd);
}

static int sync_all(int fd)
{
	return fsync(fd);
}

int open_to_read(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

const struct audit_os audit_os_real = {create, put_at, sync_data, sync_all, truncate_to};
const struct audit_os *audit_os = &audit_os_real;

int put_all(int fd, const void *data, size_t len, uint64_t offset)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = audit_os->put_at(fd, at, len, (off_t)offset);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			errno = n == 0 ? ENOSPC : errno;
			return AUDIT_EIO;
		}
		at += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return AUDIT_OK;
}

static int cut(struct grown *f)
{
	if (f->torn && audit_os->truncate_to(f->fd, (off_t)f->size) != 0) {
		return AUDIT_EIO;
	}
	if (f->torn) {
		f->room = 0;
	}
	f->torn = false;
	return AUDIT_OK;
}

int grown_append(struct grown *f, const void *data, size_t len)
{
	int error;

	if (cut(f) != AUDIT_OK) {
		return AUDIT_EIO;
	}
	if (put_all(f->fd, data, len, f->size) != AUDIT_OK) {
		error = errno;
		f->torn = true;
		(void)cut(f); /* the next call tries again */
		errno = error;
		return AUDIT_EIO;
	}
	f->size += len;
	return AUDIT_OK;
}

void grown_make_room(struct grown *f, size_t len)
{
	static const char zeros[ZEROS];

	if (f->size + len <= f->room) {
		return;
	}
	f->room = f->room > f->size ? f->room : f->size;
	for (uint64_t end = f->size + len + ROOM; f->room < end; f->room += ZEROS) {
		if (put_all(f->fd, zeros, ZEROS, f->room) != AUDIT_OK) {
			f->torn = true; /* by some of them */
			return;
		}
	}
}

int grown_trim(struct grown *f)
{
	f->torn |= f->room > f->size;
	return cut(f);
}

void grown_forget(struct grown *f, uint64_t size)
{
	int error = errno;

	f->torn |= f->size > size;
	f->size = size;
	(void)cut(f);
	errno = error;
}
