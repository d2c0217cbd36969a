#include "tests/unit/system.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

bool system_make_folder(char *ret_path, size_t size)
{
	return snprintf(ret_path, size, "/tmp/sallyport-unit-XXXXXX") < (int)size &&
	       mkdtemp(ret_path) != NULL;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

bool system_remove_folder(const char *path)
{
	return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0;
}

bool system_limit_files(uint64_t bytes)
{
	struct rlimit limit = {
		bytes == SYSTEM_NO_LIMIT ? RLIM_INFINITY : (rlim_t)bytes, RLIM_INFINITY};

	return signal(SIGXFSZ, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

bool system_make_link(const char *target, const char *path)
{
	return symlink(target, path) == 0;
}

bool system_let_others_read(const char *path)
{
	return chmod(path, 0640) == 0;
}

void system_moment(void)
{
	static const struct timespec moment = {.tv_nsec = 100000};

	nanosleep(&moment, NULL);
}

int system_open_again(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDWR | O_CLOEXEC);
}

uint64_t system_file_id(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (uint64_t)st.st_ino : 0;
}
