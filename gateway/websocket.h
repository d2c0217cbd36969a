/*
 * The frames of one direction of a WebSocket connection, counted and held to RFC 6455 section 5:
 * what breaks its rules is not WebSocket, whatever was agreed. Pure; payloads are not looked at.
 */
#ifndef SALLYPORT_GATEWAY_WEBSOCKET_H
#define SALLYPORT_GATEWAY_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct websocket {
	bool masked;     /* what a client sends is, what a server sends is not (5.1) */
	bool extensions; /* some were agreed: the reserved bits may have a meaning */
	uint64_t frames, messages;

	uint8_t header[14];
	unsigned n_header;
	uint64_t left;   /* of the payload */
	bool in_message; /* between the frames of one */
	bool closed;     /* after a Close frame nothing follows */
};

void websocket_init(struct websocket *w, bool masked, bool extensions);
/* Counts what is in the next bytes, however they are cut. False: this is not WebSocket. */
bool websocket_take(struct websocket *w, const uint8_t *data, size_t len)
	__attribute__((warn_unused_result));

#endif
