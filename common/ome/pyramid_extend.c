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
 *
 * Two that extend one image would both begin at its old edge: so one at a time
 * has the lock, and who opened the image before the other was done is told.
 */
#include "base/key.h"
#include "ome/pyramid_impl.h"

static int check_image(const struct ozr_image *img, unsigned axis,
		       const struct ozr_array_info *info, uint64_t count, struct ozr_err *err)
{
	if (axis >= info->rank)
		return ozr_fail(err, OZR_BAD_ARG, "axis %u, the image has %u", axis, info->rank);
	if (!(img->flags & OZR_UPDATE) || img->making || img->build)
		return ozr_fail(err, OZR_BAD_ARG, "the image is not open for update");
	if (count > UINT64_MAX / 2 - info->shape[axis])
		return ozr_fail(err, OZR_LIMIT, "axis %u: the extent overflows", axis);
	return OZR_OK;
}

/* Has somebody else extended it since it was opened? Our new elements would replace theirs. */
static int check_unchanged(const struct ozr_image *img, unsigned axis, struct ozr_err *err)
{
	char path[OZR_KEY_MAX + 1];
	struct ozr_array_info now = {0};
	struct ozr_array *stored;
	int rc = ozr_key_join(path, img->path, img->level[0].path, err);
	if (!rc)
		rc = ozr_array_open(img->store, path, OZR_READ, &stored, err);
	if (rc)
		return rc;
	ozr_array_get_info(stored, &now);
	ozr_array_close(stored);
	if (now.rank != img->info.rank || now.shape[axis] != img->level[0].shape[axis])
		return ozr_fail(err, OZR_CHANGED,
				"the image has changed meanwhile: axis %u has %llu elements, had "
				"%llu",
				axis, (unsigned long long)now.shape[axis],
				(unsigned long long)img->level[0].shape[axis]);
	return OZR_OK;
}

