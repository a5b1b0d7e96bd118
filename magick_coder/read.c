/* SPDX-License-Identifier: MIT */
/*
 * The decoder. What the user asks for is found in the file's name and in info:
 * the scenes, the geometry in brackets, and defines. Exactly those planes come
 * back, which is why scenes and extract are then cleared: ImageMagick would
 * pick from the list, and crop, once more.
 */
#include "reading.h"

#include <inttypes.h>
#include <stdlib.h>

#include "known_defines.h"
#include "region.h"

/* Each image of a list costs some 30 kB even without pixels. */
enum { MOST_READ = 999, MOST_PINGED = 10000 };

/* --- What is asked for --------------------------------------------------------- */

/* A geometry that says more than numbers is left to ImageMagick. */
enum { NOT_PLAIN = PercentValue | AspectValue | LessValue | AreaValue };

static void wish_for_size(const RectangleInfo *size, MagickStatusType flags, struct wish *wish)
{
	if ((flags & (NOT_PLAIN & ~AspectValue)) != 0)
		return;
	wish->least_columns = (flags & WidthValue) != 0 ? size->width : 0;
	wish->least_rows = (flags & HeightValue) != 0 ? size->height : 0;
}

static void make_wish(const ImageInfo *info, struct wish *wish)
{
	RectangleInfo area;
	MagickStatusType flags;

	memset(wish, 0, sizeof(*wish));
	wish->scenes = info->scenes;
	wish->max_planes = info->ping != MagickFalse ? MOST_PINGED : MOST_READ;
	if (info->size && *info->size) {
		memset(&area, 0, sizeof(area));
		flags = ParseAbsoluteGeometry(info->size, &area);
		wish_for_size(&area, flags, wish);
	}
	/* `stream` crops by itself, and identify tells the whole size */
	if (!info->extract || !*info->extract || info->stream || region_parse(info->extract, wish))
		return;
	memset(&area, 0, sizeof(area));
	flags = ParseAbsoluteGeometry(info->extract, &area);
	if ((flags & (XValue | YValue)) == 0) {
		wish_for_size(&area, flags, wish);
	} else if ((flags & NOT_PLAIN) == 0) {
		wish->has_region = 1;
		wish->x = area.x;
		wish->y = area.y;
		wish->columns = area.width;
		wish->rows = area.height;
	}
}

/* --- Limits ---------------------------------------------------------------------- */

static MagickSizeType add_limit(MagickSizeType sum, ResourceType type)
{
	MagickSizeType limit = GetMagickResourceLimit(type);

	return sum >= MagickResourceInfinity || limit >= MagickResourceInfinity - sum
		       ? MagickResourceInfinity
		       : sum + limit;
}

static int multiply(uint64_t *product, uint64_t by)
{
	if (by && *product > UINT64_MAX / by)
		return 0;
	*product *= by;
	return 1;
}

/* Would the pixels fit at all? Better said now than when the disk is full. */
static int check_pixels(const struct plan *plan, struct ozr_err *err)
{
	MagickSizeType limit = add_limit(0, MemoryResource);
	uint64_t bytes = pixel_bytes(plan->view == VIEW_GRAY ? 1 : plan->view == VIEW_RGBA ? 4 : 3);

	limit = add_limit(limit, MapResource);
	limit = add_limit(limit, DiskResource);
	if (limit >= MagickResourceInfinity)
		return OZR_OK;
	if (multiply(&bytes, plan->columns) && multiply(&bytes, plan->rows) &&
	    multiply(&bytes, plan->n) && bytes <= limit)
		return OZR_OK;
	return ozr_fail(err, OZR_LIMIT,
			"%zu planes of %" PRIu64 "x%" PRIu64
			" pixels do not fit into the resource limits memory, map and disk of "
			"together %.1f MiB: read some planes by name[a-b], a region by "
			"name[WxH+X+Y], or a smaller level by -define omezarr:level=1",
			plan->n, plan->columns, plan->rows, (double)limit / 1048576);
}

static int check_limits(const struct reading *r, struct ozr_err *err)
{
	MagickSizeType most = GetMagickResourceLimit(ListLengthResource);

	if (r->plan.n > most)
		return ozr_fail(err, OZR_LIMIT,
				"%zu planes are more than the resource limit list-length of "
				"%" PRIu64 ": read some by name[a-b]",
				r->plan.n, (uint64_t)most);
	if (r->info->ping != MagickFalse || r->info->stream)
		return OZR_OK;
	return check_pixels(&r->plan, err);
}

