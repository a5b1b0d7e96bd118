/* SPDX-License-Identifier: MIT */
/*
 * The checker of twins: what it says about twins as they were made, about
 * files that are none, and about twins after each kind of damage. Wherever it
 * does not say "damaged", both sides must show what they showed before: each
 * byte outside of the shards is flipped, with and without the checksums put
 * right afterwards. tests/interop has what real programs do to twins.
 */
#include <zstd.h>

#include "support/check.h"
#include "support/fault.h"
#include "support/tiff.h"
#include "support/twin.h"
#include "support/zip.h"

static struct ozr_ctx *ctx;
static struct ozr_store *mem;
static struct ozr_err err;
static struct ozr_twin_report report;

enum { ROOM = 1 << 20, TILES = 512, PIXELS = 1 << 16 };

struct bytes {
	unsigned char b[ROOM];
	size_t len;
};
static struct bytes good, bad;

static const struct twin_recipe small = {"yx", {40, 50}, OZR_UINT8, "zstd", 16, 2, OZR_TWIN_AUTO};

static const struct twin_recipe recipes[] = {
	{"yx", {40, 50}, OZR_UINT8, "zstd", 16, 2, OZR_TWIN_AUTO},
	{"yx", {40, 50}, OZR_INT16, "none", 16, 3, OZR_TWIN_AUTO},
	{"czyx", {2, 3, 40, 33}, OZR_UINT16, "zstd", 16, 3, OZR_TWIN_PAGES},
	{"tczyx", {2, 2, 2, 20, 33}, OZR_FLOAT32, "zstd", 16, 1, OZR_TWIN_PAGES},
	{"cyx", {3, 40, 50}, OZR_UINT8, "zstd", 16, 2, OZR_TWIN_PIXELS},
	{"cyx", {4, 40, 50}, OZR_UINT16, "none", 16, 2, OZR_TWIN_PLANES},
};

static void make(const struct twin_recipe *r, struct bytes *out)
{
	char *bytes = NULL;
	CHECK_OK(twin_make(mem, "t.ozx", r, &err));
	CHECK_OK(ozr_store_get(mem, "t.ozx", ROOM, &bytes, &out->len, NULL, &err));
	memcpy(out->b, bytes, out->len);
	ozr_text_free(bytes);
}

static void put(const struct bytes *b, size_t len)
{
	CHECK_OK(ozr_store_put(mem, "t.ozx", b->b, len, OZR_PUT_REPLACE, &err));
}

static enum ozr_twin_state check(const struct bytes *b, enum ozr_twin_depth depth)
{
	memset(&report, 0xff, sizeof report);
	put(b, b->len);
	CHECK_OK(ozr_twin_check(mem, "t.ozx", depth, NULL, &report, &err));
	CHECK(memchr(report.problem, 0, sizeof report.problem));
	CHECK((report.state == OZR_TWIN_DAMAGED) == (report.problem[0] != 0));
	return report.state;
}

static void damaged(const struct bytes *b, enum ozr_twin_depth depth, const char *why)
{
	if (check(b, depth) != OZR_TWIN_DAMAGED || !strstr(report.problem, why))
		check_failed(__FILE__, __LINE__, why, report.problem);
}

static void sides(int zarr, int tiff)
{
	CHECK(report.zarr_side == zarr && report.tiff_side == tiff);
}

static uint64_t place_of(const char *key, uint64_t *size)
{
	struct ozr_store *zip = NULL;
	struct ozr_placement p;
	put(&good, good.len);
	CHECK_OK(ozr_store_open_zip(mem, "t.ozx", OZR_READ, &zip, &err));
	CHECK_OK(ozr_zip_placement(zip, key, &p, &err));
	ozr_store_unref(zip);
	if (size)
		*size = p.size;
	return p.offset;
}

/* --- What both sides show ------------------------------------------------------------ */

/* All pages with their tiles, and all pixels: by the library's readers, from the file as it is. */
struct shown {
	size_t pages, tiles, pixels;
	struct ozr_tiff_page page[64];
	struct ozr_range tile[TILES];
	uint32_t crc[TILES];
	unsigned char pixel[PIXELS];
};
static struct shown before, after;

