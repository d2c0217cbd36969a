/*
 * What only Windows has beside the contract of jail.h: changes outside the jail that a crash leaves
 * behind, the relay that the jail runs inside itself, and clients that are none of its.
 */
#ifndef SALLYPORT_JAILER_WINDOWS_REPAIR_H
#define SALLYPORT_JAILER_WINDOWS_REPAIR_H

#include "jailer/jail.h"

/* Takes back what the journals of dead runs name. Counts entries undone, and those that stay. */
int jail_repair(unsigned *ret_undone, unsigned *ret_failed, struct jail_diag *diag)
	__attribute__((warn_unused_result));

/* The hidden verb `__relay PORT PIPE`: carries 127.0.0.1:PORT over the pipe until killed. Returns
 * RELAY_FAILED, as an exit status. */
enum { RELAY_FAILED = 125 };
int jail_relay(int argc, char **argv);

/* Did a client that the door's listener has just accepted come by the relay? Once for each. Without
 * a relay, by a loopback exemption or for a service, everybody does. From any thread. */
bool jail_admits(intptr_t client);

#endif