/* --- The read ---------------------------------------------------------------------- */

/* A folder does not come through a pipe. */
static int check_stream(const ImageInfo *info, struct ozr_err *err)
{
	if (!info->file && strcmp(info->filename, "-") != 0)
		return OZR_OK;
	return ozr_fail(err, OZR_UNSUPPORTED,
			"an OME-Zarr store is a folder: it is read by its name, and not from a "
			"stream");
}

static int open_all(struct reading *r, const struct wish *wish, struct ozr_err *err)
{
	struct defines defines = defines_of(r->info);
	struct ozr_array_info a;
	int rc = check_stream(r->info, err);

	rc = rc ? rc : read_options_parse(&defines, &r->options, err);

	if (rc == OZR_OK && *r->options.label && !*r->location.label)
		memcpy(r->location.label, r->options.label, sizeof(r->location.label));
	rc = rc ? rc : session_context(&r->ctx, err);
	rc = rc ? rc : source_open(r->ctx, &r->location, &r->source, err);
	rc = rc ? rc
		: plan_make(r->source.image, &r->location.selection, &r->options, wish, &r->plan,
			    err);
	rc = rc ? rc : check_limits(r, err);
	if (rc)
		return rc;
	r->array = ozr_image_level(r->source.image, r->plan.level);
	if (!r->array)
		return ozr_fail(err, OZR_NOT_FOUND, "level %u is not there", r->plan.level);
	ozr_array_get_info(r->array, &a);
	r->dtype = a.dtype;
	return OZR_OK;
}

/* What was done must not be done again. */
static void clear_request(const ImageInfo *info, const struct wish *wish)
{
	if (info->scenes)
		*info->scenes = '\0';
	if (wish->has_region)
		*info->extract = '\0';
}

/* Images with their pixels; what fails is reported. */
static MagickBooleanType make_images(struct reading *r)
{
	struct ozr_err err = {0};
	int rc;

	if (images_make(r) == MagickFalse)
		return MagickFalse;
	if (r->info->ping != MagickFalse)
		return MagickTrue;
	rc = paint(r, &err);
	if (rc != OZR_OK)
		return *err.msg ? report(r->exception, r->name, rc, &err) : MagickFalse;
	if (r->lost)
		report_warning(r->exception, r->name,
			       "%" PRIu64
			       " value%s of %s cannot be represented: clamped (NaN is 0); "
			       "-define omezarr:window=minmax shows the whole range",
			       r->lost, r->lost == 1 ? "" : "s", ozr_dtype_name(r->dtype));
	return MagickTrue;
}

static Image *end_list(struct reading *r, MagickBooleanType status)
{
	Image *first = r->image ? r->image[0] : NULL;

	if (first)
		(void)CloseBlob(first);
	if (status == MagickFalse) {
		images_destroy(r);
		first = NULL;
	}
	free(r->image);
	return first;
}

Image *coder_read(const ImageInfo *info, ExceptionInfo *exception)
{
	struct reading *r;
	struct ozr_err err = {0};
	struct wish wish;
	Image *images;
	MagickBooleanType status;
	int rc;

	r = calloc(1, sizeof(*r));
	if (!r) {
		(void)report(exception, info->filename,
			     ozr_fail(&err, OZR_NO_MEMORY, "nothing is left"), &err);
		return NULL;
	}
	r->info = info;
	r->exception = exception;
	r->name = info->filename;
	known_defines_check(info, r->name, exception);
	rc = location_parse(info->filename, &r->location, &err);
	if (rc == OZR_OK &&
	    coder_allowed(r->location.folder, ReadPolicyRights, exception) == MagickFalse) {
		free(r);
		return NULL;
	}
	make_wish(info, &wish);
	if (*r->location.scenes)
		wish.scenes = r->location.scenes;
	rc = rc ? rc : open_all(r, &wish, &err);
	if (rc) {
		status = report(exception, r->name, rc, &err);
	} else {
		clear_request(info, &wish);
		status = make_images(r);
	}
	images = end_list(r, status);
	plan_free(&r->plan);
	source_close(&r->source);
	ozr_ctx_unref(r->ctx);
	free(r);
	return images;
}
