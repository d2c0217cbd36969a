/*
 * The two halves of jail_who: the socket's number, and who has it open. Pure parsers of what the
 * command can choose are here too, to be tested and fuzzed by themselves.
 */
#ifndef SALLYPORT_JAILER_LINUX_WHO_H
#define SALLYPORT_JAILER_LINUX_WHO_H

#include "jailer/who.h"

/* Made inside the jail and handed out; -1 = not there. */
struct who {
	int diag; /* netlink socket in the jail's network */
	int proc; /* the jail's /proc */
	int root; /* its root folder */
};

/* who.c: who_diag.c finds the numbers, who_holders.c the processes. */
void who_look(const struct who *who, const struct jail_connection *connections, size_t n,
	struct jail_program *ret_programs);

/* who_diag.c. In the jail, with its powers: the socket, or -1. */
int who_diag_open(void);
/* The number of the connection's socket (its inode); 0: no such connection, or nobody has it. */
uint32_t who_diag_inode(int diag, const struct jail_connection *connection);

/* who_holders.c: fills in the programs of the sockets whose number is not 0. */
void who_holders(
	const struct who *who, const uint32_t *inodes, size_t n, struct jail_program *ret_programs);

/* who_parse.c */
struct who_stat {
	bool exits; /* inside exit(2) for good, or dead */
	int64_t parent;
	uint64_t began; /* ticks since boot */
};
/* /proc/PID/stat; the name in it is the process's own choice. */
bool who_read_stat(const char *text, size_t len, struct who_stat *ret_stat);
/* "socket:[NUMBER]"; 0: it is none. */
uint32_t who_read_socket(const char *link, size_t len);
/* A decimal number alone, as processes are named; 0: it is none. */
int64_t who_read_pid(const char *name);
/* /proc/PID/cmdline, as far as it was read: the first words that fit, each ended by NUL, up to one
 * that might be a secret: whatever does not look like the name of a program, subcommand or file. */
size_t who_read_words(const char *text, size_t len, char *words, size_t size);

#endif
