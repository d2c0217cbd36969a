/*
 * The writer's insides, for the files it is made of: writer.c (appending), commit.c (bytes to the
 * segment, and the thread), writer_open.c (begin and end). Private to audit/.
 */
#ifndef SALLYPORT_AUDIT_WRITER_H
#define SALLYPORT_AUDIT_WRITER_H

#include "audit/audit.h"
#include "audit/os.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

struct journal;
struct keep;
struct seal;

enum {
	LISTENERS = 64,
	SYNC_MS = 100,
	SEAL_MS = 1000,
	BATCH_MAX = 8 * 1024 * 1024,
	KEPT_MAX = 8 * BATCH_MAX, /* written and not synced, in memory */
};

/* Whole lines; before them is room for the header of a frame of the journal. */
struct batch {
	char *memory; /* owned */
	size_t len, size;
	unsigned records;
};

struct audit_log {
	int dir, lock;     /* owned; lock: -1 where the folder has one (hold.h) */
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
	struct batch gathering;
	struct batch written; /* BUFFERED: since the last sync was begun */
	bool asked;           /* someone waits for what is gathered */
	bool owing;           /* writing failed: whoever waits must hear how it goes on */
	bool dirty;           /* the segment is written, not yet synced */
	bool stopping;
	bool busy;   /* someone has what is for one at a time, below: the thread unless it rests */
	bool wanted; /* the thread waits for that */
	int64_t sealed_at; /* monotonic, ns */
	/*
	 * The thread is at it, the segment stays. Set by it, with the mutex held; DURABLE: it looks
	 * without, so that nothing that others write stands beside these either.
	 */
	bool sealing, syncing;

	/*
	 * Of who is busy; BUFFERED: the thread's own, and of who holds the mutex while it is not
	 * syncing. No flag of the mutex's stands beside these: the compiler reads neighbours as one
	 * word.
	 */
	/* What is written and being synced. BUFFERED: up to `synced_to`; DURABLE: up to `end`. */
	struct batch writing;
	uint64_t synced_to, end;
	int64_t took;            /* DURABLE: the last batch, ns */
	struct journal *journal; /* owned; NULL: there is none */
	bool unsure;             /* a sync of what these hold failed */
	pthread_t thread;
	bool has_thread;

	atomic_uint_fast64_t committed; /* next sequence number not committed */
	atomic_bool failed;             /* writing; the thread's own work: */
	atomic_uint_fast64_t sealed;    /* records under checkpoints */
	atomic_bool seal_soon;
	atomic_bool sync_failed, seal_failed, seal_lost;
	atomic_int cause;             /* errno of that failure */
	atomic_uint_fast64_t refused; /* records, because writing failed */
	struct {
		void (*fn)(void *arg);
		void *arg;
	} listeners[LISTENERS];
	size_t n_listeners;
};

int64_t writer_clock(clockid_t clock); /* ns */
/* Room for that many bytes more. False: memory is out. */
bool batch_reserve(struct batch *b, size_t more) __attribute__((warn_unused_result));

/* ---- commit.c ---- */

int commit_open_segment(struct audit_log *log, uint64_t size, struct audit_diag *diag)
	__attribute__((warn_unused_result));
/* What is written is on disk when it returns 0. With the mutex held, or from the thread. */
int commit_sync(struct audit_log *log, int fd) __attribute__((warn_unused_result));
/* BUFFERED: before commit_sync(). With the mutex held and nobody syncing. */
bool commit_take_written(struct audit_log *log) __attribute__((warn_unused_result));
/* Checkpoints over everything written so far, which is on disk already. */
int commit_seal(struct audit_log *log, struct audit_diag *diag) __attribute__((warn_unused_result));
/* BUFFERED: writes what is gathered. With the mutex held. */
int commit_now(struct audit_log *log, struct audit_diag *diag) __attribute__((warn_unused_result));
/* DURABLE: commits what is gathered if that is quick. With the mutex held, given up meanwhile. */
bool commit_here(struct audit_log *log);
/* What the thread runs; the argument is the log. */
void *commit_thread(void *log);

#endif
