/*
 * The folder of stored bodies as a whole. A file's name is the SHA-256 of what it holds, and its
 * time that of the last request which brought it: storing a body again replaces the file.
 */
#include "audit/bodies.h"
#include "audit/os.h"
#include "audit/sha256.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

const char bodies_part[] = "part-";

static pthread_mutex_t naming = PTHREAD_MUTEX_INITIALIZER;

void bodies_lock(void)
{
	pthread_mutex_lock(&naming);
}

void bodies_unlock(void)
{
	pthread_mutex_unlock(&naming);
}

static void look_at(int dir, const char *name, bodies_fn *fn, void *arg)
{
	struct bodies_one s = {.dir = dir, .name = name};

	s.file = open_to_read(dir, name);
	if (s.file >= 0 && fstat(s.file, &s.st) == 0 && S_ISREG(s.st.st_mode)) {
		fn(arg, &s);
	}
	if (s.file >= 0) {
		close(s.file);
	}
}

int bodies_each(int record, bodies_fn *fn, void *arg)
{
	int dir = openat(record, "bodies", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct dirent *entry;
	DIR *d;

	if (dir < 0) {
		/* what is no folder holds no bodies: the gateway refused to store any */
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? AUDIT_OK : AUDIT_EIO;
	}
	d = fdopendir(dir);
	if (d == NULL) {
		close(dir);
		return AUDIT_EIO;
	}
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] != '.') {
			look_at(dir, entry->d_name, fn, arg);
		}
	}
	closedir(d);
	return AUDIT_OK;
}

static void take_part(void *arg, const struct bodies_one *s)
{
	(void)arg;
	if (strncmp(s->name, bodies_part, strlen(bodies_part)) == 0) {
		(void)unlinkat(s->dir, s->name, 0);
	}
}

void bodies_take_parts(int record)
{
	(void)bodies_each(record, take_part, NULL); /* one that stays does no harm */
}

/* ---- are they what their names say? ---- */

static bool is_hash(const char *name)
{
	return strlen(name) == BODIES_NAME && strspn(name, "0123456789abcdef") == BODIES_NAME;
}

static bool hash_file(int file, char ret_hex[BODIES_NAME + 1])
{
	/* Not of each thread: that would be zeroed at its start. */
	char *chunk = malloc(CHUNK);
	struct sha_stream stream;
	bool begun = sha_stream_begin(&stream, 256) && chunk != NULL;
	unsigned char sum[64];
	ssize_t got = -1;

	while (begun && (got = read(file, chunk, CHUNK)) > 0) {
		sha_stream_add(&stream, chunk, (size_t)got);
	}
	if (got == 0) {
		(void)sha_stream_end(&stream, sum);
		for (size_t i = 0; i < 32; i++) {
			snprintf(ret_hex + 2 * i, 3, "%02x", sum[i]);
		}
	}
	sha_stream_finish(&stream);
	free(chunk);
	return got == 0;
}

/* ---- are they what the record says? ---- */

const char bodies_mark[] = "_body\":\"stored\"";

static int want(struct bodies_wanted *w, const char *word, const char *name, uint64_t seq)
{
	struct bodies_told *told;

	if (word == NULL || strcmp(word, "stored") != 0 || name == NULL || !is_hash(name)) {
		return AUDIT_OK;
	}
	if (w->n == w->room) {
		size_t room = w->room ? w->room * 2 : 64;

		told = realloc(w->at, room * sizeof(*told));
		if (told == NULL) {
			return AUDIT_EMEMORY;
		}
		w->at = told;
		w->room = room;
	}
	told = &w->at[w->n++];
	memcpy(told->name, name, sizeof(told->name));
	told->seq = seq;
	told->found = false;
	return AUDIT_OK;
}

int bodies_want(struct bodies_wanted *w, const char *line, size_t len, uint64_t seq)
{
	struct audit_record r;
	int error = w->parsed.memory != NULL ? AUDIT_OK : parsed_init(&w->parsed);

	/* What is no record of ours its hash tells. */
	if (error != AUDIT_OK || !parsed_read(&w->parsed, line, len, &r)) {
		return error;
	}
	error = want(w, r.request_body, r.request_sha256, seq);
	return error == AUDIT_OK ? want(w, r.response_body, r.response_sha256, seq) : error;
}

void bodies_forget(struct bodies_wanted *w)
{
	parsed_finish(&w->parsed);
	free(w->at);
	memset(w, 0, sizeof(*w));
}

static int by_name(const void *a, const void *b)
{
	const struct bodies_told *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* In order, each name once, as the first record tells of it. */
static void arrange(struct bodies_wanted *w)
{
	size_t n = 0;

	if (w->n > 0) {
		qsort(w->at, w->n, sizeof(*w->at), by_name);
	}
	for (size_t i = 0; i < w->n; i++) {
		if (n == 0 || strcmp(w->at[n - 1].name, w->at[i].name) != 0) {
			w->at[n++] = w->at[i];
		}
	}
	w->n = n;
}

static struct bodies_told *told_of(const struct bodies_wanted *w, const char *name)
{
	size_t from = 0, to = w->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = strcmp(name, w->at[middle].name);

		if (order == 0) {
			return &w->at[middle];
		}
		from = order > 0 ? middle + 1 : from;
		to = order > 0 ? to : middle;
	}
	return NULL;
}

struct look {
	struct bodies_wanted *wanted;
	struct bodies_finding *finding;
};

/* Of several the one that the earliest record tells of stays. */
static void find(struct bodies_finding *f, int bad, const char *name, uint64_t seq)
{
	if (f->bad == BODIES_GOOD || seq < f->seq) {
		f->bad = bad;
		f->seq = seq;
		snprintf(f->name, sizeof(f->name), "%s", name);
	}
}

static void check_one(void *arg, const struct bodies_one *s)
{
	struct look *look = arg;
	struct bodies_told *told;
	char hex[BODIES_NAME + 1];

	if (!is_hash(s->name)) {
		return; /* one under way */
	}
	told = told_of(look->wanted, s->name);
	look->finding->n++;
	look->finding->n_untold += told == NULL;
	if (told != NULL) {
		told->found = true;
	}
	if (!hash_file(s->file, hex) || strcmp(hex, s->name) != 0) {
		find(look->finding, BODIES_CHANGED, s->name, told != NULL ? told->seq : UINT64_MAX);
	}
}

int bodies_check(int record, struct bodies_wanted *w, struct bodies_finding *ret_finding)
{
	struct bodies_finding finding = {.n = 0};
	struct look look = {w, &finding};
	int error;

	arrange(w);
	error = bodies_each(record, check_one, &look);
	for (size_t i = 0; i < w->n; i++) {
		if (!w->at[i].found) {
			find(&finding, BODIES_MISSING, w->at[i].name, w->at[i].seq);
		}
	}
	if (error == AUDIT_OK) {
		*ret_finding = finding;
	}
	return error;
}
