/* SPDX-License-Identifier: MIT */
/*
 * Reading zip archives: what the format allows, and what is refused. The
 * archives are made by hand (support/zip.h), compressed by zlib.
 */
#include <zlib.h>

#include "ozr/zip.h"
#include "support/check.h"
#include "support/zip.h"

static struct ozr_err err;
static struct ozr_ctx *ctx;
static struct zip_image image;

/* --- Helpers ------------------------------------------------------------------ */

/* The archive in memory, opened. */
static int open_image(const struct zip_image *z, struct ozr_store **out)
{
	struct ozr_store *mem = NULL;
	CHECK_OK(ozr_store_open_mem(ctx, &mem, &err));
	CHECK_OK(ozr_store_put(mem, "a.ozx", z->bytes, z->len, OZR_PUT_REPLACE, &err));
	int code = ozr_store_open_zip(mem, "a.ozx", OZR_READ, out, &err);
	ozr_store_unref(mem);
	return code;
}

static struct ozr_store *opened(const struct zip_image *z)
{
	struct ozr_store *s = NULL;
	CHECK_OK(open_image(z, &s));
	return s;
}

static void must_have(struct ozr_store *s, const char *key, const void *want, size_t size)
{
	char *bytes = NULL;
	size_t len;
	CHECK_OK(ozr_store_get(s, key, 1 << 20, &bytes, &len, NULL, &err));
	CHECK(len == size && memcmp(bytes, want, size) == 0);
	ozr_text_free(bytes);
}

static int get(struct ozr_store *s, const char *key)
{
	char *bytes = NULL;
	size_t len;
	int code = ozr_store_get(s, key, 1 << 20, &bytes, &len, NULL, &err);
	ozr_text_free(bytes);
	return code;
}

static void expect(const char *part)
{
	if (!strstr(err.msg, part)) {
		fprintf(stderr, "'%s' is not in '%s'\n", part, err.msg);
		CHECK(0);
	}
}

/* The archive is refused with a message that names it and has this text. */
static void refused(int code, const char *part)
{
	struct ozr_store *s = NULL;
	CHECK_CODE(code, open_image(&image, &s));
	CHECK(!s);
	expect("'a.ozx'");
	expect(part);
}

/* It opens, but this entry does not. */
static void refused_entry(int code, const char *key, const char *part)
{
	struct ozr_store *s = opened(&image);
	CHECK_CODE(code, get(s, key));
	expect("'a.ozx': entry '");
	expect(key);
	expect(part);
	ozr_store_unref(s);
}

static size_t deflated(const void *src, size_t n, unsigned char *dst, size_t room)
{
	z_stream z = {0};
	CHECK(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) == Z_OK);
	z.next_in = (Bytef *)(uintptr_t)src;
	z.avail_in = (uInt)n;
	z.next_out = dst;
	z.avail_out = (uInt)room;
	CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

static void begin(void)
{
	memset(&image, 0, sizeof image);
}

static void three(int zip64)
{
	begin();
	zip_text(&image, "zarr.json", "{}");
	zip_text(&image, "a/b", "hello");
	zip_text(&image, "a/c/d", "");
	zip_finish(&image, zip64, "");
}

/* --- What is read ---------------------------------------------------------------- */

struct names {
	char text[512];
	int stop;
};

static int add_name(void *arg, const char *name, int is_prefix)
{
	struct names *n = arg;
	const size_t len = strlen(n->text);
	snprintf(n->text + len, sizeof n->text - len, "%s%s ", name, is_prefix ? "/" : "");
	return n->stop;
}

static void lists(struct ozr_store *s, const char *prefix, const char *want)
{
	struct names n = {.text = ""};
	CHECK_OK(ozr_store_list(s, prefix, add_name, &n, &err));
	if (strcmp(n.text, want) != 0) {
		fprintf(stderr, "'%s' lists '%s', not '%s'\n", prefix, n.text, want);
		CHECK(0);
	}
}

static void test_plain(void)
{
	for (int zip64 = 0; zip64 < 2; zip64++) {
		three(zip64);
		struct ozr_store *s = opened(&image);
		must_have(s, "zarr.json", "{}", 2);
		must_have(s, "a/b", "hello", 5);
		must_have(s, "a/c/d", "", 0);
		CHECK_CODE(OZR_NOT_FOUND, get(s, "a"));
		CHECK_CODE(OZR_NOT_FOUND, get(s, "a/b/c"));
		lists(s, "", "a/ zarr.json ");
		lists(s, "a", "b c/ ");
		lists(s, "a/c", "d ");
		lists(s, "a/b", "");
		lists(s, "none", "");
		CHECK_CODE(OZR_DENIED, ozr_store_put(s, "x", "", 0, OZR_PUT_REPLACE, &err));
		CHECK_CODE(OZR_DENIED, ozr_store_del(s, "x", &err));
		ozr_store_unref(s);
	}
}

