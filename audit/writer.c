/*
 * Lines to disk, before the effect they announce.
 *
 * BUFFERED: each append writes its line before it returns; a thread syncs every 100 ms. DURABLE:
 * appends gather in a batch, the thread writes and syncs it and moves the committed mark (group
 * commit; a batch of many is synced in the journal, its segment later). When writing fails the
 * batch is kept and tried again; meanwhile every append is refused. The seal is the thread's, in
 * DURABLE all of it; in BUFFERED a full segment is sealed by whoever fills it, with the mutex held,
 * and `sealing` keeps the two apart.
 */
#include "audit/journal.h"
#include "audit/keep.h"
#include "audit/line.h"
#include "audit/os.h"
#include "audit/seal.h"
#include "audit/segments.h"
#include "audit/verify.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	LISTENERS = 64,
	SYNC_MS = 100,
	RETRY = 32,
	COMPANY = 4, /* records in a batch, and they wait for each other and have a journal */
	SEAL_MS = 1000,
	BATCH_MAX = 8 * 1024 * 1024,
	SEGMENT_BYTES = 64 * 1024 * 1024,
};

struct batch {
	char *data; /* owned */
	size_t len, size;
};

struct audit_log {
	int dir, lock;     /* owned */
	struct grown file; /* the segment */
	struct seal *seal; /* owned; NULL: this record is not sealed */
	enum audit_durability durability;
	struct keep *keep; /* owned; NULL: closed segments stay as they are */
	uint64_t segment_bytes;
	int64_t segment_age; /* ns; 0: it does not count */
	int64_t began;       /* the segment's first record, ns since the epoch; 0: none */
	char run[64];

	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t work;
	pthread_cond_t moved; /* the committed mark, or writing failed */
	uint64_t next_seq;
	unsigned segment;
	struct batch gathering; /* DURABLE: appended, not yet taken */
	uint64_t gathered_seq;  /* last in it */
	bool dirty;             /* the segment is written, not yet synced */
	bool sealing;           /* the thread is writing the seal */
	int64_t sealed_at;      /* monotonic, ns */
	bool stopping;
	char line[LINE_MAX_BYTES];

	uint64_t awaited; /* its number gathered, the thread is woken; 0: by any */

	/* the thread's own */
	struct batch writing;
	struct journal *journal; /* owned; NULL: there is none */
	bool unsure;             /* a sync of what it holds failed */
	uint64_t batched;        /* records in the last batch */
	uint64_t batches;
	bool returning;               /* all of them came back at once */
	int64_t synced_at, sync_took; /* its sync, ns */
	pthread_t thread;
	bool has_thread;
	atomic_uint_fast64_t committed; /* next sequence number not committed */
	atomic_bool failed;             /* writing; the thread's own work: */
	atomic_uint_fast64_t sealed;    /* records under checkpoints */
	atomic_bool seal_soon;
	atomic_bool sync_failed, seal_failed, seal_lost;
	atomic_int cause;             /* errno of that failure */
	atomic_uint_fast64_t refused; /* appends, because writing failed */
	struct {
		void (*fn)(void *arg);
		void *arg;
	} listeners[LISTENERS];
	size_t n_listeners;
};

/* ---- the segment ---- */

static int open_segment(struct audit_log *log, uint64_t size, struct audit_diag *diag)
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

/* Everything written so far is on disk already. */
static int write_seal(struct audit_log *log, struct audit_diag *diag)
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

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool is_full(struct audit_log *log)
{
	int64_t now = log->segment_age > 0 ? clock_ns(CLOCK_REALTIME) : 0;

	if (log->file.size == 0) {
		log->began = now;
	}
	return log->file.size >= log->segment_bytes ||
	       (log->file.size > 0 && log->segment_age > 0 && now - log->began >= log->segment_age);
}

/*
 * A sync that failed may have cost pages which the kernel now holds for clean: what only the
 * journal has surely is written once more before the next sync is believed. 0, or errno.
 */
static int sync_segment(struct audit_log *log, int fd)
{
	struct audit_diag diag;

	if ((log->unsure && audit_journal_write_back(log->dir, &diag) != AUDIT_OK) ||
		audit_os->sync_data(fd) != 0) {
		log->unsure = log->journal != NULL;
		return -1;
	}
	log->unsure = false;
	return 0;
}

