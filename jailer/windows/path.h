/*
 * One canonical form of a local Windows path. What Windows reads in more than one way, or as
 * something else than a file, is refused and not guessed at.
 *
 * Pure: text in, text out; asks no system. Paths are UTF-8.
 * Sources: Microsoft, "Naming Files, Paths, and Namespaces"; "File path formats on Windows
 * systems".
 */
#ifndef SALLYPORT_JAILER_WINDOWS_PATH_H
#define SALLYPORT_JAILER_WINDOWS_PATH_H

#include <stdbool.h>
#include <stddef.h>

enum { WINPATH_MAX = 4096 }; /* bytes with the NUL */

enum winpath_error {
	WINPATH_OK = 0,
	WINPATH_EEMPTY = -1,
	WINPATH_ERELATIVE = -2, /* "x", "\x", "C:x": depends on where the process stands */
	WINPATH_EUNC = -3,      /* \\server\share: another machine's names and rights */
	WINPATH_EDEVICE = -4,   /* \\.\, \??\, \\?\ with anything but a drive */
	WINPATH_ESTREAM = -5,   /* "file:stream", "file::$DATA" */
	WINPATH_ERESERVED = -6, /* NUL, CON, COM1.txt, ... */
	WINPATH_ETRAILING = -7, /* a name that ends in a dot or space, which Windows drops */
	WINPATH_ESHORT = -8,    /* PROGRA~1: the 8.3 name of a file whose real one is longer */
	WINPATH_ECHAR = -9,     /* < > " | ? * and control characters */
	WINPATH_EUTF8 = -10,
	WINPATH_EABOVE = -11, /* ".." above the drive's root */
	WINPATH_ETOOLONG = -12,
};
const char *winpath_strerror(int error);

/*
 * "c:/Users\me\.\x\" to "C:\Users\me\x"; only a drive's root ends in a backslash. The prefix \\?\
 * before a drive is taken off, and what Windows would not have normalised behind it is refused.
 */
int winpath_canonical(const char *path, char ret_path[WINPATH_MAX])
	__attribute__((warn_unused_result));

/* How two canonical paths lie. Windows keeps letters' case and does not distinguish it. */
enum winpath_relation {
	/* Letters differ of which no table here says whether they are one name: take it for any. */
	WINPATH_UNSURE = 0,
	WINPATH_APART,
	WINPATH_SAME,
	WINPATH_BELOW, /* the first inside the second */
	WINPATH_ABOVE, /* the second inside the first */
};
enum winpath_relation winpath_relate(const char *a, const char *b);

/* May these two lie side by side with rights of their own? Only when they are surely apart. */
bool winpath_is_apart(const char *a, const char *b);

#endif
