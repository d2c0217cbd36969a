/*
 * Who in the jail holds a connection. Asked from outside, by the process that made the jail: socket
 * diagnostics in the jail's network name the socket, the jail's own /proc names who has it open.
 *
 * Fulfilled on Linux alone. What the answer is worth: docs/threat-model.md, "Who asked".
 *
 * Sources: sock_diag(7), proc(5), ptrace(2) "access mode checking", statvfs(3).
 */
#ifndef SALLYPORT_JAILER_WHO_H
#define SALLYPORT_JAILER_WHO_H

#include "jailer/jail.h"

enum { JAIL_WHO_MAX = 64 }; /* connections in one question: the processes are looked through once */

/* A TCP connection as the program inside sees it: its own end, and where it wanted to go. */
struct jail_connection {
	uint8_t n_bytes; /* of an address: 4 or 16 */
	uint8_t from[16], to[16];
	uint16_t from_port, to_port;
};

/* Why it is not sure that `program` alone speaks on the connection. */
enum jail_doubt {
	JAIL_DOUBT_UNKNOWN = 0, /* nobody was found: it is gone already */
	JAIL_DOUBT_HIDDEN,      /* a process that may not be, or was not, looked into may hold it */
	JAIL_DOUBT_SHARED,      /* processes of different programs hold it */
	JAIL_DOUBT_WRITABLE,    /* the program's file is where the command can write, or no file */
	JAIL_DOUBT_REPLACED,    /* another file, or none, is at its path now */
	JAIL_DOUBT_NONE,
};

/* Of several holders the one that began first: it is the likely opener. */
struct jail_program {
	enum jail_doubt doubt;
	int64_t pid, parent_pid; /* inside; 0 = unknown. A parent of 0: started by the jail */
	char program[512];       /* path inside; "" = unknown */
	char parent[512];        /* of the parent; "" = unknown */
	char words[272];         /* first words of the command line, each ended by NUL */
	size_t words_len;
};

/* Never fails: what cannot be learned is in doubt. After jail_start; from one thread at a time. */
void jail_who(struct jail *jail, const struct jail_connection *connections, size_t n,
	struct jail_program *ret_programs);

#endif
