/*
 * Text that others wrote, on its way to a terminal.
 */
#ifndef SALLYPORT_CLI_CHARACTERS_H
#define SALLYPORT_CLI_CHARACTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* One character of UTF-8 (RFC 3629) of a text that ends with NUL: its length; 0: it is none. */
size_t read_character(const unsigned char *s, unsigned *ret_code);
/*
 * Control characters, what turns the direction of a line (UAX #9), line and paragraph separators,
 * and what nobody sees.
 */
bool steers(unsigned code);
/* What can be seen, where it stands; the bytes of all else as \x1b. `but`: they stay as they are.
 */
void print_visible(FILE *to, const char *text, const char *but);

#endif