static int rotate(struct audit_log *log, struct audit_diag *diag)
{
	int error = AUDIT_OK;

	if (!is_full(log) || log->sealing) {
		return AUDIT_OK;
	}
	if (sync_segment(log, log->file.fd) != 0) {
		return audit_say(diag, AUDIT_EIO, "segment", "cannot be synced");
	}
	if (log->seal != NULL) {
		error = write_seal(log, diag);
		if (error == AUDIT_OK) {
			error = seal_next_segment(log->seal, log->segment + 1, diag);
		}
	}
	if (error == AUDIT_OK) {
		log->segment++;
		error = open_segment(log, 0, diag);
		log->segment -= error != AUDIT_OK;
	}
	if (error == AUDIT_OK) {
		log->began = clock_ns(CLOCK_REALTIME);
		keep_segment(log->keep, log->segment);
	}
	return error;
}

static int write_whole(struct audit_log *log, const char *data, size_t len, struct audit_diag *diag)
{
	int error = rotate(log, diag);

	if (error == AUDIT_OK && grown_append(&log->file, data, len) != AUDIT_OK) {
		error = audit_say(diag, AUDIT_EIO, "segment", "cannot be written");
	}
	return error;
}

static int add_to_seal(struct audit_log *log, const char *data, size_t len)
{
	const char *end = data + len;

	while (log->seal != NULL && data < end) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));

		assert(newline != NULL); /* lines are written whole */
		if (!seal_add(log->seal, data, (size_t)(newline - data))) {
			return AUDIT_EMEMORY;
		}
		data = newline + 1;
	}
	return AUDIT_OK;
}

/* Without the mutex. */
static void announce(struct audit_log *log)
{
	pthread_mutex_lock(&log->mutex);
	pthread_cond_broadcast(&log->moved);
	pthread_mutex_unlock(&log->mutex);
	for (size_t i = 0; i < log->n_listeners; i++) {
		log->listeners[i].fn(log->listeners[i].arg);
	}
}

/* ---- the thread ---- */

static void wait_work(struct audit_log *log)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += SYNC_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&log->work, &log->mutex, &until);
}

/*
 * With the mutex held, like commit_batch(). Whoever was told a moment ago that its record is on
 * disk may bring the next one now: they come into one sync, with those that came meanwhile, instead
 * of two by turns. Where they did so the last time all of them are waited for, otherwise no more
 * than were in the last batch, and one time in RETRY it is found out anew; never longer than half
 * of what a sync takes.
 */
static void await_company(struct audit_log *log)
{
	uint64_t first = atomic_load(&log->committed), next = log->gathered_seq + 1;
	int64_t until = log->synced_at + log->sync_took / 2;
	struct timespec deadline = {until / 1000000000, (long)(until % 1000000000)};
	bool all = log->returning || ++log->batches % RETRY == 0;

	log->awaited = log->batched < COMPANY ? 0 : (all ? next : first) + log->batched - 1;
	while (log->gathered_seq < log->awaited && !log->stopping &&
		clock_ns(CLOCK_MONOTONIC) < until) {
		pthread_cond_timedwait(&log->work, &log->mutex, &deadline);
	}
	log->returning = all && log->gathered_seq >= log->awaited;
	log->awaited = 0;
	log->batched = log->gathered_seq + 1 - first;
}

/* What was just appended to the segment. Without the mutex; 0, or errno says why it is not. */
static int bring_to_disk(struct audit_log *log, const struct batch *b, bool *ret_journalled)
{
	uint64_t offset = log->file.size - b->len;

	*ret_journalled = audit_journal_add(log->journal, log->segment, offset, b->data, b->len);
	if (*ret_journalled) {
		return 0;
	}
	if (sync_segment(log, log->file.fd) != 0) {
		return -1;
	}
	if (log->batched >= COMPANY) {
		audit_journal_begin(&log->journal, log->dir, log->segment, log->file.size);
	}
	return 0;
}

