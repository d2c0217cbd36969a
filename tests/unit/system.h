/*
 * What unit tests ask of the system they run on. system_posix.c, system_windows.c. Where a system
 * has no such thing the answer is false, and the test that needs it skips itself by name.
 */
#ifndef SALLYPORT_TESTS_SYSTEM_H
#define SALLYPORT_TESTS_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A fresh empty folder for temporary files, of the user alone. Short: on Windows it is relative to
 * the folder for temporary files, which becomes the current one. */
bool system_make_folder(char *ret_path, size_t size);
/* With all that is in it. */
bool system_remove_folder(const char *path);

/* No file of this process gets larger; SYSTEM_NO_LIMIT takes it away. */
#define SYSTEM_NO_LIMIT UINT64_MAX
bool system_limit_files(uint64_t bytes);
bool system_make_link(const char *target, const char *path);
/* Others may read what was private. */
bool system_let_others_read(const char *path);

/* As short a sleep as there is: 0.1 ms, or Windows' shortest. */
void system_moment(void);

/* The same file, to be read and written. -1 on failure. */
int system_open_again(int fd);
/* Two descriptors of one file have the same. */
uint64_t system_file_id(int fd);

#endif
