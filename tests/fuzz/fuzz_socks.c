/*
 * Any bytes as SOCKS messages: a verdict once given holds whatever follows, and what is taken ends
 * inside the input.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "gateway/socks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(
	enum socks_result (*read)(const uint8_t *, size_t, struct socks_request *, size_t *),
	const uint8_t *data, size_t size)
{
	struct socks_request whole = {0}, half = {0};
	size_t used = 0, used_half = 0;
	enum socks_result result = read(data, size, &whole, &used);
	enum socks_result early = read(data, size / 2, &half, &used_half);

	assert(early == SOCKS_MORE || (early == result && used == used_half));
	if (result == SOCKS_OK) {
		assert(used <= size && used <= SOCKS_MESSAGE_MAX && strlen(whole.host) > 0);
		assert(early == SOCKS_MORE || strcmp(whole.host, half.host) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct socks_greeting greeting;
	struct socks_password password;
	size_t used;

	check(socks_read_request, data, size);
	check(socks_read_request4, data, size);
	if (socks_read_greeting(data, size, &greeting, &used) == SOCKS_OK) {
		assert(used <= size);
	}
	if (socks_read_password(data, size, &password, &used) == SOCKS_OK) {
		assert(used <= size && strlen(password.user) > 0);
	}
	return 0;
}
