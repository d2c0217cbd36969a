/*
 * A process outside the jail gives up everything but the network and one folder. For the gateway:
 * whoever takes it over through a hole in a parser finds no files, no programs and no other
 * process.
 *
 * linux/confine.c and windows/confine.c fulfil it. As with the jail there is no best effort.
 *
 * Sources: landlock(7), seccomp(2), capabilities(7), prctl(2), mount_namespaces(7).
 */
#ifndef SALLYPORT_JAILER_CONFINE_H
#define SALLYPORT_JAILER_CONFINE_H

#include "jailer/jail.h"

#include <stddef.h>

/*
 * Confines this process for the rest of its life. `folder` is there, and is where it may open,
 * make, change and take away files; relative paths to it go on working. What is open stays open.
 * Call it before there is a second thread.
 *
 * `ret_how`: what holds it, for people; "" where the system offers nothing (Windows). A failure
 * may leave it confined in part: it must end then.
 */
int confine_process(const char *folder, char *ret_how, size_t size, struct jail_diag *diag)
	__attribute__((warn_unused_result));
/* What would hold a process here, in the same words, without doing anything. */
void confine_describe(char *ret_how, size_t size);
/*
 * Closes every descriptor above 2 but `keep`: what our caller left open is no business of a process
 * that strangers speak to. Nothing to do where nothing is inherited.
 */
int confine_close_others(int keep, struct jail_diag *diag) __attribute__((warn_unused_result));

#endif
