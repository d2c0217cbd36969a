/*
 * What a long-running gateway asks of the system it is on: who tells it to end or to read its rules
 * again, listeners, files that are its owner's alone. service_posix.c, service_windows.c.
 */
#ifndef SALLYPORT_CLI_GATEWAY_SERVICE_H
#define SALLYPORT_CLI_GATEWAY_SERVICE_H

#include "cli/text.h"

#include <stdint.h>

struct sockaddr_storage;

/* How it is told, for the help. */
extern const char service_help[];

enum service_wish {
	SERVICE_END = 0, /* no more clients; what was asked is answered, then it is over */
	SERVICE_RELOAD,
	SERVICE_GONE, /* the gateway itself has ended */
};

/* From here on wishes are kept until they are asked for. Before there are threads. 0, or an exit
 * status after having complained. */
int service_hear(void);
/* Waits for the next. `gateway` is the socket of the gateway, which is left as it was. */
enum service_wish service_wait(int gateway);
/* To another one, by the number it said. 0, or an exit status after having complained. */
int service_ask(const char *process, enum service_wish wish);

/* Not inherited, not blocking, and nobody else's. 0, or an exit status after having complained. */
int service_listen(const struct sockaddr_storage *address, intptr_t *ret_socket);
/* Refuses a file that others than its owner can read. 0, or an exit status after having complained
 * in the name of `option`. */
int service_read_private(const char *option, const char *path, struct text *ret_text);

#endif