static int check_box(unsigned axis, const struct ozr_box *box, const struct ozr_array_info *info,
		     struct ozr_err *err)
{
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

/* --- New elements, as one box or from a source ------------------------------------- */

/* One box, or a source that fills boxes within `most` bytes. */
struct feed {
	const struct ozr_box *box;
	const struct ozr_source *src;
	uint64_t most;
};

/* The extents of what is read at once: all of the new region, made smaller from the outermost
 * axis on until it fits, by whole shards, then chunks, then elements. */
static void divide(const struct ozr_array_info *info, uint64_t most, uint64_t count[OZR_MAX_RANK])
{
	const uint64_t *const units[] = {info->shard, info->chunk, NULL};
	for (unsigned pass = 0; pass < 3; pass++)
		for (unsigned d = 0; d < info->rank; d++) {
			const uint64_t unit = units[pass] ? units[pass][d] : 1;
			uint64_t rest = ozr_dtype_size(info->dtype);
			for (unsigned i = 0; i < info->rank; i++)
				rest = i == d ? rest : ozr_sat_mul(rest, count[i]);
			if (ozr_sat_mul(rest, count[d]) <= most || count[d] <= unit)
				continue;
			const uint64_t fit = most / rest / unit * unit;
			count[d] = fit ? fit : unit;
		}
}

static int pull_box(struct ozr_image *img, const struct feed *feed, struct ozr_box *box,
		    const struct ozr_call *call, struct ozr_err *err)
{
	ozr_box_contiguous(box, img->info.rank);
	int rc = feed->src->read(feed->src->user, box, err);
	return rc ? rc : ozr_array_write(img->level[0].array, 1, box, call, err);
}

/* start, count: the new region. The last tenth of the progress is for the levels above. */
static int pull_boxes(struct ozr_image *img, const struct feed *feed, const uint64_t *start,
		      const uint64_t *count, const struct ozr_array_info *info,
		      const struct ozr_call *call, struct ozr_err *err)
{
	struct ozr_call quiet = call ? *call : (struct ozr_call){0};
	struct ozr_box box = {.dtype = info->dtype};
	uint64_t size[OZR_MAX_RANK], at[OZR_MAX_RANK] = {0}, bytes = ozr_dtype_size(info->dtype);
	uint64_t boxes = 1, done = 0;
	unsigned d;
	memcpy(size, count, info->rank * sizeof *size);
	divide(info, feed->most, size);
	for (d = 0; d < info->rank; d++) {
		bytes = ozr_sat_mul(bytes, size[d]);
		boxes = ozr_sat_mul(boxes, ozr_ceil_div(count[d], size[d]));
	}
	box.data = bytes > SIZE_MAX ? NULL : ozr_alloc(img->ctx, (size_t)bytes, err);
	if (!box.data)
		return ozr_alloc_failed(err);
	quiet.progress = NULL;
	int rc = ozr_call_progress(call, 0, err);
	do {
		for (d = 0; d < info->rank; d++) {
			box.start[d] = start[d] + at[d];
			box.count[d] = ozr_min_u64(size[d], count[d] - at[d]);
			box.step[d] = 1;
		}
		if (!rc)
			rc = pull_box(img, feed, &box, &quiet, err);
		if (!rc)
			rc = ozr_call_progress(call, 0.9 * (double)++done / (double)boxes, err);
		for (d = info->rank; d-- > 0;) {
			at[d] += size[d];
			if (at[d] < count[d])
				break;
			at[d] = 0;
		}
	} while (!rc && d != (unsigned)-1);
	ozr_free(img->ctx, box.data);
	return rc;
}

/* With the image locked. info: as published. */
static int extend_locked(struct ozr_image *img, unsigned axis, uint64_t grown,
			 const struct feed *feed, const struct ozr_array_info *info,
			 const struct ozr_call *call, struct ozr_err *err)
{
	struct ozr_array *first = img->level[0].array;
	uint64_t start[OZR_MAX_RANK] = {0}, count[OZR_MAX_RANK];
	memcpy(count, info->shape, sizeof count);
	start[axis] = info->shape[axis];
	count[axis] = grown;
	int rc = check_unchanged(img, axis, err);
	if (!rc)
		rc = grow(img, axis, info->shape[axis] + grown, err);
	if (rc)
		return rc;
	rc = feed->box ? ozr_array_write(first, 1, feed->box, call, err)
		       : pull_boxes(img, feed, start, count, info, call, err);
	if (!rc)
		rc = ozr_array_flush(first, feed->box ? call : NULL, err);
	if (rc)
		return ozr_err_context(err, rc, "level 0");
	struct ozr_call quiet = call ? *call : (struct ozr_call){0};
	quiet.progress = NULL;
	rc = ozr_pyramid_refresh(img, 0, start, count, feed->box ? call : &quiet, err);
	if (!rc && feed->src)
		rc = ozr_call_progress(call, 1, err);
	return rc ? rc : publish(img, err);
}

static int extend(struct ozr_image *img, unsigned axis, uint64_t grown, const struct feed *feed,
		  const struct ozr_call *call, struct ozr_err *err)
{
	struct ozr_array_info info;
	void *token = NULL;
	ozr_array_get_info(img->level[0].array, &info);
	/* the published one: an attempt that failed has grown the array in memory */
	memcpy(info.shape, img->level[0].shape, sizeof info.shape);
	int rc = check_image(img, axis, &info, grown, err);
	if (!rc && feed->box)
		rc = check_box(axis, feed->box, &info, err);
	if (!rc)
		rc = ozr_image_lock(img, &token, err);
	if (rc)
		return rc;
	rc = extend_locked(img, axis, grown, feed, &info, call, err);
	if (token)
		ozr_store_unlock(img->store, token);
	return rc;
}

int ozr_pyramid_extend(struct ozr_image *img, unsigned axis, const struct ozr_box *box,
		       const struct ozr_call *call, struct ozr_err *err)
{
	const struct feed feed = {.box = box};
	ozr_ctx_enter(img->ctx);
	int rc = ozr_image_owned(img, err);
	if (!rc)
		rc = extend(img, axis, axis < OZR_MAX_RANK ? box->count[axis] : 0, &feed, call,
			    err);
	return rc ? ozr_err_context(err, rc, "extend") : OZR_OK;
}

int ozr_pyramid_extend_pull(struct ozr_image *img, unsigned axis, uint64_t count,
			    const struct ozr_source *src, const struct ozr_call *call,
			    struct ozr_err *err)
{
	const struct feed feed = {.src = src, .most = ozr_call_budget(call) / 4};
	ozr_ctx_enter(img->ctx);
	int rc = ozr_image_owned(img, err);
	if (!rc && count == 0)
		rc = ozr_fail(err, OZR_BAD_ARG, "axis %u: by 0 elements", axis);
	if (!rc)
		rc = extend(img, axis, count, &feed, call, err);
	return rc ? ozr_err_context(err, rc, "extend") : OZR_OK;
}
