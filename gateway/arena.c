/*
 * Memory of one request: blocks in a chain, the first one kept when it is small. The others go back
 * to the thread, whose next request takes them.
 */
#include "gateway/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST = 512 - 64, /* what a connection says of itself; all that an idle one keeps */
	BLOCK = 4096 - 64,
	SPARE_MAX = 64,
};

struct arena_block {
	struct arena_block *next; /* owned */
	size_t size;
	max_align_t data[];
};

static _Thread_local struct arena_block *spare; /* of BLOCK */
static _Thread_local unsigned n_spare;

static struct arena_block *take_block(size_t size)
{
	struct arena_block *block = spare;

	if (size == BLOCK && block != NULL) {
		spare = block->next;
		n_spare--;
		return block;
	}
	block = malloc(sizeof(*block) + size);
	if (block != NULL) {
		block->size = size;
	}
	return block;
}

void arena_init(struct arena *a)
{
	memset(a, 0, sizeof(*a));
}

static void free_chain(struct arena_block *block)
{
	while (block != NULL) {
		struct arena_block *next = block->next;

		if (block->size == BLOCK && n_spare < SPARE_MAX) {
			block->next = spare;
			spare = block;
			n_spare++;
		} else {
			free(block);
		}
		block = next;
	}
}

void arena_finish_thread(void)
{
	while (spare != NULL) {
		struct arena_block *next = spare->next;

		free(spare);
		spare = next;
	}
	n_spare = 0;
}

void arena_reset(struct arena *a)
{
	if (a->first != NULL) {
		free_chain(a->first->next);
		a->first->next = NULL;
		/* A request must not fatten a connection that then idles. */
		if (a->first->size > FIRST) {
			arena_release(a);
		}
	}
	a->last = a->first;
	a->used = 0;
}

void arena_release(struct arena *a)
{
	free_chain(a->first);
	arena_init(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	void *where;

	if (size > SIZE_MAX / 2) {
		return NULL;
	}
	size = (size + align - 1) / align * align;
	if (a->last == NULL || a->last->size - a->used < size) {
		size_t room = a->last == NULL && size <= FIRST ? FIRST : BLOCK;
		struct arena_block *block = take_block(size > room ? size : room);

		if (block == NULL) {
			return NULL;
		}
		block->next = NULL;
		if (a->last != NULL) {
			a->last->next = block;
		} else {
			a->first = block;
		}
		a->last = block;
		a->used = 0;
	}
	where = (char *)a->last->data + a->used;
	a->used += size;
	return where;
}

char *arena_copy(struct arena *a, const char *text, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	if (copy != NULL) {
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return copy;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list args, again;
	char *text;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (text != NULL) {
		vsnprintf(text, (size_t)n + 1, format, again);
	}
	va_end(again);
	return text;
}
