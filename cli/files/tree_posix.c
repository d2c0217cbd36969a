/*
 * A folder on POSIX systems: walked by fts(3), types by libmagic, blocks shared where the file
 * system can (ioctl_ficlonerange(2)).
 */
#include "cli/files/tree_system.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <linux/fs.h>
#include <magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- listing ---- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int take(struct tree *t, FTSENT *entry, struct text *ret_problem)
{
	const char *name = entry->fts_path + strlen(t->root);
	struct stat st;

	name += *name == '/';
	switch (entry->fts_info) {
	case FTS_DP: return 0;
	case FTS_D:
		if (entry->fts_level > 0) {
			list_add(&t->folders, name);
		}
		return 0;
	case FTS_F: tree_found(t, name, (uint64_t)entry->fts_statp->st_size); return 0;
	case FTS_SL:
	case FTS_SLNONE:
		if (stat(entry->fts_accpath, &st) == 0 && S_ISREG(st.st_mode)) {
			tree_found(t, name, (uint64_t)st.st_size);
			return 0;
		}
		return tree_refuse(ret_problem, entry->fts_path,
			"a symbolic link that leads to no file: its content cannot be vouched for");
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS: return tree_refuse(ret_problem, entry->fts_path, strerror(entry->fts_errno));
	default: return tree_refuse(ret_problem, entry->fts_path, "neither a file nor a folder");
	}
}

int tree_walk(struct tree *t, const char *root, struct text *ret_problem)
{
	char real[PATH_MAX];
	char *roots[] = {real, NULL};
	FTS *walk;
	FTSENT *entry;
	int status = 0;

	if (realpath(root, real) == NULL) {
		return tree_refuse(ret_problem, root, strerror(errno));
	}
	t->root = strdup(real);
	walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	if (t->root == NULL || walk == NULL) {
		if (walk != NULL) {
			fts_close(walk);
		}
		return tree_refuse(ret_problem, root, strerror(errno));
	}
	while (status == 0 && (entry = fts_read(walk)) != NULL) {
		status = take(t, entry, ret_problem);
	}
	fts_close(walk);
	return status;
}

/* ---- reading ---- */

int tree_open(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

bool tree_clone(int to, int from)
{
	return ioctl(to, FICLONE, from) == 0;
}

int tree_settle(int to, int from)
{
	struct timespec times[2];
	struct stat st;

	if (fstat(from, &st) != 0) {
		return -1;
	}
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	return fchmod(to, 0444 | (st.st_mode & 0111)) == 0 && futimens(to, times) == 0 ? 0 : -1;
}

int tree_close_folder(const char *path)
{
	return chmod(path, 0555);
}

unsigned tree_cores(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 ? 1 : (unsigned)cores;
}

/* ---- types ---- */

struct tree_types {
	magic_t magic;
};

const char tree_types_absent[] = "libmagic has no data base here";

struct tree_types *tree_types_open(void)
{
	struct tree_types *types = malloc(sizeof(*types));

	if (types == NULL) {
		return NULL;
	}
	types->magic = magic_open(MAGIC_MIME_TYPE | MAGIC_ERROR | MAGIC_NO_CHECK_COMPRESS);
	if (types->magic == NULL || magic_load(types->magic, NULL) != 0) {
		tree_types_close(types);
		return NULL;
	}
	return types;
}

void tree_types_close(struct tree_types *types)
{
	if (types != NULL && types->magic != NULL) {
		magic_close(types->magic);
	}
	free(types);
}

/* The first bytes say what it is: as much as file(1) would mostly need. */
void tree_types_find(struct tree_types *types, struct tree_file *f, const char *data, size_t len)
{
	const char *type = types != NULL ? magic_buffer(types->magic, data, len) : NULL;

	snprintf(f->type, sizeof(f->type), "%s", type != NULL ? type : "unknown/unknown");
}

/* ---- removing ---- */

void tree_remove(const char *folder)
{
	char *roots[] = {(char *)folder, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (walk != NULL && (entry = fts_read(walk)) != NULL) {
		if (entry->fts_info == FTS_D) {
			(void)!chmod(entry->fts_path, 0700);
		} else if (entry->fts_info == FTS_DP) {
			(void)!rmdir(entry->fts_path);
		} else if (entry->fts_info == FTS_DNR) {
			/* Closed when it was looked into: open by now. */
			(void)!rmdir(entry->fts_path);
		} else {
			(void)!unlink(entry->fts_path);
		}
	}
	if (walk != NULL) {
		fts_close(walk);
	}
}
