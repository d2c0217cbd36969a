/*
 * The filters of system calls. Which calls is said by rules for libseccomp (command.c, gateway.c);
 * their programs for the kernel are the same on every start, so the build makes them (make.c) and a
 * start only puts them up (seccomp.c).
 */
#ifndef SALLYPORT_JAILER_FILTERS_H
#define SALLYPORT_JAILER_FILTERS_H

#include "jailer/linux/filters/own_pid.h"

#include <seccomp.h>
#include <stddef.h>

/* 0, or libseccomp's error: a filter is whole or it is none. */
int filter_command(scmp_filter_ctx filter);
int filter_signals(scmp_filter_ctx filter); /* beside it, where Landlock does not do it */
int filter_gateway(scmp_filter_ctx filter);
extern const size_t filter_gateway_calls; /* how many the gateway may make */

#endif
