/* SPDX-License-Identifier: MIT */
/* Names of files with brackets: what is understood, and what is refused with which words. */
#include "check.h"
#include "location.h"

static struct ozr_err err;

static struct location parsed(const char *name)
{
	struct location at;

	CHECK_OK(location_parse(name, &at, &err));
	return at;
}

static void refused(const char *name, const char *words)
{
	struct location at, before;

	memset(&at, 0x5a, sizeof(at));
	before = at;
	CHECK_CODE(OZR_BAD_ARG, location_parse(name, &at, &err));
	if (!strstr(err.msg, words))
		check_failed(__FILE__, __LINE__, name, err.msg);
	CHECK(memcmp(&at, &before, sizeof(at)) == 0);
}

static void test_folders(void)
{
	struct location at = parsed("vol.ome.zarr");

	CHECK(strcmp(at.folder, "vol.ome.zarr") == 0 && !at.label[0]);
	CHECK(at.selection.n == 0 && !at.selection.has_level);
	CHECK(strcmp(parsed("a/b.zarr///").folder, "a/b.zarr") == 0);
	CHECK(strcmp(parsed("/").folder, "/") == 0 && strcmp(parsed("///").folder, "/") == 0);
	CHECK(strcmp(parsed("vol.zarr/[z=1]").folder, "vol.zarr") == 0);
	/* brackets that are not ours are a part of the name */
	CHECK(strcmp(parsed("a[1].zarr").folder, "a[1].zarr") == 0);
	CHECK(strcmp(parsed("a[1]").folder, "a[1]") == 0);
	CHECK(strcmp(parsed("a[]").folder, "a[]") == 0);
	CHECK(strcmp(parsed("a]").folder, "a]") == 0);
	CHECK(strcmp(parsed("a[t=1]/0").folder, "a[t=1]/0") == 0);
	CHECK(strcmp(parsed("a[t=1]/").folder, "a[t=1]") == 0);
	at = parsed("a[t=1][z=2]");
	CHECK(strcmp(at.folder, "a[t=1]") == 0 && at.selection.n == 1);
	refused("", "missing");
	refused("[z=1]", "missing");
}

static void test_long_names(void)
{
	static char name[MAX_PATH_TEXT + 10];
	struct location at;

	memset(name, 'a', MAX_PATH_TEXT - 1);
	at = parsed(name);
	CHECK(strlen(at.folder) == MAX_PATH_TEXT - 1);
	memcpy(name + MAX_PATH_TEXT - 6, "[z=1]", 5);
	at = parsed(name);
	CHECK(strlen(at.folder) == MAX_PATH_TEXT - 6 && at.selection.n == 1);
	name[MAX_PATH_TEXT - 1] = ']';
	refused(name, "longer than 4095");
	memset(name, 0, sizeof(name));
	memcpy(name, "v[", 2);
	memset(name + 2, 'z', 31);
	memcpy(name + 33, "=1]", 4);
	CHECK(strlen(parsed(name).selection.axis[0].axis) == 31);
	memset(name + 2, 'z', 32);
	memcpy(name + 34, "=1]", 4);
	refused(name, "longer than 31");
	memcpy(name, "v[label=", 8);
	memset(name + 8, 'n', 256);
	memcpy(name + 264, "]", 2);
	refused(name, "longer than 255");
	memcpy(name, "v[c=a", 5);
	memset(name + 5, 'b', 127);
	memcpy(name + 132, "]", 2);
	refused(name, "must be a number");
}

static void test_scenes_behind(void)
{
	struct location at = parsed("v[t=1,c=2][3-1, 0]");

	CHECK(strcmp(at.folder, "v") == 0 && strcmp(at.scenes, "3-1, 0") == 0);
	CHECK(at.selection.n == 2);
	CHECK(!parsed("v[t=1]").scenes[0]);
	CHECK(strcmp(parsed("v[1][2]").folder, "v[1][2]") == 0);
	CHECK(strcmp(parsed("v[a=1]x[2]").folder, "v[a=1]x[2]") == 0);
	at = parsed("v[a=1][b=2]");
	CHECK(strcmp(at.folder, "v[a=1]") == 0 && strcmp(at.selection.axis[0].axis, "b") == 0);
	refused("v[t=1][10x20+3+4]", "[10x20+3+4] behind [axis=position] must be a list of scenes");
}

static void test_positions(void)
{
	struct location at = parsed("v[t=3, C = 1 ,z=-2--1,q=20-10,level=-1]");
	const struct selected *a = at.selection.axis;

	CHECK(at.selection.n == 4 && at.selection.has_level && at.selection.level == -1);
	CHECK(strcmp(a[0].axis, "t") == 0 && a[0].first == 3 && a[0].last == 3);
	CHECK(strcmp(a[1].axis, "C") == 0 && a[1].first == 1 && a[1].last == 1);
	CHECK(a[2].first == -2 && a[2].last == -1 && !a[2].by_label);
	CHECK(a[3].first == 20 && a[3].last == 10);
	at = parsed("v[label=nuclei]");
	CHECK(strcmp(at.label, "nuclei") == 0 && at.selection.n == 0);
	at = parsed("v[LABEL=\"a, b\",z=0]");
	CHECK(strcmp(at.label, "a, b") == 0 && at.selection.n == 1);
}

static void test_channel_labels(void)
{
	struct location at = parsed("v[c=DAPI]");

	CHECK(at.selection.axis[0].by_label && strcmp(at.selection.axis[0].label, "DAPI") == 0);
	at = parsed("v[c=Alexa-488 (red=on)]");
	CHECK(strcmp(at.selection.axis[0].label, "Alexa-488 (red=on)") == 0);
	at = parsed("v[c=\"488\"]");
	CHECK(at.selection.axis[0].by_label && strcmp(at.selection.axis[0].label, "488") == 0);
	at = parsed("v[c=488]");
	CHECK(!at.selection.axis[0].by_label && at.selection.axis[0].first == 488);
}

static void test_refused(void)
{
	refused("v[z=]", "z=: must be a number");
	refused("v[z=1,]", "'' must be axis=position");
	refused("v[,z=1]", "'' must be");
	refused("v[z=1,7]", "'7' must be");
	refused("v[=1]", "'=1' must be");
	refused("v[=]", "'=' must be");
	refused("v[z=1,Z=2]", "'Z' is given twice");
	refused("v[z=99999999999999999999]", "z=99999999999999999999: the number is too large");
	refused("v[level=1,level=1]", "one level only");
	refused("v[level=x]", "level=x: must be the number");
	refused("v[level=1-2]", "level=1-2: must be the number");
	refused("v[label=]", "must be the name of a label");
	refused("v[label=../../etc]", "must be the name of a label");
	refused("v[label=..]", "must be the name of a label");
	refused("v[label=a,label=b]", "one label only, 'a' was named");
	refused("v[c=\"\"]", "c=: must be a number");
	refused("v[a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1,l=1,m=1,n=1,o=1,p=1,q=1]",
		"'q': more than 16");
}

static void test_adding(void)
{
	struct selection selection = {0};
	char label[256] = "";

	CHECK_OK(selection_parse("z=1", &selection, label, &err));
	CHECK_OK(selection_parse("t=2,label=x", &selection, label, &err));
	CHECK(selection.n == 2 && strcmp(label, "x") == 0);
	CHECK_CODE(OZR_BAD_ARG, selection_parse("z=3", &selection, label, &err));
}

int main(void)
{
	test_folders();
	test_long_names();
	test_scenes_behind();
	test_positions();
	test_channel_labels();
	test_refused();
	test_adding();
	return 0;
}