static void test_order(void)
{
	begin();
	zip_text(&image, "a-b", "1");
	zip_text(&image, "a/x/1", "2");
	zip_text(&image, "a", "3");
	zip_text(&image, "a/x/2", "4");
	zip_text(&image, "a.b/c", "5");
	zip_text(&image, "a/xy", "6");
	zip_finish(&image, 0, "");
	struct ozr_store *s = opened(&image);
	lists(s, "", "a a-b a.b/ ");
	lists(s, "a", "x/ xy ");
	struct names n = {.stop = 7};
	CHECK(ozr_store_list(s, "", add_name, &n, &err) == 7 && strcmp(n.text, "a ") == 0);
	ozr_store_unref(s);
}

static void test_ranges(void)
{
	three(0);
	struct ozr_store *s = opened(&image);
	struct ozr_object *o = NULL;
	char got[100][2];
	struct ozr_range r[100];
	void *dst[100];
	CHECK_OK(ozr_object_open(s, "a/b", &o, &err));
	CHECK(o->size == 5 && o->version);
	for (unsigned i = 0; i < 100; i++) {
		r[i] = (struct ozr_range){i % 4, 2};
		dst[i] = got[i];
	}
	ozr_object_advise(o, 100, r);
	CHECK_OK(ozr_object_read(o, 100, r, dst, &err));
	for (unsigned i = 0; i < 100; i++)
		CHECK(memcmp(got[i], "hello" + i % 4, 2) == 0);
	r[0].length = 6;
	CHECK_CODE(OZR_CORRUPT, ozr_object_read(o, 1, r, dst, &err));
	ozr_object_close(o);
	ozr_store_unref(s);
}

static void test_deflate(void)
{
	static unsigned char packed[4096];
	static char text[50000];
	for (int descriptor = 0; descriptor < 2; descriptor++) {
		begin();
		for (size_t i = 0; i < sizeof text; i++)
			text[i] = (char)('a' + i % 7 + i / 9999);
		size_t n = deflated(text, sizeof text, packed, sizeof packed);
		struct zip_entry e = {.name = "big",
				      .name_len = 3,
				      .data = packed,
				      .packed = n,
				      .size = sizeof text,
				      .crc = zip_crc(text, sizeof text),
				      .method = 8,
				      .descriptor = descriptor};
		struct zip_entry *big = zip_member(&image, &e);
		zip_text(&image, "behind", "x");
		zip_finish(&image, 0, "");
		struct ozr_store *s = opened(&image);
		must_have(s, "big", text, sizeof text);
		must_have(s, "behind", "x", 1);
		ozr_store_unref(s);
		image.bytes[big->stored + n / 2] ^= 0x10;
		refused_entry(OZR_CORRUPT, "big", "");
		image.bytes[big->stored + n / 2] ^= 0x10;
		zip_set(&image, big->central + 16, 4, 1);
		refused_entry(OZR_CORRUPT, "big", descriptor ? "CRC" : "checksum");
		zip_set(&image, big->central + 16, 4, big->crc);
		/* One byte more or less than the stream makes. */
		for (int d = -1; d <= 1; d += 2) {
			zip_set(&image, big->central + 24, 4, sizeof text + (uint64_t)d);
			if (!descriptor)
				zip_set(&image, big->local + 22, 4, sizeof text + (uint64_t)d);
			refused_entry(OZR_CORRUPT, "big", "deflate");
		}
	}
}

/* What was made on Unix has its type in the directory. */
static void test_link(void)
{
	three(0);
	zip_set(&image, image.entry[1].central + 38, 4, 0xa1ff0000);
	struct ozr_store *s = opened(&image);
	must_have(s, "a/b", "hello", 5); /* not made on Unix: the field means something else */
	ozr_store_unref(s);
	image.bytes[image.entry[1].central + 5] = 3;
	refused_entry(OZR_UNSUPPORTED, "a/b", "symbolic link");
}

