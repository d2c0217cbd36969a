/*
 * Any bytes as a rules file: either it is refused with a place and nothing of it is kept, or it
 * compiles, judges, and each statement shown again is a statement.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "rules/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void reread(void *arg, const char *origin, unsigned line, const char *statement)
{
	struct rules *again = arg;
	struct rules_diag diag;

	(void)origin;
	(void)line;
	assert(rules_add(again, statement, strlen(statement), "again", &diag) == RULES_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules *r = rules_create(), *again = rules_create();
	struct rules_target target;
	struct rules_request req = {.method = "GET", .target = &target};
	struct rules_decision one, two;
	struct rules_diag diag;
	char buf[512];
	static const char url[] = "https://a.example/x/y%2Fz?q=1";

	assert(r != NULL && again != NULL);
	assert(rules_target_from_url(url, sizeof(url) - 1, &target, buf, sizeof(buf)) == 0);
	if (rules_add(r, (const char *)data, size, "fuzz", &diag) != RULES_OK) {
		assert(diag.message[0] != '\0' && diag.line > 0 && diag.column > 0);
	}
	if (rules_compile(r, &diag) != RULES_OK) {
		assert(diag.message[0] != '\0' && diag.line > 0); /* two files for one host */
		rules_destroy(r);
		rules_destroy(again);
		return 0;
	}
	rules_each_statement(r, reread, again);
	assert(rules_compile(again, &diag) == RULES_OK);
	rules_judge(r, &req, &one);
	rules_judge_host(r, RULES_HTTPS, "a.example", 443, NULL, &two);
	/* A request that may pass goes to a host that may be asked. */
	assert(one.verdict != RULES_ALLOW || two.verdict == RULES_ALLOW);
	if (!rules_receive_only(r)) {
		rules_judge(again, &req, &two);
		assert(one.verdict == two.verdict && one.reason == two.reason);
		assert((one.upstream == NULL) == (two.upstream == NULL));
	}
	rules_destroy(r);
	rules_destroy(again);
	return 0;
}
