/*
 * Preloaded into the program: of the calls that write, sync or rename files of a record (or those
 * whose name has FAULT_FILES in it), those numbered FAULT_AT and the FAULT_COUNT - 1 after it fail
 * with FAULT_ERRNO; a write among them falls short first when FAULT_SHORT is set.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long calls;

/* Which descriptors they are is noted when they are opened: the gateway cannot look into /proc. */
static atomic_bool of_record[65536];

static bool is_meant(const char *name)
{
	const char *files = getenv("FAULT_FILES");

	return files != NULL ? strstr(name, files) != NULL
			     : strstr(name, ".jsonl") != NULL || strstr(name, ".tree") != NULL ||
				       strstr(name, "checkpoints") != NULL;
}

static void note(int fd, const char *name)
{
	if (fd >= 0 && fd < 65536) {
		of_record[fd] = is_meant(name);
	}
}

int open(const char *name, int flags, ...)
{
	static int (*next)(const char *, int, ...);
	va_list args;
	mode_t mode;
	int fd;

	va_start(args, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (next == NULL) {
		next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	}
	fd = next(name, flags, mode);
	note(fd, name);
	return fd;
}

int openat(int dir, const char *name, int flags, ...)
{
	static int (*next)(int, const char *, int, ...);
	va_list args;
	mode_t mode;
	int fd;

	va_start(args, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (next == NULL) {
		next = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat");
	}
	fd = next(dir, name, flags, mode);
	note(fd, name);
	return fd;
}

int close(int fd)
{
	static int (*next)(int);

	if (next == NULL) {
		next = (int (*)(int))dlsym(RTLD_NEXT, "close");
	}
	note(fd, "");
	return next(fd);
}

static long number(const char *name)
{
	const char *text = getenv(name);

	return text != NULL ? strtol(text, NULL, 10) : 0;
}

/* 0: goes on; 1: fails; 2: falls short. */
static int count(bool meant)
{
	int error = errno;
	long at = number("FAULT_AT"), n;

	if (getenv("FAULT_AT") == NULL || !meant) {
		errno = error;
		return 0;
	}
	n = atomic_fetch_add(&calls, 1);
	errno = (int)number("FAULT_ERRNO");
	if (n < at || n >= at + number("FAULT_COUNT")) {
		errno = error;
		return 0;
	}
	return n == at && getenv("FAULT_SHORT") != NULL ? 2 : 1;
}

static int verdict(int fd)
{
	return count(fd >= 0 && fd < 65536 && of_record[fd]);
}

ssize_t write(int fd, const void *data, size_t len)
{
	static ssize_t (*real)(int, const void *, size_t);
	int v = verdict(fd);

	if (real == NULL) {
		*(void **)&real = dlsym(RTLD_NEXT, "write");
	}
	return v == 1 ? -1 : real(fd, data, v == 2 && len > 1 ? len / 2 : len);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	static ssize_t (*real)(int, const void *, size_t, off_t);
	int v = verdict(fd);

	if (real == NULL) {
		*(void **)&real = dlsym(RTLD_NEXT, "pwrite");
	}
	return v == 1 ? -1 : real(fd, data, v == 2 && len > 1 ? len / 2 : len, at);
}

int rename(const char *from, const char *to)
{
	static int (*real)(const char *, const char *);

	if (real == NULL) {
		*(void **)&real = dlsym(RTLD_NEXT, "rename");
	}
	return count(is_meant(from)) != 0 ? -1 : real(from, to);
}

#define ONE(name)                                                  \
	int name(int fd)                                           \
	{                                                          \
		static int (*real)(int);                           \
                                                                   \
		if (real == NULL) {                                \
			*(void **)&real = dlsym(RTLD_NEXT, #name); \
		}                                                  \
		return verdict(fd) != 0 ? -1 : real(fd);           \
	}

ONE(fdatasync)
ONE(fsync)
