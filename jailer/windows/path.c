/*
 * One canonical form of a local Windows path, and how two of them lie. First on the way of every
 * name that rules or caller give; knows no system call.
 */
#include "jailer/windows/path.h"

#include <stdint.h>
#include <string.h>

enum { UNITS_MAX = 32760, NAME_UNITS_MAX = 255 };

const char *winpath_strerror(int error)
{
	static const char *const words[] = {"no error", "it is empty",
		"it is relative: write it from the drive's letter on",
		"it lies on another machine (UNC): only local drives can be shown",
		"it names a device, not a file", "it names a stream of a file (a colon in a name)",
		"it holds a name that Windows reserves for a device (CON, NUL, COM1, ...)",
		"a name ends in a dot or a space, which Windows drops",
		"it holds a short (8.3) name: write the long one",
		"it holds a character that no file name has", "it is not UTF-8",
		"it leads above the drive's root", "it is too long"};

	return error <= 0 && error >= WINPATH_ETOOLONG ? words[-error] : "unknown error";
}

/* ---- UTF-8 ---- */

/* One code point, or -1. Surrogates and overlong forms are none. */
static int32_t decode(const char **at)
{
	const unsigned char *s = (const unsigned char *)*at;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	int n = s[0] < 0x80                   ? 1
		: s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		: s[0] >= 0xe0 && s[0] < 0xf0 ? 3
		: s[0] >= 0xf0 && s[0] < 0xf5 ? 4
					      : 0;
	uint32_t c;

	if (n == 0) {
		return -1;
	}
	c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (int i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			return -1;
		}
		c = c << 6 | (s[i] & 0x3f);
	}
	if ((n > 1 && c < least[n]) || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff) {
		return -1;
	}
	*at += n;
	return (int32_t)c;
}

static char upper_ascii(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

/* ---- one name ---- */

/* `len` letters of `name` are `word`, case apart. */
static bool is_word(const char *name, size_t len, const char *word)
{
	if (strlen(word) != len) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		if (upper_ascii(name[i]) != word[i]) {
			return false;
		}
	}
	return true;
}

/* COM and LPT with a digit, or with one of the superscripts that Windows takes for digits. */
static bool is_port(const char *name, size_t len)
{
	if (len < 4 || (!is_word(name, 3, "COM") && !is_word(name, 3, "LPT"))) {
		return false;
	}
	if (len == 4) {
		return name[3] >= '0' && name[3] <= '9';
	}
	return len == 5 &&
	       (memcmp(name + 3, "\xc2\xb9", 2) == 0 || memcmp(name + 3, "\xc2\xb2", 2) == 0 ||
		       memcmp(name + 3, "\xc2\xb3", 2) == 0);
}

/* With any ending, and with spaces before it: "NUL", "nul.txt", "NUL .txt" are all the device. */
static bool is_reserved(const char *name, size_t len)
{
	static const char *const words[] = {
		"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"};
	const char *dot = memchr(name, '.', len);
	size_t base = dot != NULL ? (size_t)(dot - name) : len;

	while (base > 0 && name[base - 1] == ' ') {
		base--;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (is_word(name, base, words[i])) {
			return true;
		}
	}
	return is_port(name, base);
}

static size_t count_characters(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		n += (text[i] & 0xc0) != 0x80;
	}
	return n;
}

/* "LONGNA~1.TXT": at most eight before the dot, the last of them "~" and digits, three after it. */
static bool is_short(const char *name, size_t len)
{
	const char *dot = memchr(name, '.', len);
	size_t base = dot != NULL ? (size_t)(dot - name) : len, digits = 0;

	if (count_characters(name, base) > 8 || count_characters(name + base, len - base) > 4) {
		return false;
	}
	while (digits < base && name[base - 1 - digits] >= '0' && name[base - 1 - digits] <= '9') {
		digits++;
	}
	return digits > 0 && digits < base && name[base - 1 - digits] == '~';
}

static int check_characters(const char *name, size_t len)
{
	const char *at = name;
	unsigned units = 0;

	while (at < name + len) {
		int32_t c = decode(&at);

		if (c < 0) {
			return WINPATH_EUTF8;
		}
		if (c == ':') {
			return WINPATH_ESTREAM;
		}
		if (c < 0x20 || c == 0x7f || (c < 0x80 && strchr("<>\"|?*", (int)c) != NULL)) {
			return WINPATH_ECHAR;
		}
		units += c >= 0x10000 ? 2 : 1;
	}
	return units <= NAME_UNITS_MAX ? WINPATH_OK : WINPATH_ETOOLONG;
}

static int check_name(const char *name, size_t len)
{
	int error = check_characters(name, len);

	if (error != WINPATH_OK) {
		return error;
	}
	if (name[len - 1] == '.' || name[len - 1] == ' ') {
		return WINPATH_ETRAILING;
	}
	if (is_reserved(name, len)) {
		return WINPATH_ERESERVED;
	}
	return is_short(name, len) ? WINPATH_ESHORT : WINPATH_OK;
}

/* ---- the path ---- */

static bool is_slash(char c)
{
	return c == '\\' || c == '/';
}

/* What stands before the drive's letter. Sets *ret_literal for \\?\, behind which Windows resolves
 * nothing. */
static int take_prefix(const char **path, bool *ret_literal)
{
	const char *p = *path;

	*ret_literal = false;
	if (strncmp(p, "\\\\?\\", 4) == 0) {
		if (strncmp(p + 4, "UNC\\", 4) == 0 || strncmp(p + 4, "unc\\", 4) == 0) {
			return WINPATH_EUNC;
		}
		*path = p + 4;
		*ret_literal = true;
		return WINPATH_OK;
	}
	if (strncmp(p, "\\??\\", 4) == 0) {
		return WINPATH_EDEVICE;
	}
	if (is_slash(p[0]) && is_slash(p[1])) {
		return (p[2] == '.' || p[2] == '?') && (is_slash(p[3]) || p[3] == '\0')
			       ? WINPATH_EDEVICE
			       : WINPATH_EUNC;
	}
	return WINPATH_OK;
}