/* The CRC of a tile's pixels. */
static int show_tile(struct shown *s, const struct bytes *b, const struct ozr_tiff_page *p)
{
	static unsigned char plain[1 << 14];
	const struct ozr_range *r = &s->tile[s->tiles];
	size_t len = (size_t)r->length;
	if (p->compression == 50000) {
		len = ZSTD_decompress(plain, sizeof plain, b->b + r->offset, len);
		if (ZSTD_isError(len))
			return ozr_fail(&err, OZR_CORRUPT, "%s", ZSTD_getErrorName(len));
	}
	s->crc[s->tiles++] = zip_crc(p->compression == 50000 ? plain : b->b + r->offset, len);
	return OZR_OK;
}

static int show_page(struct shown *s, const struct bytes *b, struct ozr_tiff *t, size_t page,
		     unsigned sub)
{
	struct ozr_tiff_page *p = &s->page[s->pages++];
	CHECK(s->pages <= 64);
	int code = ozr_tiff_page(t, page, sub, p, &err);
	if (code)
		return code;
	CHECK(s->tiles + p->tiles <= TILES);
	code = ozr_tiff_tiles(t, page, sub, 0, (size_t)p->tiles, s->tile + s->tiles, &err);
	for (uint64_t i = 0; i < p->tiles && !code; i++)
		code = show_tile(s, b, p);
	/* What says nothing about pixels: where the IFD is, and which sample is alpha. */
	p->offset = p->alpha = 0;
	for (unsigned i = 1; sub == 0 && i <= p->subifds && !code; i++)
		code = show_page(s, b, t, page, i);
	return code;
}

static int show_zarr(struct shown *s)
{
	struct ozr_store *zip = NULL;
	struct ozr_image *img = NULL;
	struct ozr_image_info info = {.levels = 0};
	int code = ozr_store_open_zip(mem, "t.ozx", OZR_READ, &zip, &err);
	if (!code)
		code = ozr_image_open(zip, "", OZR_READ, &img, &err);
	if (!code)
		ozr_image_get_info(img, &info);
	for (unsigned l = 0; l < info.levels && !code; l++) {
		struct ozr_array_info a;
		struct ozr_box box = {.data = s->pixel + s->pixels};
		size_t n = 1;
		ozr_array_get_info(ozr_image_level(img, l), &a);
		box.dtype = a.dtype;
		for (unsigned d = 0; d < a.rank; d++)
			n *= (size_t)(box.count[d] = a.shape[d]);
		s->pixels += n * ozr_dtype_size(a.dtype);
		CHECK(s->pixels <= PIXELS);
		ozr_box_contiguous(&box, a.rank);
		code = ozr_array_read(ozr_image_level(img, l), 1, &box, NULL, &err);
	}
	ozr_image_close(img);
	ozr_store_unref(zip);
	return code;
}

static int show(struct shown *s, const struct bytes *b)
{
	struct ozr_tiff *t = NULL;
	memset(s, 0, sizeof *s);
	int code = ozr_tiff_open(mem, "t.ozx", &t, &err);
	for (size_t i = 0; !code && i < ozr_tiff_pages(t); i++)
		code = show_page(s, b, t, i, 0);
	ozr_tiff_close(t);
	return code ? code : show_zarr(s);
}

/* Elements of level 0 are what the recipe's formula says: the reader that the rest relies on. */
static void check_pixels(const struct twin_recipe *r)
{
	const unsigned rank = (unsigned)strlen(r->axes), size = ozr_dtype_size(r->dtype);
	uint64_t at[OZR_MAX_RANK] = {0};
	const unsigned char *p = before.pixel;
	unsigned d = 0;
	while (d < rank) {
		double v;
		ozr_convert(p, r->dtype, 0, &v, OZR_FLOAT64, 0, 1);
		CHECK(v == twin_element(r, at));
		p += size;
		for (d = 0; d < rank && ++at[rank - 1 - d] == r->shape[rank - 1 - d]; d++)
			at[rank - 1 - d] = 0;
	}
}

