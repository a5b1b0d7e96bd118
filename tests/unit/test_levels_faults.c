/* SPDX-License-Identifier: MIT */
/*
 * Every allocation and every system call of a change of levels fails once.
 * Then the call says so, or the change has taken place; the image has the old
 * list of levels or the new one, all of it readable; no memory is lost; and
 * the next change leaves nothing behind but the image.
 */
#include "ozr/ozr.h"
#include "support/check.h"
#include "support/fault.h"

enum { SIDE = 40 };

static struct ozr_ctx *ctx;

static void fill(struct ozr_array *a, int value, struct ozr_err *err)
{
	static uint8_t pixels[SIDE * SIDE];
	struct ozr_array_info info;
	struct ozr_box box = {.data = pixels, .dtype = OZR_UINT8};

	memset(pixels, value, sizeof(pixels));
	ozr_array_get_info(a, &info);
	memcpy(box.count, info.shape, sizeof(box.count));
	ozr_box_contiguous(&box, 2);
	err->code = ozr_array_write(a, 1, &box, NULL, err);
}

/* Level 0 full of 1, level 1 (a half) full of 2. */
static void make(const char *target, int version)
{
	struct ozr_image_options o = {
		.ome_version = version,
		.dtype = OZR_UINT8,
		.rank = 2,
		.shape = {SIDE, SIDE},
		.axes = {{"y", OZR_AXIS_SPACE, ""}, {"x", OZR_AXIS_SPACE, ""}},
		.levels = 2,
		.chunk = {16, 16},
		.grouped_levels = version == 5,
		.codec = {.codec = "none"}};
	struct ozr_image *img;
	struct ozr_err err;

	CHECK_OK(ozr_image_create_dir(ctx, target, 0, OZR_FLUSH_NONE, &o, &img, &err));
	for (int i = 0; i < 2; i++) {
		fill(ozr_image_level(img, (unsigned)i), 1 + i, &err);
		CHECK_OK(err.code);
	}
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	ozr_image_close(img);
}

static int warned;

static void warn(void *user, const char *msg)
{
	(void)user;
	CHECK(*msg != '\0');
	warned = 1;
}

/* Levels 1/3 and 1/5, full of 3 and 4, in the place of the half. */
static int change(const char *target, struct ozr_err *err)
{
	static const struct ozr_new_level add[] = {{{3, 3}}, {{5, 5}}};
	struct ozr_levels_options o = {.add = add, .added = 2, .type = "gauss", .method = "test"};
	struct ozr_call call = {.warn = warn, .threads = 1};
	struct ozr_image *img;
	struct ozr_levels *l;

	int rc = ozr_image_open_dir(ctx, target, "", OZR_UPDATE, &img, err);
	if (rc != OZR_OK)
		return rc;
	rc = ozr_levels_begin(img, &o, &l, err);
	if (rc == OZR_OK) {
		for (unsigned i = 0; rc == OZR_OK && i < 2; i++) {
			fill(ozr_levels_array(l, i), 3 + (int)i, err);
			rc = err->code;
		}
		if (rc == OZR_OK)
			rc = ozr_levels_commit(l, &call, err);
		else
			ozr_levels_abort(l);
	}
	ozr_image_close(img);
	return rc;
}

static void check_level(struct ozr_image *img, unsigned level, uint64_t side, int value)
{
	static uint8_t found[SIDE * SIDE];
	struct ozr_array_info info;
	struct ozr_box box = {.data = found, .dtype = OZR_UINT8};
	struct ozr_err err;

	ozr_array_get_info(ozr_image_level(img, level), &info);
	CHECK(info.shape[0] == side && info.shape[1] == side);
	memcpy(box.count, info.shape, sizeof(box.count));
	ozr_box_contiguous(&box, 2);
	CHECK_OK(ozr_array_read(ozr_image_level(img, level), 1, &box, NULL, &err));
	for (uint64_t i = 0; i < side * side; i++)
		CHECK(found[i] == value);
}

/* 1: the new list, 0: the old one. */
static int look(const char *target)
{
	struct ozr_image_info info;
	struct ozr_image *img;
	struct ozr_err err;

	CHECK_OK(ozr_image_open_dir(ctx, target, "", OZR_READ, &img, &err));
	ozr_image_get_info(img, &info);
	check_level(img, 0, SIDE, 1);
	if (info.levels == 2) {
		check_level(img, 1, 20, 2);
	} else {
		CHECK(info.levels == 3);
		check_level(img, 1, 14, 3);
		check_level(img, 2, 8, 4);
	}
	ozr_image_close(img);
	return info.levels == 3;
}

static uint64_t live_bytes(void)
{
	struct ozr_stats stats;

	ozr_ctx_stats(ctx, &stats);
	return stats.memory_bytes;
}

static int strike(const char *folder, int version, int call, long n, int error)
{
	char target[PATH_MAX];
	struct ozr_err err = {0};

	snprintf(target, sizeof(target), "%s", join(folder, "a.ome.zarr"));
	make(target, version);
	uint64_t before = live_bytes();
	warned = 0;
	fault_arm(call, n, error, 0);
	int rc = change(target, &err);
	int struck = fault_disarm();
	CHECK(live_bytes() <= before + (64 << 10)); /* caches may have grown a little */
	if (rc != OZR_OK)
		CHECK(struck && err.msg[0] != '\0');
	int changed = look(target);
	if (rc == OZR_OK)
		CHECK(changed);
	if (rc == OZR_OK && !warned)
		CHECK(count_entries(target, "") == (version == 5 ? 5 : 6));
	/* and then everything goes */
	CHECK_OK(change(target, &err));
	CHECK(look(target));
	CHECK(count_entries(target, "") == (version == 5 ? 5 : 6)); /* metadata, lock, levels */
	CHECK_OK(ozr_tree_remove(ctx, target, &err));
	return struck;
}

static void sweep(const char *folder, int version, int call, int error)
{
	long n = 1;

	while (strike(folder, version, call, n, error))
		n++;
	printf("version %d, call %d: %ld failures\n", version, call, n - 1);
}

int main(void)
{
	static const struct {
		int call, error;
	} faults[] = {
		{FAULT_ALLOC, ENOMEM},   {FAULT_RESIZE, ENOMEM},    {FAULT_OPEN_BENEATH, EMFILE},
		{FAULT_OPEN, EACCES},    {FAULT_PREAD, EIO},        {FAULT_PWRITE, ENOSPC},
		{FAULT_WRITE, ENOSPC},   {FAULT_FSTAT, EIO},        {FAULT_FSTATAT, EIO},
		{FAULT_MKDIRAT, ENOSPC}, {FAULT_RENAMEAT2, EIO},    {FAULT_LINKAT, EIO},
		{FAULT_LOCK, ENOLCK},    {FAULT_CLOSE, EIO},        {FAULT_RANDOM, EIO},
		{FAULT_UNLINKAT, EIO},   {FAULT_FDOPENDIR, ENOMEM}, {FAULT_READDIR, EIO},
	};
	struct ozr_ctx_options opt = {.sys = &fault_sys, .threads = 1, .cache_bytes = 1};
	char folder[PATH_MAX];
	struct ozr_err err;

	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	quick_temp_dir(folder);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		for (int version = 4; version <= 5; version++)
			sweep(folder, version, faults[i].call, faults[i].error);
	remove_tree(folder);
	ozr_ctx_unref(ctx);
	return 0;
}
