/* SPDX-License-Identifier: MIT */
/* Defines about reading: what each takes, and what a wrong one is told. */
#include "check.h"
#include "read_options.h"

static struct ozr_err err;

/* user: "key=value" lines, NULL ends */
static const char *get(void *user, const char *key)
{
	const char *const *lines = user;
	size_t n = strlen(key);

	for (; *lines; lines++)
		if (strncmp(*lines, key, n) == 0 && (*lines)[n] == '=')
			return *lines + n + 1;
	return NULL;
}

static int parse(struct read_options *out, const char *a, const char *b)
{
	const char *lines[] = {a, b, NULL};
	const struct defines defines = {get, lines};

	return read_options_parse(&defines, out, &err);
}

static struct read_options given(const char *line)
{
	struct read_options options;

	CHECK_OK(parse(&options, line, NULL));
	return options;
}

static void refused(const char *line, const char *words)
{
	struct read_options options;

	CHECK_CODE(OZR_BAD_ARG, parse(&options, line, NULL));
	if (!strstr(err.msg, words))
		check_failed(__FILE__, __LINE__, line, err.msg);
}

static void test_taken(void)
{
	struct read_options o = given(NULL);

	CHECK(!o.has_level && o.channels == CHANNELS_AUTO && o.window == WINDOW_DEFAULT);
	CHECK(o.max_planes == 0 && o.selection.n == 0 && !o.label[0]);
	o = given("omezarr:level=-1");
	CHECK(o.has_level && o.level == -1);
	CHECK(given("omezarr:channels=separate").channels == CHANNELS_SEPARATE);
	CHECK(given("omezarr:channels=RGB").channels == CHANNELS_RGB);
	CHECK(given("omezarr:channels=composite").channels == CHANNELS_COMPOSITE);
	CHECK(given("omezarr:window=omero").window == WINDOW_OMERO);
	CHECK(given("omezarr:window=MinMax").window == WINDOW_MINMAX);
	CHECK(given("omezarr:window=raw").window == WINDOW_RAW);
	o = given("omezarr:window=-0.5, 1e3");
	CHECK(o.window == WINDOW_GIVEN && o.low == -0.5 && o.high == 1000);
	o = given("omezarr:window=255,0");
	CHECK(o.low == 255 && o.high == 0);
	CHECK(given("omezarr:max-planes=100000").max_planes == 100000);
	o = given("omezarr:axes=t=3,c=DAPI,label=cells,level=2");
	CHECK(o.selection.n == 2 && o.selection.level == 2 && strcmp(o.label, "cells") == 0);
	CHECK(!o.has_level);
	o = given("omezarr:axes=tczyx"); /* for the writer of the same command */
	CHECK(o.selection.n == 0);
}

static void test_refused(void)
{
	struct read_options options;

	refused("omezarr:level=two", "-define omezarr:level=two: must be the number of a level");
	refused("omezarr:level=", "omezarr:level=: must be");
	refused("omezarr:channels=rgba", "omezarr:channels=rgba: must be separate, rgb or");
	refused("omezarr:window=1", "omezarr:window=1: must be two different numbers");
	refused("omezarr:window=1,2,3", "must be two");
	refused("omezarr:window=1,1", "must be two different");
	refused("omezarr:window=nan,1", "must be two");
	refused("omezarr:window=0,inf", "must be two");
	refused("omezarr:window=auto", "must be two");
	refused("omezarr:max-planes=0", "must be a number from 1");
	refused("omezarr:max-planes=-5", "must be a number from 1");
	refused("omezarr:max-planes=16777217", "from 1 to 16777216");
	refused("omezarr:max-planes=10k", "must be a number from 1");
	refused("omezarr:max-planes=99999999999999999999", "must be a number from 1");
	refused("omezarr:axes=z=1,z=2", "-define omezarr:axes: axis 'z' is given twice");
	CHECK_CODE(OZR_BAD_ARG, parse(&options, "omezarr:axes=level=1", "omezarr:level=1"));
	CHECK(strstr(err.msg, "omezarr:level"));
}

int main(void)
{
	test_taken();
	test_refused();
	return 0;
}
