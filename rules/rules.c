/*
 * The rules object: its memory, its life, and the words of its answers.
 */
#include "rules/rules_private.h"

#include <assert.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16 * 1024 };

struct memory_block {
	struct memory_block *next; /* owned */
	size_t size;
	max_align_t data[];
};

void *memory_alloc(struct rules *r, size_t size)
{
	struct memory_block *block = r->memory;
	void *where;

	size = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
	if (block == NULL || block->size - r->memory_used < size) {
		size_t room = size > BLOCK ? size : BLOCK;

		block = malloc(sizeof(*block) + room);
		if (block == NULL) {
			return NULL;
		}
		block->next = r->memory;
		block->size = room;
		r->memory = block;
		r->memory_used = 0;
	}
	where = (char *)block->data + r->memory_used;
	r->memory_used += size;
	return where;
}

char *memory_copy(struct rules *r, const char *text, size_t len)
{
	char *copy = memory_alloc(r, len + 1);

	if (copy != NULL) {
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return copy;
}

void *array_push(void **array, size_t *n, size_t *size, size_t element)
{
	void *where;

	if (*n == *size) {
		size_t larger = *size ? *size * 2 : 16;
		void *grown = realloc(*array, larger * element);

		if (grown == NULL) {
			return NULL;
		}
		*array = grown;
		*size = larger;
	}
	where = (char *)*array + *n * element;
	memset(where, 0, element);
	++*n;
	return where;
}

struct rules *rules_create(void)
{
	return calloc(1, sizeof(struct rules));
}

void rules_destroy(struct rules *r)
{
	if (r == NULL) {
		return;
	}
	while (r->memory != NULL) {
		struct memory_block *next = r->memory->next;

		free(r->memory);
		r->memory = next;
	}
	free(r->rules);
	free(r->uses);
	free(r->files);
	free(r->injects);
	free(r->upstreams);
	free(r->buckets);
	free(r);
}

int rules_compile(struct rules *r, struct rules_diag *diag)
{
	int error = upstream_build(r, diag);

	error = error == RULES_OK ? inject_check(r, diag) : error;
	if (error == RULES_OK && index_build(r) != 0) {
		error = RULES_EMEMORY;
	}
	if (error == RULES_EMEMORY) {
		memset(diag, 0, sizeof(*diag));
		snprintf(diag->message, sizeof(diag->message), "memory is out");
	}
	r->compiled = error == RULES_OK;
	return error;
}

bool rules_receive_only(const struct rules *r)
{
	return r->receive_only;
}

unsigned rules_needs(const struct rules *r)
{
	return r->by ? RULES_NEED_PROGRAM : 0;
}

void rules_each_program(const struct rules *r,
	void (*fn)(void *arg, const char *origin, unsigned line, const char *program), void *arg)
{
	for (size_t i = 0; i < r->n_rules; i++) {
		if (r->rules[i].program != NULL) {
			fn(arg, r->rules[i].origin, r->rules[i].line, r->rules[i].program);
		}
	}
}

const struct rules_use *rules_uses(const struct rules *r, size_t *ret_n)
{
	*ret_n = r->n_uses;
	return r->uses;
}

const struct rules_file *rules_files(const struct rules *r, size_t *ret_n)
{
	*ret_n = r->n_files;
	return r->files;
}

void rules_limits(const struct rules *r, struct rules_limits *ret_limits)
{
	*ret_limits = r->limits;
}

const struct rules_upstream *rules_upstreams(const struct rules *r, size_t *ret_n)
{
	*ret_n = r->n_upstreams;
	return r->upstreams;
}

void rules_upstream_attach(struct rules *r, size_t i, const void *what)
{
	assert(r->compiled && i < r->n_upstreams);
	r->upstreams[i].attached = what;
}

const struct rules_inject *rules_injects(const struct rules *r, size_t *ret_n)
{
	*ret_n = r->n_injects;
	return r->injects;
}

void rules_each_statement(const struct rules *r,
	void (*fn)(void *arg, const char *origin, unsigned line, const char *statement), void *arg)
{
	for (size_t i = 0; i < r->n_rules; i++) {
		fn(arg, r->rules[i].origin, r->rules[i].line, r->rules[i].text);
	}
}

/* ---- words ---- */

static const struct {
	const char *word, *sentence;
} reasons[] = {
	[RULES_NO_RULE] = {"no-rule", "no statement allows it"},
	[RULES_DENIED] = {"denied", "a deny statement forbids it"},
	[RULES_RECEIVE_ONLY] = {"receive-only",
		"the rules are in mode receive-only: GET, HEAD and OPTIONS without a body"},
	[RULES_BODY_TOO_LARGE] = {"body-too-large", "the body is larger than the rule allows"},
	[RULES_ENCODED_SLASH] = {"encoded-slash",
		"the path holds %2F: both readings must be allowed, with the word `encoded-slash`"},
	[RULES_CONDITION] = {"condition",
		"a statement names it, but one of its conditions does not hold"},
	[RULES_ALLOWED] = {"allowed", "a statement allows it"},
};

const char *rules_reason_word(enum rules_reason reason)
{
	return reasons[reason].word;
}

const char *rules_reason_sentence(enum rules_reason reason)
{
	return reasons[reason].sentence;
}

const char *rules_strerror(int error)
{
	switch (error) {
	case RULES_OK: return "no error";
	case RULES_ESYNTAX: return "the rules are not well-formed";
	case RULES_EMEMORY: return "memory is out";
	case RULES_ECONFLICT: return "two statements contradict each other";
	default: return "unknown error";
	}
}
