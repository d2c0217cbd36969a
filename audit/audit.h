/*
 * The record: what left, what was refused and why, on disk before the effect.
 *
 * A folder of JSON Lines segments (docs/audit.md, field by field). libc and mbedTLS's hash and
 * signature only; no loop, no socket, no log. One writer a folder (a lock file), any number of
 * readers. All writer calls are thread-safe.
 */
#ifndef SALLYPORT_AUDIT_AUDIT_H
#define SALLYPORT_AUDIT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum audit_error {
	AUDIT_OK = 0,
	AUDIT_EMEMORY = -1,
	AUDIT_EIO = -2,     /* the disk failed or is full; diag says; nothing may take effect */
	AUDIT_EBUSY = -3,   /* another writer holds the folder */
	AUDIT_EFORMAT = -4, /* not a record folder, or a line that is none */
	AUDIT_ETOOLONG = -5,
	AUDIT_END = -6, /* reader: no further record */
};
const char *audit_strerror(int error);

struct audit_diag {
	char path[256];
	uint64_t line; /* from 1; 0 = none */
	char message[256];
};

enum audit_kind {
	AUDIT_NONE = 0,
	/* a run or service began: who, command, rules digest, CA fingerprint, view */
	AUDIT_START,
	AUDIT_INTENT,  /* a decision, before its effect: allowed requests and refusals alike */
	AUDIT_OUTCOME, /* what became of an allowed request or tunnel */
	AUDIT_DNS,     /* an answer of the DNS door */
	AUDIT_EVENT,   /* anything else an auditor must see: reload, file verification, limit hit */
	AUDIT_REPAIR,  /* a torn tail was cut after a crash */
	AUDIT_STOP,    /* end of run: exit status, totals */
};

enum audit_way {
	AUDIT_WAY_NONE = 0,
	AUDIT_WAY_PROXY, /* absolute-form request to the proxy */
	AUDIT_WAY_CONNECT,
	AUDIT_WAY_SOCKS,
	AUDIT_WAY_TRANSPARENT, /* captured; the address wanted is in `wanted` */
	AUDIT_WAY_DNS,
};

/*
 * One record. Strings are borrowed for the call; NULL or zero means "no such field" and the field
 * is left out of the line, except where stated. `seq`, `time_ns`, `mono_ns` are stamped by the
 * writer.
 */
struct audit_record {
	enum audit_kind kind;
	uint64_t seq;
	int64_t time_ns; /* UTC since the epoch */
	int64_t mono_ns;

	const char *run;  /* run id, stamped by the writer when NULL */
	uint64_t session; /* connection number in the run */
	uint64_t request; /* request number in the run; the OUTCOME carries its INTENT's */
	enum audit_way way;
	const char *client;        /* peer address, or authenticated identity */
	const char *program;       /* executable that asked; "unknown" */
	const char *program_doubt; /* why `by` cannot be sure of it */
	int64_t pid;               /* in the jail */
	const char *program_words; /* JSON array: the first of its command line */
	const char *parent;        /* executable of its parent */
	int64_t parent_pid;

	const char *method, *scheme, *host, *path, *query;
	uint16_t port;
	const char *wanted;  /* address a captured connection was going to */
	const char *verdict; /* "allow", "deny", "tunnel" */
	const char *reason;  /* one word: rules_reason_word, a parser's word, a check's word */
	const char *rule;    /* "file:line" of the deciding statement */
	const char *detail;  /* a sentence */

