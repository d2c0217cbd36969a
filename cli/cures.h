/*
 * What to do where the system gives no more: ends of messages, after a colon.
 */
#ifndef SALLYPORT_CLI_CURES_H
#define SALLYPORT_CLI_CURES_H

#define CURE_MEMORY "free some, or raise its limit (`ulimit -v`, the cgroup's memory.max)"
/* Threads count among them. */
#define CURE_PROCESSES "raise the limit (`ulimit -u`, the cgroup's pids.max)"
#define CURE_FILES     "if too many files are open, raise `ulimit -n`"
#define CURE_RANDOM    "a filter of system calls around this program may forbid getrandom"
#define CURE_DIED      "if it was killed, the system's log (`dmesg`) says why"
#define CURE_FAULT     "this is a fault of sallyport, please report it"

#endif
