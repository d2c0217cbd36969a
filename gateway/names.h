/*
 * The synthetic addresses the DNS door gives out, and the names behind them: 198.18.0.0/15 (RFC
 * 2544) and a ULA prefix. A captured connection to such an address is a connection to its name. One
 * map for each jail; thread-safe; a name keeps its address for the life of the map.
 */
#ifndef SALLYPORT_GATEWAY_NAMES_H
#define SALLYPORT_GATEWAY_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names;
int names_create(struct names **ret_names) __attribute__((warn_unused_result));
void names_destroy(struct names *n);
/* The address of a canonical name, made when it is new. Negative when memory or addresses are out.
 */
int names_address(struct names *n, const char *name, uint8_t ret_v4[4], uint8_t ret_v6[16])
	__attribute__((warn_unused_result));
/* The name behind an address of 4 or 16 bytes; NULL for one never given out. Lives as long as n. */
const char *names_lookup(const struct names *n, const uint8_t *bytes, size_t n_bytes);
/* The same of an address as text; NULL of a name, too. */
const char *names_behind(const struct names *n, const char *host);
/* Is the address inside the synthetic ranges at all? */
bool names_is_synthetic(const uint8_t *bytes, size_t n_bytes);

#endif
