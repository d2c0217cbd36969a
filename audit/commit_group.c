/*
 * DURABLE: group commit. What was gathered is appended to the segment and synced, and the committed
 * mark moves: one batch at a time, by whoever is `busy` with it. That is a thread that has nothing
 * else to do, or the writer's.
 */
#include "audit/writer.h"

#include <errno.h>

enum { QUICK_NS = 2 * 1000 * 1000 }; /* who has a loop may wait so long for a sync */

/* With the mutex held, by who is busy. */
static void take_gathered(struct audit_log *log)
{
	struct batch empty = log->writing;

	log->writing = log->gathering;
	log->gathering = empty;
	log->end = log->next_seq;
	log->asked = false;
}

/* What was taken, without the mutex, by who is busy. False: it is taken still. */
static bool commit_taken(struct audit_log *log)
{
	struct batch *b = &log->writing;
	int64_t began = writer_clock(CLOCK_MONOTONIC);
	struct audit_diag diag;
	bool written = commit_write(log, b, &diag) == AUDIT_OK;

	if (!written || commit_sync(log, log->file.fd) != 0) {
		atomic_store(&log->cause, errno);
		if (written) {
			/*
			 * Written but not synced: the kernel may have dropped the pages. Write it
			 * again behind what is surely there.
			 */
			grown_forget(&log->file, log->file.size - b->len);
		}
		atomic_store(&log->failed, true);
		commit_announce(log);
		return false;
	}
	log->took = writer_clock(CLOCK_MONOTONIC) - began;
	atomic_store(&log->committed, log->end);
	atomic_store(&log->failed, false);
	commit_announce(log);
	commit_add_to_seal(log, b); /* nobody has to wait for the hashes */
	batch_clear(b);
	return true;
}

bool commit_batch(struct audit_log *log)
{
	commit_be_busy(log);
	if (log->unfinished) {
		log->asked = log->gathering.len > 0;
	} else {
		take_gathered(log);
		log->unfinished = log->writing.len > 0;
	}
	while (log->unfinished) {
		bool done;

		pthread_mutex_unlock(&log->mutex);
		done = commit_taken(log);
		pthread_mutex_lock(&log->mutex);
		log->unfinished = !done;
		if (!done) {
			(void)commit_wait_work(log);
			if (log->stopping) {
				break;
			}
		}
	}
	commit_rest(log);
	return !log->unfinished;
}

bool commit_here(struct audit_log *log)
{
	bool done;

	/* As far as can be told: one short sync, and nothing to be made or closed. */
	if (log->durability != AUDIT_DURABLE || log->busy || log->wanted || log->unfinished ||
		log->gathering.len == 0 || log->took >= QUICK_NS || audit_failed(log) ||
		commit_is_full(log)) {
		return false;
	}
	log->busy = true;
	take_gathered(log);
	pthread_mutex_unlock(&log->mutex);
	done = commit_taken(log);
	pthread_mutex_lock(&log->mutex);
	log->unfinished = !done; /* the thread tries again */
	commit_rest(log);
	return true;
}
