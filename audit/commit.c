/*
 * Lines to the segment: written, synced, sealed, and a new segment when one is full. When writing
 * fails the batch is kept and tried again; when a sync fails so is what it should have brought to
 * the disk, which memory keeps until one succeeds.
 */
#include "audit/keep.h"
#include "audit/seal.h"
#include "audit/segments.h"
#include "audit/writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 4 }; /* records in a batch: more come at once, room pays */

int commit_open_segment(struct audit_log *log, uint64_t size, struct audit_diag *diag)
{
	char name[SEGMENT_NAME];
	int fd;

	segment_name(log->segment, name);
	fd = audit_os->create(log->dir, name, O_WRONLY);
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

void commit_note_sealed(struct audit_log *log)
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
		commit_note_sealed(log);
	}
	return error;
}

bool commit_is_full(struct audit_log *log)
{
	int64_t now = log->segment_age > 0 ? writer_clock(CLOCK_REALTIME) : 0;

	if (log->file.size == 0) {
		log->began = now;
	}
	return log->file.size >= log->segment_bytes ||
	       (log->file.size > 0 && log->segment_age > 0 && now - log->began >= log->segment_age);
}

void batch_clear(struct batch *b)
{
	*b = (struct batch){b->memory, 0, b->size, 0};
}

/* With room for them. */
static void add_lines(struct batch *b, const struct batch *more)
{
	if (more->len > 0) {
		memcpy(b->memory + b->len, more->memory, more->len);
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
		batch_clear(w);
		log->synced_to = log->file.size;
	}
	return true;
}

/*
 * BUFFERED: a sync that failed may have cost pages which the kernel now holds for clean: what no
 * sync was sure of is written once more before the next one is believed. DURABLE: what was not
 * synced is appended anew.
 */
int commit_sync(struct audit_log *log, int fd)
{
	struct batch *w = &log->writing;

	if (log->durability == AUDIT_DURABLE) {
		return audit_os->sync_data(fd);
	}
	if ((log->unsure && put_all(fd, w->memory, w->len, log->synced_to - w->len) != AUDIT_OK) ||
		audit_os->sync_data(fd) != 0) {
		log->unsure = true;
		return -1;
	}
	log->unsure = false;
	batch_clear(w);
	return 0;
}

static int rotate(struct audit_log *log, struct audit_diag *diag)
{
	int error = AUDIT_OK;

	if (!commit_is_full(log) || log->sealing || log->syncing) {
		return AUDIT_OK;
	}
	if (!commit_take_written(log) || grown_trim(&log->file) != AUDIT_OK ||
		commit_sync(log, log->file.fd) != 0) {
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

int commit_write(struct audit_log *log, const struct batch *b, struct audit_diag *diag)
{
	int error = rotate(log, diag);
	bool keep = log->durability == AUDIT_BUFFERED;

	if (error == AUDIT_OK && keep && !batch_reserve(&log->written, b->len)) {
		errno = ENOMEM;
		error = audit_say(diag, AUDIT_EIO, "segment", "cannot be written");
	}
	if (error == AUDIT_OK && !keep && b->records >= MANY) {
		grown_make_room(&log->file, b->len);
	}
	if (error == AUDIT_OK && grown_append(&log->file, b->memory, b->len) != AUDIT_OK) {
		error = audit_say(diag, AUDIT_EIO, "segment", "cannot be written");
	}
	if (error == AUDIT_OK && keep) {
		add_lines(&log->written, b);
	}
	return error;
}

/* Without memory the hashes are not to be had again before the next start: nothing passes. */
void commit_add_to_seal(struct audit_log *log, const struct batch *b)
{
	const char *line = b->memory, *end = line + b->len;

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
		error = commit_write(log, b, diag);
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
	commit_add_to_seal(log, b);
	atomic_store(&log->committed, log->next_seq);
	batch_clear(b);
	if (log->owing || log->written.len > BATCH_MAX) {
		pthread_cond_signal(&log->work);
	}
	return AUDIT_OK;
}
