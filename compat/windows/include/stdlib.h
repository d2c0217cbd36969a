/*
 * realpath(3): absolute, every link followed, "/" between names. Only of local drives.
 */
#ifndef SALLYPORT_COMPAT_STDLIB_H
#define SALLYPORT_COMPAT_STDLIB_H

#include_next <stdlib.h>

/* `ret_path` has room for PATH_MAX bytes. */
char *realpath(const char *path, char *ret_path);

#endif
