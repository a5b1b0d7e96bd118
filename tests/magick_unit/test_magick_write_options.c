/* SPDX-License-Identifier: MIT */
/* Defines about writing: what each takes, what a wrong one is told, and which do not go together. */
#include "check.h"
#include "write_options.h"

#include <locale.h>

static struct ozr_err err;

/* user: "key=value" lines without the prefix, NULL ends */
static const char *get(void *user, const char *key)
{
	const char *const *lines = user;

	CHECK(strncmp(key, "omezarr:", 8) == 0);
	for (key += 8; *lines; lines++)
		if (strncmp(*lines, key, strlen(key)) == 0 && (*lines)[strlen(key)] == '=')
			return *lines + strlen(key) + 1;
	return NULL;
}

static int parse(struct write_options *out, const char *a, const char *b)
{
	const char *lines[] = {a, b, NULL};
	const struct defines defines = {get, lines};

	return write_options_parse(&defines, out, &err);
}

static struct write_options both(const char *a, const char *b)
{
	struct write_options o;

	CHECK_OK(parse(&o, a, b));
	return o;
}

static struct write_options given(const char *line)
{
	return both(line, NULL);
}

/* The message names define and value, and says these words. */
static void conflict(const char *a, const char *b, const char *words)
{
	struct write_options o = {.levels = 77};

	CHECK_CODE(OZR_BAD_ARG, parse(&o, a, b));
	if (!strstr(err.msg, words) || strncmp(err.msg, "-define omezarr:", 16) != 0)
		check_failed(__FILE__, __LINE__, a, err.msg);
	CHECK(o.levels == 77);
}

static void refused(const char *line, const char *words)
{
	char head[128];
	struct write_options o;

	conflict(line, NULL, words);
	CHECK_CODE(OZR_BAD_ARG, parse(&o, line, NULL));
	(void)snprintf(head, sizeof(head), "-define omezarr:%s", line);
	CHECK(strncmp(err.msg, head, strlen(head)) == 0);
}

static void test_layout_of_files(void)
{
	struct write_options o = given(NULL);

	CHECK(o.ome_version == 0 && o.chunk.n == 0 && o.shard.n == 0 && !o.no_shards);
	CHECK(o.levels == 0 && !o.has_axes && !o.has_dtype && !o.has_method && !o.append);
	CHECK(given("version=0.4").ome_version == 4 && given("version=0.5").ome_version == 5);
	refused("version=0.6", "0.4 or 0.5");
	o = given("chunk=64");
	CHECK(o.chunk.n == 1 && o.chunk.size[0] == 64);
	o = given("chunk=1x512X256");
	CHECK(o.chunk.n == 3 && o.chunk.size[0] == 1 && o.chunk.size[1] == 512);
	CHECK(o.chunk.size[2] == 256);
	refused("chunk=", "numbers");
	refused("chunk=0", "numbers");
	refused("chunk=64x", "numbers");
	refused("chunk=-1", "numbers");
	refused("chunk=64x2147483648", "numbers");
	refused("chunk=99999999999999999999", "numbers");
	refused("chunk=1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1", "numbers");
	CHECK(given("shard=None").no_shards && given("shard=1x2048").shard.n == 2);
	refused("shard=many", "none, or numbers");
	conflict("version=0.4", "shard=1024", "0.4 has no shards");
	CHECK(given("levels=1").levels == 1 && given("levels=64").levels == 64);
	refused("levels=0", "from 1");
	refused("levels=65", "64");
	refused("levels=2.5", "64");
}

static void test_codecs(void)
{
	struct write_options o = both("compression=ZSTD", "compression-level=-7");

	CHECK(strcmp(o.codec.codec, "zstd") == 0 && o.codec.level == -7);
	CHECK(both("compression=blosc-lz4", "compression-level=0").codec.level == INT_MIN);
	CHECK(given("compression-level=9").codec.level == 9);
	CHECK(strcmp(given("compression=none").codec.codec, "none") == 0);
	refused("compression=lzw", "blosc-zstd");
	refused("compression-level=fast", "whole number");
	refused("compression-level=10", "from 0 to 9");
	conflict("compression=gzip", "compression-level=-1", "from 0 to 9");
	conflict("compression=zstd", "compression-level=-8", "-7 to 22");
	conflict("compression=none", "compression-level=1", "has no level");
}

