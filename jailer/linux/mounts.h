/*
 * Detached mounts: made, restricted, then attached to an opened place. Each returns -1 with errno
 * set.
 */
#ifndef SALLYPORT_JAILER_MOUNTS_H
#define SALLYPORT_JAILER_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

/* openat2(2) in which "/" and ".." end at `root` and symlinks cannot leave it. */
int mounts_open_in(int root, const char *path, int flags);
/* A copy of the mount tree at dir/path, attached nowhere. */
int mounts_clone(int dir, const char *path);
/* The same of a path below `root`, by which no link leads out, or none at all. */
int mounts_clone_in(int root, const char *path, bool links);
/* Sets MOUNT_ATTR_* bits. */
int mounts_restrict(int tree, uint64_t attributes, bool recursive);
int mounts_attach(int tree, int place);
/*
 * An empty tmpfs, attached nowhere. `huge` as tmpfs(5) reads it, where the kernel does, or NULL:
 * "within_size" takes memory for a large file by more than a page at a time (Linux 6.14), which
 * costs a third.
 */
int mounts_tmpfs(const char *mode, const char *huge);
/*
 * One mount at another place with these bits more, both by paths: half the calls, for names of the
 * kernel's and ours, of which none is a link.
 */
int mounts_bind(const char *source, const char *place, uint64_t attributes);
bool mounts_is_folder(int fd);

#endif
