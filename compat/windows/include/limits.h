/*
 * Paths are as long as Windows takes them behind \\?\, not as its oldest programs do.
 */
#ifndef SALLYPORT_COMPAT_LIMITS_H
#define SALLYPORT_COMPAT_LIMITS_H

#include_next <limits.h>

#undef PATH_MAX
#define PATH_MAX 4096

#endif
