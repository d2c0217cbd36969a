/*
 * fnmatch(3), as far as it is used here.
 */
#ifndef SALLYPORT_COMPAT_FNMATCH_H
#define SALLYPORT_COMPAT_FNMATCH_H

#define FNM_NOMATCH 1
#define FNM_PERIOD  4 /* a period that begins the text is matched by a period only */

int compat_fnmatch(const char *pattern, const char *text, int flags);
#define fnmatch compat_fnmatch

#endif
