/* SPDX-License-Identifier: MIT */
/*
 * Bands of the store's values into the images' pixel caches. `stream` takes
 * the pixels as they come, and wants them a full row at a time.
 */
#include "reading.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "composite.h"

enum { BLOCK = 1024 };
/* Pixels of a plane that are asked for at once: where its cache is on disk, ImageMagick takes memory
 * for them, which no limit counts. */
enum { AT_ONCE = 1 << 16 };

/* What a plane's rows are made with. */
struct brush {
	const struct plan *plan;
	struct mapping mapping[4]; /* of each component of a gray or color image */
	struct light *light;       /* of each channel of a composite */
	uint64_t lost;
};

/* The pixel cache said no, and why: nothing is left to say. */
static int cache_failed(const struct reading *r, struct ozr_err *err)
{
	int rc;

	if (r->exception->severity < ErrorException)
		return ozr_fail(err, OZR_NO_MEMORY, "the pixel cache does not take pixels");
	rc = ozr_fail(err, OZR_NO_MEMORY, "%s", "");
	return rc;
}

static int choose_brush(struct reading *r, uint64_t plane, struct brush *brush, struct ozr_err *err)
{
	const struct plan *plan = &r->plan;
	int rc = OZR_OK;

	for (unsigned j = 0; j < plan->components && rc == OZR_OK; j++) {
		uint64_t index[OZR_MAX_RANK], channel;
		unsigned char rgb[3];
		struct light *light;

		plan_position(plan, plane, j, index);
		channel = plan->channel_axis < 0 ? 0 : index[plan->channel_axis];
		if (plan->view != VIEW_COMPOSITE) {
			rc = window_choose(r, channel, &brush->mapping[j], err);
			continue;
		}
		light = &brush->light[j];
		rc = window_of_color(r, channel, &light->start, &light->end, rgb, &light->active,
				     err);
		for (unsigned k = 0; k < 3 && rc == OZR_OK; k++)
			light->rgb[k] = rgb[k] / 255.0;
	}
	return rc;
}

static void paint_gray(struct brush *brush, const Image *image, Pixel *q, const unsigned char *data,
		       size_t n)
{
	const size_t size = ozr_dtype_size(brush->mapping[0].dtype), step = pixel_step(image);
	Quantum row[BLOCK];

	for (size_t i = 0, k; i < n; i += k) {
		k = n - i < BLOCK ? n - i : BLOCK;
		pixels_put_gray(
			image, q + i * step,
			mapping_apply(&brush->mapping[0], data + i * size, k, row, &brush->lost),
			k);
	}
}

static void paint_color(struct brush *brush, const Image *image, Pixel *q,
			const unsigned char *data, size_t component, size_t n)
{
	const size_t size = ozr_dtype_size(brush->mapping[0].dtype), step = pixel_step(image);
	const unsigned channels = brush->plan->components;
	Quantum row[4][BLOCK];

	for (size_t i = 0, k; i < n; i += k) {
		const Quantum *plane[4] = {NULL};

		k = n - i < BLOCK ? n - i : BLOCK;
		for (unsigned j = 0; j < channels; j++)
			plane[j] =
				mapping_apply(&brush->mapping[j], data + j * component + i * size,
					      k, row[j], &brush->lost);
		pixels_put_rgba(image, q + i * step, plane, k);
	}
}

static void paint_composite(struct brush *brush, const Image *image, enum ozr_dtype dtype, Pixel *q,
			    const unsigned char *data, size_t component, size_t n)
{
	const size_t size = ozr_dtype_size(dtype), step = pixel_step(image);
	Quantum rgb[3][COMPOSITE_BLOCK];
	const Quantum *const plane[4] = {rgb[0], rgb[1], rgb[2], NULL};

	for (size_t i = 0, k; i < n; i += k) {
		k = n - i < COMPOSITE_BLOCK ? n - i : COMPOSITE_BLOCK;
		composite_apply(brush->light, brush->plan->components, dtype, data + i * size,
				component, k, rgb);
		pixels_put_rgba(image, q + i * step, plane, k);
	}
}

