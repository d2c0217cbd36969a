/*
 * mkdir(2) with its mode: 0700 becomes an access list of the owner, the system and administrators.
 * fstat(2) says the same of a file: group and others have no bits where the list lets in nobody
 * else (private.h), and all of them where it does or cannot be read. stat(2) does not.
 * futimens(2) to this moment; `times` is NULL.
 */
#ifndef SALLYPORT_COMPAT_SYS_STAT_H
#define SALLYPORT_COMPAT_SYS_STAT_H

#include_next <sys/stat.h>

int compat_mkdir(const char *path, int mode);
#define mkdir(path, mode) compat_mkdir(path, mode)

#undef fstat
int compat_fstat(int fd, struct stat *ret_stat);
#define fstat compat_fstat

/* Links are told by other means here. */
#define lstat(path, status) stat(path, status)

struct timespec;
int futimens(int fd, const struct timespec times[2]);

#endif
