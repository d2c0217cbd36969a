/*
 * What only Linux has beside the contract of jail.h: the cgroups that killed runs leave behind,
 * empty folders of a kernel file system.
 */
#ifndef SALLYPORT_JAILER_LINUX_REPAIR_H
#define SALLYPORT_JAILER_LINUX_REPAIR_H

/* Takes those of dead runs away, wherever they are. Counts them, and those that stay. */
void jail_repair(unsigned *ret_undone, unsigned *ret_failed);

#endif
