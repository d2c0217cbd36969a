/*
 * Closed segments are compressed and, when there are too many or too old ones, taken away from the
 * oldest on. Their hashes stay, so the tree over all records stays whole; that it was retention is
 * on record, under a checkpoint, before a file goes.
 */
#include "audit/keep.h"
#include "audit/bodies.h"
#include "audit/segments.h"
#include "audit/zst.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_SECONDS = 30,
	FRESH_NAME = SEGMENT_NAME + 8,
	/* A body is whole before its record is written, by no more than this. */
	BODY_BEFORE_RECORD = 60,
};

struct keep {
	struct audit_log *log; /* borrowed */
	int dir;               /* borrowed */
	uint64_t bytes;
	unsigned seconds;
	bool compress;
	pthread_t thread;
	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t changed;
	unsigned segment; /* written to: not ours; 0: not known yet */
	bool woken, stopping;
};

static bool is_stopping(struct keep *k)
{
	bool stopping;

	pthread_mutex_lock(&k->mutex);
	stopping = k->stopping;
	pthread_mutex_unlock(&k->mutex);
	return stopping;
}

static void names_of(
	unsigned segment, char plain[SEGMENT_NAME], char packed[FRESH_NAME], char fresh[FRESH_NAME])
{
	segment_name(segment, plain);
	snprintf(packed, FRESH_NAME, "%.20s.zst", plain);
	snprintf(fresh, FRESH_NAME, "%.20s.new", plain);
}

/* Either file is whole at any moment; while both are there the plain one counts. */
static void compress_segment(struct keep *k, unsigned segment)
{
	char plain[SEGMENT_NAME], packed[FRESH_NAME], fresh[FRESH_NAME];

	names_of(segment, plain, packed, fresh);
	if (faccessat(k->dir, plain, F_OK, 0) != 0) {
		return;
	}
	if (zst_compress(k->dir, plain, fresh) != 0 ||
		renameat(k->dir, fresh, k->dir, packed) != 0 || fsync(k->dir) != 0) {
		(void)unlinkat(k->dir, fresh, 0); /* there is no room: it stays as it is */
		return;
	}
	(void)unlinkat(k->dir, plain, 0);
}

static bool look_at(struct keep *k, unsigned segment, struct stat *ret_stat)
{
	char plain[SEGMENT_NAME], packed[FRESH_NAME], fresh[FRESH_NAME];

	names_of(segment, plain, packed, fresh);
	return fstatat(k->dir, plain, ret_stat, AT_SYMLINK_NOFOLLOW) == 0 ||
	       fstatat(k->dir, packed, ret_stat, AT_SYMLINK_NOFOLLOW) == 0;
}

struct age {
	time_t before;
	uint64_t size;
};

static void add_old(void *arg, const struct bodies_one *s)
{
	struct age *age = arg;

	age->size += s->st.st_mtime < age->before ? (uint64_t)s->st.st_size : 0;
}

/* Old is what was stored for the last time before `time`. */
static uint64_t size_of_bodies(int record, time_t time)
{
	struct age age = {.before = time};

	(void)bodies_each(
		record, add_old, &age); /* what cannot be read cannot be taken away either */
	return age.size;
}

