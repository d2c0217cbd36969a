/*
 * Gathered lines to disk.
 *
 * BUFFERED: whoever asks writes them, with the mutex held; the thread syncs every 100 ms. DURABLE:
 * the thread, or who has nothing else to do, writes and syncs what is gathered and moves the
 * committed mark (group commit; a batch of many is synced in the journal, its segment later): one
 * at a time, who is `busy`. When writing fails the batch is kept and
 * tried again, and what is written is kept until a sync was sure of it: in DURABLE the journal has
 * it, in BUFFERED the memory. The seal is the thread's, in DURABLE all of it; in BUFFERED a full
 * segment is sealed by whoever fills it, and `sealing` keeps the two apart.
 */
#include "audit/journal.h"
#include "audit/keep.h"
#include "audit/seal.h"
#include "audit/segments.h"
#include "audit/writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
	MANY = 4,                  /* records in a batch: the journal pays */
	QUICK_NS = 2 * 1000 * 1000 /* who has a loop may wait so long for a sync */
};

/* ---- the segment ---- */

int commit_open_segment(struct audit_log *log, uint64_t size, struct audit_diag *diag)
{
	char name[SEGMENT_NAME];
	int fd;

	segment_name(log->segment, name);
	fd = audit_os->create(log->dir, name, O_WRONLY | O_APPEND);
	if (fd < 0 || audit_os->sync(log->dir) != 0) {
		int error = audit_say(diag, AUDIT_EIO, name, "cannot be opened for writing");

		if (fd >= 0) {
			close(fd);
		}
		return error;
	}
	if (log->file.fd >= 0) {
		close(log->file.fd);
	}
	log->file = (struct grown){.fd = fd, .size = size};
	return AUDIT_OK;
}

static void note_sealed(struct audit_log *log)
{
	atomic_store(&log->sealed, seal_sealed(log->seal));
}

int commit_seal(struct audit_log *log, struct audit_diag *diag)
{
	int error = AUDIT_OK;

	/* What an earlier error left is written first. */
	for (int i = 0; i < 2 && error == AUDIT_OK && seal_due(log->seal); i++) {
		seal_take(log->seal);
		error = seal_write(log->seal, diag);
		note_sealed(log);
	}
	return error;
}

static bool is_full(struct audit_log *log)
{
	int64_t now = log->segment_age > 0 ? writer_clock(CLOCK_REALTIME) : 0;

	if (log->file.size == 0) {
		log->began = now;
	}
	return log->file.size >= log->segment_bytes ||
	       (log->file.size > 0 && log->segment_age > 0 && now - log->began >= log->segment_age);
}

static const char *lines(const struct batch *b)
{
	return b->memory + JOURNAL_HEADER;
}

static void clear(struct batch *b)
{
	*b = (struct batch){b->memory, 0, b->size, 0};
}

/* With room for them. */
static void add_lines(struct batch *b, const struct batch *more)
{
	if (more->len > 0) {
		memcpy(b->memory + JOURNAL_HEADER + b->len, lines(more), more->len);
		b->len += more->len;
	}
}

bool commit_take_written(struct audit_log *log)
{
	struct batch *w = &log->written;

	if (log->durability == AUDIT_BUFFERED) {
		if (!batch_reserve(&log->writing, w->len)) {
			errno = ENOMEM;
			return false;
		}
		add_lines(&log->writing, w);
		clear(w);
		log->synced_to = log->file.size;
	}
	return true;
}

static int write_again(struct audit_log *log)
{
	struct batch *w = &log->writing;
	struct audit_diag diag;

	if (log->durability == AUDIT_DURABLE) {
		return log->journal == NULL
			       ? AUDIT_OK
			       : audit_journal_write_back(log->journal, log->dir, &diag);
	}
	return w->len == 0 ? AUDIT_OK
			   : audit_journal_rewrite(log->dir, log->segment, log->synced_to - w->len,
				     w->memory + JOURNAL_HEADER, w->len, &diag);
}

/*
 * A sync that failed may have cost pages which the kernel now holds for clean: what no sync was
 * sure of is written once more before the next one is believed. 0, or errno.
 */
