/*
 * fdopendir(3).
 */
#ifndef SALLYPORT_COMPAT_DIRENT_H
#define SALLYPORT_COMPAT_DIRENT_H

#include_next <dirent.h>

/* Takes the descriptor over when it works. */
DIR *fdopendir(int dir);

#endif