/* Not damaged: then nothing has changed. */
static void same_or_damaged(const struct bytes *b, enum ozr_twin_depth depth, size_t at)
{
	const enum ozr_twin_state state = check(b, depth);
	if (state == OZR_TWIN_DAMAGED)
		return;
	int code = show(&after, b);
	if (code || memcmp(&before, &after, sizeof after) != 0) {
		fprintf(stderr, "byte %zu: state %d, %s\n", at, (int)state, code ? err.msg : "");
		CHECK(!"both sides show what they showed");
	}
}

/* --- As they were made ------------------------------------------------------------------ */

static void test_intact(void)
{
	for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
		make(&recipes[i], &good);
		CHECK_OK(show(&before, &good));
		check_pixels(&recipes[i]);
		for (int depth = OZR_TWIN_QUICK; depth <= OZR_TWIN_BYTES; depth++) {
			CHECK(check(&good, (enum ozr_twin_depth)depth) == OZR_TWIN_INTACT);
			sides(1, 1);
			CHECK(report.tiles <= before.tiles && report.tiles > 0);
			CHECK(depth == OZR_TWIN_QUICK || report.tiles == before.tiles);
		}
	}
}

/* TIFF has no type of its own for bool: its bytes are unsigned integers there. */
static void test_bool(void)
{
	static const struct twin_recipe r = {"yx", {40, 50}, OZR_BOOL,     "zstd",
					     16,   2,        OZR_TWIN_AUTO};
	make(&r, &good);
	for (int depth = OZR_TWIN_QUICK; depth <= OZR_TWIN_BYTES; depth++) {
		CHECK(check(&good, (enum ozr_twin_depth)depth) == OZR_TWIN_INTACT);
		sides(1, 1);
	}
}

static void test_files_that_are_none(void)
{
	static struct tiff_image tiff;
	static struct zip_image zip;
	const struct tiff_entry e = {256, 3, 1, 1, NULL, NULL};
	const size_t lengths[] = {0, 1, 19, 20, 100};
	memset(&zip, 0, sizeof zip);
	zip_text(&zip, "zarr.json", "{}");
	zip_finish(&zip, 0, "");
	memcpy(bad.b, zip.bytes, bad.len = zip.len);
	CHECK(check(&bad, OZR_TWIN_BYTES) == OZR_TWIN_NONE);
	for (int v = 0; v < 4; v++) {
		tiff_begin(&tiff, v & 1, v >> 1);
		tiff_page(&tiff, &e, 1);
		memcpy(bad.b, tiff.bytes, bad.len = tiff.len);
		CHECK(check(&bad, OZR_TWIN_BYTES) == OZR_TWIN_NONE);
	}
	memset(bad.b, 'x', ROOM);
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		bad.len = lengths[i];
		CHECK(check(&bad, OZR_TWIN_QUICK) == OZR_TWIN_NONE);
		sides(0, 0);
	}
	CHECK_CODE(OZR_NOT_FOUND, ozr_twin_check(mem, "none", OZR_TWIN_QUICK, NULL, &report, &err));
}

/* In a store where reads are round trips a quick check looks at less, and still sees what programs
 * do to the whole file. */
static void test_remote(void)
{
	uint64_t at = place_of("OME/tiff.ifd", NULL);
	struct ozr_stats start, end;
	mem->caps |= OZR_STORE_REMOTE;
	ozr_ctx_stats(ctx, &start);
	CHECK(check(&good, OZR_TWIN_QUICK) == OZR_TWIN_INTACT);
	ozr_ctx_stats(ctx, &end);
	sides(1, 1);
	CHECK(report.pages == 1 && report.tiles == 2);
	CHECK(end.objects_opened - start.objects_opened < 20);
	bad = good;
	bad.b[at + 100] ^= 1;
	damaged(&bad, OZR_TWIN_QUICK, "has changed the IFDs in place");
	bad = good;
	bad.b[bad.len++] = 0;
	damaged(&bad, OZR_TWIN_QUICK, "appended");
	bad = good;
	bad.b[8] ^= 8;
	damaged(&bad, OZR_TWIN_QUICK, "moved");
	CHECK(check(&good, OZR_TWIN_BYTES) == OZR_TWIN_INTACT && report.tiles == before.tiles);
	mem->caps &= ~(unsigned)OZR_STORE_REMOTE;
}

