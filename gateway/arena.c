/*
 * Memory of one request: blocks in a chain, the first one kept.
 */
#include "gateway/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096 - 64 };

struct arena_block {
	struct arena_block *next; /* owned */
	size_t size;
	max_align_t data[];
};

void arena_init(struct arena *a)
{
	memset(a, 0, sizeof(*a));
}

static void free_chain(struct arena_block *block)
{
	while (block != NULL) {
		struct arena_block *next = block->next;

		free(block);
		block = next;
	}
}

void arena_reset(struct arena *a)
{
	if (a->first != NULL) {
		free_chain(a->first->next);
		a->first->next = NULL;
		/* One large request must not fatten a connection that then idles. */
		if (a->first->size > BLOCK) {
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
		size_t room = size > BLOCK ? size : BLOCK;
		struct arena_block *block = malloc(sizeof(*block) + room);

		if (block == NULL) {
			return NULL;
		}
		block->next = NULL;
		block->size = room;
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
