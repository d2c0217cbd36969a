/*
 * What kind of address is this? From the IANA special-purpose registries (RFC 6890, 8190).
 *
 * The documentation networks (RFC 5737, 3849) count as public: laboratories route them, and no
 * private service hides behind them.
 */
#include "rules/target.h"

#include <string.h>

struct block {
	uint8_t prefix[16];
	uint8_t bits;
	enum rules_address_class class;
};

static const struct block v4_blocks[] = {
	{{169, 254, 169, 254}, 32, RULES_ADDRESS_METADATA}, /* cloud metadata services */
	{{169, 254, 170, 2}, 32, RULES_ADDRESS_METADATA},   /* container credentials */
	{{100, 100, 100, 200}, 32, RULES_ADDRESS_METADATA},
	{{168, 63, 129, 16}, 32, RULES_ADDRESS_METADATA},
	{{0}, 8, RULES_ADDRESS_FORBIDDEN}, /* "this network" */
	{{10}, 8, RULES_ADDRESS_PRIVATE}, {{100, 64}, 10, RULES_ADDRESS_PRIVATE}, /* RFC 6598 */
	{{127}, 8, RULES_ADDRESS_LOOPBACK}, {{169, 254}, 16, RULES_ADDRESS_LINK_LOCAL},
	{{172, 16}, 12, RULES_ADDRESS_PRIVATE},
	{{192, 0, 0}, 24, RULES_ADDRESS_FORBIDDEN}, /* protocol assignments */
	{{192, 168}, 16, RULES_ADDRESS_PRIVATE},
	{{198, 18}, 15, RULES_ADDRESS_FORBIDDEN}, /* RFC 2544; the DNS door's own */
	{{224}, 3, RULES_ADDRESS_FORBIDDEN},      /* multicast, reserved, broadcast */
};

static const struct block v6_blocks[] = {
	{{0xfd, 0x00, 0x0e, 0xc2, [14] = 2, [15] = 0x54}, 128, RULES_ADDRESS_METADATA},
	{{[15] = 1}, 128, RULES_ADDRESS_LOOPBACK}, {{0}, 128, RULES_ADDRESS_FORBIDDEN},
	{{0x01, 0x00}, 64, RULES_ADDRESS_FORBIDDEN}, /* RFC 6666 discard */
	{{0xfc}, 7, RULES_ADDRESS_PRIVATE},          /* RFC 4193 */
	{{0xfe, 0x80}, 10, RULES_ADDRESS_LINK_LOCAL},
	{{0xfe, 0xc0}, 10, RULES_ADDRESS_PRIVATE}, /* site-local, deprecated */
	{{0xff}, 8, RULES_ADDRESS_FORBIDDEN},      /* multicast */
};

/* IPv6 forms that carry an IPv4 address, and where in them it stands. */
static const struct {
	struct block block;
	uint8_t offset;
	bool inverted;
} carriers[] = {
	{{{[10] = 0xff, [11] = 0xff}, 96, 0}, 12, false},           /* v4-mapped */
	{{{0}, 96, 0}, 12, false},                                  /* v4-compatible */
	{{{0x00, 0x64, 0xff, 0x9b}, 96, 0}, 12, false},             /* NAT64, RFC 6052 */
	{{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, 0}, 12, false}, /* NAT64, RFC 8215 */
	{{{0x20, 0x02}, 16, 0}, 2, false},                          /* 6to4 */
	{{{0x20, 0x01, 0x00, 0x00}, 32, 0}, 12, true},              /* Teredo */
};

static bool within(const uint8_t *bytes, const struct block *block)
{
	unsigned whole = block->bits / 8, rest = block->bits % 8;

	if (memcmp(bytes, block->prefix, whole) != 0) {
		return false;
	}
	return rest == 0 || (bytes[whole] ^ block->prefix[whole]) >> (8 - rest) == 0;
}

static enum rules_address_class look_up(const uint8_t *bytes, const struct block *blocks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (within(bytes, &blocks[i])) {
			return blocks[i].class;
		}
	}
	return RULES_ADDRESS_PUBLIC;
}

static enum rules_address_class v4_class(const uint8_t *bytes)
{
	return look_up(bytes, v4_blocks, sizeof(v4_blocks) / sizeof(v4_blocks[0]));
}

enum rules_address_class rules_address_class(const uint8_t *bytes, size_t n_bytes)
{
	enum rules_address_class class;

	if (n_bytes == 4) {
		return v4_class(bytes);
	}
	if (n_bytes != 16) {
		return RULES_ADDRESS_FORBIDDEN;
	}
	class = look_up(bytes, v6_blocks, sizeof(v6_blocks) / sizeof(v6_blocks[0]));
	for (size_t i = 0;
		class == RULES_ADDRESS_PUBLIC && i < sizeof(carriers) / sizeof(carriers[0]); i++) {
		if (within(bytes, &carriers[i].block)) {
			uint8_t v4[4];

			for (int k = 0; k < 4; k++) {
				uint8_t b = bytes[carriers[i].offset + k];

				v4[k] = carriers[i].inverted ? (uint8_t)~b : b;
			}
			return v4_class(v4);
		}
	}
	return class;
}

const char *rules_address_class_name(enum rules_address_class c)
{
	switch (c) {
	case RULES_ADDRESS_LOOPBACK: return "loopback";
	case RULES_ADDRESS_LINK_LOCAL: return "link-local";
	case RULES_ADDRESS_METADATA: return "metadata";
	case RULES_ADDRESS_PRIVATE: return "private";
	case RULES_ADDRESS_PUBLIC: return "public";
	case RULES_ADDRESS_FORBIDDEN: break;
	}
	return "forbidden";
}
