/* SPDX-License-Identifier: MIT */
/* Regions: every number exactly, and what is not a region is left alone. */
#include "check.h"
#include "region.h"

static void is(const char *text, uint64_t columns, uint64_t rows, int64_t x, int64_t y)
{
	struct wish wish = {0};

	if (!region_parse(text, &wish) || !wish.has_region || wish.columns != columns ||
	    wish.rows != rows || wish.x != x || wish.y != y)
		check_failed(__FILE__, __LINE__, text, "");
}

int main(void)
{
	static const char *const other[] = {"",          "512x512",     "512",        "x512+1+2",
					    "512x+1+2",  "512x512+1",   "1x1+1+2%",   "1x1+1+2!",
					    "1x1+1+2 ",  " 1x1+1+2",    "1x1++1+2",   "1x1+1.5+2",
					    "1x1+1,2",   "-1x1+1+2",    "1x1 +1+2",   "100x80>",
					    "1x1+1+2+3", "1e3x1e3+1+2", "50%x50%+1+2"};
	struct wish wish = {0}, zero = {0};

	is("512x512+100+200", 512, 512, 100, 200);
	is("0X7-1+0", 0, 7, -1, 0);
	is("1x2+3000000000-1099511627712", 1, 2, 3000000000, -1099511627712);
	is("1x1+9223372036854775807+9223372036854775808", 1, 1, INT64_MAX, INT64_MAX);
	is("1x1-99999999999999999999+0", 1, 1, -INT64_MAX, 0);
	is("99999999999999999999x1+0+0", INT64_MAX, 1, 0, 0);
	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++) {
		CHECK(!region_parse(other[i], &wish));
		CHECK(memcmp(&wish, &zero, sizeof(wish)) == 0);
	}
	return 0;
}
