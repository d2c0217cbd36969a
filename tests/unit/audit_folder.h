/*
 * A temporary record folder for tests of the record: writing it, holding copies of it, and a disk
 * that fails when told to.
 */
#ifndef SALLYPORT_TESTS_AUDIT_FOLDER_H
#define SALLYPORT_TESTS_AUDIT_FOLDER_H

#include "audit/audit.h"
#include "audit/verify.h"

extern char folder[64];
extern struct audit_key folder_key;

int folder_setup(void **state);
int folder_teardown(void **state);

struct audit_log *folder_log(enum audit_durability durability, uint64_t segment_bytes);
int folder_append(struct audit_log *log, const char *path, uint64_t *ret_seq);
void folder_wait(struct audit_log *log, uint64_t seq);
struct audit_verdict folder_verdict(const char *since);

/* Files whole, in memory. */
struct bytes {
	char *at;
	size_t len;
};
struct bytes folder_load(const char *name);
void folder_store(const char *name, const char *data, size_t len);
void folder_remove(const char *name);
bool folder_has(const char *name);

/* ---- a disk that fails ---- */
enum disk_mode {
	DISK_WORKS = 0,
	DISK_ONCE,  /* this one call fails */
	DISK_SHORT, /* this write does half and then fails; another call fails */
	DISK_LOSES, /* this sync fails, and what was written since the last one is zeros then */
	DISK_DEAD,  /* this write does half, and nothing works from then on */
};
/* Counts calls from 0; the one numbered `at` is hit. */
void disk_set(enum disk_mode mode, unsigned at, int error);
unsigned disk_calls(void);
/* No sync comes back between the two. */
void disk_hold(void);
void disk_release(void);
/*
 * The machine stopped: each file is as it was when it was last synced. With a bit of `chance` set
 * the segments have, of what was written since, one part in eight too, which parts its bits say.
 */
void disk_power_lost(unsigned chance);

#endif
