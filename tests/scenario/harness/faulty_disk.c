/*
 * Preloaded into the program: of the calls that write or sync files of a record, those numbered
 * FAULT_AT and the FAULT_COUNT - 1 after it fail with FAULT_ERRNO; a write among them falls short
 * first when FAULT_SHORT is set.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long calls;

static int of_record(int fd)
{
	char link[64], path[512];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0) {
		return 0;
	}
	path[len] = '\0';
	return strstr(path, "/faulty/") != NULL &&
	       (strstr(path, ".jsonl") != NULL || strstr(path, ".tree") != NULL ||
		       strstr(path, "checkpoints") != NULL);
}

static long number(const char *name)
{
	const char *text = getenv(name);

	return text != NULL ? strtol(text, NULL, 10) : 0;
}

/* 0: goes on; 1: fails; 2: falls short. */
static int verdict(int fd)
{
	int error = errno;
	long at = number("FAULT_AT"), n;

	if (getenv("FAULT_AT") == NULL || !of_record(fd)) {
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

ssize_t write(int fd, const void *data, size_t len)
{
	static ssize_t (*real)(int, const void *, size_t);
	int v = verdict(fd);

	if (real == NULL) {
		*(void **)&real = dlsym(RTLD_NEXT, "write");
	}
	return v == 1 ? -1 : real(fd, data, v == 2 && len > 1 ? len / 2 : len);
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