int commit_sync(struct audit_log *log, int fd)
{
	if ((log->unsure && write_again(log) != AUDIT_OK) || audit_os->sync_data(fd) != 0) {
		log->unsure = true;
		return -1;
	}
	log->unsure = false;
	if (log->durability == AUDIT_BUFFERED) {
		clear(&log->writing);
	}
	return 0;
}

static int rotate(struct audit_log *log, struct audit_diag *diag)
{
	int error = AUDIT_OK;

	if (!is_full(log) || log->sealing || log->syncing) {
		return AUDIT_OK;
	}
	if (!commit_take_written(log) || commit_sync(log, log->file.fd) != 0) {
		return audit_say(diag, AUDIT_EIO, "segment", "cannot be synced");
	}
	if (log->seal != NULL) {
		error = commit_seal(log, diag);
		if (error == AUDIT_OK) {
			error = seal_next_segment(log->seal, log->segment + 1, diag);
		}
	}
	if (error == AUDIT_OK) {
		log->segment++;
		error = commit_open_segment(log, 0, diag);
		log->segment -= error != AUDIT_OK;
	}
	if (error == AUDIT_OK) {
		log->began = writer_clock(CLOCK_REALTIME);
		keep_segment(log->keep, log->segment);
	}
	return error;
}

static int write_batch(struct audit_log *log, const struct batch *b, struct audit_diag *diag)
{
	int error = rotate(log, diag);
	bool keep = log->durability == AUDIT_BUFFERED;

	if (error == AUDIT_OK && keep && !batch_reserve(&log->written, b->len)) {
		errno = ENOMEM;
		error = audit_say(diag, AUDIT_EIO, "segment", "cannot be written");
	}
	if (error == AUDIT_OK && grown_append(&log->file, lines(b), b->len) != AUDIT_OK) {
		error = audit_say(diag, AUDIT_EIO, "segment", "cannot be written");
	}
	if (error == AUDIT_OK && keep) {
		add_lines(&log->written, b);
	}
	return error;
}

/* Without memory the hashes are not to be had again before the next start: nothing passes. */
static void seal_batch(struct audit_log *log, const struct batch *b)
{
	const char *line = lines(b), *end = line + b->len;

	while (log->seal != NULL && line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));

		assert(newline != NULL); /* lines are written whole */
		if (!seal_add(log->seal, line, (size_t)(newline - line))) {
			atomic_store(&log->cause, ENOMEM);
			atomic_store(&log->seal_lost, true);
			return;
		}
		line = newline + 1;
	}
}

/* What can be told without writing; then writes. */
static int try_now(struct audit_log *log, struct batch *b, struct audit_diag *diag)
{
	int error;

	if (atomic_load(&log->sync_failed) || atomic_load(&log->seal_failed) ||
		atomic_load(&log->seal_lost)) {
		pthread_cond_signal(&log->work); /* try again now */
		errno = atomic_load(&log->cause);
		return audit_say(diag, AUDIT_EIO, "segment", "syncing or sealing fails");
	}
	if (b->len == 0) {
		return AUDIT_OK;
	}
	if (log->written.len > KEPT_MAX) {
		errno = ENOBUFS;
		error = audit_say(diag, AUDIT_EIO, "segment", "the disk does not keep up");
	} else {
		error = write_batch(log, b, diag);
	}
	if (error != AUDIT_OK) {
		atomic_store(&log->cause, errno);
	}
	atomic_store(&log->failed, error != AUDIT_OK);
	return error;
}

int commit_now(struct audit_log *log, struct audit_diag *diag)
{
	struct batch *b = &log->gathering;
	int error = try_now(log, b, diag);

	log->owing |= error != AUDIT_OK;
	if (error != AUDIT_OK || b->len == 0) {
		return error;
	}
	log->dirty = true;
	seal_batch(log, b);
	atomic_store(&log->committed, log->next_seq);
	clear(b);
	if (log->owing || log->written.len > BATCH_MAX) {
		pthread_cond_signal(&log->work);
	}
	return AUDIT_OK;
}

/* ---- the thread ---- */

/* Without the mutex. */
static void announce(struct audit_log *log)
{
	size_t n;

	pthread_mutex_lock(&log->mutex);
	pthread_cond_broadcast(&log->moved);
	n = log->n_listeners; /* those that are there stay as they are */
	pthread_mutex_unlock(&log->mutex);
	for (size_t i = 0; i < n; i++) {
		log->listeners[i].fn(log->listeners[i].arg);
	}
}

