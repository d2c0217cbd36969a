/*
 * Keeps names from coming into being during a run. Private to cli/.
 */
#ifndef SALLYPORT_CLI_RUN_PLACEHOLDERS_H
#define SALLYPORT_CLI_RUN_PLACEHOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum { PLACEHOLDERS_MAX = 64 };

struct placeholder {
	char *path; /* owned */
	int fd;     /* owned; holds the lock */
	bool folder;
};

struct placeholders {
	struct placeholder slots[PLACEHOLDERS_MAX];
	size_t n;
};

/*
 * Puts a folder, or a file that holds `text` (one byte at most), at `path`, where nothing is but
 * perhaps another's. 0; 1 when nobody
 * with our rights could make it (then nothing needs to be kept), or when something is there after
 * all; or an exit status after having complained.
 */
int placeholders_put(struct placeholders *p, const char *path, bool folder, const char *text);
/*
 * Of another run, or left behind. One look is all: by the next the other run may have taken it
 * away.
 */
bool placeholders_is_one(const struct stat *st);
/* Takes away those that nobody else needs. */
void placeholders_finish(struct placeholders *p);

#endif
