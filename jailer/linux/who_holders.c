/*
 * Which processes have a socket open, and what they are. Every task is looked at, for a thread may
 * have a table of descriptors of its own; the jail's first process is ours and holds none.
 *
 * Whatever fails on the way makes the answer doubtful, never surer.
 */
#include "jailer/linux/who.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * How much is looked at for one answer, in descriptors: a busy build has a few thousand open. The
 * command chooses how many there are, and this work is not under its limits. What is left out may
 * hold anything, so that everybody is in doubt.
 */
enum { LOOKS = 16 * 1024, LOOKS_OF_A_TASK = 8 };

struct looking {
	const struct who *who;
	const uint32_t *inodes;
	size_t n;
	struct jail_program *programs;
	uint64_t began[JAIL_WHO_MAX]; /* of the holder told so far */
	bool unsure[JAIL_WHO_MAX];    /* a holder went away while it was looked at */
	bool hidden;                  /* a process could not be looked into */
	unsigned looks;               /* so far */
};

static bool may_look(struct looking *l, unsigned looks)
{
	l->looks += looks;
	l->hidden |= l->looks > LOOKS;
	return l->looks <= LOOKS;
}

static ssize_t read_text(int process, const char *name, char *buf, size_t size)
{
	int fd = openat(process, name, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, buf, size) : -1;
	int error = errno;

	if (fd >= 0) {
		close(fd);
	}
	errno = error;
	return got;
}

static bool read_stat(int process, struct who_stat *ret_stat)
{
	char text[1024];
	ssize_t got = read_text(process, "stat", text, sizeof(text));

	return got > 0 && who_read_stat(text, (size_t)got, ret_stat);
}

/* Its path as the jail has it; "" when there is none, or it is too long. */
static void read_path(int process, char *ret_path, size_t size)
{
	ssize_t got = readlinkat(process, "exe", ret_path, size);

	if (got <= 0 || (size_t)got == size || ret_path[0] != '/') {
		got = 0;
	}
	memset(ret_path + got, 0, size - (size_t)got);
}

/* The very file that runs, seen through the mount it was started from: can the command change it?
 * Is it what stands at its path? */
static enum jail_doubt judge_file(const struct looking *l, int process, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS};
	int running = openat(process, "exe", O_PATH | O_CLOEXEC), there = -1;
	enum jail_doubt doubt = JAIL_DOUBT_UNKNOWN;
	struct stat a, b;
	struct statvfs mount;

	if (running < 0 || path[0] == '\0' || fstat(running, &a) != 0 ||
		fstatvfs(running, &mount) != 0) {
		goto out;
	}
	if ((mount.f_flag & ST_RDONLY) == 0) {
		doubt = JAIL_DOUBT_WRITABLE;
		goto out;
	}
	there = (int)syscall(SYS_openat2, l->who->root, path, &how, sizeof(how));
	doubt = there >= 0 && fstat(there, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino
			? JAIL_DOUBT_NONE
			: JAIL_DOUBT_REPLACED;
out:
	if (running >= 0) {
		close(running);
	}
	if (there >= 0) {
		close(there);
	}
	return doubt;
}

static void read_parent(const struct looking *l, struct jail_program *p)
{
	char name[24];
	int parent;

	/* The jail's first process is no program of the command's. */
	if (p->parent_pid <= 1) {
		p->parent_pid = 0;
		return;
	}
	snprintf(name, sizeof(name), "%lld", (long long)p->parent_pid);
	parent = openat(l->who->proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0) {
		read_path(parent, p->parent, sizeof(p->parent));
		close(parent);
	}
}

static void add_holder(struct looking *l, size_t i, int process, int64_t pid)
{
	struct jail_program *p = &l->programs[i], found = {.pid = pid};
	struct who_stat before, after;
	char words[4096];
	ssize_t got;

	if (p->pid == pid) {
		return; /* by another of its threads, or another descriptor */
	}
	if (!read_stat(process, &before)) {
		l->unsure[i] = true; /* it held it, and cannot be asked any more */
		return;
	}
	read_path(process, found.program, sizeof(found.program));
	found.doubt = judge_file(l, process, found.program);
	got = read_text(process, "cmdline", words, sizeof(words));
	found.words_len =
		got > 0 ? who_read_words(words, (size_t)got, found.words, sizeof(found.words)) : 0;
	found.parent_pid = before.parent;
	if (p->pid != 0 && (strcmp(p->program, found.program) != 0 || p->doubt != found.doubt)) {
		found.doubt = JAIL_DOUBT_SHARED;
	}
	/* Ended meanwhile: the number may be another's by now. */
	if (!read_stat(process, &after) || after.began != before.began) {
		l->unsure[i] = true;
		return;
	}
	if (p->pid != 0 &&
		(l->began[i] < before.began || (l->began[i] == before.began && p->pid < pid))) {
		p->doubt = found.doubt;
		return;
	}
	l->began[i] = before.began;
	*p = found;
}