/* A document that declares more than documents may have costs no memory. */
static void test_large_document(void)
{
	const struct ozr_ctx_options opt = {
		.limits = {.json_bytes = 1000, .memory_bytes = 1 << 20}};
	static unsigned char packed[8192];
	const size_t size = 5 << 20;
	struct ozr_store *mem = NULL, *s = NULL;
	struct ozr_object *o = NULL;
	struct ozr_ctx *small = NULL;
	char *text = calloc(1, size), *bytes = NULL;
	size_t len;
	CHECK(text);
	begin();
	struct zip_entry e = {.name = "zarr.json",
			      .name_len = 9,
			      .data = packed,
			      .packed = deflated(text, size, packed, sizeof packed),
			      .size = size,
			      .crc = zip_crc(text, size),
			      .method = 8};
	zip_member(&image, &e);
	zip_finish(&image, 0, "");
	CHECK_OK(ozr_ctx_new(&opt, &small, &err));
	CHECK_OK(ozr_store_open_mem(small, &mem, &err));
	CHECK_OK(ozr_store_put(mem, "a.ozx", image.bytes, image.len, OZR_PUT_REPLACE, &err));
	CHECK_OK(ozr_store_open_zip(mem, "a.ozx", OZR_READ, &s, &err));
	CHECK_OK(ozr_object_open(s, "zarr.json", &o, &err));
	ozr_object_close(o);
	CHECK_CODE(OZR_LIMIT, ozr_store_get(s, "zarr.json", 1000, &bytes, &len, NULL, &err));
	expect("more than the limit of 1000");
	CHECK_CODE(OZR_LIMIT, ozr_store_get(s, "zarr.json", size, &bytes, &len, NULL, &err));
	expect("memory_bytes");
	ozr_store_unref(s);
	ozr_store_unref(mem);
	ozr_ctx_unref(small);
	free(text);
}

static void test_stored_crc(void)
{
	three(0);
	struct ozr_object *o = NULL;
	image.bytes[image.entry[1].stored] ^= 1;
	refused_entry(OZR_CORRUPT, "a/b", "CRC");
	/* A part cannot be verified. */
	struct ozr_store *s = opened(&image);
	char part[4];
	void *dst = part;
	const struct ozr_range r = {1, 4};
	CHECK_OK(ozr_object_open(s, "a/b", &o, &err));
	CHECK_OK(ozr_object_read(o, 1, &r, &dst, &err));
	CHECK(memcmp(part, "ello", 4) == 0);
	ozr_object_close(o);
	ozr_store_unref(s);
}

static void test_names(void)
{
	static const unsigned char path[] = {0x75, 0x70, 9, 0, 1, 0, 0, 0, 0, 'n', 0xc3, 0xa9, 'w'};
	unsigned char extra[sizeof path];
	struct zip_entry e = {.data = "1", .packed = 1, .size = 1, .crc = zip_crc("1", 1)};
	begin();
	e.name = "caf\x82/\xb0";
	e.name_len = 6;
	zip_member(&image, &e);
	e.name = "z\xc3\xbcrich";
	e.name_len = 7;
	e.flags = 1 << 11;
	zip_member(&image, &e);
	/* The Unicode path counts for the name it was made for. */
	memcpy(extra, path, sizeof path);
	const uint32_t crc = zip_crc("old", 3);
	for (int i = 0; i < 4; i++)
		extra[5 + i] = (unsigned char)(crc >> 8 * i);
	e.name = "old";
	e.name_len = 3;
	e.flags = 0;
	e.extra = extra;
	e.extra_len = sizeof extra;
	zip_member(&image, &e);
	e.name = "other";
	e.name_len = 5;
	zip_member(&image, &e);
	zip_text(&image, "folder/", "");
	zip_finish(&image, 0, "");
	struct ozr_store *s = opened(&image);
	must_have(s, "caf\xc3\xa9/\xe2\x96\x91", "1", 1);
	must_have(s, "z\xc3\xbcrich", "1", 1);
	must_have(s, "n\xc3\xa9w", "1", 1);
	must_have(s, "other", "1", 1);
	CHECK_CODE(OZR_NOT_FOUND, get(s, "old"));
	lists(s, "", "caf\xc3\xa9/ n\xc3\xa9w other z\xc3\xbcrich ");
	ozr_store_unref(s);
	/* Made on Unix: names are what they are, if they can be. */
	for (size_t i = 0; i < image.count; i++)
		image.bytes[image.entry[i].central + 5] = 3;
	image.bytes[image.entry[1].central + 9] = image.bytes[image.entry[1].local + 7] = 0;
	s = opened(&image);
	must_have(s, "caf\xc3\xa9/\xe2\x96\x91", "1", 1);
	must_have(s, "z\xc3\xbcrich", "1", 1);
	ozr_store_unref(s);
}

