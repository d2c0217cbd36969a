/*
 * Characters, without a locale. Private to rules/.
 */
#ifndef SALLYPORT_RULES_TEXT_H
#define SALLYPORT_RULES_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline char text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* 0..15, or -1. */
static inline int text_hex(char c)
{
	if (text_is_digit(c)) {
		return c - '0';
	}
	c = text_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Case-insensitive equality. */
static inline bool text_same(const char *a, const char *b)
{
	while (*a != '\0' && text_lower(*a) == text_lower(*b)) {
		a++;
		b++;
	}
	return text_lower(*a) == text_lower(*b);
}

/* "443" as a port; 0, or RULES_TARGET_EPORT. */
int text_port(const char *text, size_t len, uint16_t *ret_port);

#endif
