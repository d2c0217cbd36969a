/*
 * The writer's thread: what is asked for and nobody else does, and the seal. BUFFERED: whoever asks
 * writes, with the mutex held, and this thread syncs every 100 ms. DURABLE: it commits what a loop
 * could not (commit_group.c). The seal is this thread's; in BUFFERED a full segment is sealed by
 * whoever fills it, and `sealing` keeps the two apart.
 */
#include "audit/seal.h"
#include "audit/writer.h"

#include <errno.h>
#include <unistd.h>

void commit_announce(struct audit_log *log)
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

bool commit_wait_work(struct audit_log *log)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += SYNC_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return pthread_cond_timedwait(&log->work, &log->mutex, &until) == ETIMEDOUT;
}

/* ---- one at a time ---- */

void commit_be_busy(struct audit_log *log)
{
	while (log->busy) {
		log->wanted = true;
		(void)commit_wait_work(log);
	}
	log->wanted = false;
	log->busy = true;
}

/* Something is not committed, and somebody waits for it. */
static bool is_asked(const struct audit_log *log)
{
	return log->unfinished || (log->asked && log->gathering.len > 0);
}

void commit_rest(struct audit_log *log)
{
	log->busy = false;
	if (is_asked(log) || log->wanted || log->stopping) {
		pthread_cond_signal(&log->work);
	}
}

/* ---- with the mutex held, which is given up meanwhile ---- */

/* BUFFERED: what is written is synced. False when it does not work. */
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

/*
 * DURABLE: a record at rest is lines alone. Who waits for a slow disk is not at rest. One that
 * cannot be cut now is cut at its end.
 */
static void trim_room(struct audit_log *log)
{
	if (log->durability == AUDIT_DURABLE && !log->busy) {
		(void)!grown_trim(&log->file); /* the mutex is kept: nobody becomes busy */
	}
}

/* Each second of activity, or now. */
static void seal_if_due(struct audit_log *log, bool now)
{
	bool was_failing = atomic_load(&log->seal_failed), due;
	struct audit_diag diag;
	int error;

	if (log->seal == NULL || atomic_load(&log->seal_lost) ||
		(!now && !was_failing && !atomic_load(&log->seal_soon) &&
			writer_clock(CLOCK_MONOTONIC) - log->sealed_at < SEAL_MS * 1000000LL)) {
		return;
	}
	commit_be_busy(log);
	due = seal_due(log->seal);
	log->sealing = due; /* before the mutex is given up: the segment stays */
	if (due) {
		atomic_store(&log->seal_soon, false);
		seal_take(log->seal);
	}
	commit_rest(log);
	if (!due) {
		return;
	}
	if (sync_dirty(log)) {
		pthread_mutex_unlock(&log->mutex);
		error = seal_write(log->seal, &diag);
		commit_note_sealed(log);
		if (error != AUDIT_OK) {
			atomic_store(&log->cause, errno);
		}
		atomic_store(&log->seal_failed, error != AUDIT_OK);
		if (was_failing || error != AUDIT_OK) {
			commit_announce(log);
		}
		pthread_mutex_lock(&log->mutex);
	}
	log->sealing = false;
	log->sealed_at = writer_clock(CLOCK_MONOTONIC);
}

/* ---- the thread ---- */

/* With the mutex held, which is given up meanwhile. False: it fails, and time is up. */
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
		commit_announce(log);
		pthread_mutex_lock(&log->mutex);
	}
}

/* True: nothing happened for so long. */
static bool wait_idle(struct audit_log *log)
{
	uint64_t committed = atomic_load(&log->committed);

	return commit_wait_work(log) &&
	       (log->durability == AUDIT_BUFFERED || committed == atomic_load(&log->committed));
}

static void take_turn(struct audit_log *log)
{
	if (is_asked(log)) {
		(void)commit_gathered(log);
	} else {
		bool much = log->written.len > BATCH_MAX && !atomic_load(&log->sync_failed);
		bool idle = !much && wait_idle(log);

		/* What nobody waits for goes too, after a time. */
		if (idle && log->gathering.len > 0) {
			(void)commit_gathered(log);
		} else if (idle) {
			trim_room(log);
		}
		if (idle || much || atomic_load(&log->sync_failed)) {
			(void)sync_dirty(log);
		}
	}
	announce_owed(log);
	seal_if_due(log, false);
}

void *commit_thread(void *arg)
{
	struct audit_log *log = arg;
	bool works = true;

	pthread_mutex_lock(&log->mutex);
	while (!log->stopping) {
		take_turn(log);
	}
	commit_be_busy(log); /* what is under way ends */
	commit_rest(log);
	while (works && (log->unfinished || log->gathering.len > 0)) {
		works = commit_gathered(log);
	}
	if (sync_dirty(log) && !atomic_load(&log->failed)) {
		for (int i = 0; i < 2; i++) { /* the second when one was under way */
			seal_if_due(log, true);
		}
	}
	pthread_mutex_unlock(&log->mutex);
	return NULL;
}