/* With the mutex held; it is given up while the disk works. */
static void commit_batch(struct audit_log *log)
{
	struct batch taken;
	uint64_t last;
	struct audit_diag diag;
	int64_t began;
	bool journalled;
	int error;

	await_company(log);
	taken = log->gathering;
	last = log->gathered_seq;
	began = clock_ns(CLOCK_MONOTONIC);
	log->gathering = log->writing;
	log->gathering.len = 0;
	log->writing = taken;
	pthread_mutex_unlock(&log->mutex);
	/* Nobody else touches file, size and segment in this mode. */
	while ((error = write_whole(log, taken.data, taken.len, &diag)) != AUDIT_OK ||
		bring_to_disk(log, &taken, &journalled) != 0) {
		bool stop;

		atomic_store(&log->cause, errno);
		if (error == AUDIT_OK) {
			/*
			 * Written but not synced: the kernel may have dropped the pages. Write it
			 * again behind what is surely there.
			 */
			grown_forget(&log->file, log->file.size - taken.len);
		}
		atomic_store(&log->failed, true);
		announce(log);
		pthread_mutex_lock(&log->mutex);
		wait_work(log);
		stop = log->stopping;
		pthread_mutex_unlock(&log->mutex);
		if (stop) {
			pthread_mutex_lock(&log->mutex);
			return;
		}
	}
	atomic_store(&log->committed, last + 1);
	atomic_store(&log->failed, false);
	log->synced_at = clock_ns(CLOCK_MONOTONIC);
	log->sync_took = log->synced_at - began;
	announce(log);
	/* Nobody has to wait for the hashes. */
	if (add_to_seal(log, taken.data, taken.len) != AUDIT_OK) {
		/* They are not to be had again before the next start: nothing passes. */
		atomic_store(&log->cause, ENOMEM);
		atomic_store(&log->seal_lost, true);
	}
	pthread_mutex_lock(&log->mutex);
	log->dirty = journalled;
}

/* With the mutex held, which is given up meanwhile. False when it does not work. */
static bool sync_dirty(struct audit_log *log)
{
	bool done;
	int fd;

	if (!log->dirty) {
		return true;
	}
	log->dirty = false;
	fd = dup(log->file.fd);
	pthread_mutex_unlock(&log->mutex);
	done = fd >= 0 && sync_segment(log, fd) == 0;
	if (!done) {
		atomic_store(&log->cause, errno);
	}
	atomic_store(&log->sync_failed, !done);
	if (fd >= 0) {
		close(fd);
	}
	pthread_mutex_lock(&log->mutex);
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
			clock_ns(CLOCK_MONOTONIC) - log->sealed_at < SEAL_MS * 1000000LL)) {
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
	log->sealed_at = clock_ns(CLOCK_MONOTONIC);
}

