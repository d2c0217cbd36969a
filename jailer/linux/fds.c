/*
 * Descriptors: what is not meant for the command is not there when it starts.
 */
#include "jailer/linux/jail_linux.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int fds_close_all_but(const int *keep, size_t n, struct jail_diag *diag)
{
	int sorted[16], first = 3;

	if (n > 16) {
		return jail_fail(diag, JAIL_ESYSTEM, "", "", "too many descriptors to keep");
	}
	for (size_t i = 0; i < n; i++) {
		sorted[i] = keep[i];
	}
	if (n > 1) {
		qsort(sorted, n, sizeof(int), by_number);
	}
	for (size_t i = 0; i <= n; i++) {
		unsigned last = i < n ? (unsigned)sorted[i] - 1 : ~0U;

		if ((unsigned)first <= last && (i == n || sorted[i] > first) &&
			syscall(SYS_close_range, first, last, 0) != 0) {
			return jail_fail_errno(diag, JAIL_EPROTECTION, "descriptors",
				"Linux 5.9 or later (close_range)", "close_range");
		}
		if (i < n && sorted[i] >= first) {
			first = sorted[i] + 1;
		}
	}
	return 0;
}