/* --- What programs do ---------------------------------------------------------------------- */

/* The first IFD written again at the end, and the header changed: what libtiff does. */
static void test_appended(void)
{
	bad = good;
	memset(bad.b + bad.len, 'x', 3000);
	bad.len += 3000;
	damaged(&bad, OZR_TWIN_QUICK, "3000 bytes were appended behind the end of the archive");
	sides(0, 1);
	const uint64_t ifd = twin_load(good.b + 8, 8);
	const size_t bytes = 8 + 20 * (size_t)twin_load(good.b + ifd, 8) + 8;
	bad = good;
	memcpy(bad.b + bad.len, bad.b + ifd, bytes);
	for (unsigned i = 0; i < 8; i++)
		bad.b[8 + i] = (unsigned char)(bad.len >> 8 * i);
	bad.len += bytes;
	damaged(&bad, OZR_TWIN_QUICK, "a TIFF program has changed its tags");
	sides(0, 1);
	/* So much that the end is not in the last piece that is looked through. */
	static const size_t cuts[] = {1, 65535, 65536, 70000};
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		bad = good;
		memset(bad.b + bad.len, 0, cuts[i]);
		bad.len += cuts[i];
		damaged(&bad, OZR_TWIN_QUICK, "were appended behind the end of the archive");
	}
}

static void test_cut_off(void)
{
	bad = good;
	for (size_t len = 20; len < good.len; len += len < good.len - 400 ? 97 : 1) {
		bad.len = len;
		CHECK(check(&bad, OZR_TWIN_QUICK) == OZR_TWIN_DAMAGED);
		CHECK(!report.zarr_side);
	}
	bad.len = good.len / 2;
	damaged(&bad, OZR_TWIN_QUICK, "the file is cut off");
	sides(0, 0);
}

static int copy_member(struct ozr_store *from, struct ozr_store *to, const char *key)
{
	char *bytes = NULL;
	size_t len = 0;
	int code = ozr_store_get(from, key, ROOM, &bytes, &len, NULL, &err);
	if (!code)
		code = ozr_store_put(to, key, bytes, len, OZR_PUT_REPLACE, &err);
	ozr_text_free(bytes);
	return code;
}

/* The archive written anew: members elsewhere, with or without the IFDs. */
static void rewrite(unsigned alignment, int with_ifds, unsigned head)
{
	static const char *const keys[] = {"zarr.json", "0/zarr.json", "1/zarr.json",
					   "0/c/0/0",   "1/c/0/0",     "OME/tiff.ifd"};
	const struct ozr_zip_options opt = {
		.head = head, .alignment = alignment, .root_room = 1200};
	struct ozr_store *from = NULL, *to = NULL;
	char *bytes = NULL;
	put(&good, good.len);
	CHECK_OK(ozr_store_open_zip(mem, "t.ozx", OZR_READ, &from, &err));
	CHECK_OK(ozr_zip_create(mem, "u.ozx", &opt, &to, &err));
	for (int i = 0; i < 5 + with_ifds; i++)
		CHECK_OK(copy_member(from, to, keys[i]));
	if (head)
		CHECK_OK(ozr_zip_patch(to, 0, good.b, head, &err));
	CHECK_OK(ozr_zip_commit(to, &err));
	ozr_store_unref(to);
	ozr_store_unref(from);
	CHECK_OK(ozr_store_get(mem, "u.ozx", ROOM, &bytes, &bad.len, NULL, &err));
	memcpy(bad.b, bytes, bad.len);
	ozr_text_free(bytes);
}

