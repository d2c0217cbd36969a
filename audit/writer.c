/*
 * Records become lines, gathered in memory until someone asks that they are written: what is asked
 * for together is written together. While writing, syncing or sealing fails every append is
 * refused.
 */
#include "audit/line.h"
#include "audit/segments.h"
#include "audit/writer.h"

#include <errno.h>
#include <stdlib.h>

int64_t writer_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool batch_reserve(struct batch *b, size_t more)
{
	size_t size = b->size > 0 ? b->size : 64 * 1024;
	char *memory;

	while (size < b->len + more) {
		size *= 2;
	}
	memory = size > b->size ? realloc(b->memory, size) : b->memory;
	if (memory == NULL) {
		return false;
	}
	b->memory = memory;
	b->size = size;
	return true;
}

/* Most lines are short; only for one that is not there is room made for the longest. */
static int add_line(struct batch *b, const struct audit_record *r, struct audit_diag *diag)
{
	static const size_t rooms[] = {LINE_USUAL, LINE_MAX_BYTES};

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		size_t len;

		if (!batch_reserve(b, rooms[i])) {
			return audit_say(diag, AUDIT_EMEMORY, "", "memory is out");
		}
		len = line_write(r, b->memory + b->len, rooms[i]);
		if (len > 0) {
			b->len += len;
			b->records++;
			return AUDIT_OK;
		}
	}
	return audit_say(diag, AUDIT_ETOOLONG, "", "the record is too long for a line");
}

/* Does writing work, as far as is known? */
static int check(struct audit_log *log, struct audit_diag *diag)
{
	bool full = log->gathering.len > BATCH_MAX;

	if (log->durability == AUDIT_BUFFERED && (full || audit_failed(log))) {
		return commit_now(log, diag); /* try again now */
	}
	if (full || audit_failed(log)) {
		pthread_cond_signal(&log->work); /* likewise */
		errno = audit_failed(log) ? atomic_load(&log->cause) : ENOBUFS;
		return audit_say(diag, AUDIT_EIO, "segment", "writing fails");
	}
	return AUDIT_OK;
}

/* With the mutex held, as those below. `*ret_before`: where its line begins. */
static int gather(struct audit_log *log, const struct audit_record *record, size_t *ret_before,
	struct audit_diag *diag)
{
	struct audit_record stamped = *record;
	int error = check(log, diag); /* may write what is gathered */

	*ret_before = log->gathering.len;
	if (error == AUDIT_OK) {
		stamped.seq = log->next_seq;
		stamped.time_ns = writer_clock(CLOCK_REALTIME);
		stamped.mono_ns = writer_clock(CLOCK_MONOTONIC);
		if (stamped.run == NULL && log->run[0] != '\0') {
			stamped.run = log->run;
		}
		error = add_line(&log->gathering, &stamped, diag);
	}
	log->next_seq += error == AUDIT_OK;
	return error;
}

static int flush(struct audit_log *log, struct audit_diag *diag)
{
	if (log->durability == AUDIT_BUFFERED) {
		return commit_now(log, diag);
	}
	if (log->gathering.len > 0 && !log->asked) {
		log->asked = true;
		pthread_cond_signal(&log->work);
	}
	return AUDIT_OK;
}

static int finish(struct audit_log *log, int error)
{
	if (error == AUDIT_EIO) {
		atomic_fetch_add(&log->refused, 1);
	}
	pthread_mutex_unlock(&log->mutex);
	return error;
}

int audit_gather(struct audit_log *log, const struct audit_record *record, uint64_t *ret_seq,
	struct audit_diag *diag)
{
	size_t before;
	int error;

	pthread_mutex_lock(&log->mutex);
	error = gather(log, record, &before, diag);
	if (error == AUDIT_OK) {
		*ret_seq = log->next_seq - 1;
	}
	return finish(log, error);
}

void audit_flush(struct audit_log *log)
{
	struct audit_diag ignored; /* audit_failed() says it */

	pthread_mutex_lock(&log->mutex);
	(void)flush(log, &ignored);
	pthread_mutex_unlock(&log->mutex);
}

void audit_flush_idle(struct audit_log *log)
{
	struct audit_diag ignored;

	pthread_mutex_lock(&log->mutex);
	if (!commit_here(log)) {
		(void)flush(log, &ignored);
	}
	pthread_mutex_unlock(&log->mutex);
}

int audit_append(struct audit_log *log, const struct audit_record *record, uint64_t *ret_seq,
	struct audit_diag *diag)
{
	size_t before;
	int error;

	pthread_mutex_lock(&log->mutex);
	error = gather(log, record, &before, diag);
	if (error == AUDIT_OK) {
		error = flush(log, diag);
		if (error != AUDIT_OK) { /* what others gathered is tried again, this is not */
			log->gathering.len = before;
			log->gathering.records--;
			log->next_seq--;
		}
	}
	if (error == AUDIT_OK) {
		*ret_seq = log->next_seq - 1;
	}
	return finish(log, error);
}

bool audit_is_durable(const struct audit_log *log)
{
	return log->durability == AUDIT_DURABLE;
}

bool audit_is_committed(const struct audit_log *log, uint64_t seq)
{
	return atomic_load(&log->committed) > seq;
}

uint64_t audit_lag(struct audit_log *log)
{
	uint64_t next, committed;

	pthread_mutex_lock(&log->mutex);
	next = log->next_seq;
	pthread_mutex_unlock(&log->mutex);
	committed = atomic_load(&log->committed);
	return next > committed ? next - committed : 0;
}

bool audit_wait(struct audit_log *log, uint64_t seq)
{
	struct audit_diag ignored;

	pthread_mutex_lock(&log->mutex);
	(void)flush(log, &ignored);
	while (!audit_is_committed(log, seq) && !audit_failed(log)) {
		pthread_cond_wait(&log->moved, &log->mutex);
	}
	pthread_mutex_unlock(&log->mutex);
	return audit_is_committed(log, seq);
}

bool audit_is_sealed(const struct audit_log *log, uint64_t seq)
{
	return log->seal != NULL ? atomic_load(&log->sealed) > seq : audit_is_committed(log, seq);
}

void audit_seal_soon(struct audit_log *log)
{
	atomic_store(&log->seal_soon, true);
	pthread_mutex_lock(&log->mutex);
	pthread_cond_signal(&log->work);
	pthread_mutex_unlock(&log->mutex);
}

bool audit_failed(const struct audit_log *log)
{
	return atomic_load(&log->failed) || atomic_load(&log->sync_failed) ||
	       atomic_load(&log->seal_failed) || atomic_load(&log->seal_lost);
}

void audit_refuse(struct audit_log *log)
{
	atomic_fetch_add(&log->refused, 1);
}

uint64_t audit_refused(const struct audit_log *log)
{
	return atomic_load(&log->refused);
}

int audit_listen(struct audit_log *log, void (*fn)(void *arg), void *arg)
{
	int error = AUDIT_EMEMORY;

	pthread_mutex_lock(&log->mutex);
	if (log->n_listeners < LISTENERS) {
		log->listeners[log->n_listeners].fn = fn;
		log->listeners[log->n_listeners].arg = arg;
		log->n_listeners++;
		error = AUDIT_OK;
	}
	pthread_mutex_unlock(&log->mutex);
	return error;
}
