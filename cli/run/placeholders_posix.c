/*
 * Names that must not come into being while a command runs, and of which nothing is there yet: an
 * empty file or folder is put there for the view to lie over. It is taken away when the last run
 * that needs it ends: each holds a shared lock on it, and only who gets it alone removes it. Its
 * mode tells it from what a user made; one that a crash left behind is taken up by the next run.
 */
#include "cli/run/placeholders.h"
#include "cli/cures.h"
#include "cli/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Whoever takes one away locks it for a moment, which is longer on a machine that is busy. */
enum { TRIES = 2000, PAUSE_NS = 1000 * 1000 };

enum { FILE_MODE = 0400, FOLDER_MODE = 0500, MAX_TEXT = 1 };

static bool is_still_there(int fd, const char *path)
{
	struct stat mine, theirs;

	return fstat(fd, &mine) == 0 && lstat(path, &theirs) == 0 && mine.st_ino == theirs.st_ino &&
	       mine.st_dev == theirs.st_dev;
}

bool placeholders_is_one(const struct stat *st)
{
	/* A folder with more in it than subfolders is told by rmdir(2). */
	return (S_ISREG(st->st_mode) && (st->st_mode & 07777) == FILE_MODE &&
		       st->st_size <= MAX_TEXT) ||
	       (S_ISDIR(st->st_mode) && (st->st_mode & 07777) == FOLDER_MODE && st->st_nlink <= 2);
}

static bool fd_is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && placeholders_is_one(&st);
}

/* An open, locked descriptor; -1 with errno set: ENOTEMPTY when something of its own is there. */
static int hold(const char *path, bool folder, const char *text)
{
	static const struct timespec pause = {.tv_nsec = PAUSE_NS};

	for (int i = 0; i < TRIES; i++) {
		int fd, made = folder ? mkdir(path, FOLDER_MODE)
				      : open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC,
						FILE_MODE);

		if (made < 0 && errno != EEXIST) {
			return -1;
		}
		if (made > 0) {
			(void)!write(made, text, strlen(text)); /* ours or not, none is worse */
			close(made);
		}
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (folder ? O_DIRECTORY : 0));
		if (fd < 0 && errno != ENOENT) {
			return -1;
		}
		if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0 && is_still_there(fd, path)) {
			if (fd_is_ours(fd)) {
				return fd;
			}
			close(fd);
			errno = ENOTEMPTY;
			return -1;
		}
		if (fd >= 0) {
			close(fd);
		}
		nanosleep(&pause, NULL);
	}
	errno = EBUSY;
	return -1;
}

int placeholders_put(struct placeholders *p, const char *path, bool folder, const char *text)
{
	struct placeholder *slot;
	int fd;

	if (p->n == PLACEHOLDERS_MAX) {
		return complain("too many names to keep from coming into being");
	}
	fd = hold(path, folder, text);
	if (fd < 0 && errno == EBUSY) {
		return complain("another process has locked %s, which is kept from coming into "
				"being: end it (`fuser %s` names it) and start again",
			path, path);
	}
	if (fd < 0) {
		/* Where we cannot make it, the command cannot either: it is the same user. */
		return errno == EACCES || errno == EROFS || errno == EPERM || errno == ENOTEMPTY
			       ? 1
			       : complain("%s cannot be kept from coming into being: %s", path,
					 strerror(errno));
	}
	slot = &p->slots[p->n++];
	slot->path = strdup(path);
	slot->fd = fd;
	slot->folder = folder;
	return slot->path != NULL ? 0 : complain("memory is out: " CURE_MEMORY);
}

void placeholders_finish(struct placeholders *p)
{
	for (size_t i = p->n; i-- > 0;) {
		struct placeholder *slot = &p->slots[i];

		if (slot->path != NULL && flock(slot->fd, LOCK_EX | LOCK_NB) == 0 &&
			is_still_there(slot->fd, slot->path) && fd_is_ours(slot->fd)) {
			/* A folder that is not empty stays. */
			(void)!(slot->folder ? rmdir(slot->path) : unlink(slot->path));
		}
		close(slot->fd);
		free(slot->path);
	}
	p->n = 0;
}
