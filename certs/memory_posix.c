/*
 * Memory for mbedTLS. A TLS connection holds two record buffers of the largest record's length,
 * and one that is idle between small messages has written to the first page or two of them. malloc
 * hands out memory that was used before, which calloc then fills with zeroes: every page is there.
 * Here such a buffer is pages that the kernel gives when they are written to, zeroes by themselves,
 * and that it gets back when the buffer is freed: unless buffers are few, when coming and going
 * quickly matters more. Everything else goes to malloc.
 */
#include "certs/system.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <sys/mman.h>

#include <mbedtls/platform.h>

enum {
	BLOCK = 20 * 1024, /* whole pages; the largest record and what goes before and after it */
	BLOCK_MIN = 12 * 1024, /* less is malloc's */
	BLOCKS = 32 * 1024,    /* then malloc serves */
	FEW = 256,             /* of 64 connections with their origins: 5 MiB */
};

/* Addresses alone until they are written to. */
static unsigned char *blocks; /* BLOCKS of them; NULL: none */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Stacks of those that came back: without their pages, and with them, as they were left. */
static uint16_t freed[BLOCKS], warm[FEW];
static size_t n_freed, n_warm, n_touched; /* n_touched: ever given */

static void *take_block(size_t len)
{
	bool is_warm = false;
	size_t i = BLOCKS;

	pthread_mutex_lock(&lock);
	if (n_warm > 0) {
		i = warm[--n_warm];
		is_warm = true;
	} else if (n_freed > 0) {
		i = freed[--n_freed];
	} else if (n_touched < BLOCKS) {
		i = n_touched++;
	}
	pthread_mutex_unlock(&lock);
	if (is_warm) {
		memset(blocks + i * BLOCK, 0, len);
	}
	return i < BLOCKS ? blocks + i * BLOCK : NULL;
}

static bool keep_warm(size_t i)
{
	bool keep;

	pthread_mutex_lock(&lock);
	keep = n_touched - n_freed <= FEW && n_warm < FEW;
	if (keep) {
		warm[n_warm++] = (uint16_t)i;
	}
	pthread_mutex_unlock(&lock);
	return keep;
}

static void give_block_back(size_t i)
{
	if (keep_warm(i)) {
		return;
	}
	if (madvise(blocks + i * BLOCK, BLOCK, MADV_DONTNEED) != 0) {
		memset(blocks + i * BLOCK, 0, BLOCK);
	}
	pthread_mutex_lock(&lock);
	freed[n_freed++] = (uint16_t)i;
	pthread_mutex_unlock(&lock);
}

static void *allocate(size_t n, size_t size)
{
	size_t len;
	void *block = NULL;

	if (!__builtin_mul_overflow(n, size, &len) && len >= BLOCK_MIN && len <= BLOCK) {
		block = take_block(len);
	}
	return block != NULL ? block : calloc(n, size);
}

static void release(void *memory)
{
	uintptr_t offset = (uintptr_t)memory - (uintptr_t)blocks;

	if (offset < (uintptr_t)BLOCKS * BLOCK) {
		give_block_back(offset / BLOCK);
	} else {
		free(memory);
	}
}

void certs_system_memory(void)
{
	const size_t len = (size_t)BLOCKS * BLOCK;
	void *at;

	if (blocks != NULL) {
		return;
	}
	at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);
	if (at == MAP_FAILED) {
		return;
	}
	/* A huge page would be there whole at the first byte. */
	(void)madvise(at, len, MADV_NOHUGEPAGE);
	if (mbedtls_platform_set_calloc_free(allocate, release) == 0) {
		blocks = at;
	} else {
		(void)munmap(at, len);
	}
}