/* It may not be looked into because it has no memory any more; then it runs nothing any more. Of a
 * task alone: a process whose first thread ended may go on by others. */
static bool is_dead(int task)
{
	struct who_stat stat;
	char text[1024];
	ssize_t got = read_text(task, "stat", text, sizeof(text));

	if (got <= 0) {
		return errno == ENOENT || errno == ESRCH;
	}
	return who_read_stat(text, (size_t)got, &stat) && stat.exits;
}

static void failed(struct looking *l, int task, int error)
{
	l->hidden |= error != ENOENT && error != ESRCH && !is_dead(task);
}

/* The descriptors of a task of the process; of one of a single task that is the process itself. */
static void look_at_table(struct looking *l, int process, int64_t pid, int task)
{
	int fd = openat(task, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *fds = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	char link[64];

	if (fds == NULL) {
		failed(l, task, errno);
		if (fd >= 0) {
			close(fd);
		}
		return;
	}
	while ((entry = readdir(fds)) != NULL && may_look(l, 1)) {
		ssize_t got;
		uint32_t inode;

		if (entry->d_name[0] == '.') {
			continue;
		}
		got = readlinkat(fd, entry->d_name, link, sizeof(link));
		if (got < 0) {
			failed(l, task, errno);
			continue;
		}
		inode = who_read_socket(link, (size_t)got);
		for (size_t i = 0; inode != 0 && i < l->n; i++) {
			if (l->inodes[i] == inode) {
				add_holder(l, i, process, pid);
			}
		}
	}
	closedir(fds);
}

/* What is gone holds nothing; what cannot be opened for another reason may. */
static int open_folder(struct looking *l, int where, const char *name)
{
	int folder = openat(where, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	l->hidden |= folder < 0 && errno != ENOENT && errno != ESRCH;
	return folder;
}

static void look_at_threads(struct looking *l, int process, int64_t pid)
{
	int tasks = openat(process, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = tasks >= 0 ? fdopendir(tasks) : NULL;
	struct dirent *entry;

	if (list == NULL) {
		l->hidden |= errno != ENOENT && errno != ESRCH;
		if (tasks >= 0) {
			close(tasks);
		}
		return;
	}
	while ((entry = readdir(list)) != NULL && may_look(l, LOOKS_OF_A_TASK)) {
		int task = who_read_pid(entry->d_name) != 0 ? open_folder(l, tasks, entry->d_name)
							    : -1;

		if (task >= 0) {
			look_at_table(l, process, pid, task);
			close(task);
		}
	}
	closedir(list);
}

static void look_at_process(struct looking *l, const char *name, int64_t pid)
{
	int process = open_folder(l, l->who->proc, name);
	struct stat st;

	if (process < 0) {
		return;
	}
	/* The links of "task" are two and one for each thread (proc(5)). */
	if (fstatat(process, "task", &st, 0) == 0 && st.st_nlink == 3) {
		look_at_table(l, process, pid, process);
	} else {
		look_at_threads(l, process, pid);
	}
	close(process);
}

void who_holders(
	const struct who *who, const uint32_t *inodes, size_t n, struct jail_program *ret_programs)
{
	struct looking l = {.who = who, .inodes = inodes, .n = n, .programs = ret_programs};
	int again = openat(who->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = again >= 0 ? fdopendir(again) : NULL;
	struct dirent *entry;

	if (list == NULL) {
		if (again >= 0) {
			close(again);
		}
		return;
	}
	while ((entry = readdir(list)) != NULL && may_look(&l, LOOKS_OF_A_TASK)) {
		int64_t pid = who_read_pid(entry->d_name);

		if (pid > 1) {
			look_at_process(&l, entry->d_name, pid);
		}
	}
	closedir(list);
	for (size_t i = 0; i < n; i++) {
		if (ret_programs[i].pid != 0) {
			read_parent(&l, &ret_programs[i]);
		}
		if (inodes[i] != 0 && (l.hidden || l.unsure[i])) {
			ret_programs[i].doubt = JAIL_DOUBT_HIDDEN;
		}
	}
}
