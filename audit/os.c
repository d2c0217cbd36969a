/*
 * Files that only grow, over the table of calls. A write that fails half-way leaves bytes of no
 * meaning: they are cut off before anything else is written there.
 */
#include "audit/os.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int create(int dir, const char *name, int flags)
{
	return openat(dir, name, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static ssize_t put(int fd, const void *data, size_t len)
{
	return write(fd, data, len);
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

const struct audit_os audit_os_real = {create, put, put_at, sync_data, sync_all, truncate_to};
const struct audit_os *audit_os = &audit_os_real;

static int cut(struct grown *f)
{
	if (f->torn && audit_os->truncate_to(f->fd, (off_t)f->size) != 0) {
		return AUDIT_EIO;
	}
	f->torn = false;
	return AUDIT_OK;
}

int grown_append(struct grown *f, const void *data, size_t len)
{
	size_t done = 0;

	if (cut(f) != AUDIT_OK) {
		return AUDIT_EIO;
	}
	while (done < len) {
		ssize_t n = audit_os->put(f->fd, (const char *)data + done, len - done);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			int error = n == 0 ? ENOSPC : errno;

			f->torn = done > 0;
			(void)cut(f); /* the next call tries again */
			errno = error;
			return AUDIT_EIO;
		}
		done += (size_t)n;
	}
	f->size += len;
	return AUDIT_OK;
}

void grown_forget(struct grown *f, uint64_t size)
{
	int error = errno;

	f->torn = f->size > size;
	f->size = size;
	(void)cut(f);
	errno = error;
}
