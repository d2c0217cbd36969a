/*
 * The gateway without a jail, for what Wine can show of it: listens on 127.0.0.1, says its port,
 * and ends when its standard input does.
 *
 *   gateway_alone RULES_TEXT RECORD_FOLDER
 */
#include "audit/audit.h"
#include "certs/certs.h"
#include "gateway/gateway.h"
#include "jailer/windows/os_system.h"
#include "rules/rules.h"

#include <event2/thread.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char digest_key[AUDIT_KEY] = {1};

static void require_at(bool held, const char *what, const char *why)
{
	if (!held) {
		fprintf(stderr, "gateway_alone: %s: %s\n", what, why);
		exit(1);
	}
}

static void on_log(void *arg, enum gateway_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	fprintf(stderr, "%s\n", line);
}

static struct rules *make_rules(const char *text)
{
	struct rules *rules = rules_create();
	struct rules_diag diag;

	require_at(rules_add(rules, text, strlen(text), "given", &diag) == RULES_OK, "rules",
		diag.message);
	require_at(rules_compile(rules, &diag) == RULES_OK, "rules", diag.message);
	return rules;
}

static void *until_input_ends(void *arg)
{
	char line[16];

	while (fgets(line, sizeof(line), stdin) != NULL) {
	}
	gateway_stop(arg);
	return NULL;
}

int main(int argc, char **argv)
{
	struct audit_options options = {.durability = AUDIT_DURABLE, .run = "alone"};
	struct gateway_door door = {{-1, -1}, {-1, -1}, {-1, -1}, -1};
	struct gateway_config config = {.workers = 2,
		.connections = 4000,
		.log = on_log,
		.log_level = GATEWAY_LOG_WARN,
		.recording.key = digest_key};
	struct gateway_diag diag = {""};
	struct certs_diag certs_diag = {.message = ""};
	struct audit_diag audit_diag = {.message = ""};
	struct certs_ca *ca;
	struct certs_mint *mint;
	struct certs_trust *trust;
	struct gateway *gateway;
	struct audit_log *audit;
	pthread_t thread;
	uint16_t port;

	require_at(argc == 3, "usage", "gateway_alone RULES_TEXT RECORD_FOLDER");
	require_at(os_listen(0, &door.tcp[0], &port) == OS_OK, "listen", "");
	require_at(certs_init(&certs_diag) == CERTS_OK &&
			   certs_ca_create("test", 1, &ca, &certs_diag) == CERTS_OK &&
			   certs_mint_create(ca, 16, &mint, &certs_diag) == CERTS_OK &&
			   certs_trust_create(&trust) == CERTS_OK,
		"certificates", certs_diag.message);
	require_at(audit_open(argv[2], &options, &audit, &audit_diag) == AUDIT_OK, "record",
		audit_diag.message);
	config.rules = make_rules(argv[1]);
	config.mint = mint;
	config.trust = trust;
	config.audit = audit;
	config.recording.dir = argv[2];
	require_at(gateway_create(&config, &gateway, &diag) == GATEWAY_OK &&
			   gateway_add_door(gateway, &door, &diag) == GATEWAY_OK,
		"gateway", diag.message);
	printf("port %u\n", port);
	fflush(stdout);
	require_at(pthread_create(&thread, NULL, until_input_ends, gateway) == 0, "thread", "");
	gateway_run(gateway);
	gateway_destroy(gateway);
	require_at(audit_close(audit, &audit_diag) == AUDIT_OK, "record", audit_diag.message);
	puts("ended");
	return 0;
}
