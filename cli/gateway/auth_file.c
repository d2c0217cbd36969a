/*
 * Whom a gateway serves. Passwords are kept as digests of what a client sends for them (RFC 7617),
 * and compared without telling by time how much of one was right.
 */
#include "cli/gateway/auth_file.h"
#include "certs/certs.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void base64(const char *data, size_t len, struct text *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t three = (uint32_t)(unsigned char)data[i] << 16;
		size_t have = len - i < 3 ? len - i : 3;

		three |= have > 1 ? (uint32_t)(unsigned char)data[i + 1] << 8 : 0;
		three |= have > 2 ? (uint32_t)(unsigned char)data[i + 2] : 0;
		for (size_t k = 0; k < 4; k++) {
			text_add(out, k <= have ? &digits[three >> (18 - 6 * k) & 63] : "=", 1);
		}
	}
}

static int add_line(struct auth_file *file, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	struct text sent = {0};
	struct auth_entry *entries;
	size_t name = colon != NULL ? (size_t)(colon - line) : 0;

	if (name == 0 || name >= AUTH_NAME || name + 1 == len) {
		return -1;
	}
	for (size_t i = 0; i < name; i++) {
		if (line[i] <= ' ' || line[i] > '~' || line[i] == '@') {
			return -1;
		}
	}
	entries = realloc(file->entries, (file->n + 1) * sizeof(*entries));
	if (entries == NULL) {
		return -1;
	}
	file->entries = entries;
	memset(&entries[file->n], 0, sizeof(*entries));
	memcpy(entries[file->n].name, line, name);
	base64(line, len, &sent);
	certs_sha256(sent.data, sent.len, entries[file->n].digest);
	file->n++;
	text_finish(&sent);
	return 0;
}

int auth_file_parse(const char *text, const char *origin, struct auth_file *ret_file)
{
	struct auth_file file = {0};
	unsigned line = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, "\n"), end = len;

		line++;
		if (end > 0 && text[end - 1] == '\r') {
			end--;
		}
		if (end > 0 && text[0] != '#' && add_line(&file, text, end) != 0) {
			auth_file_finish(&file);
			return complain("%s:%u: a line is NAME:PASSWORD, the name of printable "
					"ASCII without `@`",
				origin, line);
		}
		text += len + (text[len] == '\n');
	}
	if (file.n == 0) {
		return complain("%s names nobody, so nobody could be served", origin);
	}
	*ret_file = file;
	return 0;
}

void auth_file_finish(struct auth_file *file)
{
	free(file->entries);
	memset(file, 0, sizeof(*file));
}

const char *auth_file_name(void *arg, const char *credentials)
{
	const struct auth_file *file = arg;
	const char *name = NULL;
	char digest[65];

	certs_sha256(credentials, strlen(credentials), digest);
	for (size_t i = 0; i < file->n; i++) {
		unsigned differ = 0;

		for (size_t k = 0; k < 64; k++) {
			differ |= (unsigned)(digest[k] ^ file->entries[i].digest[k]);
		}
		if (differ == 0) {
			name = file->entries[i].name;
		}
	}
	return name;
}
