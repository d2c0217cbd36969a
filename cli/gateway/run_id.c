/*
 * Ids that sort by time and do not meet: a run's folder has its id for a name.
 */
#include "cli/gateway/run_id.h"
#include "certs/certs.h"
#include "cli/cures.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <time.h>

int run_id(char ret_id[RUN_ID])
{
	unsigned char random[4];
	time_t now = time(NULL);
	char stamp[20];

	if (certs_random(NULL, random, sizeof(random)) != 0) {
		return complain("no random bytes: " CURE_RANDOM);
	}
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime(&now));
	snprintf(ret_id, RUN_ID, "%s-%02x%02x%02x%02x", stamp, random[0], random[1], random[2],
		random[3]);
	return 0;
}
