/*
 * What Windows' C library lacks of POSIX <unistd.h>.
 */
#ifndef SALLYPORT_COMPAT_UNISTD_H
#define SALLYPORT_COMPAT_UNISTD_H

#include_next <unistd.h>

/* A folder's own entry is NTFS's affair, whose journal the file's flush takes along: 0. */
int fsync(int fd);
int fdatasync(int fd);
ssize_t pread(int fd, void *buf, size_t size, off_t offset);
ssize_t pwrite(int fd, const void *buf, size_t size, off_t offset);

/* `flags` is 0: a file. */
int unlinkat(int dir, const char *name, int flags);

#endif
