/*
 * From which ports the pump comes to the gateway's listener. Windows lets every program of the
 * machine connect there: with a pipe for a door, whoever comes from another port is none of ours.
 *
 * One table a program, for any thread. One that is reset before it is accepted stays in it until
 * its port comes again.
 */
#ifndef SALLYPORT_JAILER_WINDOWS_PORTS_H
#define SALLYPORT_JAILER_WINDOWS_PORTS_H

#include "jailer/windows/os_system.h"

/* From now on it is asked; before, everybody is let in. */
void ports_use(void);
/* Before the connection is made; the port is bound to it alone. */
void ports_add(uint16_t port);
/* Is it there? It is not any more. */
bool ports_take(uint16_t port);

#endif