static void test_rewritten(void)
{
	rewrite(8192, 1, OZR_TWIN_HEAD);
	damaged(&bad, OZR_TWIN_QUICK, "a zip program has moved the members");
	sides(1, 0);
	rewrite(64, 0, OZR_TWIN_HEAD);
	damaged(&bad, OZR_TWIN_QUICK, "the archive has no member OME/tiff.ifd");
	CHECK(report.zarr_side);
	rewrite(64, 1, 0);
	damaged(&bad, OZR_TWIN_QUICK, "does not begin with the header of a BigTIFF");
	sides(1, 0);
}

/* A TIFF program that changes an IFD in place. */
static void test_edited(void)
{
	const uint64_t ifd = twin_load(good.b + 8, 8);
	bad = good;
	bad.b[ifd + 8 + 20 + 12] ^= 1; /* the width's low byte */
	damaged(&bad, OZR_TWIN_QUICK, "a TIFF program has changed the IFDs in place");
	twin_fix(bad.b, bad.len);
	damaged(&bad, OZR_TWIN_QUICK, "width is 51 in the TIFF, 50 in the Zarr side");
	sides(1, 1);
}

/* A quick check does not decode a tile of fill values that is large, or a large sum of them: opening
 * a file would take as long as it says. */
static void test_large_fill(void)
{
	static const struct twin_recipe r = {"yx", {20, 20}, OZR_UINT8,    "zstd",
					     8208, 1,        OZR_TWIN_AUTO};
	struct ozr_tiff *t = NULL;
	struct ozr_range tile;
	make(&r, &good);
	for (int depth = OZR_TWIN_QUICK; depth <= OZR_TWIN_BYTES; depth++)
		CHECK(check(&good, (enum ozr_twin_depth)depth) == OZR_TWIN_INTACT);
	CHECK_OK(ozr_tiff_open(mem, "t.ozx", &t, &err));
	CHECK_OK(ozr_tiff_tiles(t, 0, 0, 0, 1, &tile, &err));
	ozr_tiff_close(t);
	CHECK(tile.length > 16);
	bad = good;
	bad.b[tile.offset + tile.length / 2] ^= 1;
	twin_fix(bad.b, bad.len);
	CHECK(check(&bad, OZR_TWIN_QUICK) == OZR_TWIN_INTACT);
	damaged(&bad, OZR_TWIN_TILES, "");
	make(&small, &good);
}

/* The arrays' metadata say another byte order than the tiles have, and all checksums fit. */
static void test_byte_order(void)
{
	static const char little[] = "\"little\"", big[] = "\"big\"   ";
	const size_t n = sizeof little - 1;
	unsigned found = 0;
	make(&recipes[2], &bad);
	for (size_t i = 0; i + n < bad.len; i++) /* that of the pixels, that of the index, ... */
		if (memcmp(bad.b + i, little, n) == 0 && found++ % 2 == 0)
			memcpy(bad.b + i, big, n);
	CHECK(found == 6);
	twin_fix_key("0/zarr.json", bad.b, bad.len);
	twin_fix_key("1/zarr.json", bad.b, bad.len);
	twin_fix_key("2/zarr.json", bad.b, bad.len);
	for (int depth = OZR_TWIN_QUICK; depth <= OZR_TWIN_BYTES; depth++)
		damaged(&bad, (enum ozr_twin_depth)depth, "big endian");
}

/* A byte of pixels: only a check of all bytes can see it. */
static void test_pixels(void)
{
	uint64_t size, at = place_of("0/c/0/0", &size);
	for (uint64_t i = 0; i < size; i += 13) {
		bad = good;
		bad.b[at + i] ^= 4;
		damaged(&bad, OZR_TWIN_BYTES, "0/c/0/0': the bytes have the CRC");
	}
}

/* --- Every byte ------------------------------------------------------------------------------ */

