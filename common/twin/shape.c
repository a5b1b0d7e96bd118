/* SPDX-License-Identifier: MIT */
/*
 * What an image with its arrays is, as far as a twin's geometry depends on it:
 * the same question for who writes a twin and for who checks one.
 */
#include <string.h>

#include "array/encoding.h"
#include "twin/geometry.h"

/* Are the bytes of a chunk those that a tile can have? */
static int is_plain(const struct ozr_array *a, const struct ozr_array_info *info)
{
	struct ozr_encoding e;
	struct ozr_err ignored;

	if (ozr_array_encoding(a, &e, &ignored) != OZR_OK)
		return 0;
	return e.sums <= 1 && (!e.big_endian || ozr_dtype_size(info->dtype) == 1);
}

static int same_storage(const struct ozr_array_info *a, const struct ozr_array_info *b)
{
	return a->dtype == b->dtype && strcmp(a->codec, b->codec) == 0 &&
	       memcmp(a->fill, b->fill, sizeof(a->fill)) == 0 &&
	       memcmp(a->order, b->order, sizeof(a->order)) == 0;
}

static int take_level(struct ozr_twin_shape *s, unsigned i, const struct ozr_array *array,
		      struct ozr_array_info *first, struct ozr_err *err)
{
	struct ozr_array_info a;

	if (array == NULL)
		return ozr_fail(err, OZR_UNSUPPORTED, "level %u cannot be opened", i);
	ozr_array_get_info(array, &a);
	if (a.zarr_format != 3)
		return ozr_fail(err, OZR_UNSUPPORTED, "it is OME-Zarr 0.5, not 0.4");
	if (i == 0) {
		*first = a;
		s->plain = 1;
	}
	if (!same_storage(&a, first))
		return ozr_fail(err, OZR_UNSUPPORTED, "level %u is stored otherwise than level 0",
				i);
	s->plain = s->plain && is_plain(array, &a);
	memcpy(s->shape[i], a.shape, sizeof(a.shape));
	memcpy(s->chunk[i], a.chunk, sizeof(a.chunk));
	memcpy(s->shard[i], a.shard, sizeof(a.shard));
	return OZR_OK;
}

int ozr_twin_shape(struct ozr_image *img, unsigned levels, struct ozr_twin_shape *out,
		   struct ozr_array_info *first, struct ozr_err *err)
{
	struct ozr_twin_shape *s = out;
	struct ozr_image_info info;
	int rc = OZR_OK;

	ozr_image_get_info(img, &info);
	*s = (struct ozr_twin_shape){.rank = info.rank, .dtype = info.dtype};
	s->levels = levels == 0 || levels > info.levels ? info.levels : levels;
	memcpy(s->axes, info.axes, sizeof(s->axes));
	if (info.levels > OZR_TWIN_LEVELS_MOST)
		return ozr_fail(err, OZR_UNSUPPORTED, "%u levels: a twin has at most %d",
				info.levels, OZR_TWIN_LEVELS_MOST);
	for (unsigned i = 0; rc == OZR_OK && i < s->levels; i++)
		rc = take_level(s, i, ozr_image_level(img, i), first, err);
	if (rc != OZR_OK)
		return rc;
	memcpy(s->order, first->order, sizeof(s->order));
	s->codec = first->codec;
	return OZR_OK;
}
