/*
 * What a gateway needs, made for one that is to end with the program.
 */
#include "tests/one_worker.h"
#include "rules/rules.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define must(call)                 \
	do {                       \
		int ret_ = (call); \
		assert(ret_ == 0); \
		(void)ret_;        \
	} while (0)

static void make_folder(struct one_worker *w, const char *name)
{
	snprintf(w->folder, sizeof(w->folder), "/dev/shm/%s.XXXXXX", name);
	if (mkdtemp(w->folder) == NULL) {
		snprintf(w->folder, sizeof(w->folder), "/tmp/%s.XXXXXX", name);
		assert(mkdtemp(w->folder) != NULL);
	}
}

static struct rules *make_rules(const char *text)
{
	struct rules *rules = rules_create();
	struct rules_diag diag;

	must(rules_add(rules, text, strlen(text), "given", &diag));
	must(rules_compile(rules, &diag));
	return rules;
}

void one_worker_create(struct one_worker *w, const struct one_worker_options *options)
{
	static const unsigned char key[AUDIT_KEY] = {1};
	const unsigned d = options->deadline;
	struct audit_options audit = {.durability = AUDIT_BUFFERED,
		.run = options->name,
		.segment_bytes = options->segment_bytes,
		.keep_bytes = options->record_bytes};
	struct gateway_config config = {.workers = 1,
		.connections = 16,
		.nameserver = "127.0.0.1:9",
		.deadlines = {d, d, d, d, d, d}};
	struct gateway_diag diag;
	struct certs_diag certs_diag;
	struct audit_diag audit_diag;

	signal(SIGPIPE, SIG_IGN);
	make_folder(w, options->name);
	must(certs_init(&certs_diag));
	must(certs_ca_create(options->name, 7, &w->ca, &certs_diag));
	must(certs_mint_create(w->ca, 64, &w->mint, &certs_diag));
	w->trust = options->trust;
	if (w->trust == NULL) {
		must(certs_trust_create(&w->trust));
	}
	must(audit_open(w->folder, &audit, &w->audit, &audit_diag));
	w->rules = make_rules(options->rules);
	config.rules = w->rules;
	config.mint = w->mint;
	config.trust = w->trust;
	config.audit = w->audit;
	config.recording.key = key;
	config.recording.dir = w->folder;
	must(gateway_create(&config, &w->gateway, &diag));
	w->worker = &w->gateway->workers[0];
}

void one_worker_finish(struct one_worker *w)
{
	struct audit_diag diag;
	struct dirent *entry;
	DIR *folder = opendir(w->folder);

	(void)!audit_close(w->audit, &diag); /* it wakes the worker */
	gateway_destroy(w->gateway);
	certs_mint_destroy(w->mint);
	certs_ca_destroy(w->ca);
	certs_trust_destroy(w->trust);
	rules_destroy(w->rules);
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		(void)unlinkat(dirfd(folder), entry->d_name, 0);
	}
	closedir(folder);
	rmdir(w->folder);
}

int one_worker_listen(uint16_t *ret_port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	must(bind(fd, (struct sockaddr *)&at, sizeof(at)));
	must(listen(fd, 16));
	must(getsockname(fd, (struct sockaddr *)&at, &len));
	*ret_port = ntohs(at.sin_port);
	return fd;
}
