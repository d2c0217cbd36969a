/*
 * Memory that lives as long as one request and is freed in one stroke (arena_reset). Its blocks go
 * from request to request of a thread, so a kept-alive connection allocates nothing in its usual
 * course, and an idle one holds next to nothing.
 */
#ifndef SALLYPORT_GATEWAY_ARENA_H
#define SALLYPORT_GATEWAY_ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
	struct arena_block *first; /* owned */
	struct arena_block *last;
	size_t used; /* in the last block */
};

void arena_init(struct arena *a);
void arena_reset(struct arena *a);   /* forgets everything, keeps a small first block */
void arena_release(struct arena *a); /* gives every block back; the arena may be used again */

/* Frees what the calling thread keeps for its next request. */
void arena_finish_thread(void);

/* Aligned for any object; NULL when memory is out. */
void *arena_alloc(struct arena *a, size_t size);
/* A NUL-terminated copy. */
char *arena_copy(struct arena *a, const char *text, size_t len);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
