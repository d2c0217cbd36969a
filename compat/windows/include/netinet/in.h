/*
 * The part of POSIX <netinet/in.h> that Winsock has, by its own headers.
 */
#ifndef SALLYPORT_COMPAT_NETINET_IN_H
#define SALLYPORT_COMPAT_NETINET_IN_H

#include <winsock2.h>
#include <ws2tcpip.h>

#endif
