/*
 * What process.c shares with the file of the system it is on.
 */
#ifndef SALLYPORT_CLI_GATEWAY_PROCESS_FRAMES_H
#define SALLYPORT_CLI_GATEWAY_PROCESS_FRAMES_H

#include "cli/gateway/frames.h"
#include "cli/gateway/process.h"

/* Waits for one type of frame; what went wrong over there is said here, once. 0, or an exit status.
 */
int gateway_process_expect(
	struct gateway_process *p, enum frame_type wanted, struct text *ret_data);
/* The story as a FRAME_DOOR carries it. */
void gateway_process_tell(const struct gateway_story *story, struct text *ret_text);

#endif
