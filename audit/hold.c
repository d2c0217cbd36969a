/*
 * To make a file costs each start more than the lock: it is made where it is needed, and heeded
 * wherever it is.
 */
#include "audit/hold.h"
#include "audit/os.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static const char name[] = "lock";

static enum hold take(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		return HOLD_OURS;
	}
	return errno == EWOULDBLOCK ? HOLD_BUSY : HOLD_FAILED;
}

enum hold hold_folder(int dir, int *ret_lock)
{
	const enum hold folder = take(dir);
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (folder == HOLD_OURS ? 0 : O_CREAT);

	*ret_lock = -1;
	if (folder == HOLD_BUSY) {
		return folder;
	}
	*ret_lock = openat(dir, name, flags, 0600);
	if (*ret_lock < 0) {
		return folder == HOLD_OURS && errno == ENOENT ? HOLD_OURS : HOLD_FAILED;
	}
	return take(*ret_lock);
}

/*
 * Who only looks whether there is a writer has the lock for a moment (below), and one that was
 * killed until the kernel has closed its files: neither is a run that goes on writing.
 */
enum hold hold_folder_soon(int dir, int *ret_lock)
{
	static const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
	enum hold hold = hold_folder(dir, ret_lock);

	for (int i = 0; hold == HOLD_BUSY && i < 100; i++) {
		if (*ret_lock >= 0) {
			close(*ret_lock);
		}
		nanosleep(&pause, NULL);
		hold = hold_folder(dir, ret_lock);
	}
	return hold;
}

bool hold_is_taken(int dir)
{
	bool taken = flock(dir, LOCK_SH | LOCK_NB) != 0;
	int lock;

	if (taken && errno == EWOULDBLOCK) {
		return true;
	}
	if (!taken) {
		(void)flock(dir, LOCK_UN); /* `dir` stays open, and a writer may come */
	}
	lock = open_to_read(dir, name);
	taken = lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0;
	if (lock >= 0) {
		close(lock);
	}
	return taken;
}