/* The header, the IFDs' member with its local header, the directory, the end. */
static void test_flips(void)
{
	const size_t ifds = (size_t)place_of("OME/tiff.ifd", NULL) - 64;
	for (size_t i = 0; i < good.len; i = i == 15 ? ifds : i + 1)
		for (int bit = 0; bit < 8; bit += 7) {
			bad = good;
			bad.b[i] ^= (unsigned char)(1 << bit);
			same_or_damaged(&bad, OZR_TWIN_QUICK, i);
		}
}

/* The IFDs, with checksums that fit: comparing tiles must find it. */
static void test_flips_with_checksums(void)
{
	uint64_t size, at = place_of("OME/tiff.ifd", &size);
	for (size_t i = (size_t)at; i < at + size; i++) {
		bad = good;
		bad.b[i] ^= (unsigned char)(1 << i % 8);
		twin_fix(bad.b, bad.len);
		same_or_damaged(&bad, OZR_TWIN_TILES, i);
	}
}

/* --- The call, and what fails ------------------------------------------------------------------ */

static double told;
static int progress(void *user, double fraction)
{
	CHECK(fraction >= told && fraction <= 1);
	told = fraction;
	return *(int *)user && fraction > 0.5;
}

static void test_call(void)
{
	int stop = 0;
	const struct ozr_call call = {.user = &stop, .progress = progress};
	put(&good, good.len);
	for (int depth = OZR_TWIN_QUICK; depth <= OZR_TWIN_BYTES; depth++) {
		told = 0;
		CHECK_OK(ozr_twin_check(mem, "t.ozx", (enum ozr_twin_depth)depth, &call, &report,
					&err));
		CHECK(report.state == OZR_TWIN_INTACT);
	}
	stop = 1;
	told = 0;
	memset(&report, 0xff, sizeof report);
	CHECK_CODE(OZR_CANCELLED,
		   ozr_twin_check(mem, "t.ozx", OZR_TWIN_BYTES, &call, &report, &err));
	CHECK((int)report.state == -1); /* untouched */
}

/* Each allocation and each read fails in turn: an error, never a wrong report. */
static void test_faults(void)
{
	static const struct {
		int call, error;
	} faults[] = {{FAULT_ALLOC, ENOMEM},        {FAULT_RESIZE, ENOMEM}, {FAULT_PREAD, EIO},
		      {FAULT_OPEN_BENEATH, EACCES}, {FAULT_FSTAT, EIO},     {FAULT_REALPATH, EIO}};
	const struct ozr_ctx_options opt = {.sys = &fault_sys, .threads = 1};
	char dir[PATH_MAX], path[PATH_MAX];
	struct ozr_ctx *own = NULL;
	quick_temp_dir(dir);
	snprintf(path, sizeof path, "%s", join(dir, "t.ozx"));
	write_file(path, good.b, good.len);
	CHECK_OK(ozr_ctx_new(&opt, &own, &err));
	CHECK_OK(ozr_twin_check_file(own, path, OZR_TWIN_BYTES, NULL, &report, &err));
	for (size_t k = 0; k < sizeof faults / sizeof *faults; k++)
		for (long at = 1, struck = 1; struck; at++) {
			ozr_ctx_unref(own);
			CHECK_OK(ozr_ctx_new(&opt, &own, &err));
			fault_arm(faults[k].call, at, faults[k].error, 1);
			int code =
				ozr_twin_check_file(own, path, OZR_TWIN_BYTES, NULL, &report, &err);
			struck = fault_disarm();
			CHECK(code ? struck && err.msg[0] : report.state == OZR_TWIN_INTACT);
		}
	ozr_ctx_unref(own);
	remove_tree(dir);
}

int main(void)
{
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	CHECK_OK(ozr_store_open_mem(ctx, &mem, &err));
	test_intact();
	test_bool();

	test_files_that_are_none();
	make(&small, &good);
	CHECK_OK(show(&before, &good));
	test_remote();
	test_appended();
	test_cut_off();
	test_rewritten();
	test_edited();
	test_byte_order();
	test_large_fill();
	test_pixels();
	test_flips();
	test_flips_with_checksums();
	test_call();
	test_faults();
	ozr_store_unref(mem);
	ozr_ctx_unref(ctx);
	return 0;
}
