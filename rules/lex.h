/*
 * One line of a rules file as words. Private to rules/.
 */
#ifndef SALLYPORT_RULES_LEX_H
#define SALLYPORT_RULES_LEX_H

#include <stdbool.h>
#include <stddef.h>

enum { LEX_WORDS = 128, LEX_LINE = 4096 };

struct word {
	const char *text; /* NUL-terminated, quotes removed */
	unsigned column;  /* from 1 */
	bool quoted;
};

struct line {
	struct word words[LEX_WORDS];
	size_t n;
	unsigned end_column; /* where another word was expected */
	char text[LEX_LINE];
	char raw[LEX_LINE]; /* the statement as written, without comment and margins */
};

/*
 * Cuts one line (without its end) into words at blanks; `#` at a word's beginning starts a comment,
 * "..." holds blanks. Returns NULL, or what is wrong, with *ret_column.
 */
const char *lex_line(const char *text, size_t len, struct line *ret_line, unsigned *ret_column);

#endif
