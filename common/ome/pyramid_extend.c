/* SPDX-License-Identifier: MIT */
/*
 * Extend: the image grows along one axis. Elements first, shapes last: the
 * arrays grow in memory, level 0 gets its new elements, the levels above are
 * refreshed where they changed, and only then is metadata published, from the
 * highest level down to level 0. Readers look at level 0 first: who finds its
 * new shape finds the new shapes of all levels, and who found the old one
 * sees levels that are at least as large as he expects.
 *
 * Chunks that hold both old and new elements are replaced, so a reader of the
 * old image may see, at its former edge, windows that already take in new
 * elements. A failure before the last step leaves new elements that nobody
 * sees; extending again by the same elements completes it.
 */
#include "ome/pyramid_impl.h"

static int check(const struct ozr_image *img, unsigned axis, const struct ozr_box *box,
		 const struct ozr_array_info *info, struct ozr_err *err)
{
	if (axis >= info->rank)
		return ozr_fail(err, OZR_BAD_ARG, "axis %u, the image has %u", axis, info->rank);
	if (!(img->flags & OZR_UPDATE) || img->making || img->build)
		return ozr_fail(err, OZR_BAD_ARG, "the image is not open for update");
	for (unsigned d = 0; d < info->rank; d++) {
		const uint64_t start = d == axis ? info->shape[d] : 0;
		const uint64_t count = d == axis ? box->count[d] : info->shape[d];
		if (box->start[d] != start || box->count[d] != count || count == 0)
			return ozr_fail(
				err, OZR_BAD_ARG,
				"axis %u: %llu elements from %llu on, must be %s%llu from %llu", d,
				(unsigned long long)box->count[d],
				(unsigned long long)box->start[d], d == axis ? "at least " : "",
				(unsigned long long)(d == axis ? 1 : count),
				(unsigned long long)start);
	}
	if (box->count[axis] > UINT64_MAX / 2 - info->shape[axis])
		return ozr_fail(err, OZR_LIMIT, "axis %u: the extent overflows", axis);
	return OZR_OK;
}

/* In memory only. Levels that an earlier attempt has grown already are left as they are. */
static int grow(struct ozr_image *img, unsigned axis, uint64_t extent, struct ozr_err *err)
{
	for (unsigned i = 0; i < img->info.levels; i++) {
		struct ozr_array_info info;
		if (i && img->level[i].factor[axis] == 0)
			return ozr_fail(err, OZR_UNSUPPORTED, "level %u: axis %u has no factor", i,
					axis);
		if (i)
			extent = ozr_ceil_div(extent, img->level[i].factor[axis]);
		ozr_array_get_info(img->level[i].array, &info);
		if (info.shape[axis] == extent)
			continue;
		info.shape[axis] = extent;
		int rc = ozr_array_resize(img->level[i].array, info.shape, err);
		if (rc)
			return ozr_err_context(err, rc, "level %u", i);
	}
	return OZR_OK;
}

static int publish(struct ozr_image *img, struct ozr_err *err)
{
	for (unsigned i = img->info.levels; i-- > 0;) {
		struct ozr_array_info info;
		int rc = ozr_array_publish(img->level[i].array, err);
		if (rc)
			return ozr_err_context(err, rc, "level %u", i);
		ozr_array_get_info(img->level[i].array, &info);
		memcpy(img->level[i].shape, info.shape, sizeof img->level[i].shape);
	}
	return OZR_OK;
}

static int extend(struct ozr_image *img, unsigned axis, const struct ozr_box *box,
		  const struct ozr_call *call, struct ozr_err *err)
{
	struct ozr_array *first = img->level[0].array;
	struct ozr_array_info info;
	ozr_array_get_info(first, &info);
	/* the published one: an attempt that failed has grown the array in memory */
	memcpy(info.shape, img->level[0].shape, sizeof info.shape);
	int rc = check(img, axis, box, &info, err);
	if (!rc)
		rc = grow(img, axis, info.shape[axis] + box->count[axis], err);
	if (!rc) {
		rc = ozr_array_write(first, 1, box, call, err);
		if (!rc)
			rc = ozr_array_flush(first, call, err);
		if (rc)
			ozr_err_context(err, rc, "level 0");
	}
	if (!rc)
		rc = ozr_pyramid_refresh(img, 0, box->start, box->count, call, err);
	return rc ? rc : publish(img, err);
}

int ozr_pyramid_extend(struct ozr_image *img, unsigned axis, const struct ozr_box *box,
		       const struct ozr_call *call, struct ozr_err *err)
{
	ozr_ctx_enter(img->ctx);
	int rc = ozr_image_owned(img, err);
	if (!rc)
		rc = extend(img, axis, box, call, err);
	return rc ? ozr_err_context(err, rc, "extend") : OZR_OK;
}
