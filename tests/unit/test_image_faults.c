/* SPDX-License-Identifier: MIT */
/*
 * Every allocation and every system call of making, committing, opening and
 * changing an image fails once. Then the call says so; the image at the target
 * is the whole new one, the whole old one or absent, never half of one; its
 * metadata are all old or all new; and all memory is given back.
 */
#include "ome/axes.h"
#include "ozr/ozr.h"
#include "support/check.h"
#include "support/fault.h"

enum { SIDE = 300, LEVELS = 2 };

static struct ozr_ctx *ctx;
static uint8_t pixels[SIDE * SIDE];

static struct ozr_image_options options(int version)
{
	struct ozr_image_options o = {
		.ome_version = version,
		.dtype = OZR_UINT8,
		.rank = 2,
		.shape = {SIDE, SIDE},
		.axes = {{"y", OZR_AXIS_SPACE, ""}, {"x", OZR_AXIS_SPACE, ""}},
		.omero = 1,
		.grouped_levels = version == 5,
		.codec = {.codec = "none"}};
	return o;
}

/* Everything that can be changed at once. factor 1: as it was made. */
static int change(struct ozr_image *img, double factor, struct ozr_err *err)
{
	const double scale[] = {factor, factor}, translation[] = {0, 0};
	const struct ozr_level_rules rules = {.method = factor > 1 ? OZR_MODE : OZR_NEAREST};
	struct ozr_channel channel = {
		.active = 1, .has_window = 1, .max = 255, .end = factor > 1 ? 200 : 255};
	const struct ozr_image_changes changes = {.scale = scale,
						  .translation = translation,
						  .channels = 1,
						  .channel = &channel,
						  .rules = &rules,
						  .attributes = factor > 1 ? "{\"more\":\"new\"}"
									   : "{\"more\":\"old\"}"};

	snprintf(channel.label, sizeof(channel.label), factor > 1 ? "new" : "old");
	int rc = ozr_image_change(img, &changes, err);
	if (rc == OZR_OK)
		rc = ozr_image_set_level_attributes(img, 1, changes.attributes, err);
	return rc;
}

/* The whole life of an image; the first error. */
static int live(const char *target, int version, int replace, struct ozr_err *err)
{
	struct ozr_image_options o = options(version);
	struct ozr_box box = {.count = {SIDE, SIDE}, .data = pixels, .dtype = OZR_UINT8};
	struct ozr_image *img = NULL;
	char *text = NULL;

	int rc = ozr_image_create_dir(ctx, target, replace, OZR_FLUSH_NONE, &o, &img, err);
	if (rc == OZR_OK)
		rc = change(img, 1, err);
	if (rc == OZR_OK) {
		ozr_box_contiguous(&box, 2);
		rc = ozr_array_write(ozr_image_level(img, 0), 1, &box, NULL, err);
	}
	if (rc == OZR_OK)
		rc = ozr_image_commit(img, NULL, err);
	ozr_image_close(img);
	img = NULL;
	if (rc == OZR_OK)
		rc = ozr_image_open_dir(ctx, target, "", OZR_UPDATE, &img, err);
	if (rc == OZR_OK)
		rc = change(img, 2, err);
	if (rc == OZR_OK)
		rc = ozr_image_attributes(img, &text, err);
	ozr_text_free(text);
	ozr_image_close(img);
	return rc;
}

/* The metadata of the group are all old or all new: its document is written once. */
static void check_metadata(struct ozr_image *img)
{
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];
	struct ozr_level_rules rules;
	struct ozr_channel channel;
	struct ozr_err err;
	char *text;

	ozr_image_transform(img, 1, scale, translation);
	CHECK_OK(ozr_image_channel(img, 0, &channel, &err));
	CHECK_OK(ozr_image_attributes(img, &text, &err));
	int is_new = scale[0] == 4;
	CHECK(is_new || scale[0] == 2);
	CHECK(strcmp(channel.label, is_new ? "new" : "old") == 0);
	CHECK(channel.end == (is_new ? 200 : 255));
	ozr_image_rules(img, &rules);
	CHECK(rules.method == (is_new ? OZR_MODE : OZR_NEAREST));
	CHECK(strstr(text, is_new ? "\"more\":\"new\"" : "\"more\":\"old\"") != NULL);
	ozr_text_free(text);
}

