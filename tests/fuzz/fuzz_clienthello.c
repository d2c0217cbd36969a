/*
 * Any bytes as a ClientHello: a verdict once given holds whatever follows, and a name that is taken
 * is canonical.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "gateway/clienthello.h"
#include "rules/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct clienthello whole, half;
	enum clienthello_result result = clienthello_read(data, size, &whole);
	enum clienthello_result early = clienthello_read(data, size / 2, &half);

	assert(early == CLIENTHELLO_MORE || early == result);
	if (result == CLIENTHELLO_OK && whole.sni[0] != '\0') {
		char host[RULES_HOST_MAX];
		bool is_address;
		uint16_t port;

		assert(rules_authority(whole.sni, strlen(whole.sni), host, &is_address, &port) ==
			0);
		assert(strcmp(host, whole.sni) == 0 && !is_address && port == 0);
	}
	return 0;
}
