/* SPDX-License-Identifier: MIT */
/*
 * Reading the reader's notes. They are properties of images, which survive
 * most operations and some file formats, so nothing is taken for granted: what
 * does not fit together is as if it were not there.
 */
#include "restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

static const char letters[] = "tcz"; /* as LIST_T, LIST_C, LIST_Z */

/* The axes and extents of the image that this one was read from. 1: found. */
static int noted_shape(const Image *image, char axes[OZR_MAX_RANK + 1],
		       uint64_t shape[OZR_MAX_RANK], ExceptionInfo *exception)
{
	const char *names = image_property(image, "omezarr:axes", exception);
	const char *text = image_property(image, "omezarr:shape", exception);
	size_t n = names ? strlen(names) : 0;

	if (n < 2 || n > LIST_AXES + 2 || !text || strcmp(names + n - 2, "yx") != 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		char *end;

		if (i < n - 2 && (!strchr(letters, names[i]) || memchr(names, names[i], i)))
			return 0; /* another axis, or one twice */
		if (*text < '0' || *text > '9')
			return 0;
		shape[i] = strtoull(text, &end, 10);
		if (shape[i] == 0 || *end != (i + 1 < n ? 'x' : '\0'))
			return 0;
		text = end + 1;
	}
	(void)snprintf(axes, OZR_MAX_RANK + 1, "%s", names);
	return 1;
}

/* Position on an axis; 1: found. */
static int noted_index(const Image *image, char axis, uint64_t *out, ExceptionInfo *exception)
{
	char key[16], *end;
	const char *text;

	(void)snprintf(key, sizeof(key), "omezarr:%c", axis);
	text = image_property(image, key, exception);
	if (!text || *text < '0' || *text > '9')
		return 0;
	*out = strtoull(text, &end, 10);
	return *end == '\0';
}

/* The list of axes being found out. */
struct notes {
	char axes[OZR_MAX_RANK + 1];
	uint64_t shape[OZR_MAX_RANK];
	unsigned n; /* axes with a position */
	char name[LIST_AXES + 1];
	uint64_t extent[LIST_AXES]; /* of the image they come from */
	uint64_t first[LIST_AXES];  /* position of the first image */
	uint64_t count[LIST_AXES];  /* of positions that differ */
	uint64_t step[LIST_AXES];   /* between them; 0: uneven */
};

/* Axes on which the first image has a position. 0: none are noted. */
static int begin(const struct gathered *g, struct notes *o, ExceptionInfo *exception)
{
	memset(o, 0, sizeof(*o));
	if (!noted_shape(g->image[0], o->axes, o->shape, exception))
		return 0;
	for (unsigned i = 0; o->axes[i + 2] != '\0'; i++)
		if (noted_index(g->image[0], o->axes[i], &o->first[o->n], exception)) {
			o->name[o->n] = o->axes[i];
			o->extent[o->n++] = o->shape[i];
		} else if (o->axes[i] != 'c') {
			return 0; /* channels without a position are, or were, colors */
		}
	return o->n > 0 && !(g->list.components > 1 && strchr(o->name, 'c'));
}

/* Positions of image i, as far as it is from the same image. */
static int positions(const struct gathered *g, size_t i, const struct notes *o,
		     uint64_t at[LIST_AXES], ExceptionInfo *exception)
{
	char axes[OZR_MAX_RANK + 1];
	uint64_t shape[OZR_MAX_RANK] = {0};
	const char *source = image_property(g->image[i], "omezarr:source", exception);
	const char *first = image_property(g->image[0], "omezarr:source", exception);

	if (!noted_shape(g->image[i], axes, shape, exception) || strcmp(axes, o->axes) != 0 ||
	    memcmp(shape, o->shape, strlen(axes) * sizeof(*shape)) != 0 ||
	    strcmp(source ? source : "", first ? first : "") != 0)
		return 0;
	for (unsigned a = 0; a < o->n; a++)
		if (!noted_index(g->image[i], o->name[a], &at[a], exception) ||
		    at[a] >= o->extent[a])
			return 0;
	return 1;
}

/* How often image 0's position on axis a stays while only later axes move: the run lengths of a
 * list in C order. */
