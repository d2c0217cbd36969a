/*
 * What this library needs of the operating system: random bytes, private files, where roots lie,
 * memory for mbedTLS. system_posix.c or system_windows.c fulfils it, and one of memory_*.c.
 */
#ifndef SALLYPORT_CERTS_SYSTEM_H
#define SALLYPORT_CERTS_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

#include "certs/certs.h"

/* Fills `out` from the kernel's generator. 0, or -1 when it cannot. */
int certs_system_random(unsigned char *out, size_t len) __attribute__((warn_unused_result));
/* Where mbedTLS's memory comes from, before it asks for any. More than once is once. */
void certs_system_memory(void);
/* Differs in a forked child, so that a copied generator is seen to be a copy. */
long certs_system_process(void);

/*
 * A new file that appears under its name only when it is complete and on disk; one that is already
 * there is never touched (CERTS_EFILE).
 */
int certs_system_write_new(const char *path, const char *data, size_t len, bool is_private,
	struct certs_diag *diag) __attribute__((warn_unused_result));
/*
 * Reads a regular file of at most `max` octets into heap memory with a NUL behind it; the caller
 * wipes and frees it. With `is_private`, one that others than its owner can read is refused.
 */
int certs_system_read(const char *path, size_t max, bool is_private, unsigned char **ret_data,
	size_t *ret_len, struct certs_diag *diag) __attribute__((warn_unused_result));
/*
 * The same in two steps. Opens and judges the file, and reads its first octets with a NUL behind
 * them, `size` in all; later everything, from the beginning.
 */
int certs_system_open(const char *path, size_t max, char *ret_head, size_t size, int *ret_fd,
	struct certs_diag *diag) __attribute__((warn_unused_result));
int certs_system_read_opened(int fd, const char *path, size_t max, unsigned char **ret_data,
	size_t *ret_len, struct certs_diag *diag) __attribute__((warn_unused_result));
void certs_system_close(int fd);
void certs_system_remove(const char *path);

/* Takes one certificate's DER; anything but CERTS_OK ends the round. */
typedef int (*certs_system_take)(void *context, const unsigned char *der, size_t n);
/* The system's roots where they are not in a bundle (certs_system_bundle is NULL then). */
int certs_system_each_root(certs_system_take take, void *context, struct certs_diag *diag)
	__attribute__((warn_unused_result));

#endif
