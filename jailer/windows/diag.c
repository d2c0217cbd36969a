/*
 * Words for what failed.
 */
#include "jailer/windows/jail_windows.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static void say(struct jail_diag *diag,
	const char *protection, const char *cure, const char *format, va_list args)
{
	memset(diag, 0, sizeof(*diag));
	snprintf(diag->protection, sizeof(diag->protection), "%s", protection);
	snprintf(diag->cure, sizeof(diag->cure), "%s", cure);
	vsnprintf(diag->message, sizeof(diag->message), format, args);
}

int jail_fail(struct jail_diag *diag, int error, const char *protection, const char *cure,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(diag, protection, cure, format, args);
	va_end(args);
	return error;
}

int jail_fail_os(const struct jail_os *os, uint32_t number, struct jail_diag *diag, int error,
	const char *protection, const char *cure, const char *format, ...)
{
	char words[OS_TEXT_MAX];
	va_list args;
	size_t len;

	va_start(args, format);
	say(diag, protection, cure, format, args);
	va_end(args);
	os->error_text(number, words, sizeof(words));
	len = strlen(diag->message);
	snprintf(diag->message + len, sizeof(diag->message) - len, ": %s (Windows error %lu)",
		words, (unsigned long)number);
	return error;
}

const char *jail_strerror(int error)
{
	switch (error) {
	case JAIL_OK: return "no error";
	case JAIL_EMEMORY: return "memory is out";
	case JAIL_EPROTECTION: return "a protection cannot be put up";
	case JAIL_EVIEW: return "a part of the file view cannot be shown";
	case JAIL_ENOTFOUND: return "the command does not exist in the jail";
	case JAIL_ENOEXEC: return "the command cannot be run";
	case JAIL_ESYSTEM: return "a system call failed";
	default: return "unknown error";
	}
}
