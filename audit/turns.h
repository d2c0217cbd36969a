/* The writer's thread and the processor. Private to audit/. */
#ifndef SALLYPORT_AUDIT_TURNS_H
#define SALLYPORT_AUDIT_TURNS_H

/*
 * The calling thread sleeps for the disk most of the time and is waited for: it asks for short
 * slices of the processor, and gets them sooner. Needs no power; a system that knows nothing of it
 * (Linux before 6.12) goes on as before. sched_setattr(2).
 */
void turns_short(void);

#endif
