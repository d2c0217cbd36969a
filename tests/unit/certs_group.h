/*
 * Certificates and their crypto made ready for a group of tests, and given back: what
 * cmocka_run_group_tests wants.
 */
#ifndef SALLYPORT_TESTS_CERTS_GROUP_H
#define SALLYPORT_TESTS_CERTS_GROUP_H

#include "certs/certs.h"

static inline int certs_group_start(void **state)
{
	struct certs_diag diag;

	(void)state;
	return certs_init(&diag);
}

static inline int certs_group_finish(void **state)
{
	(void)state;
	certs_finish();
	return 0;
}

#endif
