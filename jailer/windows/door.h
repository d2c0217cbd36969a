/*
 * The one way out of the container. Windows closes an AppContainer's network but for what its own
 * processes say to each other, so there are two doors:
 *
 * (a) a copy of this program runs inside as the relay. It listens on 127.0.0.1, where clients take
 *     it for the proxy, and carries their bytes over a named pipe that admits the user and this
 *     container, and of its processes only the relay. Outside, what comes through the pipe goes to
 *     the listener that the gateway serves. Needs no rights.
 * (b) a loopback exemption for this container's SID: clients reach the gateway's listener
 *     themselves, and every other local port too. For administrators who ask for it.
 *
 * The jail starts the relay as it starts the command, with everything read back first; what only
 * the relay needs stands here. In order: door_choose, door_open, door_check as often as wanted; for
 * a relay door_relay_copy, door_relay_line, door_relay_admit before its first instruction and
 * door_relay_wait after it; door_close. Zeroed with `listener` -1 is a door that is not there.
 */
#ifndef SALLYPORT_JAILER_WINDOWS_DOOR_H
#define SALLYPORT_JAILER_WINDOWS_DOOR_H

#include "jailer/windows/jail_windows.h"

struct door {
	const struct jail_os *os;
	bool exempt;             /* (b) */
	uint16_t proxy_port;     /* where clients inside find it */
	uintptr_t pipe;          /* owned; 0 with an exemption */
	intptr_t listener;       /* owned until it is taken; -1 is none */
	bool taken;              /* the listener is the gateway's now */
	struct os_process relay; /* owned; ended by the jail, with its other processes */
};

/* Which of the two. An exemption that is asked for without the right to it is refused. */
int door_choose(struct door *d, const struct jail_os *os, const struct jail_spec *spec,
	struct jail_diag *diag) __attribute__((warn_unused_result));
/* Listener and pipe, or listener and exemption, which the journal then names. `name` is the run's.
 */
int door_open(struct door *d, struct journal *journal, const char *name, const char *sid,
	struct jail_diag *diag) __attribute__((warn_unused_result));
/* Reads back the pipe's access list and label, or the machine's list of exemptions. */
int door_check(struct door *d, const char *sid, struct jail_diag *diag)
	__attribute__((warn_unused_result));

/* The program, into the view at `root`, with which it is granted. */
int door_relay_copy(struct door *d, struct journal *journal, const char *root,
	char ret_program[WINPATH_MAX], struct jail_diag *diag) __attribute__((warn_unused_result));
/* Its command line; the caller frees. NULL when memory is out. */
char *door_relay_line(const struct door *d, char *program, char *name);
/* From now on what this process says through the pipe is let out. A Windows error number. */
uint32_t door_relay_admit(struct door *d, uintptr_t process);
/* Until it listens inside. */
int door_relay_wait(struct door *d, struct jail_diag *diag) __attribute__((warn_unused_result));

/* Pipe, and listener unless it was taken. The exemption goes with the journal. */
void door_close(struct door *d);

#endif