static void test_axes(void)
{
	struct write_options o = both("axes=tzcyx", "size-c=3");

	CHECK(o.has_axes && strcmp(o.axes, "tzc") == 0 && o.size[LIST_C] == 3);
	CHECK(o.size[LIST_T] == 0 && o.size[LIST_Z] == 0);
	CHECK(strcmp(given("axes=YX").axes, "") == 0 && given("axes=YX").has_axes);
	CHECK(strcmp(given("axes=ZYX").axes, "z") == 0);
	CHECK(!given("axes=t=3,c=1").has_axes); /* the reader's */
	refused("axes=", "letters");
	refused("axes=xy", "letters");
	refused("axes=zzyx", "letters");
	refused("axes=ayx", "letters");
	refused("axes=tczzyx", "letters");
	conflict("axes=zyx", "size-c=3", "must name the axis c");
	conflict("size-z=3", NULL, "must name the axis z");
	conflict("axes=zyx", "size-z=0", "from 1");
}

static void test_numbers(void)
{
	struct write_options o = given("pixel-size=0.5");

	CHECK(o.pixel_x == 0.5 && o.pixel_y == 0.5);
	o = given("pixel-size=0.5x4e-1");
	CHECK(o.pixel_x == 0.5 && o.pixel_y == 0.4);
	refused("pixel-size=0", "above 0");
	refused("pixel-size=0.5x", "above 0");
	refused("pixel-size=nan", "above 0");
	refused("pixel-size=1e999", "above 0");
	refused("pixel-size=-1", "above 0");
	refused("pixel-size=0,5", "above 0");
	CHECK(given("z-spacing=2").z_spacing == 2);
	refused("z-spacing=two", "above 0");
	CHECK(strcmp(both("unit=nanometer", "z-spacing=3").unit, "nanometer") == 0);
	conflict("unit=nanometer", NULL, "pixel-size or omezarr:z-spacing");
	refused("unit=", "text of 1 to 31 bytes");
	CHECK(given("dtype=Float32").dtype == OZR_FLOAT32 && given("dtype=int8").dtype == OZR_INT8);
	refused("dtype=bool", "uint8");
	refused("dtype=short", "uint8");
}

static void test_what_it_is(void)
{
	CHECK(strcmp(given("name=a b").name, "a b") == 0);
	refused("name=", "text");
	CHECK(given("method=Nearest").method == OZR_NEAREST && given("method=mode").has_method);
	refused("method=average", "mean, nearest or mode");
	CHECK(given("label=true").label && !given("label=Off").label && given("append=1").append);
	CHECK(given("overwrite=yes").overwrite);
	refused("overwrite=maybe", "true or false");
	conflict("append=true", "overwrite=true", "not together");
	conflict("rechunk=true", NULL, "only with omezarr:append=true");
	CHECK(both("rechunk=true", "append=true").rechunk_to.n == 0);
	CHECK(both("rechunk=64x128x128", "append=true").rechunk_to.n == 3);
	CHECK(!given("rechunk=false").rechunk);
	conflict("rechunk=64x", "append=true", "chunks such as");
	conflict("label=true", "method=mean", "invent labels");
	conflict("label=true", "dtype=float32", "labels are integers");
}

int main(void)
{
	test_layout_of_files();
	test_codecs();
	test_axes();
	test_numbers();
	test_what_it_is();
	/* The same where numbers have a comma. */
	if (setlocale(LC_ALL, "de_DE.UTF-8") || setlocale(LC_ALL, "fr_FR.UTF-8"))
		test_numbers();
	return 0;
}
