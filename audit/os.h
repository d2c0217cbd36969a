/*
 * The calls that bring the record to the disk, as a table: tests put another one there, whose calls
 * fail, fall short or never return. Private to audit/.
 */
#ifndef SALLYPORT_AUDIT_OS_H
#define SALLYPORT_AUDIT_OS_H

#include "audit/audit.h"

#include <sys/types.h>

struct audit_os {
	int (*create)(int dir, const char *name, int flags); /* openat, for the owner alone */
	ssize_t (*put_at)(int fd, const void *data, size_t len, off_t offset);
	int (*sync_data)(int fd);
	int (*sync)(int fd);
	int (*truncate_to)(int fd, off_t size);
};

extern const struct audit_os audit_os_real;
extern const struct audit_os *audit_os; /* set before a writer is opened, or never */

/*
 * A file of the record to be read: no link is followed, and what is a pipe instead is not waited
 * for. As openat(2) answers.
 */
int open_to_read(int dir, const char *name) __attribute__((warn_unused_result));

/*
 * A file that only grows, of which `size` bytes are whole. To sync a file that grew costs the disk
 * twice what it costs where blocks that are there were overwritten: there may be room, zeros,
 * behind what is whole.
 */
struct grown {
	int fd; /* owned; not O_APPEND */
	uint64_t size;
	uint64_t room; /* the file's end, when it is beyond `size` */
	bool torn;     /* more may be there, not zeros: cut before anything is written */
};

/* All or nothing: 0, or AUDIT_EIO with errno and nothing but a torn end that the next call cuts. */
int grown_append(struct grown *f, const void *data, size_t len) __attribute__((warn_unused_result));
/* Room for the next so many bytes at least, if that can be had; no room is no failure. */
void grown_make_room(struct grown *f, size_t len);
/* The file ends behind what is whole. 0, or AUDIT_EIO with errno. */
int grown_trim(struct grown *f) __attribute__((warn_unused_result));
/* Back to a former size: what was not synced may be anything. */
void grown_forget(struct grown *f, uint64_t size);
/* Bytes of a file at their place, all of them: 0, or AUDIT_EIO with errno. */
int put_all(int fd, const void *data, size_t len, uint64_t offset)
	__attribute__((warn_unused_result));

#endif
