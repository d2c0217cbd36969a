/*
 * See characters.h.
 */
#include "cli/characters.h"

#include <string.h>

size_t read_character(const unsigned char *s, unsigned *ret_code)
{
	static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	unsigned code = len == 1 ? s[0] : s[0] & (0x7f >> len);

	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			return 0;
		}
		code = code << 6 | (s[i] & 0x3f);
	}
	*ret_code = code;
	return s[0] > 0xf4 || (len > 1 && code < least[len]) ? 0 : len;
}

bool steers(unsigned code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c ||
	       (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
	       (code >= 0xfff9 && code <= 0xfffb) || (code >= 0xe0000 && code <= 0xe0fff);
}

void print_visible(FILE *to, const char *text, const char *but)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s != '\0') {
		unsigned code = 0;
		size_t len = read_character(s, &code);
		bool shown = len > 0 && (!steers(code) || (len == 1 && strchr(but, *s) != NULL));

		for (len += len == 0; len > 0; len--, s++) {
			fprintf(to, shown ? "%c" : "\\x%02x", *s);
		}
	}
}