static void test_zip64_members(void)
{
	struct zip_entry e = {
		.name = "big", .name_len = 3, .data = "hello", .packed = 5, .size = 5};
	e.crc = zip_crc("hello", 5);
	e.zip64 = 1;
	begin();
	struct zip_entry *m = zip_member(&image, &e);
	zip_finish(&image, 1, "");
	struct ozr_store *s = opened(&image);
	must_have(s, "big", "hello", 5);
	ozr_store_unref(s);
	zip_set(&image, m->local + 33 + 4, 8, 6);
	refused_entry(OZR_CORRUPT, "big", "local header says 6 bytes in 5");
	zip_set(&image, m->central + 46 + 3, 2, 2); /* the field is another one's */
	refused(OZR_CORRUPT, "ZIP64");
}

static void test_comment(void)
{
	static char comment[20000];
	memset(comment, 'c', sizeof comment - 1);
	/* An end record in the comment that does not end with the file means nothing. */
	memcpy(comment + 100, "PK\5\6", 4);
	for (int zip64 = 0; zip64 < 2; zip64++) {
		begin();
		zip_text(&image, "k", "v");
		zip_finish(&image, zip64, comment);
		struct ozr_store *s = opened(&image);
		must_have(s, "k", "v", 1);
		ozr_store_unref(s);
	}
	begin();
	zip_finish(&image, 0, "");
	struct ozr_store *s = opened(&image);
	lists(s, "", "");
	ozr_store_unref(s);
}

static void test_files(void)
{
	char dir[PATH_MAX];
	struct ozr_store *s = NULL;
	three(0);
	temp_dir(dir);
	write_file(join(dir, "x.ozx"), image.bytes, image.len);
	CHECK(symlink(join(dir, "x.ozx"), join(dir, "link.zip")) == 0);
	CHECK_OK(ozr_store_open_zip_file(ctx, join(dir, "link.zip"), OZR_READ, &s, &err));
	/* The store keeps the version that it has opened. */
	CHECK(unlink(join(dir, "x.ozx")) == 0);
	must_have(s, "a/b", "hello", 5);
	ozr_store_unref(s);
	CHECK_CODE(OZR_NOT_FOUND,
		   ozr_store_open_zip_file(ctx, join(dir, "link.zip"), OZR_READ, &s, &err));
	CHECK_CODE(OZR_NOT_FOUND, ozr_store_open_zip_file(ctx, dir, OZR_READ, &s, &err));
	write_file(join(dir, "x.ozx"), image.bytes, image.len);
	CHECK_CODE(OZR_UNSUPPORTED,
		   ozr_store_open_zip_file(ctx, join(dir, "x.ozx"), OZR_UPDATE, &s, &err));
	expect("archives are not changed in place");
	write_file(join(dir, "x.ozx"), "", 0);
	CHECK_CODE(OZR_BAD_FORMAT,
		   ozr_store_open_zip_file(ctx, join(dir, "x.ozx"), OZR_READ, &s, &err));
	remove_tree(dir);
}

/* --- What is refused --------------------------------------------------------------- */

static void test_bad_names(void)
{
	static const struct {
		const char *name;
		size_t len;
		const char *part;
	} bad[] = {
		{"../x", 4, "'..'"},         {"a/../x", 6, ".."},      {"/etc/passwd", 11, "empty"},
		{"a//b", 4, "empty"},        {"a\\b", 3, "backslash"}, {"c:/x", 4, "drive"},
		{"a\0b", 3, "NUL"},          {"a\nb", 3, "control"},   {"", 0, "empty"},
		{"./a", 3, "segment"},       {"/", 1, "empty"},        {"../", 3, ".."},
		{".ozr-lock", 9, "reserved"}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		begin();
		zip_text(&image, "good", "x");
		struct zip_entry e = {.name = bad[i].name, .name_len = bad[i].len};
		zip_member(&image, &e);
		zip_finish(&image, 0, "");
		refused(OZR_BAD_FORMAT, strcmp(bad[i].part, "'..'") ? bad[i].part : "..");
		expect("entry '");
	}
	begin();
	struct zip_entry e = {.name = "a\xff", .name_len = 2, .flags = 1 << 11};
	zip_member(&image, &e);
	zip_finish(&image, 0, "");
	refused(OZR_BAD_FORMAT, "UTF-8");
	static char longest[2000];
	memset(longest, 'x', sizeof longest);
	begin();
	e = (struct zip_entry){.name = longest, .name_len = sizeof longest};
	zip_member(&image, &e);
	zip_finish(&image, 0, "");
	refused(OZR_BAD_FORMAT, "too long");
}

