/*
 * What Windows' C library lacks of POSIX <time.h>.
 */
#ifndef SALLYPORT_COMPAT_TIME_H
#define SALLYPORT_COMPAT_TIME_H

#include_next <time.h>

struct tm *compat_gmtime_r(const time_t *time, struct tm *ret_tm);
time_t timegm(struct tm *tm);
/* Of the conversions only %Y %m %d %H %M %S. */
char *strptime(const char *text, const char *format, struct tm *ret_tm);

#define gmtime_r compat_gmtime_r

#endif