static int count_positions(const struct gathered *g, struct notes *o, ExceptionInfo *exception)
{
	size_t step = 1; /* images until axis a moves */

	for (unsigned a = o->n; a-- > 0; step *= (size_t)o->count[a]) {
		uint64_t last = 0, at[LIST_AXES];

		o->count[a] = 0;
		o->step[a] = 1;
		for (size_t i = 0; i < g->n; i += step) {
			if (!positions(g, i, o, at, exception))
				return 0;
			if (o->count[a] != 0 && at[a] <= last)
				break;
			if (o->count[a] == 1)
				o->step[a] = at[a] - last;
			else if (o->count[a] > 1 && at[a] - last != o->step[a])
				o->step[a] = 0;
			last = at[a];
			o->count[a]++;
		}
	}
	return step == g->n;
}

/* Every image stands where C order wants it. */
static int in_order(const struct gathered *g, const struct notes *o, ExceptionInfo *exception)
{
	for (unsigned a = 0; a < o->n; a++) {
		size_t step = 1;

		for (unsigned b = a + 1; b < o->n; b++)
			step *= (size_t)o->count[b];
		for (size_t i = 0; i < g->n; i++) {
			size_t k = i / step % (size_t)o->count[a];
			uint64_t at[LIST_AXES], twin[LIST_AXES];

			/* the one that has the same position, with all other axes at their first */
			if (!positions(g, i, o, at, exception) ||
			    !positions(g, k * step, o, twin, exception) || at[a] != twin[a])
				return 0;
		}
	}
	return 1;
}

void restore_axes(const struct gathered *g, struct restored *out, ExceptionInfo *exception)
{
	struct notes o;
	int whole = 1;

	memset(out, 0, sizeof(*out));
	if (!begin(g, &o, exception) || !count_positions(g, &o, exception) ||
	    !in_order(g, &o, exception))
		return;
	for (unsigned a = 0; a < o.n; a++)
		whole = whole && o.count[a] == o.extent[a];
	for (unsigned a = 0; a < o.n; a++)
		if (whole || o.count[a] > 1) {
			const ptrdiff_t axis = strchr(letters, o.name[a]) - letters;

			out->axes[out->n++] = o.name[a];
			out->size[axis] = o.count[a];
			out->step[axis] = o.step[a];
		}
}

/* "0.25 micrometer" of omezarr:scale-x. unit: NULL or 32 bytes. 0: there is none. */
static int noted_length(const Image *image, const char *what, char axis, double *out, char *unit,
			ExceptionInfo *exception)
{
	char key[32], *end;
	const char *text;
	size_t n;

	(void)snprintf(key, sizeof(key), "omezarr:%s-%c", what, axis);
	text = image_property(image, key, exception);
	if (!text)
		return 0;
	*out = InterpretLocaleValue(text, &end);
	if (end == text || !(*out > -1e300 && *out < 1e300))
		return 0;
	n = *end == ' ' ? strlen(++end) : 0;
	if (n >= 32 || text_utf8(end) != n)
		return 0; /* no unit that we have written */
	if (unit) {
		memcpy(unit, end, n);
		unit[n] = '\0';
	}
	return 1;
}

/* The steps of the list on an axis; 0: it does not go along it evenly. */
static uint64_t step_on(const struct gathered *g, const struct restored *restored, char axis)
{
	if (axis == 'y' || axis == 'x' || g->n == 1)
		return 1;
	return strchr(restored->axes, axis) ? restored->step[strchr(letters, axis) - letters] : 0;
}

int restore_place(const struct gathered *g, const struct restored *restored, char axis,
		  struct noted_place *out, ExceptionInfo *exception)
{
	char axes[OZR_MAX_RANK + 1];
	uint64_t shape[OZR_MAX_RANK] = {0};
	const uint64_t step = step_on(g, restored, axis);
	size_t n;

	memset(out, 0, sizeof(*out));
	if (step == 0 || !noted_shape(g->image[0], axes, shape, exception))
		return 0;
	n = strlen(axes);
	if (shape[n - 1] != g->list.columns || shape[n - 2] != g->list.rows)
		return 0;
	if (!noted_length(g->image[0], "scale", axis, &out->scale, out->unit, exception) ||
	    out->scale <= 0)
		return 0;
	out->scale *= (double)step;
	if (!noted_length(g->image[0], "position", axis, &out->position, NULL, exception))
		out->position = 0;
	return 1;
}

void restore_label(const struct gathered *g, uint64_t number, char out[128],
		   ExceptionInfo *exception)
{
	const char *label = number < g->n
				    ? image_property(g->image[number], "omezarr:channel", exception)
				    : NULL;
	const size_t n = label ? strlen(label) : 0;

	*out = '\0';
	if (n > 0 && n < 128 && text_utf8(label) == n)
		memcpy(out, label, n + 1);
}