static void test_overlap(void)
{
	three(0);
	zip_set(&image, image.entry[2].central + 42, 4, image.entry[1].local);
	refused(OZR_CORRUPT, "overlap");
	three(0); /* a second one inside of the first one's data */
	zip_set(&image, image.entry[1].central + 42, 4, image.entry[0].stored);
	refused(OZR_CORRUPT, "overlap entry 'a/b'");
	three(0);
	zip_set(&image, image.entry[2].central + 20, 4, 100);
	zip_set(&image, image.entry[2].central + 24, 4, 100);
	refused(OZR_CORRUPT, "reach into the central directory");
	three(0);
	zip_set(&image, image.entry[2].central + 42, 4, UINT32_MAX - 1);
	refused(OZR_CORRUPT, "reach into");
	/* Only the local header says how much room it takes. */
	three(0);
	zip_set(&image, image.entry[1].local + 28, 2, 20);
	refused_entry(OZR_CORRUPT, "a/b", "");
}

static void test_duplicates(void)
{
	begin();
	zip_text(&image, "a/b", "1");
	zip_text(&image, "c", "2");
	zip_text(&image, "a/b", "3");
	zip_finish(&image, 0, "");
	refused(OZR_CORRUPT, "entry 'a/b': is there twice");
}

static void test_lying_local_headers(void)
{
	three(0);
	image.bytes[image.entry[1].local + 30] = 'b';
	refused_entry(OZR_CORRUPT, "a/b", "has the name 'b/b'");
	three(0);
	zip_set(&image, image.entry[1].local + 8, 2, 8);
	refused_entry(OZR_CORRUPT, "a/b", "method 8, the directory 0");
	three(0);
	zip_set(&image, image.entry[1].local + 22, 4, 4);
	refused_entry(OZR_CORRUPT, "a/b", "says 4 bytes in 5, the directory 5 in 5");
	three(0);
	zip_set(&image, image.entry[1].local + 14, 4, 4);
	refused_entry(OZR_CORRUPT, "a/b", "checksum");
	three(0);
	zip_set(&image, image.entry[1].local + 6, 2, 1);
	refused_entry(OZR_CORRUPT, "a/b", "flags");
	three(0);
	zip_set(&image, image.entry[1].local, 4, 0);
	refused_entry(OZR_CORRUPT, "a/b", "no local header");
	three(0);
	zip_set(&image, image.entry[1].local + 28, 2, 65535);
	refused_entry(OZR_CORRUPT, "a/b", "cut off");
}

static void test_members_not_read(void)
{
	three(0);
	zip_set(&image, image.entry[1].central + 8, 2, 1);
	refused_entry(OZR_UNSUPPORTED, "a/b", "encrypted");
	three(0);
	zip_set(&image, image.entry[1].central + 10, 2, 12);
	refused_entry(OZR_UNSUPPORTED, "a/b", "method 12");
	three(0);
	zip_set(&image, image.entry[1].central + 24, 4, 6);
	refused(OZR_CORRUPT, "stored, but 5 bytes are declared to be 6");
	begin();
	zip_text(&image, "dir/", "data");
	zip_finish(&image, 0, "");
	refused(OZR_CORRUPT, "a directory of 4 bytes");
}

static void test_bombs(void)
{
	/* More than deflate can make. */
	three(0);
	zip_set(&image, image.entry[1].central + 10, 2, 8);
	zip_set(&image, image.entry[1].central + 24, 4, 100000000);
	refused(OZR_CORRUPT, "deflate cannot make");
	/* What it could make, but nobody wants to hold. */
	static unsigned char packed[ZIP_ROOM / 2];
	begin();
	const struct zip_entry e = {.name = "bomb",
				    .name_len = 4,
				    .data = packed,
				    .packed = sizeof packed,
				    .size = 16 << 20,
				    .method = 8};
	zip_member(&image, &e);
	zip_finish(&image, 0, "");
	refused_entry(OZR_LIMIT, "bomb", "object_bytes");
}