	const char *via;     /* the upstream proxy, when one is asked; `address` is then its own */
	const char *address; /* dialled, "ip:port" */
	const char
		*relaxed; /* checks that a rule took off this host's certificate: "expired,name" */
	const char *injected; /* names of the fields that rules put in: "Authorization" */
	const char *tls_version, *tls_cipher, *origin_cert; /* upstream; fingerprint in hex */
	int status;                                         /* of the response */
	int64_t request_bytes, response_bytes;              /* of bodies; -1 = no such field */
	int64_t request_head_bytes; /* of the head and the trailers as they were sent */
	uint64_t request_messages, response_messages; /* of WebSocket, whole ones */
	/* of the bytes counted above, lowercase hex; NULL where there were none */
	const char *request_sha256, *response_sha256;
	const char *response_sha512; /* only where a lock file is known to name it */
	/* what `log body` made of them: "stored", "too-long", "failed" */
	const char *request_body, *response_body;
	/* JSON array of [name, value]: the chosen ones, credentials as audit_digest() */
	const char *request_headers, *response_headers;
	int64_t decide_ns, connect_ns, tls_ns, first_byte_ns, total_ns;
	const char *end; /* reason word the exchange ended with */

	const char *command; /* START: the command line, JSON array text */
	const char *user;    /* START */
	const char *rules_digest, *ca_digest, *version; /* START */
	const char *view;                               /* START: JSON array of {path, mode} */
	int exit_status;                                /* STOP: -1 = no such field */
	uint64_t allowed, refused;                      /* STOP */
};
void audit_record_init(struct audit_record *r); /* zero, and -1 where -1 means absent */
/* In one block, strings included: free(3) it. NULL: memory is out. */
struct audit_record *audit_record_copy(const struct audit_record *r);

/* ---- writer ---- */
struct audit_key;

enum audit_durability {
	/* on disk (fdatasync) before the effect; group commit in a thread of its own */
	AUDIT_DURABLE = 0,
	AUDIT_BUFFERED, /* written before the effect, synced every 100 ms */
};

struct audit_options {
	enum audit_durability durability;
	uint64_t segment_bytes;      /* rotate over this size; 0 = 64 MiB */
	const char *run;             /* run id */
	const struct audit_key *key; /* audit/verify.h; NULL: nothing is sealed */
	/* Each signed checkpoint, from the writer's thread: hand it on and return. */
	void (*on_checkpoint)(void *arg, const char *note, size_t len);
	void *on_checkpoint_arg;
	unsigned segment_seconds; /* rotate when its first record is older; 0 = never */
	uint64_t keep_bytes;      /* of segments: the oldest closed ones go; 0 = all stay */
	unsigned keep_seconds;    /* closed segments last written to longer ago go; 0 = none */
	bool compress;            /* closed segments, with zstd */
};

struct audit_log;
int audit_open(const char *dir, const struct audit_options *options, struct audit_log **ret_log,
	struct audit_diag *diag) __attribute__((warn_unused_result));
/* Syncs, seals and closes. */
int audit_close(struct audit_log *log, struct audit_diag *diag);

/*
 * One record more, and its sequence number. It is in memory only, until audit_flush(), a later
 * append or 100 ms: right for what announces no effect. An effect it does announce may happen as
 * soon as audit_is_committed() says so. On an error nothing was recorded and nothing may happen.
 */
int audit_gather(struct audit_log *log, const struct audit_record *record, uint64_t *ret_seq,
	struct audit_diag *diag) __attribute__((warn_unused_result));
/*
 * What was gathered, by whomever, is written together. With AUDIT_BUFFERED it is committed when
 * this returns, or audit_failed() says that it could not be; with AUDIT_DURABLE it will be, and
 * listeners hear of it.
 */
void audit_flush(struct audit_log *log);
/*
 * The same by who has nothing else to do. With AUDIT_DURABLE too it is committed when this returns,
 * if syncs are short and nobody is at one: a thread that must first be woken takes longer.
 */
void audit_flush_idle(struct audit_log *log);
bool audit_is_durable(const struct audit_log *log);
/* Both: for one record by itself. */
int audit_append(struct audit_log *log, const struct audit_record *record, uint64_t *ret_seq,
	struct audit_diag *diag) __attribute__((warn_unused_result));
