/*
 * The canaries: one thread listens on all their sockets and writes down what it hears.
 */
#include "cli/doctor/canaries.h"
#include "certs/certs.h"
#include "cli/verbs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TCP, UDP, DNS, ABSTRACT, SOCKETS };

struct canaries {
	char folder[64], secret[96], home_secret[4200], outside[96];
	char token[33], abstract[64], address[INET_ADDRSTRLEN];
	int sockets[SOCKETS];
	int port, dns_port, listen_port, shm_key, shm;
	pid_t victim;
	pthread_t thread;
	bool has_thread;
	atomic_bool stopping, knocking;
	atomic_int heard; /* 1 + which socket heard the token */
};

/* ---- the thread ---- */

static void hear(struct canaries *c, int which)
{
	static const struct timeval patience = {.tv_usec = 300000};
	char text[512] = "";
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	ssize_t n;
	int fd = c->sockets[which];

	if (which == UDP || which == DNS) {
		n = recvfrom(fd, text, sizeof(text), 0, (void *)&from, &len);
		if (n > 0 && memmem(text, (size_t)n, c->token, which == DNS ? 16 : 32) != NULL) {
			atomic_store(&c->heard, 1 + which);
			(void)!sendto(fd, "canary", 6, 0, (void *)&from, len);
		}
		return;
	}
	fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) {
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	n = recv(fd, text, sizeof(text), 0);
	if (n > 0 && memmem(text, (size_t)n, c->token, 32) != NULL) {
		atomic_store(&c->heard, 1 + which);
		(void)!send(fd, "canary", 6, MSG_NOSIGNAL);
	}
	close(fd);
}

static void knock(const struct canaries *c)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)c->listen_port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)!connect(fd, (void *)&to, sizeof(to));
	close(fd);
}

static void *serve(void *arg)
{
	struct canaries *c = arg;
	struct pollfd polled[SOCKETS];

	for (int i = 0; i < SOCKETS; i++) {
		polled[i] = (struct pollfd){c->sockets[i], POLLIN, 0};
	}
	while (!atomic_load(&c->stopping)) {
		if (poll(polled, SOCKETS, 50) > 0) {
			for (int i = 0; i < SOCKETS; i++) {
				if (polled[i].revents & POLLIN) {
					hear(c, i);
				}
			}
		}
		if (atomic_load(&c->knocking)) {
			knock(c);
		}
	}
	return NULL;
}

/* ---- putting them up ---- */

static int port_of(int fd)
{
	struct sockaddr_in6 here;
	socklen_t len = sizeof(here);

	return getsockname(fd, (void *)&here, &len) == 0 ? ntohs(here.sin6_port) : 0;
}

/* IPv4 and IPv6 on one socket. */
static int bind_any(int type, int port)
{
	struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0), off = 0;

	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (fd >= 0 && bind(fd, (void *)&here, sizeof(here)) != 0) {
		close(fd);
		fd = -1;
	}
	if (fd >= 0 && type == SOCK_STREAM) {
		(void)!listen(fd, 64);
	}
	return fd;
}

static int open_sockets(struct canaries *c)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int probe;

	c->sockets[TCP] = bind_any(SOCK_STREAM, 0);
	c->port = port_of(c->sockets[TCP]);
	c->sockets[UDP] = bind_any(SOCK_DGRAM, c->port);
	c->sockets[DNS] = bind_any(SOCK_DGRAM, 0);
	c->dns_port = port_of(c->sockets[DNS]);
	probe = bind_any(SOCK_STREAM, 0);
	c->listen_port = port_of(probe);
	close(probe);
	snprintf(c->abstract, sizeof(c->abstract), "sallyport-canary-%.16s", c->token);
	memcpy(name.sun_path + 1, c->abstract, strlen(c->abstract));
	c->sockets[ABSTRACT] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(c->sockets[ABSTRACT], (void *)&name,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				strlen(c->abstract))) != 0 ||
		listen(c->sockets[ABSTRACT], 64) != 0) {
		return -1;
	}
	for (int i = 0; i < SOCKETS; i++) {
		if (c->sockets[i] < 0) {
			return -1;
		}
	}
	return 0;
}

