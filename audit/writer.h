/*
 * The writer's insides, for the files it is made of: writer.c (appending), commit.c (bytes to the
 * segment), commit_group.c and commit_thread.c (by whom, and when), writer_open.c (begin and end).
 * Private to audit/.
 */
#ifndef SALLYPORT_AUDIT_WRITER_H
#define SALLYPORT_AUDIT_WRITER_H

#include "audit/audit.h"
#include "audit/os.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

struct keep;
struct seal;

enum {
	LISTENERS = 64,
	SYNC_MS = 100,
	SEAL_MS = 1000,
	BATCH_MAX = 8 * 1024 * 1024,
	KEPT_MAX = 8 * BATCH_MAX, /* written and not synced, in memory */
};

/* Whole lines. */
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
	bool dirty;           /* BUFFERED: the segment is written, not yet synced */
	bool stopping;
	bool busy;         /* someone has what is for one at a time, below */
	bool wanted;       /* the thread waits for that */
	bool unfinished;   /* DURABLE: what is in `writing` was tried in vain */
	int64_t sealed_at; /* monotonic, ns */
	/* The thread is at it, the segment stays: who rotates is that thread, or has the mutex. */
	bool sealing, syncing;

	/*
	 * Of who is busy; BUFFERED: the thread's own, and of who holds the mutex while it is not
	 * syncing. No flag of the mutex's stands beside these: the compiler reads neighbours as one
	 * word.
	 */
	/* What is written and being synced. BUFFERED: up to `synced_to`; DURABLE: up to `end`. */
	struct batch writing;
	uint64_t synced_to, end;
	bool unsure;  /* BUFFERED: a sync of it failed */
	int64_t took; /* DURABLE: the last batch, ns */
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

/* Empty, with its memory. */
void batch_clear(struct batch *b);

/* ---- commit.c ---- */

int commit_open_segment(struct audit_log *log, uint64_t size, struct audit_diag *diag)
	__attribute__((warn_unused_result));
/* Is a new segment due? */
bool commit_is_full(struct audit_log *log);
/* To the segment, a new one when this one is full. */
int commit_write(struct audit_log *log, const struct batch *b, struct audit_diag *diag)
	__attribute__((warn_unused_result));
/* What is written is on disk when it returns 0. With the mutex held, or by who is busy. */
int commit_sync(struct audit_log *log, int fd) __attribute__((warn_unused_result));
/* BUFFERED: before commit_sync(). With the mutex held and nobody syncing. */
bool commit_take_written(struct audit_log *log) __attribute__((warn_unused_result));
/* The next checkpoint is over these too. */
void commit_add_to_seal(struct audit_log *log, const struct batch *b);
/* What audit_is_sealed() answers by, after the seal was written. */
void commit_note_sealed(struct audit_log *log);
/* Checkpoints over everything written so far, which is on disk already. */
int commit_seal(struct audit_log *log, struct audit_diag *diag) __attribute__((warn_unused_result));
/* BUFFERED: writes what is gathered. With the mutex held. */
int commit_now(struct audit_log *log, struct audit_diag *diag) __attribute__((warn_unused_result));

/* ---- commit_group.c: with the mutex held, which is given up meanwhile ---- */

/* What was tried in vain, or else what is gathered. False: it fails, and time is up. */
bool commit_batch(struct audit_log *log);
/* What is gathered, by another thread than the writer's, if that is quick. */
bool commit_here(struct audit_log *log);

/* ---- commit_thread.c ---- */

/* What the thread runs; the argument is the log. */
void *commit_thread(void *log);
/* Listeners hear that the committed mark moved, or writing failed. Without the mutex. */
void commit_announce(struct audit_log *log);
/* The rest with the mutex held. True: nothing happened for so long. */
bool commit_wait_work(struct audit_log *log);
/* By the thread, and until commit_rest(), which whoever is busy calls. */
void commit_be_busy(struct audit_log *log);
void commit_rest(struct audit_log *log);

#endif