/* Rows of one plane; data: those of its first component. */
static int paint_plane(struct reading *r, struct brush *brush, Image *image,
		       const struct band *band, const unsigned char *data, struct ozr_err *err)
{
	const size_t columns = (size_t)r->plan.columns, row = columns * ozr_dtype_size(r->dtype);
	const uint64_t most = !r->info->stream && columns < AT_ONCE ? AT_ONCE / columns : 1;

	for (uint64_t y = 0, high; y < band->rows; y += high, data += (size_t)high * row) {
		Pixel *q;
		size_t n;

		high = band->rows - y < most ? band->rows - y : most;
		n = columns * (size_t)high;
		q = QueueAuthenticPixels(image, 0, (ssize_t)(band->y + y), columns, (size_t)high,
					 r->exception);
		if (!q)
			return cache_failed(r, err);
		if (r->plan.view == VIEW_GRAY)
			paint_gray(brush, image, q, data, n);
		else if (r->plan.view == VIEW_COMPOSITE)
			paint_composite(brush, image, r->dtype, q, data, band->size, n);
		else
			paint_color(brush, image, q, data, band->size, n);
		if (SyncAuthenticPixels(image, r->exception) == MagickFalse)
			return cache_failed(r, err);
	}
	return OZR_OK;
}

static int paint_band(struct reading *r, const struct band *band, struct ozr_err *err)
{
	const unsigned channels = r->plan.components;
	struct brush *brush = calloc(1, sizeof(*brush));
	int rc = OZR_OK;

	if (brush && r->plan.view == VIEW_COMPOSITE)
		brush->light = calloc(channels, sizeof(*brush->light));
	if (!brush || (r->plan.view == VIEW_COMPOSITE && !brush->light)) {
		free(brush);
		return ozr_fail(err, OZR_NO_MEMORY, "%u channels", channels);
	}
	brush->plan = &r->plan;
	for (size_t i = 0; i < band->n && rc == OZR_OK; i++) {
		rc = choose_brush(r, r->plan.list[band->item[i]], brush, err);
		rc = rc ? rc
			: paint_plane(r, brush, r->image[band->item[i]], band,
				      band->data + i * channels * band->size, err);
	}
	r->lost += brush->lost;
	free(brush->light);
	free(brush);
	return rc;
}

/* --- The smallest and the largest value ------------------------------------ */

static int find_range(struct reading *r, const struct band *band, struct ozr_err *err)
{
	const ptrdiff_t size = (ptrdiff_t)ozr_dtype_size(r->dtype);
	const size_t all = band->n * r->plan.components * band->size / (size_t)size;
	double low = r->options.low, high = r->options.high, value[BLOCK];

	(void)err;
	for (size_t i = 0, k; i < all; i += k) {
		k = all - i < BLOCK ? all - i : BLOCK;
		ozr_convert(band->data + i * (size_t)size, r->dtype, size, value, OZR_FLOAT64,
			    sizeof(*value), k);
		for (size_t j = 0; j < k; j++) { /* NaN fails both, infinities are no window */
			low = value[j] < low && value[j] >= -DBL_MAX ? value[j] : low;
			high = value[j] > high && value[j] <= DBL_MAX ? value[j] : high;
		}
	}
	r->options.low = low;
	r->options.high = high;
	return OZR_OK;
}

int paint(struct reading *r, struct ozr_err *err)
{
	struct meter meter = {r->image[0], "Load/Image", 0, 1};
	int rc = OZR_OK;

	if (r->options.window == WINDOW_MINMAX) {
		meter.to = 0.5;
		r->options.low = HUGE_VAL;
		r->options.high = -HUGE_VAL;
		rc = bands_read(r, &meter, find_range, err);
		if (r->options.low > r->options.high) { /* not one number */
			r->options.low = 0;
			r->options.high = 1;
		}
		r->found_range = 1;
		meter.from = 0.5;
		meter.to = 1;
	}
	return rc ? rc : bands_read(r, &meter, paint_band, err);
}