static void *run_thread(void *arg)
{
	struct audit_log *log = arg;

	pthread_mutex_lock(&log->mutex);
	while (!log->stopping || log->gathering.len > 0) {
		if (log->gathering.len > 0) {
			commit_batch(log);
			if (log->stopping && atomic_load(&log->failed)) {
				break;
			}
		} else {
			wait_work(log);
			(void)sync_dirty(log);
		}
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

/* ---- appending ---- */

static int gather(struct audit_log *log, size_t len, struct audit_diag *diag)
{
	struct batch *b = &log->gathering;

	if (audit_failed(log) || b->len + len > BATCH_MAX) {
		pthread_cond_signal(&log->work); /* try again now */
		errno = audit_failed(log) ? atomic_load(&log->cause) : ENOBUFS;
		return audit_say(diag, AUDIT_EIO, "segment", "writing fails");
	}
	if (b->len + len > b->size) {
		size_t size = b->size ? b->size * 2 : 64 * 1024;
		char *data;

		while (size < b->len + len) {
			size *= 2;
		}
		data = realloc(b->data, size);
		if (data == NULL) {
			return audit_say(diag, AUDIT_EMEMORY, "", "memory is out");
		}
		b->data = data;
		b->size = size;
	}
	memcpy(b->data + b->len, log->line, len);
	b->len += len;
	log->gathered_seq = log->next_seq;
	if (log->awaited == 0 ? b->len == len : log->next_seq == log->awaited) {
		pthread_cond_signal(&log->work);
	}
	return AUDIT_OK;
}

static int write_now(struct audit_log *log, size_t len, struct audit_diag *diag)
{
	int error;

	if (atomic_load(&log->sync_failed) || atomic_load(&log->seal_failed) ||
		atomic_load(&log->seal_lost)) {
		pthread_cond_signal(&log->work);
		errno = atomic_load(&log->cause);
		return audit_say(diag, AUDIT_EIO, "segment", "syncing or sealing fails");
	}
	error = write_whole(log, log->line, len, diag);
	atomic_store(&log->failed, error != AUDIT_OK);
	log->dirty = true;
	if (error == AUDIT_OK && add_to_seal(log, log->line, len) != AUDIT_OK) {
		atomic_store(&log->cause, ENOMEM);
		atomic_store(&log->seal_lost, true);
	}
	return error;
}

int audit_append(struct audit_log *log, const struct audit_record *record, uint64_t *ret_seq,
	struct audit_diag *diag)
{
	struct audit_record stamped = *record;
	size_t len;
	int error;

	pthread_mutex_lock(&log->mutex);
	stamped.seq = log->next_seq;
	stamped.time_ns = clock_ns(CLOCK_REALTIME);
	stamped.mono_ns = clock_ns(CLOCK_MONOTONIC);
	if (stamped.run == NULL && log->run[0] != '\0') {
		stamped.run = log->run;
	}
	len = line_write(&stamped, log->line, sizeof(log->line));
	if (len == 0) {
		error = audit_say(diag, AUDIT_ETOOLONG, "", "the record is too long for a line");
	} else if (log->durability == AUDIT_DURABLE) {
		error = gather(log, len, diag);
	} else {
		error = write_now(log, len, diag);
	}
	if (error == AUDIT_EIO) {
		atomic_fetch_add(&log->refused, 1);
	}
	if (error == AUDIT_OK) {
		*ret_seq = log->next_seq++;
		if (log->durability == AUDIT_BUFFERED) {
			atomic_store(&log->committed, log->next_seq);
		}
	}
	pthread_mutex_unlock(&log->mutex);
	return error;
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
	pthread_mutex_lock(&log->mutex);
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

/* ---- opening and closing ---- */

static int open_folder(struct audit_log *log, const char *dir, struct audit_diag *diag)
{
	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		return audit_say(diag, AUDIT_EIO, dir, "cannot be made");
	}
	log->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (log->dir < 0) {
		return audit_say(diag, AUDIT_EIO, dir, "cannot be opened");
	}
	log->lock = openat(log->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (log->lock < 0) {
		return audit_say(diag, AUDIT_EIO, dir, "its lock cannot be made");
	}
	if (flock(log->lock, LOCK_EX | LOCK_NB) != 0) {
		return audit_say(
			diag, AUDIT_EBUSY, dir, "another run is writing to this record folder");
	}
	return AUDIT_OK;
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
	log->sealed_at = clock_ns(CLOCK_MONOTONIC);
	if (pthread_create(&log->thread, NULL, run_thread, log) != 0) {
		return audit_say(diag, AUDIT_EMEMORY, "", "the writer's thread cannot be started");
	}
	log->has_thread = true;
	return AUDIT_OK;
}

static int start(
	struct audit_log *log, const struct audit_options *options, struct audit_diag *diag)
{
	struct tail tail;
	uint64_t seal_cut = 0, unsealed = 0, journalled = 0;
	int error = audit_journal_recover(log->dir, false, &journalled, diag);

	if (error == AUDIT_OK) {
		error = recover_tail(log->dir, &tail, diag);
	}
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
		note_sealed(log);
		unsealed = tail.next_seq - seal_sealed(log->seal);
	}
	log->segment = tail.segment;
	log->began = tail.began;
	log->next_seq = tail.next_seq;
	atomic_store(&log->committed, tail.next_seq);
	error = open_segment(log, tail.size, diag);
	/* What a crash left unsealed is under a checkpoint before anything new is written. */
	if (error == AUDIT_OK && log->seal != NULL) {
		error = audit_os->sync_data(log->file.fd) == 0
				? write_seal(log, diag)
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
		error = append_repair(log, "journalled-tail", journalled,
			"records before this one were brought back from the journal", diag);
	}
	if (error == AUDIT_OK) {
		error = append_repair(log, "torn-tail", tail.cut,
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
		if (audit_failed(log)) {
			errno = atomic_load(&log->cause);
			error = audit_say(diag, AUDIT_EIO, "segment",
				"the last records could not be written");
		}
	}
	if (log->file.fd >= 0) {
		bool synced = sync_segment(log, log->file.fd) == 0;

		if (!synced && error == AUDIT_OK) {
			error = audit_say(diag, AUDIT_EIO, "segment", "cannot be synced");
		}
		close(log->file.fd);
		audit_journal_end(log->journal, log->dir, synced);
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
	free(log->gathering.data);
	free(log->writing.data);
	free(log);
	return error;
}
