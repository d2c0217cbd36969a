/*
 * A table of ports, a bit for each: the whole of it is 8 KiB.
 */
#include "jailer/windows/ports.h"
#include "jailer/windows/repair.h"

#include <pthread.h>

static struct {
	pthread_mutex_t lock;
	bool is_used;
	uint8_t bits[65536 / 8];
} ports = {.lock = PTHREAD_MUTEX_INITIALIZER};

void ports_use(void)
{
	pthread_mutex_lock(&ports.lock);
	ports.is_used = true;
	pthread_mutex_unlock(&ports.lock);
}

void ports_add(uint16_t port)
{
	pthread_mutex_lock(&ports.lock);
	ports.bits[port / 8] |= (uint8_t)(1u << port % 8);
	pthread_mutex_unlock(&ports.lock);
}

bool ports_take(uint16_t port)
{
	const uint8_t bit = (uint8_t)(1u << port % 8);
	bool is_there;

	pthread_mutex_lock(&ports.lock);
	is_there = !ports.is_used || (ports.bits[port / 8] & bit) != 0;
	ports.bits[port / 8] &= (uint8_t)~bit;
	pthread_mutex_unlock(&ports.lock);
	return is_there;
}

bool jail_admits(intptr_t client)
{
	struct sockaddr_in peer = {.sin_family = AF_UNSPEC};
	int len = sizeof(peer);

	/* Of whom nothing is known any more, nothing is let in; of a service's clients it is not
	 * asked. */
	if (getpeername((SOCKET)client, (struct sockaddr *)&peer, &len) != 0 ||
		peer.sin_family != AF_INET) {
		peer.sin_port = 0;
	}
	return ports_take(ntohs(peer.sin_port));
}