/* True: nothing happened for so long. */
static bool wait_work(struct audit_log *log)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += SYNC_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return pthread_cond_timedwait(&log->work, &log->mutex, &until) == ETIMEDOUT;
}

/* What was just appended to the segment. Without the mutex; 0, or errno says why it is not. */
static int bring_to_disk(struct audit_log *log, const struct batch *b, bool *ret_journalled)
{
	uint64_t offset = log->file.size - b->len;

	*ret_journalled = audit_journal_add(log->journal, log->segment, offset, b->memory, b->len);
	if (*ret_journalled) {
		return 0;
	}
	if (commit_sync(log, log->file.fd) != 0) {
		return -1;
	}
	if (b->records >= MANY) {
		audit_journal_begin(&log->journal, log->dir, log->segment, log->file.size);
	}
	return 0;
}

/* With the mutex held, by who is busy. */
static void take_gathered(struct audit_log *log)
{
	struct batch empty = log->writing;

	log->writing = log->gathering;
	log->gathering = empty;
	log->end = log->next_seq;
	log->asked = false;
}

/* What was taken, without the mutex; *ret_journalled: its segment is still to be synced. */
static bool commit_taken(struct audit_log *log, bool *ret_journalled)
{
	struct batch *b = &log->writing;
	int64_t began = writer_clock(CLOCK_MONOTONIC);
	struct audit_diag diag;
	int error = write_batch(log, b, &diag);

	if (error != AUDIT_OK || bring_to_disk(log, b, ret_journalled) != 0) {
		atomic_store(&log->cause, errno);
		if (error == AUDIT_OK) {
			/*
			 * Written but not synced: the kernel may have dropped the pages. Write it
			 * again behind what is surely there.
			 */
			grown_forget(&log->file, log->file.size - b->len);
		}
		atomic_store(&log->failed, true);
		return false;
	}
	log->took = writer_clock(CLOCK_MONOTONIC) - began;
	atomic_store(&log->committed, log->end);
	atomic_store(&log->failed, false);
	announce(log);
	seal_batch(log, b); /* nobody has to wait for the hashes */
	clear(b);
	return true;
}

/* With the mutex held; it is given up while the disk works. False: it fails, and time is up. */
static bool commit_batch(struct audit_log *log)
{
	bool journalled;

	if (log->writing.len == 0) {
		take_gathered(log);
	} else { /* commit_here() tried in vain */
		log->asked = log->gathering.len > 0;
	}
	pthread_mutex_unlock(&log->mutex);
	while (!commit_taken(log, &journalled)) {
		announce(log);
		pthread_mutex_lock(&log->mutex);
		(void)wait_work(log);
		if (log->stopping) {
			return false;
		}
		pthread_mutex_unlock(&log->mutex);
	}
	pthread_mutex_lock(&log->mutex);
	log->dirty = journalled;
	return true;
}

/* As far as can be told: one short sync, and nothing to be made or closed. */
static bool is_quick(struct audit_log *log)
{
	const struct batch *b = &log->gathering;

	return log->took < QUICK_NS && !audit_failed(log) && !is_full(log) &&
	       (log->journal == NULL ? b->records < MANY
				     : audit_journal_takes(
					       log->journal, log->segment, log->file.size, b->len));
}

bool commit_here(struct audit_log *log)
{
	bool done, journalled;

	if (log->durability != AUDIT_DURABLE || log->busy || log->gathering.len == 0 ||
		log->writing.len > 0 || !is_quick(log)) {
		return false;
	}
	log->busy = true;
	take_gathered(log);
	pthread_mutex_unlock(&log->mutex);
	done = commit_taken(log, &journalled);
	pthread_mutex_lock(&log->mutex);
	if (done) {
		log->dirty = journalled;
	}
	log->busy = false;
	log->asked |= !done; /* the thread tries again */
	if (log->asked || log->wanted || log->stopping) {
		pthread_cond_signal(&log->work);
	}
	return true;
}

