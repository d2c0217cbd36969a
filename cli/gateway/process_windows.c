/*
 * On Windows the gateway is a thread of the run: there is no fork, and a second process would have
 * to be told rules and plan again. The jailed command is as far from it as on Linux. When either
 * half dies, both do, and with the last handle of the job everything that was jailed.
 */
#include "cli/gateway/process_frames.h"
#include "cli/gateway/process_main.h"
#include "cli/verbs.h"
#include "jailer/windows/repair.h"

#include <event2/util.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <winsock2.h>

/* Clients speak to a proxy; there are no names to answer, nothing is captured. */
const int gateway_process_sockets = 1;
const bool gateway_process_ends = false;

/* One a program. */
static struct {
	struct gateway_plan plan;
	int socket;
	pthread_t thread;
} gateway;

static void *run_gateway(void *arg)
{
	const SOCKET s = (SOCKET)gateway.socket;
	char rest[256];

	(void)arg;
	(void)gateway_main(&gateway.plan, gateway.socket);
	/* The run's end becomes readable, as at a process's death. What the run still sends is
	 * read: TCP that is closed over it takes back the last frame, which says why it ends. */
	shutdown(s, SD_SEND);
	while (recv(s, rest, sizeof(rest), 0) > 0) {
	}
	closesocket(s);
	return NULL;
}

int gateway_process_start(const struct gateway_plan *plan, struct gateway_process *ret_process)
{
	struct gateway_process p = {.pid = 1};
	evutil_socket_t pair[2];
	WSADATA data;
	int status;

	if (WSAStartup(MAKEWORD(2, 2), &data) != 0 ||
		evutil_socketpair(AF_INET, SOCK_STREAM, 0, pair) != 0) {
		return complain(
			"no sockets between run and gateway: Windows error %d", WSAGetLastError());
	}
	gateway.plan = *plan;
	gateway.plan.admits = jail_admits;
	gateway.socket = (int)pair[1];
	p.socket = (int)pair[0];
	if (pthread_create(&gateway.thread, NULL, run_gateway, NULL) != 0) {
		evutil_closesocket(pair[0]);
		evutil_closesocket(pair[1]);
		return complain("the gateway's thread cannot be started");
	}
	status = gateway_process_expect(&p, FRAME_CA, &p.ca);
	if (status != 0) {
		gateway_process_finish(&p);
		return status;
	}
	*ret_process = p;
	return 0;
}

unsigned gateway_process_connections(void)
{
	return 0;
}

int gateway_process_open(struct gateway_process *p, const struct gateway_door *door,
	const struct gateway_story *story)
{
	const int fds[6] = {(int)door->tcp[0], (int)door->tcp[1], (int)door->dns_udp[0],
		(int)door->dns_udp[1], (int)door->dns_tcp[0], (int)door->dns_tcp[1]};
	struct text text = {0};
	int status;

	gateway_process_tell(story, &text);
	status = frame_send(p->socket, FRAME_DOOR, text.data, text.len, fds, 6);
	status = status != 0 ? complain("the gateway ended")
			     : gateway_process_expect(p, FRAME_OPEN, &text);
	text_finish(&text);
	return status;
}

int gateway_process_stop(
	struct gateway_process *p, int exit_status, const char *limit, struct text *ret_summary)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%d %s", exit_status, limit != NULL ? limit : "");

	if (frame_send(p->socket, FRAME_STOP, text, (size_t)n, NULL, 0) != 0) {
		return complain("the gateway is gone: the record has no end");
	}
	return gateway_process_expect(p, FRAME_SUMMARY, ret_summary);
}

void gateway_process_finish(struct gateway_process *p)
{
	if (p->pid != 0) {
		/* It takes the end of the pair for the end of the run, stops and closes the record.
		 */
		closesocket((SOCKET)p->socket);
		pthread_join(gateway.thread, NULL);
	}
	text_finish(&p->ca);
	memset(p, 0, sizeof(*p));
}