static void find_address(struct canaries *c)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) != 0) {
		return;
	}
	for (struct ifaddrs *i = all; i != NULL && c->address[0] == '\0'; i = i->ifa_next) {
		if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET &&
			(i->ifa_flags & IFF_LOOPBACK) == 0) {
			inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr,
				c->address, sizeof(c->address));
		}
	}
	freeifaddrs(all);
}

static int write_secret(const char *path, const char *token)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	bool whole = fd >= 0 && write(fd, token, 32) == 32;

	if (fd >= 0) {
		close(fd);
	}
	return whole ? 0 : -1;
}

static int make_files(struct canaries *c)
{
	const char *home = getenv("HOME");

	snprintf(c->folder, sizeof(c->folder), "/var/tmp/sallyport-doctor.XXXXXX");
	if (mkdtemp(c->folder) == NULL) {
		return -1;
	}
	snprintf(c->secret, sizeof(c->secret), "%s/secret", c->folder);
	snprintf(c->outside, sizeof(c->outside), "%s/outside", c->folder);
	if (write_secret(c->secret, c->token) != 0 || mkdir(c->outside, 0700) != 0) {
		return -1;
	}
	/* A home that cannot be written to keeps its secrets another way: none is put there. */
	if (home != NULL && home[0] == '/') {
		snprintf(c->home_secret, sizeof(c->home_secret), "%.4000s/.sallyport-doctor-%.16s",
			home, c->token);
		if (write_secret(c->home_secret, c->token) != 0) {
			c->home_secret[0] = '\0';
		}
	}
	return 0;
}

static void start_victim(struct canaries *c)
{
	char mark[48];
	char *const env[] = {mark, NULL};

	snprintf(mark, sizeof(mark), "VICTIM=%s", c->token);
	c->victim = fork();
	if (c->victim == 0) {
		execle("/bin/sleep", "sleep", "300", NULL, env);
		_exit(127);
	}
}

int canaries_create(struct canaries **ret_canaries)
{
	struct canaries *c = calloc(1, sizeof(*c));
	unsigned char random[16];

	if (c == NULL || certs_random(NULL, random, sizeof(random)) != 0) {
		free(c);
		return complain("no random bytes");
	}
	for (size_t i = 0; i < sizeof(random); i++) {
		snprintf(c->token + 2 * i, 3, "%02x", random[i]);
	}
	for (int i = 0; i < SOCKETS; i++) {
		c->sockets[i] = -1;
	}
	memcpy(&c->shm_key, random, sizeof(c->shm_key));
	c->shm_key |= 1;
	c->shm = shmget(c->shm_key, 4096, IPC_CREAT | IPC_EXCL | 0600);
	if (make_files(c) != 0 || open_sockets(c) != 0 || c->shm < 0 ||
		pthread_create(&c->thread, NULL, serve, c) != 0) {
		int status = complain("the probes' canaries cannot be put up: %s", strerror(errno));

		canaries_destroy(c);
		return status;
	}
	c->has_thread = true;
	find_address(c);
	start_victim(c);
	*ret_canaries = c;
	return 0;
}

