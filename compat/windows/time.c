/*
 * POSIX time functions that Windows' C library lacks.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct tm *compat_gmtime_r(const time_t *time, struct tm *ret_tm)
{
	return gmtime_s(ret_tm, time) == 0 ? ret_tm : NULL;
}

time_t timegm(struct tm *tm)
{
	return _mkgmtime(tm);
}

static bool read_digits(const char **text, int digits, int *ret_value)
{
	int value = 0;

	for (int i = 0; i < digits; i++, (*text)++) {
		if (!isdigit((unsigned char)**text)) {
			return false;
		}
		value = value * 10 + (**text - '0');
	}
	*ret_value = value;
	return true;
}

static bool read_field(const char **text, char conversion, struct tm *tm)
{
	switch (conversion) {
	case 'Y':
		if (!read_digits(text, 4, &tm->tm_year)) {
			return false;
		}
		tm->tm_year -= 1900;
		return true;
	case 'm':
		if (!read_digits(text, 2, &tm->tm_mon)) {
			return false;
		}
		tm->tm_mon--;
		return tm->tm_mon >= 0 && tm->tm_mon < 12;
	case 'd':
		return read_digits(text, 2, &tm->tm_mday) && tm->tm_mday >= 1 && tm->tm_mday <= 31;
	case 'H': return read_digits(text, 2, &tm->tm_hour) && tm->tm_hour < 24;
	case 'M': return read_digits(text, 2, &tm->tm_min) && tm->tm_min < 60;
	case 'S': return read_digits(text, 2, &tm->tm_sec) && tm->tm_sec <= 60;
	default: return false;
	}
}

char *strptime(const char *text, const char *format, struct tm *ret_tm)
{
	for (; *format != '\0'; format++) {
		if (*format == '%') {
			format++;
			if (!read_field(&text, *format, ret_tm)) {
				return NULL;
			}
		} else if (*text++ != *format) {
			return NULL;
		}
	}
	return (char *)text;
}