/* 1 when target is a whole image with all pixels equal to value, 0 when it is absent. */
static int whole(const char *target, uint8_t value)
{
	static uint8_t found[SIDE * SIDE];
	struct ozr_box box = {.count = {SIDE, SIDE}, .data = found, .dtype = OZR_UINT8};
	struct ozr_image_info info;
	struct ozr_image *img = NULL;
	struct ozr_err err;

	if (!exists(target))
		return 0;
	CHECK_OK(ozr_image_open_dir(ctx, target, "", OZR_READ, &img, &err));
	ozr_image_get_info(img, &info);
	CHECK(info.levels == LEVELS);
	check_metadata(img);
	ozr_box_contiguous(&box, 2);
	CHECK_OK(ozr_array_read(ozr_image_level(img, 0), 1, &box, NULL, &err));
	int right = 1;
	for (unsigned i = 0; i < SIDE * SIDE; i++)
		right &= found[i] == value;
	ozr_image_close(img);
	return right;
}

static uint64_t live_bytes(void)
{
	struct ozr_stats stats;

	ozr_ctx_stats(ctx, &stats);
	return stats.memory_bytes;
}

/* One run with the n-th call of a kind failing. Returns 0 when there is no n-th one. */
static int strike(const char *folder, int version, int replace, int call, long n, int error)
{
	const char *target = join(folder, "a.ome.zarr");
	struct ozr_err err = {0};
	char before_path[PATH_MAX];

	snprintf(before_path, sizeof(before_path), "%s", target);
	memset(pixels, 1, sizeof(pixels));
	if (replace)
		CHECK_OK(live(before_path, version, 0, &err));
	memset(pixels, 2, sizeof(pixels));
	uint64_t before = live_bytes();
	fault_arm(call, n, error, 0);
	int rc = live(before_path, version, replace, &err);
	int struck = fault_disarm();
	if (live_bytes() >
	    before + (64 << 10)) { /* caches of the context may have grown a little */
		fprintf(stderr, "call %d, number %ld: %llu bytes more\n", call, n,
			(unsigned long long)(live_bytes() - before));
		CHECK(!"memory is lost");
	}
	if (rc != OZR_OK)
		CHECK(err.msg[0] != '\0' && struck);
	int is_new = whole(before_path, 2);
	if (rc == OZR_OK)
		CHECK(is_new);
	else if (!is_new && replace)
		CHECK(whole(before_path, 1));
	else if (!is_new)
		CHECK(!exists(before_path));
	if (exists(before_path))
		CHECK_OK(ozr_tree_remove(ctx, before_path, &err));
	return struck;
}

static void sweep(const char *folder, int version, int replace, int call, int error)
{
	long n = 1;

	while (strike(folder, version, replace, call, n, error))
		n++;
	printf("version %d, replace %d, call %d: %ld failures\n", version, replace, call, n - 1);
}

int main(void)
{
	static const struct {
		int call, error;
	} faults[] = {
		{FAULT_ALLOC, ENOMEM},  {FAULT_RESIZE, ENOMEM}, {FAULT_OPEN_BENEATH, EMFILE},
		{FAULT_OPEN, EACCES},   {FAULT_PREAD, EIO},     {FAULT_PWRITE, ENOSPC},
		{FAULT_WRITE, ENOSPC},  {FAULT_FSTAT, EIO},     {FAULT_MKDIRAT, ENOSPC},
		{FAULT_RENAMEAT2, EIO}, {FAULT_LINKAT, EIO},    {FAULT_LOCK, ENOLCK},
		{FAULT_CLOSE, EIO},     {FAULT_RANDOM, EIO},
	};
	struct ozr_ctx_options opt = {.sys = &fault_sys, .threads = 1, .cache_bytes = 1};
	char folder[PATH_MAX];
	struct ozr_err err;

	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	temp_dir(folder);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		for (int version = 4; version <= 5; version++)
			sweep(folder, version, version == 5, faults[i].call, faults[i].error);
	remove_tree(folder);
	ozr_ctx_unref(ctx);
	return 0;
}