static void test_end_records(void)
{
	three(0);
	zip_set(&image, image.end + 4, 2, 1);
	refused(OZR_UNSUPPORTED, "several files");
	three(0);
	zip_set(&image, image.end + 8, 2, 2);
	refused(OZR_UNSUPPORTED, "2 of 3 entries");
	three(0);
	zip_set(&image, image.entry[1].central + 34, 2, 3);
	refused(OZR_UNSUPPORTED, "disk 3");
	for (unsigned d = 1; d < 4; d += 2) { /* 2 and 4 entries are not what is there */
		three(0);
		zip_set(&image, image.end + 8, 2, 1 + d);
		zip_set(&image, image.end + 10, 2, 1 + d);
		refused(OZR_CORRUPT, d == 1 ? "behind its 2 entries" : "4 entries do not fit");
	}
	three(0);
	zip_set(&image, image.end + 8, 4, 0xfff0fff0);
	refused(OZR_CORRUPT, "65520 entries do not fit");
	three(0);
	zip_set(&image, image.end + 16, 4, image.directory + 1);
	refused(OZR_CORRUPT, "does not end before");
	three(0);
	zip_set(&image, image.end + 12, 4, 1 << 30);
	refused(OZR_CORRUPT, "does not end before");
	three(0);
	zip_set(&image, image.entry[1].central, 4, 0);
	refused(OZR_CORRUPT, "no whole record of entry 2 of 3");
	three(0);
	image.len--;
	refused(OZR_BAD_FORMAT, "not a zip archive");
	three(0);
	zip_bytes(&image, "junk", 4);
	refused(OZR_BAD_FORMAT, "not a zip archive");
	three(1);
	zip_set(&image, image.end + 10, 2, 2);
	refused(OZR_CORRUPT, "differ");
	three(1);
	zip_set(&image, image.end64 + 16, 4, 1);
	refused(OZR_UNSUPPORTED, "several files");
	three(1);
	zip_set(&image, image.locator + 16, 4, 2);
	refused(OZR_UNSUPPORTED, "several files");
	three(1);
	zip_set(&image, image.locator + 8, 8, UINT64_MAX - 3);
	refused(OZR_CORRUPT, "announced");
	three(1);
	zip_set(&image, image.locator + 8, 8, 5);
	refused(OZR_CORRUPT, "no ZIP64 end record at 5");
	three(1);
	zip_set(&image, image.end64 + 24, 8, UINT64_MAX);
	zip_set(&image, image.end64 + 32, 8, UINT64_MAX);
	refused(OZR_CORRUPT, "entries do not fit");
	three(1);
	zip_set(&image, image.end64 + 48, 8, UINT64_MAX);
	refused(OZR_CORRUPT, "does not end before");
}

static void test_limits(void)
{
	struct ozr_ctx_options opt = {.limits.zip_directory = 100};
	struct ozr_ctx *usual = ctx;
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	three(0);
	refused(OZR_LIMIT, "zip_directory");
	ozr_ctx_unref(ctx);
	ctx = usual;
}

/* Every cut and every changed byte: an error or the right bytes, never a crash. */
static void test_damage(void)
{
	static struct zip_image whole;
	three(1);
	whole = image;
	for (size_t i = 0; i < whole.len; i++) {
		for (int kind = 0; kind < 3; kind++) {
			struct ozr_store *s = NULL;
			image = whole;
			if (kind == 0)
				image.len = i;
			else
				image.bytes[i] ^= kind == 1 ? 0xff : 1;
			if (open_image(&image, &s) == OZR_OK) {
				int code = get(s, "a/b");
				CHECK(code || kind);
				(void)get(s, "zarr.json");
				ozr_store_unref(s);
			}
		}
	}
}

int main(void)
{
	struct ozr_ctx_options opt = {.limits.object_bytes = 8 << 20};
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	test_plain();
	test_order();
	test_ranges();
	test_deflate();
	test_link();
	test_large_document();
	test_stored_crc();
	test_names();
	test_zip64_members();
	test_comment();
	test_files();
	test_bad_names();
	test_overlap();
	test_duplicates();
	test_lying_local_headers();
	test_members_not_read();
	test_bombs();
	test_end_records();
	test_limits();
	test_damage();
	ozr_ctx_unref(ctx);
	return 0;
}
