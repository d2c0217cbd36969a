/*
 * What Windows' C library lacks of POSIX <string.h>.
 */
#ifndef SALLYPORT_COMPAT_STRING_H
#define SALLYPORT_COMPAT_STRING_H

#include_next <string.h>

char *strndup(const char *text, size_t len);

#endif
