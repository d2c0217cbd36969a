/*
 * flock(2) over LockFileEx; the lock goes with the descriptor.
 */
#ifndef SALLYPORT_COMPAT_SYS_FILE_H
#define SALLYPORT_COMPAT_SYS_FILE_H

#define LOCK_SH 1
#define LOCK_EX 2
#define LOCK_NB 4
#define LOCK_UN 8

int flock(int fd, int operation);

#endif
