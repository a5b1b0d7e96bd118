/* SPDX-License-Identifier: MIT */
/* Scene lists: order, repetition, negative numbers, and limits before memory is taken. */
#include "check.h"
#include "scenes.h"

static struct ozr_err err;

static void gives(const char *text, uint64_t planes, const uint64_t *want, size_t n)
{
	uint64_t *list = NULL;
	size_t got = 0;

	CHECK_OK(scenes_parse(text, planes, 100, &list, &got, &err));
	if (got != n || memcmp(list, want, n * sizeof(*want)) != 0)
		check_failed(__FILE__, __LINE__, text, "another list");
	free(list);
}

static void refused(int code, const char *text, uint64_t planes, uint64_t max, const char *words)
{
	uint64_t *list = (uint64_t *)&err;
	size_t n = 77;

	CHECK_CODE(code, scenes_parse(text, planes, max, &list, &n, &err));
	if (!strstr(err.msg, words))
		check_failed(__FILE__, __LINE__, text, err.msg);
	CHECK(list == (uint64_t *)&err && n == 77);
}

#define LIST(...) (const uint64_t[]){__VA_ARGS__}, sizeof((uint64_t[]){__VA_ARGS__}) / 8

static void test_forms(void)
{
	gives(NULL, 3, LIST(0, 1, 2));
	gives("", 3, LIST(0, 1, 2));
	gives("  ", 1, LIST(0));
	gives("3", 20, LIST(3));
	gives("10-13", 20, LIST(10, 11, 12, 13));
	gives("0,3", 20, LIST(0, 3));
	gives("12-10,3,3", 20, LIST(12, 11, 10, 3, 3));
	gives("-1", 20, LIST(19));
	gives("-3--1", 20, LIST(17, 18, 19));
	gives("-1--3", 20, LIST(19, 18, 17));
	gives("0--1", 4, LIST(0, 1, 2, 3));
	gives(" 1 - 2 , 0", 4, LIST(1, 2, 0));
	gives("-4", 4, LIST(0));
}

static void test_refused(void)
{
	refused(OZR_BAD_ARG, "20", 20, 100, "there is no plane 20: planes are 0 to 19");
	refused(OZR_BAD_ARG, "-21", 20, 100, "there is no plane -21");
	refused(OZR_BAD_ARG, "0-20", 20, 100, "there is no plane 20");
	refused(OZR_BAD_ARG, "99999999999999999999", 20, 100, "planes are 0 to 19");
	refused(OZR_BAD_ARG, "1,,2", 20, 100, "scene '' must be a number or a range");
	refused(OZR_BAD_ARG, "1,", 20, 100, "scene ''");
	refused(OZR_BAD_ARG, "1-2-3", 20, 100, "scene '1-2-3'");
	refused(OZR_BAD_ARG, "abc", 20, 100, "scene 'abc'");
	refused(OZR_BAD_ARG, "1.5", 20, 100, "scene '1.5'");
	refused(OZR_BAD_ARG, "", 0, 100, "no planes");
}

static void test_limits(void)
{
	uint64_t *list;
	size_t n;

	refused(OZR_LIMIT, NULL, 1000, 999, "1000 planes at once are more than 999");
	refused(OZR_LIMIT, NULL, 1000, 999, "[a-b]");
	refused(OZR_LIMIT, NULL, 1000, 999, "-define omezarr:max-planes=1000");
	CHECK_OK(scenes_parse(NULL, 1000, 1000, &list, &n, &err));
	CHECK(n == 1000 && list[999] == 999);
	free(list);
	refused(OZR_LIMIT, "0-9,0-9", 10, 19, "20 planes");
	/* never expanded, however large, and sums that leave 64 bits are no small numbers */
	refused(OZR_LIMIT, NULL, UINT64_MAX, 10000, "more than 16777216");
	refused(OZR_LIMIT, "0--1", UINT64_MAX, 10000, "more than 16777216");
	refused(OZR_LIMIT, "0--1,0--1,0", UINT64_MAX, 10000, "more than 16777216");
	refused(OZR_LIMIT, "0-9223372036854775807,0-9223372036854775807,0", UINT64_MAX, 10000,
		"more than 16777216: choose some by name[a-b]");
	refused(OZR_LIMIT, NULL, MOST_PLANES + 1, UINT64_MAX, "16777217 planes at once");
	CHECK_OK(scenes_parse("-1,9223372036854775807", UINT64_MAX, 2, &list, &n, &err));
	CHECK(n == 2 && list[0] == UINT64_MAX - 1 && list[1] == INT64_MAX);
	free(list);
}

int main(void)
{
	test_forms();
	test_refused();
	test_limits();
	return 0;
}
