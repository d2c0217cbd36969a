/*
 * The socket between the caller and the jail's first process: one message a packet, descriptors
 * beside it.
 */
#ifndef SALLYPORT_JAILER_WIRE_H
#define SALLYPORT_JAILER_WIRE_H

#include "jailer/linux/jail_linux.h"

enum { WIRE_FDS_MAX = 7 };

struct wire_message {
	enum jail_message type;
	union {
		struct jail_failure failure;
		struct jail_result result;
		struct jail_reports reports;
		struct jail_limits limits;
		int signal;
	};
};

/* 0, or -1 with errno set. */
int wire_send(int socket, const struct wire_message *m, const int *fds, size_t n_fds);
/* 1, 0 at the other side's end, or -1. Descriptors beyond n_fds are closed; missing ones are -1. */
int wire_receive(int socket, struct wire_message *ret_message, int *ret_fds, size_t n_fds);

#endif
