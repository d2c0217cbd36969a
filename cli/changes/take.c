/*
 * Does one change to a folder outside. Every step goes from an opened folder to a name in it, and
 * no symbolic link is followed on the way, whoever put it there.
 *
 * Sources: openat2(2), rename(2).
 */
#include "cli/changes/changes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The folder in which `path` lies, below `root`, by no link. */
static int open_parent(const char *root, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];
	int top = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), fd;

	if (top < 0 || slash == NULL) {
		return top;
	}
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	fd = (int)syscall(SYS_openat2, top, parent, &how, sizeof(how));
	close(top);
	return fd;
}

static int remove_at(int dir, const char *name)
{
	struct stat st;
	struct dirent *entry;
	DIR *folder;
	int fd, result = 0;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		return errno == ENOENT ? 0 : -1;
	}
	if (!S_ISDIR(st.st_mode)) {
		return unlinkat(dir, name, 0);
	}
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || (folder = fdopendir(fd)) == NULL) {
		return -1;
	}
	while (result == 0 && (entry = readdir(folder)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			result = remove_at(fd, entry->d_name);
		}
	}
	closedir(folder);
	return result == 0 ? unlinkat(dir, name, AT_REMOVEDIR) : -1;
}

static int copy_bytes(int from, int to)
{
	char chunk[65536];
	ssize_t got;

	while ((got = read(from, chunk, sizeof(chunk))) > 0) {
		for (ssize_t put = 0, n; put < got; put += n) {
			n = write(to, chunk + put, (size_t)(got - put));
			if (n < 0) {
				return -1;
			}
		}
	}
	return (int)got;
}

/* Whole under another name first: nobody sees half of it. Powers of set-id bits are not taken. */
static int put_file(int dir, const char *name, const char *from)
{
	struct timespec times[2];
	struct stat st;
	int source = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), to = -1, result = -1;

	if (source >= 0 && fstat(source, &st) == 0) {
		to = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (to >= 0) {
		times[0] = st.st_atim;
		times[1] = st.st_mtim;
		result = copy_bytes(source, to) == 0 && fchmod(to, st.st_mode & 0777) == 0
				 ? futimens(to, times)
				 : -1;
		close(to);
	}
	if (source >= 0) {
		close(source);
	}
	return result;
}

static int put_link(int dir, const char *name, const char *from)
{
	char target[PATH_MAX];
	ssize_t n = readlink(from, target, sizeof(target) - 1);

	if (n < 0) {
		return -1;
	}
	target[n] = '\0';
	return symlinkat(target, dir, name);
}

static int replace(int dir, const char *name, const struct change *item, const char *from)
{
	char temporary[64];
	struct stat st;

	snprintf(temporary, sizeof(temporary), ".sallyport-taken-%d", (int)getpid());
	if (remove_at(dir, temporary) != 0 ||
		(S_ISLNK(item->mode) ? put_link(dir, temporary, from)
				     : put_file(dir, temporary, from)) != 0) {
		(void)!unlinkat(dir, temporary, 0);
		return -1;
	}
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
		remove_at(dir, name) != 0) {
		(void)!unlinkat(dir, temporary, 0);
		return -1;
	}
	return renameat(dir, temporary, dir, name);
}

static int put_folder(int dir, const char *name, mode_t mode)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(st.st_mode)) {
			return 0;
		}
		if (unlinkat(dir, name, 0) != 0) {
			return -1;
		}
	}
	return mkdirat(dir, name, 0700) == 0 ? fchmodat(dir, name, (mode & 0777) | 0700, 0) : -1;
}

int changes_take(const char *root, const struct change *item, const char *from)
{
	const char *slash = strrchr(item->path, '/'),
		   *name = slash != NULL ? slash + 1 : item->path;
	int dir = open_parent(root, item->path), result = -1, error;

	if (dir < 0) {
		return -1;
	}
	if (item->kind == CHANGE_REMOVED) {
		result = remove_at(dir, name);
	} else if (S_ISDIR(item->mode)) {
		result = put_folder(dir, name, item->mode);
	} else if (S_ISREG(item->mode) || S_ISLNK(item->mode)) {
		result = replace(dir, name, item, from);
	} else {
		errno = EINVAL;
	}
	error = errno;
	close(dir);
	errno = error;
	return result;
}
