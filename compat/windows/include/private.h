/*
 * Files and folders for their user alone: the access list names the user, the system and
 * administrators and inherits nothing. What a mode without group and others is elsewhere.
 *
 * That a list was asked for is not that it is there: FAT keeps none, and a file that existed keeps
 * its own. Whoever makes or opens a private file asks private_holds(). Sources: Microsoft Learn,
 * "Security Descriptor String Format", GetSecurityInfo.
 */
#ifndef SALLYPORT_COMPAT_PRIVATE_H
#define SALLYPORT_COMPAT_PRIVATE_H

#include <stdbool.h>

#include <windows.h>

/* For SECURITY_ATTRIBUTES, released with LocalFree; for what is made in a folder too. NULL, with
 * GetLastError, when memory is out. */
PSECURITY_DESCRIPTOR private_descriptor(void);
/*
 * Read back: does the file belong to this user, the system or the administrators, and does its list
 * let in nobody else? False too when it cannot be read. The handle has READ_CONTROL.
 */
bool private_holds(HANDLE file);
/* The same of a descriptor that was read. */
bool private_list_holds(PSID owner, PACL list);

#endif
