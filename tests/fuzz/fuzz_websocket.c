/*
 * Any bytes as WebSocket frames: where they are cut changes neither the verdict nor the counts.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "gateway/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct websocket whole, cut;
	bool good, good_cut = true;

	if (size == 0) {
		return 0;
	}
	websocket_init(&whole, (data[0] & 1) != 0, (data[0] & 2) != 0);
	cut = whole;
	good = websocket_take(&whole, data + 1, size - 1);
	for (size_t i = 1; i < size && good_cut; i++) {
		good_cut = websocket_take(&cut, data + i, 1);
	}
	assert(good == good_cut);
	assert(whole.frames == cut.frames && whole.messages == cut.messages);
	assert(whole.messages <= whole.frames && whole.frames <= size);
	return 0;
}
