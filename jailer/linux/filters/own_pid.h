/*
 * In a filter's program, the place of the process's own number, which the build cannot know: above
 * the kernel's limit of 2^22 (proc(5), pid_max), so that unreplaced it is nobody's.
 */
#ifndef SALLYPORT_JAILER_OWN_PID_H
#define SALLYPORT_JAILER_OWN_PID_H

#define FILTER_OWN_PID 0x7e57ab1eu

#endif