bool audit_is_committed(const struct audit_log *log, uint64_t seq); /* lock-free */
/* Blocks until it is, or writing fails: false. Not for a thread with a loop, which listens. */
bool audit_wait(struct audit_log *log, uint64_t seq) __attribute__((warn_unused_result));
/* Is it under a signed checkpoint? Of an unsealed record: is it on disk? Lock-free. */
bool audit_is_sealed(const struct audit_log *log, uint64_t seq);
/* The next checkpoint need not wait for its second. */
void audit_seal_soon(struct audit_log *log);
/* True while writing fails; appends are refused but each one tries again. */
bool audit_failed(const struct audit_log *log);
/* Records appended and not yet committed. */
uint64_t audit_lag(struct audit_log *log);
/* A gathered record was not committed when it had to be, so that what it announced was refused. */
void audit_refuse(struct audit_log *log);
/*
 * Records so far that were refused because writing failed, or were late (audit_refuse()): what they
 * announced did not happen.
 */
uint64_t audit_refused(const struct audit_log *log);
/*
 * `fn` is called from the writer's thread each time the committed mark moved or writing failed; it
 * must only wake someone (an eventfd, event_active), and `arg` must live until audit_close()
 * returned. At most 64 listeners.
 */
int audit_listen(struct audit_log *log, void (*fn)(void *arg), void *arg)
	__attribute__((warn_unused_result));

/* ---- values for records ---- */

/*
 * A value that may not be on record, as "hmac-sha256:" and 64 hex digits: who holds the key can
 * tell whether a value they know was sent, nobody else learns anything (RFC 2104).
 */
enum { AUDIT_KEY = 32, AUDIT_DIGEST = 12 + 64 + 1 };
void audit_digest(
	const unsigned char key[AUDIT_KEY], const void *value, size_t len, char ret[AUDIT_DIGEST]);
/*
 * A JSON string with its quotes, as the record writes text; bytes that are not UTF-8 survive it.
 * Returns its length without a NUL, or 0 when it does not fit.
 */
size_t audit_json_string(const char *text, char *buf, size_t size);

/*
 * A body on its way: hashed, and where a rule says `log body` stored as DIR/bodies/SHA256. A body
 * of more than `store_max` bytes is not stored; -1: none is. It lives in `memory` of
 * audit_body_size bytes, aligned for any object, until audit_body_finish; that and `dir` are
 * borrowed. NULL: no hash is to be had.
 */
struct audit_body;
extern const size_t audit_body_size;
struct audit_body *audit_body_begin(void *memory, const char *dir, int64_t store_max, bool sha512);
/* AUDIT_EIO: it is to be stored and cannot be. */
int audit_body_add(struct audit_body *b, const void *data, size_t len)
	__attribute__((warn_unused_result));
/* Its hash; *ret_stored: the word of the record, NULL when it was not to be stored. */
int audit_body_end(struct audit_body *b, char ret_hex[65], const char **ret_stored)
	__attribute__((warn_unused_result));
/* False: it was not asked for. Before audit_body_finish. */
bool audit_body_sha512(struct audit_body *b, char ret_hex[129]);
void audit_body_finish(struct audit_body *b); /* NULL is none */

/* ---- reader ---- */
struct audit_reader;
int audit_reader_open(const char *dir, struct audit_reader **ret_reader, struct audit_diag *diag)
	__attribute__((warn_unused_result));
/*
 * The next record; its strings live until the next call. AUDIT_END at the end (call again to follow
 * a live folder); AUDIT_EFORMAT for a line that is no record (diag says where), and before the
 * first record after segments that are gone (diag->line is 0); reading may go on.
 */
int audit_reader_next(struct audit_reader *reader, struct audit_record *ret_record,
	struct audit_diag *diag) __attribute__((warn_unused_result));
/* The line it was read from, without its newline, until the next call; false: there is none. */
bool audit_reader_line(const struct audit_reader *reader, const char **ret_line, size_t *ret_len);
void audit_reader_close(struct audit_reader *reader);

const char *audit_kind_name(enum audit_kind kind);
const char *audit_way_name(enum audit_way way);

#endif
