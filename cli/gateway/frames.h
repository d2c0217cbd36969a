/*
 * Frames on the socket between a run and its gateway: a type, a length, bytes, and perhaps
 * descriptors.
 */
#ifndef SALLYPORT_CLI_GATEWAY_FRAMES_H
#define SALLYPORT_CLI_GATEWAY_FRAMES_H

#include "cli/text.h"

enum frame_type {
	FRAME_NONE = 0,
	FRAME_CA,    /* gateway: its certificate */
	FRAME_DOOR,  /* run: the door's sockets (service: those it listens on), and the story, each
			text ended by NUL */
	FRAME_EVENT, /* run: an event for the record: a reason, a sentence, each ended by NUL */
	FRAME_OPEN,  /* gateway: recorded, and serving when it had the door */
	FRAME_RULES, /* service: other rules, in the parts of struct ruleset */
	FRAME_DRAIN, /* service: end when all is answered, or after so many seconds, as text */
	FRAME_LIMIT, /* gateway: the limit that was reached, by name; once */
	FRAME_STOP,  /* run: the exit status as text, and after a space the limit that ended it */
	FRAME_SUMMARY, /* gateway: the totals as text */
	FRAME_FAILED,  /* gateway: why, as text */
};

int frame_send(int socket, enum frame_type type, const void *data, size_t len, const int *fds,
	size_t n_fds);
/* 0, or -1 at the end or on an error. Descriptors that did not come are -1. */
int frame_receive(
	int socket, enum frame_type *ret_type, struct text *ret_data, int *ret_fds, size_t n_fds);

/* The type of the frame that is there already; FRAME_NONE: there is none, or the end. */
enum frame_type frame_waiting(int socket);

#endif