/* With the mutex held, which is given up meanwhile. False when it does not work. */
static bool sync_dirty(struct audit_log *log)
{
	bool taken, done;
	int fd;

	if (!log->dirty) {
		return true;
	}
	taken = commit_take_written(log);
	log->dirty = false;
	log->syncing = true;
	fd = dup(log->file.fd);
	pthread_mutex_unlock(&log->mutex);
	done = taken && fd >= 0 && commit_sync(log, fd) == 0;
	if (!done) {
		atomic_store(&log->cause, errno);
	}
	atomic_store(&log->sync_failed, !done);
	if (fd >= 0) {
		close(fd);
	}
	pthread_mutex_lock(&log->mutex);
	log->syncing = false;
	log->dirty |= !done;
	return done;
}

/* With the mutex held, like sync_dirty(). Each second of activity, or now. */
static void seal_if_due(struct audit_log *log, bool now)
{
	bool was_failing = atomic_load(&log->seal_failed);
	struct audit_diag diag;
	int error;

	if (log->seal == NULL || !seal_due(log->seal) || atomic_load(&log->seal_lost) ||
		(!now && !was_failing && !atomic_exchange(&log->seal_soon, false) &&
			writer_clock(CLOCK_MONOTONIC) - log->sealed_at < SEAL_MS * 1000000LL)) {
		return;
	}
	log->sealing = true; /* before the mutex is given up: the segment stays */
	seal_take(log->seal);
	if (sync_dirty(log)) {
		pthread_mutex_unlock(&log->mutex);
		error = seal_write(log->seal, &diag);
		note_sealed(log);
		if (error != AUDIT_OK) {
			atomic_store(&log->cause, errno);
		}
		atomic_store(&log->seal_failed, error != AUDIT_OK);
		if (was_failing || error != AUDIT_OK) {
			announce(log);
		}
		pthread_mutex_lock(&log->mutex);
	}
	log->sealing = false;
	log->sealed_at = writer_clock(CLOCK_MONOTONIC);
}

/* With the mutex held, like commit_batch(). */
static bool commit_gathered(struct audit_log *log)
{
	struct audit_diag diag;

	if (log->durability == AUDIT_DURABLE) {
		return commit_batch(log);
	}
	log->asked = false;
	log->owing = true; /* who listens hears of what the thread wrote */
	return commit_now(log, &diag) == AUDIT_OK;
}

/* Whoever asked when it failed, and looked when it no longer did, waits for what another wrote. */
static void announce_owed(struct audit_log *log)
{
	if (log->owing && (log->gathering.len == 0 || audit_failed(log))) {
		log->owing = false;
		pthread_mutex_unlock(&log->mutex);
		announce(log);
		pthread_mutex_lock(&log->mutex);
	}
}

static void be_busy(struct audit_log *log)
{
	while (log->busy) {
		log->wanted = true;
		(void)wait_work(log);
	}
	log->wanted = false;
	log->busy = true;
}

/* Lets others be busy. True: nothing happened for so long. */
static bool rest(struct audit_log *log)
{
	uint64_t committed = atomic_load(&log->committed);
	bool idle;

	log->busy = false;
	idle = wait_work(log);
	be_busy(log);
	return idle &&
	       (log->durability == AUDIT_BUFFERED || committed == atomic_load(&log->committed));
}

/* Something is not committed yet. */
static bool is_behind(const struct audit_log *log)
{
	return log->gathering.len > 0 || (log->durability == AUDIT_DURABLE && log->writing.len > 0);
}

void *commit_thread(void *arg)
{
	struct audit_log *log = arg;

	pthread_mutex_lock(&log->mutex);
	be_busy(log);
	while (!log->stopping || is_behind(log)) {
		if (is_behind(log) && (log->asked || log->stopping)) {
			if (!commit_gathered(log) && log->stopping) {
				break;
			}
		} else {
			bool much = log->written.len > BATCH_MAX && !atomic_load(&log->sync_failed);
			bool idle = !much && rest(log);

			/* What nobody waits for goes too, after a time. */
			if (idle && is_behind(log)) {
				(void)commit_gathered(log);
			}
			if (idle || much || atomic_load(&log->sync_failed)) {
				(void)sync_dirty(log);
			}
		}
		announce_owed(log);
		seal_if_due(log, false);
	}
	if (sync_dirty(log) && !atomic_load(&log->failed)) {
		for (int i = 0; i < 2; i++) { /* the second when one was under way */
			seal_if_due(log, true);
		}
	}
	pthread_mutex_unlock(&log->mutex);
	return NULL;
}
