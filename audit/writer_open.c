/*
 * A record folder is opened for writing, after a crash put in order, and closed.
 */
#include "audit/bodies.h"
#include "audit/hold.h"
#include "audit/keep.h"
#include "audit/seal.h"
#include "audit/segments.h"
#include "audit/verify.h"
#include "audit/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEGMENT_BYTES = 64 * 1024 * 1024 };

static int open_folder(struct audit_log *log, const char *dir, struct audit_diag *diag)
{
	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		return audit_say(diag, AUDIT_EIO, dir, "cannot be made");
	}
	log->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (log->dir < 0) {
		return audit_say(diag, AUDIT_EIO, dir, "cannot be opened");
	}
	switch (hold_folder_soon(log->dir, &log->lock)) {
	case HOLD_OURS: return AUDIT_OK;
	case HOLD_BUSY:
		return audit_say(diag, AUDIT_EBUSY, dir,
			"another run is writing to this record folder: wait until it ends, or "
			"name another folder");
	case HOLD_FAILED: break;
	}
	return audit_say(diag, AUDIT_EIO, dir, "it cannot be locked");
}

static int append_repair(struct audit_log *log, const char *reason, uint64_t n, const char *what,
	struct audit_diag *diag)
{
	struct audit_record r;
	uint64_t seq;
	char detail[128];

	if (n == 0) {
		return AUDIT_OK;
	}
	audit_record_init(&r);
	r.kind = AUDIT_REPAIR;
	r.reason = reason;
	snprintf(detail, sizeof(detail), "%llu %s", (unsigned long long)n, what);
	r.detail = detail;
	return audit_append(log, &r, &seq, diag);
}

static int start_thread(struct audit_log *log, struct audit_diag *diag)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&log->work, &attr);
	pthread_condattr_destroy(&attr);
	log->sealed_at = writer_clock(CLOCK_MONOTONIC);
	if (pthread_create(&log->thread, NULL, commit_thread, log) != 0) {
		return audit_say(diag, AUDIT_EMEMORY, "",
			"the writer's thread cannot be started: raise `ulimit -u` or the cgroup's "
			"pids.max");
	}
	log->has_thread = true;
	return AUDIT_OK;
}

/* Once the seal is found good: zeros in what is sealed do not cost the lines behind them. */
static int open_last_segment(
	struct audit_log *log, const struct tail *tail, struct audit_diag *diag)
{
	int error = commit_open_segment(log, tail->size, diag);

	if (error == AUDIT_OK && tail->file_size > tail->size) {
		log->file.room = tail->file_size;
		if (grown_trim(&log->file) != AUDIT_OK || audit_os->sync(log->file.fd) != 0) {
			error = audit_say(diag, AUDIT_EIO, "segment", "the torn end cannot be cut");
		}
	}
	return error;
}

static int start(
	struct audit_log *log, const struct audit_options *options, struct audit_diag *diag)
{
	struct tail tail;
	uint64_t seal_cut = 0, unsealed = 0;
	int error = recover_tail(log->dir, &tail, diag);

	bodies_take_parts(log->dir);
	if (error == AUDIT_OK && options->key != NULL) {
		error = seal_open(log->dir, options->key, &tail, &log->seal, &seal_cut, diag);
	}
	if (error != AUDIT_OK) {
		return error;
	}
	if (log->seal != NULL && options->on_checkpoint != NULL) {
		seal_listen(log->seal, options->on_checkpoint, options->on_checkpoint_arg);
	}
	if (log->seal != NULL) {
		commit_note_sealed(log);
		unsealed = tail.next_seq - seal_sealed(log->seal);
	}
	log->segment = tail.segment;
	log->began = tail.began;
	log->next_seq = tail.next_seq;
	atomic_store(&log->committed, tail.next_seq);
	error = open_last_segment(log, &tail, diag);
	/* What a crash left unsealed is under a checkpoint before anything new is written. */
	if (error == AUDIT_OK && log->seal != NULL && seal_due(log->seal)) {
		error = audit_os->sync_data(log->file.fd) == 0
				? commit_seal(log, diag)
				: audit_say(diag, AUDIT_EIO, "segment", "cannot be synced");
	}
	if (error == AUDIT_OK) {
		error = keep_start(log, log->dir, options, &log->keep, diag);
	}
	if (error == AUDIT_OK) {
		error = start_thread(log, diag);
	}
	if (error == AUDIT_OK) {
		keep_segment(log->keep, log->segment);
	}
	if (error == AUDIT_OK) {
		error = append_repair(log, "torn-tail", tail.torn,
			"bytes of an unfinished record were cut off", diag);
	}
	if (error == AUDIT_OK) {
		error = append_repair(log, "torn-checkpoint", seal_cut,
			"bytes of an unfinished checkpoint were cut off", diag);
	}
	if (error == AUDIT_OK) {
		error = append_repair(log, "unsealed-tail", unsealed,
			"records before this one had no checkpoint over them: they were sealed "
			"only now",
			diag);
	}
	return error;
}

int audit_open(const char *dir, const struct audit_options *options, struct audit_log **ret_log,
	struct audit_diag *diag)
{
	struct audit_log *log = calloc(1, sizeof(*log));
	struct audit_diag ignored;
	int error;

	if (log == NULL) {
		return audit_say(diag, AUDIT_EMEMORY, dir, "memory is out");
	}
	log->dir = log->lock = log->file.fd = -1;
	log->durability = options->durability;
	log->segment_age = (int64_t)options->segment_seconds * 1000000000;
	log->segment_bytes = options->segment_bytes ? options->segment_bytes : SEGMENT_BYTES;
	snprintf(log->run, sizeof(log->run), "%s", options->run != NULL ? options->run : "");
	pthread_mutex_init(&log->mutex, NULL);
	pthread_cond_init(&log->moved, NULL);
	error = open_folder(log, dir, diag);
	if (error == AUDIT_OK) {
		error = start(log, options, diag);
	}
	if (error != AUDIT_OK) {
		(void)audit_close(log, &ignored);
		return error;
	}
	*ret_log = log;
	return AUDIT_OK;
}

int audit_close(struct audit_log *log, struct audit_diag *diag)
{
	int error = AUDIT_OK;

	if (log == NULL) {
		return AUDIT_OK;
	}
	keep_stop(log->keep);
	if (log->has_thread) {
		pthread_mutex_lock(&log->mutex);
		log->stopping = true;
		pthread_cond_signal(&log->work);
		pthread_mutex_unlock(&log->mutex);
		pthread_join(log->thread, NULL);
		pthread_cond_destroy(&log->work);
		if (audit_failed(log) || log->gathering.len > 0) {
			errno = atomic_load(&log->cause);
			error = audit_say(diag, AUDIT_EIO, "segment",
				"the last records could not be written");
		}
	}
	if (log->file.fd >= 0) {
		bool synced = commit_take_written(log) && grown_trim(&log->file) == AUDIT_OK &&
			      commit_sync(log, log->file.fd) == 0;

		if (!synced && error == AUDIT_OK) {
			error = audit_say(diag, AUDIT_EIO, "segment", "cannot be synced");
		}
		close(log->file.fd);
	}
	seal_close(log->seal);
	keep_destroy(log->keep);
	if (log->lock >= 0) {
		close(log->lock);
	}
	if (log->dir >= 0) {
		close(log->dir);
	}
	pthread_cond_destroy(&log->moved);
	pthread_mutex_destroy(&log->mutex);
	free(log->gathering.memory);
	free(log->written.memory);
	free(log->writing.memory);
	free(log);
	return error;
}
