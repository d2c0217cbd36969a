/*
 * What Windows' C library lacks of POSIX <fcntl.h>. Descriptors made here are binary and not
 * inherited; folders can be opened and searched from; a mode without group and others becomes an
 * access list of the owner, the system and administrators. Source: open(2), openat(2).
 */
#ifndef SALLYPORT_COMPAT_FCNTL_H
#define SALLYPORT_COMPAT_FCNTL_H

#include_next <fcntl.h>

#define O_CLOEXEC   0x1000000
#define O_DIRECTORY 0x2000000
#define O_NONBLOCK  0         /* nothing that is opened by name keeps one waiting */
#define O_NOFOLLOW  0x4000000 /* a link or junction in the last place: ELOOP */

int compat_open(const char *path, int flags, ...);
int compat_openat(int dir, const char *name, int flags, ...);
int faccessat(int dir, const char *name, int mode, int flags);

#define open   compat_open
#define openat compat_openat

#endif
