/* SPDX-License-Identifier: MIT */
/*
 * Folding a list. At most one size may be left open: it is what the others
 * leave of the number of images.
 */
#include "layout.h"

#include <stdio.h>
#include <string.h>

static const char letters[] = "tcz"; /* as LIST_T, LIST_C, LIST_Z */

static unsigned place(char letter)
{
	return (unsigned)(strchr(letters, letter) - letters);
}

/* How many images the list's axes hold, and which size is open (-1: none). */
static int count_sizes(const char *axes, const uint64_t size[LIST_AXES], uint64_t *product,
		       int *open, struct ozr_err *err)
{
	*product = 1;
	*open = -1;
	for (const char *a = axes; *a != '\0'; a++) {
		uint64_t n = size[place(*a)];

		if (n == 0 && *open >= 0)
			return ozr_fail(
				err, OZR_BAD_ARG,
				"-define omezarr:axes=%syx: omezarr:size-%c or omezarr:size-%c is "
				"needed",
				axes, letters[*open], *a);
		if (n == 0)
			*open = (int)place(*a);
		else if (__builtin_mul_overflow(*product, n, product))
			return ozr_fail(err, OZR_BAD_ARG,
					"-define omezarr:axes=%syx: the sizes overflow", axes);
	}
	return OZR_OK;
}

/* Sizes of all axes of the list, checked against its length. */
static int complete_sizes(const struct listed *list, const char *axes, uint64_t size[LIST_AXES],
			  struct ozr_err *err)
{
	uint64_t product;
	int open, rc = count_sizes(axes, size, &product, &open, err);

	if (rc != OZR_OK)
		return rc;
	if (open >= 0 && product <= list->n && list->n % product == 0)
		size[open] = list->n / product;
	else if (open >= 0)
		return ozr_fail(err, OZR_BAD_ARG,
				"-define omezarr:axes=%syx: %llu images cannot be divided by %llu",
				axes, (unsigned long long)list->n, (unsigned long long)product);
	else if (product != list->n)
		return ozr_fail(err, OZR_BAD_ARG,
				"-define omezarr:axes=%syx: there must be %llu images, found %llu",
				axes, (unsigned long long)product, (unsigned long long)list->n);
	return OZR_OK;
}

/* The letters and sizes that count: options, restored, or the default. */
static void choose(const struct listed *list, const struct write_options *options,
		   const struct restored *restored, int stack, char axes[LIST_AXES + 1],
		   uint64_t size[LIST_AXES])
{
	memset(size, 0, LIST_AXES * sizeof(*size));
	if (options->has_axes) {
		memcpy(axes, options->axes, LIST_AXES + 1);
		memcpy(size, options->size, LIST_AXES * sizeof(*size));
	} else if (restored != NULL && restored->n != 0) {
		const int add = stack && !strpbrk(restored->axes, "tz"); /* there is no z yet */

		axes[0] = 'z';
		memcpy(axes + add, restored->axes, (size_t)(LIST_AXES + 1 - add));
		memcpy(size, restored->size, LIST_AXES * sizeof(*size));
		size[LIST_Z] = add ? 1 : size[LIST_Z];
	} else {
		(void)snprintf(axes, LIST_AXES + 1, "%s", list->n > 1 || stack ? "z" : "");
	}
}

/* Colors are the channels: the letter c says so, or nothing. */
static int colors_take_c(char axes[LIST_AXES + 1], uint64_t size[LIST_AXES], unsigned components,
			 struct ozr_err *err)
{
	char *c = strchr(axes, 'c');

	if (c == NULL)
		return OZR_OK;
	if (size[LIST_C] != 0 && size[LIST_C] != components)
		return ozr_fail(
			err, OZR_BAD_ARG,
			"-define omezarr:size-c=%llu: the images have %u colors, which are the "
			"channels",
			(unsigned long long)size[LIST_C], components);
	memmove(c, c + 1, strlen(c));
	size[LIST_C] = 0;
	return OZR_OK;
}

static void add_axis(struct layout *l, char name, uint64_t extent, uint64_t weight)
{
	struct ozr_axis *axis = &l->axes[l->rank];

	memset(axis, 0, sizeof(*axis));
	axis->name[0] = name;
	axis->kind = name == 't' ? OZR_AXIS_TIME : name == 'c' ? OZR_AXIS_CHANNEL : OZR_AXIS_SPACE;
	l->shape[l->rank] = extent;
	l->weight[l->rank++] = weight;
}

int layout_make(const struct listed *list, const struct write_options *options,
		const struct restored *restored, int stack, struct layout *out, struct ozr_err *err)
{
	char axes[LIST_AXES + 1];
	uint64_t size[LIST_AXES], weight[LIST_AXES] = {0}, step = 1;
	int rc;

	choose(list, options, restored, stack, axes, size);
	rc = list->components > 1 ? colors_take_c(axes, size, list->components, err) : OZR_OK;
	if (rc == OZR_OK)
		rc = complete_sizes(list, axes, size, err);
	if (rc != OZR_OK)
		return rc;
	for (size_t i = strlen(axes); i-- > 0;) {
		weight[place(axes[i])] = step;
		step *= size[place(axes[i])];
	}
	memset(out, 0, sizeof(*out));
	out->components = list->components;
	out->component_axis = -1;
	for (unsigned i = 0; i < LIST_AXES; i++) {
		if (i == LIST_C && list->components > 1) {
			out->component_axis = (int)out->rank;
			add_axis(out, 'c', list->components, 0);
		} else if (strchr(axes, letters[i]) != NULL) {
			add_axis(out, letters[i], size[i], weight[i]);
		}
	}
	add_axis(out, 'y', list->rows, 0);
	add_axis(out, 'x', list->columns, 0);
	return OZR_OK;
}

int layout_axis(const struct layout *layout, char name)
{
	for (unsigned d = 0; d < layout->rank; d++)
		if (layout->axes[d].name[0] == name)
			return (int)d;
	return -1;
}

int growing_axis(unsigned rank, const struct ozr_axis *axes)
{
	for (unsigned d = 0; d + 2 < rank; d++)
		if (strcmp(axes[d].name, "t") == 0 || strcmp(axes[d].name, "z") == 0)
			return (int)d;
	return -1;
}