static void take_old(void *arg, const struct bodies_one *s)
{
	struct age *age = arg;
	struct stat now;

	if (s->st.st_mtime >= age->before) {
		return;
	}
	bodies_lock();
	if (fstatat(s->dir, s->name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
		now.st_mtime < age->before) {
		(void)unlinkat(s->dir, s->name, 0);
	}
	bodies_unlock();
}

static void take_bodies(int record, time_t time)
{
	struct age age = {.before = time};

	(void)bodies_each(record, take_old, &age);
}

/* The newest segment that has to go, with the bodies that are no younger; 0: none. */
static unsigned too_many(struct keep *k, unsigned first, unsigned segment)
{
	time_t now = time(NULL);
	uint64_t total = size_of_bodies(k->dir, now - BODY_BEFORE_RECORD), with_it = 0;
	unsigned victim = 0;
	struct stat st;

	for (unsigned n = first; n <= segment; n++) {
		total += look_at(k, n, &st) ? (uint64_t)st.st_size : 0;
	}
	for (unsigned n = first; n < segment && look_at(k, n, &st); n++) {
		uint64_t older = size_of_bodies(k->dir, st.st_mtime - BODY_BEFORE_RECORD);

		if ((k->bytes == 0 || total <= k->bytes) &&
			(k->seconds == 0 || now - st.st_mtime <= (time_t)k->seconds)) {
			break;
		}
		total -= (uint64_t)st.st_size + (older > with_it ? older - with_it : 0);
		with_it = older;
		victim = n;
	}
	return victim;
}

/* False: it is not on record, so nothing may go. */
static bool tell(struct keep *k, unsigned victim)
{
	static const struct timespec moment = {.tv_nsec = 5000000};
	struct audit_record r;
	struct audit_diag ignored;
	char plain[SEGMENT_NAME], detail[96];
	uint64_t seq;

	audit_record_init(&r);
	r.kind = AUDIT_EVENT;
	r.reason = "retention";
	segment_name(victim, plain);
	snprintf(detail, sizeof(detail), "%s and older segments are taken away", plain);
	r.detail = detail;
	if (audit_append(k->log, &r, &seq, &ignored) != AUDIT_OK) {
		return false;
	}
	while (!audit_is_sealed(k->log, seq)) {
		if (is_stopping(k)) {
			return false;
		}
		audit_seal_soon(k->log);
		nanosleep(&moment, NULL);
	}
	return true;
}

static void take_away(struct keep *k, unsigned segment)
{
	char plain[SEGMENT_NAME], packed[FRESH_NAME], fresh[FRESH_NAME];
	unsigned first = 0, victim;
	struct stat st;

	if ((k->bytes == 0 && k->seconds == 0) || segments_first(k->dir, &first) != AUDIT_OK ||
		first == 0) {
		return;
	}
	victim = too_many(k, first, segment);
	if (victim == 0 || !look_at(k, victim, &st) || !tell(k, victim)) {
		return;
	}
	/* What a younger record speaks of was stored, or stored once more, after that. */
	take_bodies(k->dir, st.st_mtime - BODY_BEFORE_RECORD);
	for (unsigned n = first; n <= victim; n++) {
		names_of(n, plain, packed, fresh);
		(void)unlinkat(k->dir, plain, 0);
		(void)unlinkat(k->dir, packed, 0);
	}
}

static void work(struct keep *k, unsigned segment)
{
	unsigned first = 0;

	take_away(k, segment);
	if (!k->compress || segments_first(k->dir, &first) != AUDIT_OK || first == 0) {
		return;
	}
	for (unsigned n = first; n < segment && !is_stopping(k); n++) {
		compress_segment(k, n);
	}
	take_away(k, segment); /* there may be room now, or not */
}

static void *run_thread(void *arg)
{
	struct keep *k = arg;

	pthread_mutex_lock(&k->mutex);
	while (!k->stopping) {
		unsigned segment = k->segment;
		struct timespec until;

		k->woken = false;
		pthread_mutex_unlock(&k->mutex);
		if (segment > 0) {
			work(k, segment);
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += LOOK_SECONDS;
		pthread_mutex_lock(&k->mutex);
		if (!k->woken && !k->stopping) {
			pthread_cond_timedwait(&k->changed, &k->mutex, &until);
		}
	}
	pthread_mutex_unlock(&k->mutex);
	return NULL;
}

int keep_start(struct audit_log *log, int dir, const struct audit_options *options,
	struct keep **ret_keep, struct audit_diag *diag)
{
	struct keep *k;

	*ret_keep = NULL;
	if (!options->compress && options->keep_bytes == 0 && options->keep_seconds == 0) {
		return AUDIT_OK;
	}
	k = calloc(1, sizeof(*k));
	if (k == NULL) {
		return audit_say(diag, AUDIT_EMEMORY, "", "memory is out");
	}
	k->log = log;
	k->dir = dir;
	k->bytes = options->keep_bytes;
	k->seconds = options->keep_seconds;
	k->compress = options->compress;
	pthread_mutex_init(&k->mutex, NULL);
	pthread_cond_init(&k->changed, NULL);
	if (pthread_create(&k->thread, NULL, run_thread, k) != 0) {
		pthread_mutex_destroy(&k->mutex);
		pthread_cond_destroy(&k->changed);
		free(k);
		return audit_say(diag, AUDIT_EMEMORY, "",
			"a thread cannot be started: raise `ulimit -u` or the cgroup's pids.max");
	}
	*ret_keep = k;
	return AUDIT_OK;
}

void keep_segment(struct keep *k, unsigned segment)
{
	if (k == NULL) {
		return;
	}
	pthread_mutex_lock(&k->mutex);
	k->segment = segment;
	k->woken = true;
	pthread_cond_signal(&k->changed);
	pthread_mutex_unlock(&k->mutex);
}

void keep_stop(struct keep *k)
{
	if (k == NULL) {
		return;
	}
	pthread_mutex_lock(&k->mutex);
	k->stopping = true;
	pthread_cond_signal(&k->changed);
	pthread_mutex_unlock(&k->mutex);
	pthread_join(k->thread, NULL);
}

void keep_destroy(struct keep *k)
{
	if (k == NULL) {
		return;
	}
	pthread_mutex_destroy(&k->mutex);
	pthread_cond_destroy(&k->changed);
	free(k);
}
