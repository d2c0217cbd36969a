/*
 * Reads folders with all cores. Each file is opened once; what is hashed, what its type is judged
 * by and what stands in the copy are the same bytes. It does not know what they are compared with,
 * nor how the system walks: tree_posix.c, tree_windows.c.
 */
#include "cli/cures.h"
#include "cli/files/tree_system.h"
#include "certs/certs.h"
#include "cli/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024, THREADS_MAX = 64, PROGRESS_MS = 1000 };

/* ---- listing ---- */

int tree_refuse(struct text *ret_problem, const char *path, const char *why)
{
	if (ret_problem != NULL) {
		text_print(ret_problem, "%s: %s", path, why);
	}
	return complain("%s: %s", path, why);
}

void tree_found(struct tree *t, const char *name, uint64_t size)
{
	if (t->n == t->size) {
		t->size = t->size ? t->size * 2 : 256;
		t->files = realloc(t->files, t->size * sizeof(*t->files));
		if (t->files == NULL) {
			exit(complain("memory is out: " CURE_MEMORY));
		}
	}
	memset(&t->files[t->n], 0, sizeof(t->files[0]));
	t->files[t->n].name = strdup(name);
	t->files[t->n].size = size;
	if (t->files[t->n++].name == NULL) {
		exit(complain("memory is out: " CURE_MEMORY));
	}
	t->bytes += size;
}

