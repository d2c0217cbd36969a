/*
 * What a run and a service say to the gateway, the same on every system. How it is started, handed
 * its door and ended is in process_posix.c and process_windows.c.
 */
#include "cli/cures.h"
#include "cli/gateway/process_frames.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

/* Waits for one type of frame; what went wrong over there is said here, once. */
int gateway_process_expect(struct gateway_process *p, enum frame_type wanted, struct text *data)
{
	enum frame_type type;

	do {
		if (frame_receive(p->socket, &type, data, NULL, 0) != 0) {
			return complain("the gateway process died: " CURE_DIED
					"; the record says how far it came");
		}
	} while (type == FRAME_LIMIT); /* reached when the run was over */
	if (type == FRAME_FAILED) {
		return complain("%s", data->data);
	}
	return type == wanted ? 0
			      : complain("the gateway process answered out of turn: " CURE_FAULT);
}

void gateway_process_tell(const struct gateway_story *story, struct text *text)
{
	text_add(text, story->command, strlen(story->command) + 1);
	text_add(text, story->user, strlen(story->user) + 1);
	text_add(text, story->rules_digest, strlen(story->rules_digest) + 1);
	text_add(text, story->view, strlen(story->view) + 1);
}

int gateway_process_event(struct gateway_process *p, const char *reason, const char *detail)
{
	struct text text = {0};
	int status;

	text_add(&text, reason, strlen(reason) + 1);
	text_add(&text, detail, strlen(detail) + 1);
	(void)frame_send(p->socket, FRAME_EVENT, text.data, text.len, NULL, 0);
	status = gateway_process_expect(p, FRAME_OPEN, &text);
	text_finish(&text);
	return status;
}

int gateway_process_rules(struct gateway_process *p, const struct text *packed)
{
	struct text text = {0};
	int status;

	(void)frame_send(p->socket, FRAME_RULES, packed->data, packed->len, NULL, 0);
	status = gateway_process_expect(p, FRAME_OPEN, &text);
	text_finish(&text);
	return status;
}

int gateway_process_drain(struct gateway_process *p, unsigned seconds)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", seconds);

	return frame_send(p->socket, FRAME_DRAIN, text, (size_t)n, NULL, 0) == 0
		       ? 0
		       : complain("the gateway process is gone: " CURE_DIED);
}

bool gateway_process_limit(struct gateway_process *p, struct text *ret_limit)
{
	enum frame_type type;

	return frame_waiting(p->socket) == FRAME_LIMIT &&
	       frame_receive(p->socket, &type, ret_limit, NULL, 0) == 0;
}