static void remove_tree(char *path)
{
	char *const roots[] = {path, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (walk != NULL && (entry = fts_read(walk)) != NULL) {
		if (entry->fts_info == FTS_D) {
			(void)chmod(entry->fts_accpath, 0700);
		} else {
			(void)remove(entry->fts_accpath);
		}
	}
	if (walk != NULL) {
		fts_close(walk);
	}
}

void canaries_destroy(struct canaries *c)
{
	if (c == NULL) {
		return;
	}
	atomic_store(&c->stopping, true);
	if (c->has_thread) {
		pthread_join(c->thread, NULL);
	}
	for (int i = 0; i < SOCKETS; i++) {
		if (c->sockets[i] >= 0) {
			close(c->sockets[i]);
		}
	}
	if (c->victim > 0) {
		kill(c->victim, SIGKILL);
		waitpid(c->victim, NULL, 0);
	}
	if (c->shm >= 0) {
		shmctl(c->shm, IPC_RMID, NULL);
	}
	if (c->home_secret[0] != '\0') {
		unlink(c->home_secret);
	}
	if (c->folder[0] != '\0') {
		remove_tree(c->folder);
	}
	free(c);
}

/* ---- asking them ---- */

const char *canaries_folder(const struct canaries *c)
{
	return c->folder;
}

int canaries_dns_port(const struct canaries *c)
{
	return c->dns_port;
}

static void set_number(struct list *env, const char *name, int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", value);
	list_set(env, name, text);
}

void canaries_describe(const struct canaries *c, struct list *env)
{
	list_set(env, "PROBE_TOKEN", c->token);
	list_set(env, "PROBE_ADDRESS", c->address);
	list_set(env, "PROBE_SECRET", c->secret);
	list_set(env, "PROBE_HOME_SECRET", c->home_secret);
	list_set(env, "PROBE_OUTSIDE", c->outside);
	list_set(env, "PROBE_ABSTRACT", c->abstract);
	set_number(env, "PROBE_PORT", c->port);
	set_number(env, "PROBE_LISTEN", c->listen_port);
	set_number(env, "PROBE_SHM", c->shm_key);
	set_number(env, "PROBE_VICTIM", c->victim);
}

void canaries_knock(struct canaries *c, bool on)
{
	atomic_store(&c->knocking, on);
}

/* Its number is the one it has where it runs: only for one that runs out here. */
static void end_daemon(int fd)
{
	char number[16] = "", path[48], line[64] = "";
	int command;

	if (pread(fd, number, sizeof(number) - 1, 0) <= 0 || atoi(number) <= 1) {
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/cmdline", atoi(number));
	command = open(path, O_RDONLY | O_CLOEXEC);
	if (command >= 0 && read(command, line, sizeof(line)) > 13 &&
		memmem(line, sizeof(line), "probe\0daemon", 12) != NULL) {
		kill(atoi(number), SIGKILL);
	}
	if (command >= 0) {
		close(command);
	}
}

static bool daemon_lives(const char *folder)
{
	char path[4200];
	int fd;
	bool alive;

	snprintf(path, sizeof(path), "%s/probe-daemon", folder);
	fd = open(path, O_RDWR | O_CLOEXEC);
	alive = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
	if (alive) {
		end_daemon(fd);
	}
	if (fd >= 0) {
		close(fd);
	}
	return alive;
}

/* Taken away at once: it would lend the rights of whoever asked. */
static bool lends_rights(const char *folder)
{
	char path[4200];
	struct stat st;
	bool lends;

	snprintf(path, sizeof(path), "%s/probe-lent", folder);
	lends = lstat(path, &st) == 0 && (st.st_mode & S_ISUID) != 0;
	(void)unlink(path);
	return lends;
}

const char *canaries_noticed(struct canaries *c, const char *folder)
{
	static const char *const ears[SOCKETS] = {"the TCP canary heard the token",
		"the UDP canary heard the token", "the name server canary heard the token",
		"the abstract socket's canary heard the token"};
	int heard = atomic_exchange(&c->heard, 0), status;
	char path[128];

	if (heard > 0) {
		return ears[heard - 1];
	}
	snprintf(path, sizeof(path), "%s/escaped", c->outside);
	if (unlink(path) == 0) {
		return "a file was written outside";
	}
	if (waitpid(c->victim, &status, WNOHANG) == c->victim) {
		start_victim(c);
		return "a process outside was killed";
	}
	if (lends_rights(folder)) {
		return "a file with the setuid bit was left";
	}
	return daemon_lives(folder) ? "a process outlived the run" : NULL;
}