static int by_path(const void *a, const void *b)
{
	const struct tree_file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int tree_list(struct tree *t, const char *root, struct text *ret_problem)
{
	int status;

	memset(t, 0, sizeof(*t));
	status = tree_walk(t, root, ret_problem);
	if (t->n > 0) {
		qsort(t->files, t->n, sizeof(t->files[0]), by_path);
	}
	return status;
}

/* ---- reading ---- */

struct work {
	struct tree *tree;
	const struct tree_wish *wish;
	atomic_size_t next, done;
	atomic_uint_fast64_t bytes;
	unsigned running; /* threads; under the lock */
	pthread_mutex_t lock;
	pthread_cond_t ended;
};

static void problem(struct tree_file *f, const char *what)
{
	snprintf(f->problem, sizeof(f->problem), "%s: %s", what, strerror(errno));
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR) {
			return -1;
		}
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Hashes `from` to its end, and writes it to `to` unless that is -1. */
static int drain(struct work *w, struct tree_file *f, int from, int to, char *chunk,
	struct tree_types *types)
{
	struct certs_hash *hash = certs_hash_create();
	bool first = true;
	ssize_t got;

	if (hash == NULL) {
		errno = ENOMEM;
		return -1;
	}
	do {
		got = read(from, chunk, CHUNK);
		if (got >= 0 && first && w->wish->types) {
			tree_types_find(types, f, chunk, (size_t)got);
		}
		first = false;
		if (got > 0) {
			certs_hash_add(hash, chunk, (size_t)got);
			atomic_fetch_add(&w->bytes, (uint_fast64_t)got);
			if (to >= 0 && write_all(to, chunk, (size_t)got) != 0) {
				got = -1;
			}
		}
	} while (got > 0);
	certs_hash_finish(hash, f->sha256);
	if (got < 0) {
		f->sha256[0] = '\0';
	}
	return (int)got;
}

/* Shares the blocks where the file system can: then the copy is read. */
static int copy(
	struct work *w, struct tree_file *f, int from, char *chunk, struct tree_types *types)
{
	char path[PATH_MAX];
	int to, result;

	if (snprintf(path, sizeof(path), "%s%s%s", w->wish->copy_to, f->name[0] ? "/" : "",
		    f->name) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	to = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (to < 0) {
		return -1;
	}
	result = tree_clone(to, from) ? drain(w, f, to, -1, chunk, types)
				      : drain(w, f, from, to, chunk, types);
	if (result == 0) {
		result = tree_settle(to, from);
	}
	return close(to) == 0 ? result : -1;
}

static void read_file(struct work *w, struct tree_file *f, char *chunk, struct tree_types *types)
{
	char path[PATH_MAX];
	struct stat st;
	int fd = -1;

	if (snprintf(path, sizeof(path), "%s%s%s", w->tree->root, f->name[0] ? "/" : "", f->name) <
		PATH_MAX) {
		fd = tree_open(path);
	}
	if (fd < 0 || fstat(fd, &st) != 0) {
		problem(f, "cannot be read");
	} else if (!S_ISREG(st.st_mode)) {
		snprintf(f->problem, sizeof(f->problem), "is no longer a file");
	} else if (w->wish->copy_to != NULL ? copy(w, f, fd, chunk, types) != 0
					    : drain(w, f, fd, -1, chunk, types) != 0) {
		problem(f, "cannot be read or copied");
	}
	if (fd >= 0) {
		close(fd);
	}
}

static void *work_on(void *arg)
{
	struct work *w = arg;
	char *chunk = malloc(CHUNK);
	struct tree_types *types = w->wish->types ? tree_types_open() : NULL;
	size_t i;

	while ((i = atomic_fetch_add(&w->next, 1)) < w->tree->n) {
		struct tree_file *f = &w->tree->files[i];

		if (chunk == NULL || (w->wish->types && types == NULL)) {
			snprintf(f->problem, sizeof(f->problem), "%s",
				chunk == NULL ? "memory is out" : tree_types_absent);
		} else {
			read_file(w, f, chunk, types);
		}
		atomic_fetch_add(&w->done, 1);
	}
	free(chunk);
	tree_types_close(types);
	pthread_mutex_lock(&w->lock);
	w->running--;
	pthread_cond_signal(&w->ended);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void show_progress(struct work *w, bool terminal, bool last)
{
	unsigned long long bytes = atomic_load(&w->bytes), all = w->tree->bytes;

	fprintf(stderr, "%ssallyport: %s: %zu of %zu files, %llu of %llu MiB%s",
		terminal ? "\r" : "", w->wish->label, atomic_load(&w->done), w->tree->n,
		bytes >> 20, all >> 20, terminal && !last ? "" : "\n");
}

/* Waits for the threads and says, when it takes long, how far they are. */
static void wait_threads(struct work *w)
{
	bool terminal = isatty(2), said = false;
	struct timespec next;

	clock_gettime(CLOCK_REALTIME, &next);
	next.tv_sec += PROGRESS_MS / 1000;
	pthread_mutex_lock(&w->lock);
	while (w->running > 0) {
		if (pthread_cond_timedwait(&w->ended, &w->lock, &next) == ETIMEDOUT) {
			clock_gettime(CLOCK_REALTIME, &next);
			next.tv_sec += terminal ? 1 : 10;
			if (w->wish->label != NULL) {
				show_progress(w, terminal, false);
				said = true;
			}
		}
	}
	pthread_mutex_unlock(&w->lock);
	if (said) {
		show_progress(w, terminal, true);
	}
}

static int make_folders(const struct tree *t, const char *to)
{
	char path[PATH_MAX];

	/* A single file is copied under the name itself. */
	if (t->n == 1 && t->files[0].name[0] == '\0') {
		return 0;
	}
	if (mkdir(to, 0700) != 0) {
		return complain("cannot make %s: %s", to, strerror(errno));
	}
	for (size_t i = 0; i < t->folders.n; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", to, t->folders.items[i]) >= PATH_MAX ||
			mkdir(path, 0700) != 0) {
			return complain(
				"cannot make %s/%s: %s", to, t->folders.items[i], strerror(errno));
		}
	}
	return 0;
}

/* Nothing is to come into being there, from outside either. Children first. */
static int close_folders(const struct tree *t, const char *to)
{
	char path[PATH_MAX];

	for (size_t i = t->folders.n; i-- > 0;) {
		snprintf(path, sizeof(path), "%s/%s", to, t->folders.items[i]);
		if (tree_close_folder(path) != 0) {
			return complain("%s: %s", path, strerror(errno));
		}
	}
	return t->n == 1 && t->files[0].name[0] == '\0' ? 0 : tree_close_folder(to);
}

int tree_read(struct tree *t, const struct tree_wish *wish)
{
	struct work w = {.tree = t, .wish = wish};
	pthread_t threads[THREADS_MAX];
	unsigned cores = tree_cores(), wanted = cores < THREADS_MAX ? cores : THREADS_MAX, n = 0;
	int status = wish->copy_to != NULL ? make_folders(t, wish->copy_to) : 0;

	if (status != 0) {
		return status;
	}
	pthread_mutex_init(&w.lock, NULL);
	pthread_cond_init(&w.ended, NULL);
	w.running = wanted = wanted > t->n ? (unsigned)t->n : wanted;
	while (n < wanted && pthread_create(&threads[n], NULL, work_on, &w) == 0) {
		n++;
	}
	if (n < wanted) {
		pthread_mutex_lock(&w.lock);
		w.running -= wanted - n;
		pthread_mutex_unlock(&w.lock);
		status = n == 0 ? complain("threads cannot be started") : 0;
	}
	wait_threads(&w);
	for (unsigned i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
	}
	pthread_cond_destroy(&w.ended);
	pthread_mutex_destroy(&w.lock);
	return status != 0 || wish->copy_to == NULL ? status : close_folders(t, wish->copy_to);
}

void tree_finish(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->files[i].name);
	}
	free(t->files);
	free(t->root);
	list_finish(&t->folders);
	memset(t, 0, sizeof(*t));
}
