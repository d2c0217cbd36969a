/*
 * Words of a line. No escapes but \" and \\ inside quotes: the language has no use for others.
 */
#include "rules/lex.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static const char *check_bytes(const char *text, size_t len, unsigned *ret_column)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && !is_blank((char)c)) || c == 0x7f) {
			*ret_column = (unsigned)i + 1;
			return "a control character has no place in a rules file";
		}
	}
	*ret_column = LEX_LINE;
	return len >= LEX_LINE ? "the line is longer than 4095 bytes" : NULL;
}

static const char *quoted(const char *text, size_t len, size_t *at, char *out, size_t *n)
{
	for (++*at; *at < len && text[*at] != '"'; ++*at) {
		if (text[*at] == '\\' && *at + 1 < len &&
			(text[*at + 1] == '"' || text[*at + 1] == '\\')) {
			++*at;
		}
		out[(*n)++] = text[*at];
	}
	if (*at == len) {
		return "the quotation has no end: expected \"";
	}
	++*at;
	return NULL;
}

static void keep_raw(const char *text, size_t end, struct line *line)
{
	size_t begin = 0;

	while (begin < end && is_blank(text[begin])) {
		begin++;
	}
	while (end > begin && is_blank(text[end - 1])) {
		end--;
	}
	memcpy(line->raw, text + begin, end - begin);
	line->raw[end - begin] = '\0';
}

const char *lex_line(const char *text, size_t len, struct line *ret_line, unsigned *ret_column)
{
	const char *wrong = check_bytes(text, len, ret_column);
	size_t at = 0, n = 0;

	ret_line->n = 0;
	if (wrong != NULL) {
		return wrong;
	}
	for (;;) {
		struct word *word;

		while (at < len && is_blank(text[at])) {
			at++;
		}
		if (at == len || text[at] == '#') {
			break;
		}
		*ret_column = (unsigned)at + 1;
		if (ret_line->n == LEX_WORDS) {
			return "too many words in one statement";
		}
		word = &ret_line->words[ret_line->n++];
		word->text = ret_line->text + n;
		word->column = (unsigned)at + 1;
		word->quoted = text[at] == '"';
		if (word->quoted) {
			wrong = quoted(text, len, &at, ret_line->text, &n);
			if (wrong != NULL) {
				return wrong;
			}
		} else {
			while (at < len && !is_blank(text[at])) {
				ret_line->text[n++] = text[at++];
			}
		}
		/* A word takes at least the blank behind it, so the copy with its ends always fits.
		 */
		ret_line->text[n++] = '\0';
	}
	keep_raw(text, at, ret_line);
	ret_line->end_column = (unsigned)(strlen(ret_line->raw) + 2);
	return NULL;
}
