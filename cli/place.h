/*
 * What a run asks of the system it is on. place_posix.c, place_windows.c.
 */
#ifndef SALLYPORT_CLI_PLACE_H
#define SALLYPORT_CLI_PLACE_H

#include <stddef.h>
#include <stdint.h>

/* Standard descriptors that the caller closed lead nowhere from here on: a file opened later would
 * take their numbers, and hear what is said to the user. */
void place_hold_standard(void);
/* The folder for what this program keeps of the user's runs. 0, or -1 when nothing names one. */
int place_state(char *ret_path, size_t size);
/* What would make place_state work. */
extern const char place_state_cure[];
/* Makes a folder and those above it, for the user only. 0, or -1 with errno set and `path` ending
 * in what could not be made. */
int place_try_folders(char *path);
/* The same. 0, or an exit status after having complained. */
int place_make_folders(char *path);
const char *place_user(void);
char *const *place_environment(void);
/* Where the door is to listen inside; 0 when there is no port. */
uint16_t place_proxy_port(void);

#endif
