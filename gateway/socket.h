/*
 * What the gateway needs of the system's sockets beyond libevent. socket_posix.c, socket_windows.c.
 */
#ifndef SALLYPORT_GATEWAY_SOCKET_H
#define SALLYPORT_GATEWAY_SOCKET_H

#include "gateway/buffer.h"
#include "gateway/resolve.h"

#include <event2/util.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Like recv(2) and accept(2); -1 with *ret_again set when there is nothing now. */
ssize_t socket_recv(evutil_socket_t fd, void *buf, size_t size, bool *ret_again);
evutil_socket_t socket_accept(evutil_socket_t listener, bool *ret_again);

/* Flag of send(2) against SIGPIPE. */
extern const int socket_no_signal;
/* For evutil_socketpair. */
extern const int socket_pair_family;
unsigned socket_cores(void); /* processors to use */
/* A listening socket of the door listens no more; who comes is refused by the system. */
void socket_refuse_clients(intptr_t fd);
void socket_close_door(intptr_t fd); /* -1 is none */

/* One packet whole; never raises SIGPIPE. False with *ret_again set when there is no room now. */
bool socket_send_packet(evutil_socket_t fd, const void *data, size_t len, bool *ret_again);

/* Sends n pieces, and returns how many bytes went; never raises SIGPIPE. */
ssize_t socket_send(evutil_socket_t fd, const struct buffer_piece *pieces, int n, bool *ret_again);
void socket_shut(evutil_socket_t fd); /* SHUT_WR */
/* The peer has sent nothing that waits to be read, nor closed. */
bool socket_is_quiet(evutil_socket_t fd);

struct socket_name {
	struct resolve_address address;
	uint16_t port;
	char text[64]; /* "203.0.113.9:443" */
};
bool socket_peer(evutil_socket_t fd, struct socket_name *ret_name);
bool socket_local(evutil_socket_t fd, struct socket_name *ret_name); /* our own end */
/*
 * Where a captured connection was going before the jail's redirect (SO_ORIGINAL_DST). False when it
 * was meant for the door itself.
 */
bool socket_original(evutil_socket_t fd, struct socket_name *ret_name);

/* A non-blocking connect under way, or -1. */
evutil_socket_t socket_connect(const struct resolve_address *address, uint16_t port);
/* Is it one of this machine's own? */
bool socket_is_local(const struct resolve_address *address);
/* 0 when a finished connect worked, else the system's error number. */
int socket_error(evutil_socket_t fd);
int socket_last_error(void); /* of the call before */
const char *socket_error_text(int error);
void socket_no_delay(evutil_socket_t fd);
void socket_reset_on_close(evutil_socket_t fd); /* RST instead of FIN */

#endif