struct made {
	char text[WINPATH_MAX];
	size_t len; /* without a separator at the end, but for the root's */
};

static int go_up(struct made *m)
{
	if (m->len <= 3) {
		return WINPATH_EABOVE;
	}
	while (m->text[m->len - 1] != '\\') {
		m->len--;
	}
	m->len -= m->len > 3; /* the separator; the root keeps its own */
	return WINPATH_OK;
}

static int add_name(struct made *m, const char *name, size_t len)
{
	int error = check_name(name, len);

	if (error != WINPATH_OK) {
		return error;
	}
	if (m->len + len + 2 > sizeof(m->text)) {
		return WINPATH_ETOOLONG;
	}
	if (m->len > 3) {
		m->text[m->len++] = '\\';
	}
	memcpy(m->text + m->len, name, len);
	m->len += len;
	return WINPATH_OK;
}

static int add_part(struct made *m, const char *part, size_t len, bool literal)
{
	bool here = len == 1 && part[0] == '.', up = len == 2 && part[0] == '.' && part[1] == '.';

	if (literal && (len == 0 || here || up || memchr(part, '/', len) != NULL)) {
		return WINPATH_ECHAR;
	}
	if (len == 0 || here) {
		return WINPATH_OK;
	}
	return up ? go_up(m) : add_name(m, part, len);
}

int winpath_canonical(const char *path, char ret_path[WINPATH_MAX])
{
	struct made m = {{0}, 3};
	bool literal;
	int error;

	if (path[0] == '\0') {
		return WINPATH_EEMPTY;
	}
	error = take_prefix(&path, &literal);
	if (error != WINPATH_OK) {
		return error;
	}
	m.text[0] = upper_ascii(path[0]);
	if (m.text[0] < 'A' || m.text[0] > 'Z' || path[1] != ':' ||
		!(literal ? path[2] == '\\' : is_slash(path[2]))) {
		return literal ? WINPATH_EDEVICE : WINPATH_ERELATIVE;
	}
	memcpy(m.text + 1, ":\\", 2);
	for (path += 3; *path != '\0';) {
		size_t len = strcspn(path, literal ? "\\" : "\\/");

		error = add_part(&m, path, len, literal);
		if (error != WINPATH_OK) {
			return error;
		}
		path += len + (path[len] != '\0');
	}
	m.text[m.len] = '\0';
	memcpy(ret_path, m.text, m.len + 1);
	return WINPATH_OK;
}

/* ---- two paths ---- */

/* Scripts without case: two different letters there are two different names. */
static bool is_caseless(int32_t c)
{
	return (c >= 0x0590 && c < 0x10a0) || (c >= 0x3040 && c < 0xa640) ||
	       (c >= 0xac00 && c < 0xd7b0) || (c >= 0x20000 && c < 0x30000);
}

/*
 * The upper case of a letter where Unicode and NTFS surely agree on one letter for another; 0 where
 * this table does not know.
 */
static int32_t fold(int32_t c)
{
	if (c < 0x80) {
		return c >= 'a' && c <= 'z' ? c - 32 : c;
	}
	if ((c >= 0xa0 && c < 0xb5) || (c > 0xb5 && c < 0xdf) || c == 0xf7) {
		return c;
	}
	if (c >= 0xe0 && c <= 0xfe) {
		return c - 32;
	}
	if ((c >= 0x100 && c < 0x130) || (c >= 0x132 && c < 0x138) || (c >= 0x14a && c < 0x178)) {
		return c & ~1;
	}
	if ((c >= 0x139 && c < 0x149) || (c >= 0x179 && c < 0x17f)) {
		return (c & 1) != 0 ? c : c - 1;
	}
	if ((c >= 0x391 && c < 0x3aa) || (c >= 0x400 && c < 0x430)) {
		return c;
	}
	if ((c >= 0x3b1 && c < 0x3c2) || (c >= 0x3c3 && c < 0x3ca) || (c >= 0x430 && c < 0x450)) {
		return c - 32;
	}
	if (c >= 0x450 && c < 0x460) {
		return c - 80;
	}
	return is_caseless(c) ? c : 0;
}

enum winpath_relation winpath_relate(const char *a, const char *b)
{
	bool unsure = false;

	while (*a != '\0' && *b != '\0') {
		int32_t x = decode(&a), y = decode(&b), folded_x, folded_y;

		if (x < 0 || y < 0) {
			return WINPATH_UNSURE;
		}
		folded_x = fold(x);
		folded_y = fold(y);
		if (x == y || (folded_x != 0 && folded_x == folded_y)) {
			continue;
		}
		if (folded_x != 0 && folded_y != 0) {
			return WINPATH_APART;
		}
		unsure = true;
	}
	if (unsure) {
		return WINPATH_UNSURE;
	}
	if (*a == '\0' && *b == '\0') {
		return WINPATH_SAME;
	}
	/* Both are canonical: one is inside the other only at a separator, the root's or the next.
	 */
	if (*a == '\0') {
		return *b == '\\' || a[-1] == '\\' ? WINPATH_ABOVE : WINPATH_APART;
	}
	return *a == '\\' || b[-1] == '\\' ? WINPATH_BELOW : WINPATH_APART;
}

bool winpath_is_apart(const char *a, const char *b)
{
	return winpath_relate(a, b) == WINPATH_APART;
}
