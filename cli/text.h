/*
 * A text that grows. Memory that is out ends the program: at this level there is nothing else to
 * do.
 */
#ifndef SALLYPORT_CLI_TEXT_H
#define SALLYPORT_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
	char *data; /* owned; always NUL-terminated once something was added */
	size_t len, size;
};

/* Room for that many bytes more, so that adding them copies nothing. */
void text_reserve(struct text *t, size_t more);
void text_add(struct text *t, const void *data, size_t len);
void text_put(struct text *t, const char *string);
/* Digits, with spaces before them up to that width. */
void text_number(struct text *t, uint64_t number, unsigned width);
void text_print(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes. */
void text_json(struct text *t, const char *string);
/* 0, or -1 with errno set; EFBIG from 256 MiB on, so that what never ends has an end. */
int text_read_file(struct text *t, const char *path);
void text_finish(struct text *t);

/* A list of owned strings, NULL-terminated. */
struct list {
	char **items; /* owned; never NULL once list_add was called */
	size_t n;
};
void list_add(struct list *l, const char *item);
/* "NAME=value" in place of any other value of NAME. */
void list_set(struct list *l, const char *name, const char *value);
void list_remove(struct list *l, const char *name);
const char *list_get(const struct list *l, const char *name); /* an environment value, or NULL */
void list_finish(struct list *l);

#endif
