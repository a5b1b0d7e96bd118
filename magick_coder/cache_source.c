/* SPDX-License-Identifier: MIT */
/*
 * Pixels for the library. One row at a time: for these ImageMagick hands out
 * its cache itself, whatever the width, and copies nothing.
 */
#include "cache_source.h"

int cache_source_make(const struct gathered *images, const struct layout *layout,
		      const struct export_rule *rule, ExceptionInfo *exception,
		      struct cache_source *out, struct ozr_err *err)
{
	*out = (struct cache_source){.images = images,
				     .layout = layout,
				     .rule = *rule,
				     .exception = exception,
				     .channel_axis = -1};
	out->row = AcquireQuantumMemory((size_t)images->list.columns, sizeof(*out->row));
	if (!out->row)
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for a row of %llu pixels",
				(unsigned long long)images->list.columns);
	return OZR_OK;
}

void cache_source_free(struct cache_source *s)
{
	if (s->row)
		s->row = RelinquishMagickMemory(s->row);
}

/* --- What the numbers are, for the windows of an image that grows --------- */

static void see(struct seen *seen, double min, double max)
{
	seen->min = !seen->any || min < seen->min ? min : seen->min;
	seen->max = !seen->any || max > seen->max ? max : seen->max;
	seen->any = 1;
}

static void see_shorts(struct seen *seen, const uint16_t *value, size_t n)
{
	uint16_t min = UINT16_MAX, max = 0;

	for (size_t i = 0; i < n; i++) {
		min = value[i] < min ? value[i] : min;
		max = value[i] > max ? value[i] : max;
	}
	see(seen, min, max);
}

static void see_any(struct seen *seen, enum ozr_dtype dtype, const unsigned char *data, size_t n,
		    ptrdiff_t step)
{
	double value[256];

	for (size_t i = 0, k; i < n; i += k) {
		k = n - i < 256 ? n - i : 256;
		ozr_convert(data + (ptrdiff_t)i * step, dtype, step, value, OZR_FLOAT64,
			    sizeof(*value), k);
		for (size_t j = 0; j < k; j++)
			if (value[j] == value[j]) /* not NaN */
				see(seen, value[j], value[j]);
	}
}

static void look_at(struct cache_source *s, const unsigned char *data, size_t n, int64_t step)
{
	struct seen *seen = &s->seen[s->channel];

	if (s->rule.dtype == OZR_UINT16 && step == sizeof(uint16_t))
		see_shorts(seen, (const void *)data, n);
	else
		see_any(seen, s->rule.dtype, data, n, (ptrdiff_t)step);
}

/* --- Boxes --------------------------------------------------------------- */

static void take_row(struct cache_source *s, const Image *image, const Pixel *p, unsigned component,
		     size_t n, void *data, int64_t step)
{
	if (component == 3 && !image_has_alpha(image)) { /* version 6 has anything there */
		for (size_t i = 0; i < n; i++)
			s->row[i] = QuantumRange;
	} else if (export_is_plain(&s->rule) && step == sizeof(*s->row)) {
		pixels_get(image, p, component, data, n);
		return;
	} else {
		pixels_get(image, p, component, s->row, n);
	}
	export_numbers(&s->rule, s->row, n, data, (ptrdiff_t)step);
}

/* The part of one row that is in the box, at data; all components of it. */
static int read_row(struct cache_source *s, const struct ozr_box *box, const Image *image,
		    uint64_t y, unsigned char *data, struct ozr_err *err)
{
	const unsigned x = s->layout->rank - 1;
	const int c = s->layout->component_axis;
	const uint64_t first = c >= 0 ? box->start[c] : 0, n = c >= 0 ? box->count[c] : 1;
	const Pixel *p = GetVirtualPixels(image, (ssize_t)box->start[x], (ssize_t)y,
					  (size_t)box->count[x], 1, s->exception);

	if (!p) {
		s->told = s->exception->severity >= ErrorException;
		return ozr_fail(err, OZR_IO, "the pixels of an image cannot be read");
	}
	for (uint64_t k = 0; k < n; k++) {
		take_row(s, image, p, (unsigned)(first + k), (size_t)box->count[x], data,
			 box->stride[x]);
		if (s->seen)
			look_at(s, data, (size_t)box->count[x], box->stride[x]);
		data += c >= 0 ? box->stride[c] : 0;
	}
	return OZR_OK;
}

static int read_plane(struct cache_source *s, const struct ozr_box *box, uint64_t number,
		      unsigned char *data, struct ozr_err *err)
{
	const unsigned y = s->layout->rank - 2;
	const Image *image = number < s->images->n ? s->images->image[number] : NULL;
	int rc = OZR_OK;

	if (!image || image->columns != s->images->list.columns ||
	    image->rows != s->images->list.rows)
		return ozr_fail(err, OZR_CHANGED, "image %llu of the list has changed",
				(unsigned long long)number);
	for (uint64_t i = 0; i < box->count[y] && rc == OZR_OK; i++)
		rc = read_row(s, box, image, box->start[y] + i, data + (int64_t)i * box->stride[y],
			      err);
	return rc;
}

int cache_source_read(void *user, const struct ozr_box *box, struct ozr_err *err)
{
	struct cache_source *s = user;
	const struct layout *l = s->layout;
	const unsigned lists = l->rank - 2;
	uint64_t at[OZR_MAX_RANK] = {0};

	for (;;) {
		unsigned char *data = box->data;
		uint64_t number = 0;
		unsigned d = lists;
		int rc;

		for (unsigned i = 0; i < lists; i++) {
			data += (int64_t)at[i] * box->stride[i];
			number += (box->start[i] + at[i] - s->first[i]) * l->weight[i];
		}
		if (s->channel_axis >= 0)
			s->channel = box->start[s->channel_axis] + at[s->channel_axis];
		rc = read_plane(s, box, number, data, err);
		if (rc != OZR_OK)
			return rc;
		/* the next plane, as an odometer counts; colors come with their plane */
		while (d-- > 0) {
			if ((int)d != l->component_axis && ++at[d] < box->count[d])
				break;
			at[d] = 0;
		}
		if (d == (unsigned)-1)
			return OZR_OK;
	}
}
