/*
 * The part of POSIX <netdb.h> that Winsock has, by its own headers.
 */
#ifndef SALLYPORT_COMPAT_NETDB_H
#define SALLYPORT_COMPAT_NETDB_H

#include <winsock2.h>
#include <ws2tcpip.h>

#endif
