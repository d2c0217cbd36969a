/*
 * The DNS door: answers the jail's questions with synthetic addresses for names that some rule
 * could let pass, NXDOMAIN for all others, and records each answer before it is sent. It never
 * forwards a query.
 */
#ifndef SALLYPORT_GATEWAY_DNS_DOOR_H
#define SALLYPORT_GATEWAY_DNS_DOOR_H

struct dns_door;
struct gateway_door;
struct worker;

/* Serves dns_udp and dns_tcp of the door in the worker's loop; the sockets stay the gateway's. */
int dns_door_create(struct worker *w, const struct gateway_door *door, struct dns_door **ret_dns)
	__attribute__((warn_unused_result));
void dns_door_destroy(struct dns_door *d);

#endif
