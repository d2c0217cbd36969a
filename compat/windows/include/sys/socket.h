/*
 * The part of POSIX <sys/socket.h> that Winsock has, by its own headers.
 */
#ifndef SALLYPORT_COMPAT_SYS_SOCKET_H
#define SALLYPORT_COMPAT_SYS_SOCKET_H

#include <winsock2.h>
#include <ws2tcpip.h>

#endif
