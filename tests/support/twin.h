/* SPDX-License-Identifier: MIT */
/*
 * Small twins in memory, made by the library from pixels that a formula gives,
 * and their checksums put right after somebody changed the IFDs.
 */
#ifndef OZR_TESTS_TWIN_H
#define OZR_TESTS_TWIN_H

#include <stdint.h>
#include <string.h>

#include "base/inflate.h"
#include "ozr/ozr.h"

struct twin_recipe {
	const char *axes; /* "czyx" */
	uint64_t shape[OZR_MAX_RANK];
	enum ozr_dtype dtype;
	const char *codec;
	uint64_t tile;
	int levels;
	enum ozr_twin_samples samples;
};

/* What element `at` is: 0 in the first tile of each plane, which then is not stored. */
__attribute__((unused)) static unsigned twin_element(const struct twin_recipe *r,
						     const uint64_t *at)
{
	const unsigned y = (unsigned)strlen(r->axes) - 2, x = y + 1;
	unsigned v = 1;
	if (at[y] < r->tile && at[x] < r->tile)
		return 0;
	for (unsigned d = 0; d <= x; d++)
		v = v * 31 + (unsigned)at[d] * (d + 3);
	return 1 + v % 200;
}

struct twin_source {
	const struct twin_recipe *r;
	unsigned rank;
};

static int twin_read(void *user, const struct ozr_box *box, struct ozr_err *err)
{
	const struct twin_source *s = user;
	uint64_t i[OZR_MAX_RANK] = {0}, at[OZR_MAX_RANK];
	unsigned d = 0;
	(void)err;
	while (d < s->rank) {
		unsigned char *to = box->data;
		for (d = 0; d < s->rank; d++) {
			at[d] = box->start[d] + i[d];
			to += (int64_t)i[d] * box->stride[d];
		}
		const double v = twin_element(s->r, at);
		ozr_convert(&v, OZR_FLOAT64, 0, to, box->dtype, 0, 1);
		for (d = 0; d < s->rank && ++i[s->rank - 1 - d] == box->count[s->rank - 1 - d]; d++)
			i[s->rank - 1 - d] = 0;
	}
	return OZR_OK;
}

static void twin_options(const struct twin_recipe *r, struct ozr_image_options *opt)
{
	const unsigned rank = (unsigned)strlen(r->axes);
	*opt = (struct ozr_image_options){
		.rank = rank, .dtype = r->dtype, .levels = r->levels, .no_shards = r->tile == 0};
	for (unsigned d = 0; d < rank; d++) {
		opt->axes[d].name[0] = r->axes[d];
		opt->axes[d].kind = r->axes[d] == 't'   ? OZR_AXIS_TIME
				    : r->axes[d] == 'c' ? OZR_AXIS_CHANNEL
							: OZR_AXIS_SPACE;
		opt->shape[d] = r->shape[d];
	}
	opt->chunk[rank - 2] = opt->chunk[rank - 1] = r->tile;
	memcpy(opt->codec.codec, r->codec, strlen(r->codec) + 1);
}

/* Writes the twin to key. */
__attribute__((unused)) static int twin_make(struct ozr_store *store, const char *key,
					     const struct twin_recipe *r, struct ozr_err *err)
{
	const struct ozr_zip_options zip_options = {
		.head = OZR_TWIN_HEAD, .metadata_room = 16, .root_room = 1200};
	const struct ozr_twin_options how = {.samples = r->samples};
	const struct twin_source from = {r, (unsigned)strlen(r->axes)};
	struct ozr_source source = {.user = (void *)&from, .read = twin_read};
	struct ozr_image_options opt;
	struct ozr_twin_storage storage;
	struct ozr_store *zip = NULL;
	struct ozr_image *img = NULL;
	struct ozr_twin *twin = NULL;
	twin_options(r, &opt);
	int code = ozr_twin_complete(&opt, &how, &storage, err);
	if (!code)
		code = ozr_zip_create(store, key, &zip_options, &zip, err);
	if (!code)
		code = ozr_image_create(zip, "", OZR_CREATE_DIRECT, &opt, &img, err);
	if (!code)
		code = ozr_twin_begin(zip, img, &how, &twin, err);
	if (!code)
		code = ozr_pyramid_pull(img, &source, NULL, err);
	if (!code)
		code = ozr_image_commit(img, NULL, err);
	if (!code)
		code = ozr_twin_finish(twin, NULL, err);
	if (!code)
		code = ozr_zip_commit(zip, err);
	ozr_twin_free(twin);
	ozr_image_close(img);
	ozr_store_unref(zip);
	return code;
}

/* --- Checksums --------------------------------------------------------------------------- */

static uint64_t twin_load(const unsigned char *p, unsigned n)
{
	uint64_t v = 0;
	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* Make both checksums of a member fit its bytes, wherever its headers are found. */
__attribute__((unused)) static void twin_fix_key(const char *name, unsigned char *b, size_t len)
{
	const size_t n = strlen(name);
	uint32_t crc = 0;
	for (size_t i = 46; i + n <= len; i++) {
		if (b[i] != (unsigned char)name[0] || memcmp(b + i, name, n) != 0)
			continue;
		unsigned char *local = b + i - 30, *central = b + i - 46, *at = NULL;
		if (twin_load(local, 4) == 0x04034b50) {
			/* sizes: in the header, or in the ZIP64 field that comes first */
			const size_t extra = (size_t)twin_load(local + 28, 2), data = i + n + extra;
			uint64_t size = twin_load(local + 22, 4);
			if (size == UINT32_MAX && extra >= 12 && i + n + 12 <= len)
				size = twin_load(b + i + n + 4, 8);
			if (data > len || size > len - data)
				return;
			crc = ozr_crc32(0, b + data, (size_t)size);
			at = local + 14;
		} else if (twin_load(central, 4) == 0x02014b50) {
			at = central + 16;
		}
		for (unsigned k = 0; at && k < 4; k++)
			at[k] = (unsigned char)(crc >> 8 * k);
	}
}

__attribute__((unused)) static void twin_fix(unsigned char *b, size_t len)
{
	twin_fix_key("OME/tiff.ifd", b, len);
}

#endif
