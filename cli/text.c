/*
 * Growing texts and lists.
 */
#include "cli/text.h"
#include "cli/cures.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void *or_die(void *memory)
{
	if (memory == NULL) {
		fputs("sallyport: memory is out: " CURE_MEMORY "\n", stderr);
		exit(125);
	}
	return memory;
}

void text_reserve(struct text *t, size_t more)
{
	if (t->len + more + 1 > t->size) {
		size_t size = t->size ? t->size : 256;

		while (size < t->len + more + 1) {
			size *= 2;
		}
		t->data = or_die(realloc(t->data, size));
		t->size = size;
	}
}

void text_add(struct text *t, const void *data, size_t len)
{
	text_reserve(t, len);
	memcpy(t->data + t->len, data, len);
	t->len += len;
	t->data[t->len] = '\0';
}

void text_put(struct text *t, const char *string)
{
	text_add(t, string, strlen(string));
}

void text_number(struct text *t, uint64_t number, unsigned width)
{
	char digits[24];
	unsigned at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (sizeof(digits) - at < width && at > 0) {
		digits[--at] = ' ';
	}
	text_add(t, digits + at, sizeof(digits) - at);
}

void text_print(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text_reserve(t, (size_t)n);
	va_start(args, format);
	vsnprintf(t->data + t->len, (size_t)n + 1, format, args);
	va_end(args);
	t->len += (size_t)n;
}

void text_json(struct text *t, const char *string)
{
	text_add(t, "\"", 1);
	for (const unsigned char *c = (const unsigned char *)string; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\') {
			text_print(t, "\\%c", *c);
		} else if (*c < 0x20 || *c >= 0x7f) {
			text_print(t, "\\u%04x", *c >= 0x80 ? 0xdc00 + *c : *c);
		} else {
			text_add(t, c, 1);
		}
	}
	text_add(t, "\"", 1);
}

int text_read_file(struct text *t, const char *path)
{
	enum { MORE = 16384, MOST = 256 * 1024 * 1024 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t got;

	if (fd < 0) {
		return -1;
	}
	text_add(t, "", 0);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < PTRDIFF_MAX / 2) {
		text_reserve(
			t, (size_t)st.st_size + 1); /* as large as the file says, and its end */
	}
	do {
		if (t->size - t->len < 2) {
			text_reserve(t, MORE);
		}
		got = read(fd, t->data + t->len, t->size - t->len - 1);
		t->len += got > 0 ? (size_t)got : 0;
		t->data[t->len] = '\0';
	} while (got > 0 && t->len <= MOST);
	if (got != 0) {
		int error = got > 0 ? EFBIG : errno;

		close(fd);
		errno = error;
		return -1;
	}
	close(fd);
	return 0;
}

void text_finish(struct text *t)
{
	free(t->data);
	memset(t, 0, sizeof(*t));
}

void list_add(struct list *l, const char *item)
{
	l->items = or_die(realloc(l->items, (l->n + 2) * sizeof(*l->items)));
	l->items[l->n++] = or_die(strdup(item));
	l->items[l->n] = NULL;
}

static size_t find(const struct list *l, const char *name)
{
	size_t len = strlen(name), i;

	for (i = 0; i < l->n; i++) {
		if (strncmp(l->items[i], name, len) == 0 && l->items[i][len] == '=') {
			break;
		}
	}
	return i;
}

void list_remove(struct list *l, const char *name)
{
	size_t i;

	while ((i = find(l, name)) < l->n) {
		free(l->items[i]);
		memmove(&l->items[i], &l->items[i + 1], (l->n - i) * sizeof(*l->items));
		l->n--;
	}
}

void list_set(struct list *l, const char *name, const char *value)
{
	struct text t = {0};

	list_remove(l, name);
	text_print(&t, "%s=%s", name, value);
	list_add(l, t.data);
	text_finish(&t);
}

const char *list_get(const struct list *l, const char *name)
{
	size_t i = find(l, name);

	return i < l->n ? l->items[i] + strlen(name) + 1 : NULL;
}

void list_finish(struct list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->items[i]);
	}
	free(l->items);
	memset(l, 0, sizeof(*l));
}
