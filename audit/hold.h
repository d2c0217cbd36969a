/*
 * One writer a folder: it holds the folder's own lock (flock(2)), or, on a system or a file system
 * where folders have none, that of the file `lock` in it. For writers, and for who takes something
 * away where there are none.
 */
#ifndef SALLYPORT_AUDIT_HOLD_H
#define SALLYPORT_AUDIT_HOLD_H

#include <stdbool.h>

enum hold { HOLD_OURS, HOLD_BUSY, HOLD_FAILED };

/*
 * Held until `dir` and *ret_lock (-1: there is none) are closed. HOLD_FAILED: errno says why the
 * file cannot be made or locked.
 */
enum hold hold_folder(int dir, int *ret_lock);
/* The same; one that is held is waited for, a second at most: see hold.c. */
enum hold hold_folder_soon(int dir, int *ret_lock);
/* Whether somebody else does. */
bool hold_is_taken(int dir);

#endif
