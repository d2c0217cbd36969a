/*
 * Reads and writes sha256sum's lists: "HEX  NAME" or "HEX *NAME", and "\HEX  NAME" where the name
 * has "\n", "\r" or "\\" written as such. Text in, list out: it opens no file.
 *
 * Source: GNU coreutils manual, "cksum output modes", "sha2 utilities".
 */
#include "cli/files/manifest.h"
#include "cli/cures.h"

#include <stdlib.h>
#include <string.h>

enum { HEX = 64 };

static bool is_hex(const char *text)
{
	for (int i = 0; i < HEX; i++) {
		if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f'))) {
			return false;
		}
	}
	return true;
}

/* In place; false for a backslash that stands for nothing. */
static bool unescape(char *name)
{
	char *out = name;

	for (; *name != '\0'; name++) {
		if (*name != '\\') {
			*out++ = *name;
			continue;
		}
		name++;
		if (*name != 'n' && *name != 'r' && *name != '\\') {
			return false;
		}
		*out++ = *name == 'n' ? '\n' : *name == 'r' ? '\r' : '\\';
	}
	*out = '\0';
	return true;
}

/* "./a//b" to "a/b", in place; false when it leads elsewhere. */
static bool tidy(char *name)
{
	char *out = name, *at = name;

	if (*at == '/') {
		return false;
	}
	while (*at != '\0') {
		size_t len = strcspn(at, "/");

		if (len == 2 && at[0] == '.' && at[1] == '.') {
			return false;
		}
		if (len > 0 && !(len == 1 && at[0] == '.')) {
			if (out != name) {
				*out++ = '/';
			}
			memmove(out, at, len);
			out += len;
		}
		at += len;
		at += *at == '/';
	}
	*out = '\0';
	return out != name;
}

static const char *read_line(struct manifest *m, const char *text, size_t len)
{
	struct manifest_line *line;
	bool escaped = len > 0 && text[0] == '\\';

	text += escaped;
	len -= escaped;
	if (len < HEX + 3 || !is_hex(text) || text[HEX] != ' ' ||
		(text[HEX + 1] != ' ' && text[HEX + 1] != '*')) {
		return "expected a SHA-256 in lower case, two spaces and a name";
	}
	if (memchr(text, '\0', len) != NULL) {
		return "a zero byte";
	}
	if (m->n == m->size) {
		size_t size = m->size ? m->size * 2 : 256;
		void *lines = realloc(m->lines, size * sizeof(*m->lines));

		if (lines == NULL) {
			return "memory is out: " CURE_MEMORY;
		}
		m->lines = lines;
		m->size = size;
	}
	line = &m->lines[m->n];
	memset(line, 0, sizeof(*line));
	memcpy(line->sha256, text, HEX);
	line->name = strndup(text + HEX + 2, len - HEX - 2);
	if (line->name == NULL) {
		return "memory is out: " CURE_MEMORY;
	}
	m->n++;
	if (escaped && !unescape(line->name)) {
		return "a backslash that stands for nothing";
	}
	return tidy(line->name) ? NULL : "a name that leads out of the folder";
}

static int compare(const void *a, const void *b)
{
	const struct manifest_line *x = a, *y = b;

	return strcmp(x->name, y->name);
}

size_t manifest_read(struct manifest *m, const char *text, size_t len, const char **ret_why)
{
	size_t number = 0;

	memset(m, 0, sizeof(*m));
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t n = end != NULL ? (size_t)(end - text) : len, skip = n + (end != NULL);

		number++;
		*ret_why = read_line(m, text, n > 0 && text[n - 1] == '\r' ? n - 1 : n);
		if (*ret_why != NULL) {
			manifest_finish(m);
			return number;
		}
		text += skip;
		len -= skip;
	}
	if (m->n > 0) {
		qsort(m->lines, m->n, sizeof(m->lines[0]), compare);
	}
	for (size_t i = 1; i < m->n; i++) {
		if (strcmp(m->lines[i - 1].name, m->lines[i].name) == 0) {
			manifest_finish(m);
			*ret_why = "two lines of it name the same file";
			return number;
		}
	}
	return 0;
}

bool manifest_strip(struct manifest *m, const char *folder)
{
	size_t len = strlen(folder);

	for (size_t i = 0; i < m->n; i++) {
		if (strncmp(m->lines[i].name, folder, len) != 0 || m->lines[i].name[len] != '/') {
			return false;
		}
	}
	for (size_t i = 0; i < m->n; i++) {
		char *name = m->lines[i].name;

		memmove(name, name + len + 1, strlen(name + len + 1) + 1);
	}
	return m->n > 0;
}

struct manifest_line *manifest_find(struct manifest *m, const char *name)
{
	struct manifest_line key = {.name = (char *)name};

	return m->n > 0 ? bsearch(&key, m->lines, m->n, sizeof(m->lines[0]), compare) : NULL;
}

void manifest_write(struct text *t, const char *name, const char *sha256)
{
	text_print(t, "%s%s  ", strpbrk(name, "\n\r\\") != NULL ? "\\" : "", sha256);
	for (; *name != '\0'; name++) {
		if (*name == '\n' || *name == '\r') {
			text_print(t, "\\%c", *name == '\n' ? 'n' : 'r');
		} else if (*name == '\\') {
			text_add(t, "\\\\", 2);
		} else {
			text_add(t, name, 1);
		}
	}
	text_add(t, "\n", 1);
}

void manifest_finish(struct manifest *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->lines[i].name);
	}
	free(m->lines);
	memset(m, 0, sizeof(*m));
}
