/*
 * The folder of stored bodies, one after the other; body.c stores them. Private to audit/.
 */
#ifndef SALLYPORT_AUDIT_BODIES_H
#define SALLYPORT_AUDIT_BODIES_H

#include <sys/stat.h>

struct bodies_one {
	int dir, file; /* borrowed: the folder of bodies, this one, at its begin */
	const char *name;
	struct stat st;
};

typedef void bodies_fn(void *arg, const struct bodies_one *one);

/* `record` is the record folder, which may have none. AUDIT_EIO: it cannot be read. */
int bodies_each(int record, bodies_fn *fn, void *arg);

#endif
