/*
 * Carries bytes between sockets and message pipes, both ways, each end of stream by itself. One
 * thread and one completion port for all of them.
 *
 * A socket says "no more" by closing its half, a pipe by a message of no bytes.
 */
#ifndef SALLYPORT_JAILER_WINDOWS_PUMP_H
#define SALLYPORT_JAILER_WINDOWS_PUMP_H

#include "jailer/windows/os_system.h"

struct pump;

/* 0 or a Windows error number. */
uint32_t pump_create(struct pump **ret_pump);
/* Takes both over, whatever comes of it. Both were opened for overlapped use. */
uint32_t pump_add(struct pump *p, SOCKET socket, HANDLE pipe);
/* Ends every connection and the thread. NULL-safe. */
void pump_destroy(struct pump *p);

#endif
