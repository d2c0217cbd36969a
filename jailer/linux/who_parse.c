/*
 * What /proc says of a process. Names and command lines are the process's own choice: any bytes.
 * Source: proc(5).
 */
#include "jailer/linux/who.h"

#include <string.h>

enum { PF_EXITING = 0x4 }; /* linux/sched.h; proc(5) says that flags are of that file */

static const char *skip_fields(const char *at, const char *end, unsigned n)
{
	while (n > 0 && at < end) {
		n -= *at++ == ' ';
	}
	return at;
}

static bool read_number(const char *at, const char *end, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *begin = at;

	for (; at < end && *at >= '0' && *at <= '9'; at++) {
		if (value > UINT64_MAX / 10 - 9) {
			return false;
		}
		value = value * 10 + (uint64_t)(*at - '0');
	}
	*ret_value = value;
	return at > begin;
}

bool who_read_stat(const char *text, size_t len, struct who_stat *ret_stat)
{
	/* "PID (NAME) STATE PPID ...": the name may hold anything, so it ends at the last ')'. */
	const char *end = text + len, *at = end;
	struct who_stat stat = {0};
	uint64_t parent, flags;

	while (at > text && at[-1] != ')') {
		at--;
	}
	if (at == text || end - at < 3 || at[0] != ' ') {
		return false;
	}
	stat.exits = at[1] == 'Z' || at[1] == 'X';
	/* Behind the name: state is field 3, the parent 4, the kernel's flags 9, the start 22. */
	at = skip_fields(at + 1, end, 1);
	if (!read_number(at, end, &parent) || parent > INT32_MAX) {
		return false;
	}
	stat.parent = (int64_t)parent;
	at = skip_fields(at, end, 9 - 4);
	if (!read_number(at, end, &flags)) {
		return false;
	}
	stat.exits |= (flags & PF_EXITING) != 0;
	at = skip_fields(at, end, 22 - 9);
	if (!read_number(at, end, &stat.began)) {
		return false;
	}
	*ret_stat = stat;
	return true;
}

uint32_t who_read_socket(const char *link, size_t len)
{
	static const char prefix[] = "socket:[";
	const size_t n = sizeof(prefix) - 1;
	uint64_t number = 0;

	if (len < n + 2 || memcmp(link, prefix, n) != 0 || link[len - 1] != ']') {
		return 0;
	}
	for (size_t i = n; i < len - 1; i++) {
		if (link[i] < '0' || link[i] > '9' || number > UINT32_MAX) {
			return 0;
		}
		number = number * 10 + (uint64_t)(link[i] - '0');
	}
	return number <= UINT32_MAX ? (uint32_t)number : 0;
}

int64_t who_read_pid(const char *name)
{
	uint64_t pid;
	size_t len = strlen(name);

	if (strspn(name, "0123456789") != len || !read_number(name, name + len, &pid)) {
		return 0;
	}
	return pid <= INT32_MAX ? (int64_t)pid : 0;
}

/*
 * The name of a program, a subcommand or a file: letters, digits and what joins them, not longer
 * than such names are. Options, URLs, NAME=VALUE, headers and tokens are none; only a path may be
 * long, for what is encoded seldom begins like one.
 */
static bool is_name(const char *word, size_t len)
{
	enum { NAME_BYTES = 16 };
	static const char first[] = "/._ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
			  other[] = "0123456789+-@";

	if (len == 0 || memchr(first, word[0], sizeof(first) - 1) == NULL) {
		return false;
	}
	for (size_t i = 1; i < len; i++) {
		if (memchr(first, word[i], sizeof(first) - 1) == NULL &&
			memchr(other, word[i], sizeof(other) - 1) == NULL) {
			return false;
		}
	}
	return len <= NAME_BYTES || word[0] == '/' || (word[0] == '.' && word[1] == '/');
}

size_t who_read_words(const char *text, size_t len, char *words, size_t size)
{
	/* What stands further on is data rather than what is done, and often secret. */
	enum { WORDS = 4, WORD_BYTES = 64 };
	size_t used = 0, at = 0;

	for (unsigned n = 0; n < WORDS && at < len; n++) {
		size_t word = 0, kept;

		/* By spaces too: some write their whole command line as one title. */
		while (at + word < len && text[at + word] != '\0' && text[at + word] != ' ') {
			word++;
		}
		kept = word < WORD_BYTES ? word : WORD_BYTES;
		if (!is_name(text + at, word) || used + kept + 1 > size) {
			break;
		}
		memcpy(words + used, text + at, kept);
		words[used + kept] = '\0';
		used += kept + 1;
		at += word + 1;
	}
	return used;
}
