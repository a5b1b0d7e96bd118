/* SPDX-License-Identifier: MIT */
/*
 * See plan_axes.h.
 */
#include "plan_axes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

static int is_space(const struct ozr_image_info *info, unsigned d)
{
	return info->axes[d].kind == OZR_AXIS_SPACE;
}

/* The spatial axis of this name, or -1. */
static int find_space(const struct ozr_image_info *info, const char *name)
{
	for (unsigned d = 0; d < info->rank; d++)
		if (is_space(info, d) && names_equal(info->axes[d].name, name))
			return (int)d;
	return -1;
}

/* y and x by name; else the last two axes of space; else, when nothing is known, the last two. */
int plan_find_axes(struct plan *plan, struct ozr_err *err)
{
	const struct ozr_image_info *info = &plan->info;
	int y = find_space(info, "y"), x = find_space(info, "x");

	if (info->rank < 2)
		return ozr_fail(err, OZR_UNSUPPORTED, "an image needs two axes, this array has %u",
				info->rank);
	if (y < 0 || x < 0) {
		y = x = -1;
		for (unsigned d = 0; d < info->rank; d++)
			if (is_space(info, d)) {
				y = x;
				x = (int)d;
			}
	}
	if (y < 0 || x < 0) {
		y = (int)info->rank - 2;
		x = (int)info->rank - 1;
	}
	plan->y_axis = (unsigned)y;
	plan->x_axis = (unsigned)x;
	plan->channel_axis = -1;
	for (unsigned d = info->rank; d-- > 0;)
		if (info->axes[d].kind == OZR_AXIS_CHANNEL && (int)d != y && (int)d != x)
			plan->channel_axis = (int)d;
	return OZR_OK;
}

/* --- Selections ----------------------------------------------------------- */

/* The axis that the user means: by name, or c and t by what they are; -1. */
static int named_axis(const struct plan *plan, const char *name)
{
	for (unsigned d = 0; d < plan->info.rank; d++)
		if (names_equal(plan->info.axes[d].name, name))
			return (int)d;
	if (names_equal(name, "c"))
		return plan->channel_axis;
	for (unsigned d = 0; d < plan->info.rank; d++)
		if (names_equal(name, "t") && plan->info.axes[d].kind == OZR_AXIS_TIME)
			return (int)d;
	return -1;
}

/* "t, c, z": the axes that can be selected on. */
static void list_axes(const struct plan *plan, char *out, size_t room)
{
	size_t n = 0;

	snprintf(out, room, "none");
	for (unsigned d = 0; d < plan->info.rank && n < room; d++) {
		char q[OZR_QUOTE_MAX];
		const char *name = plan->info.axes[d].name;
		int got;

		if (d == plan->y_axis || d == plan->x_axis)
			continue;
		got = snprintf(out + n, room - n, "%s%s", n ? ", " : "",
			       ozr_quote(q, name, strlen(name)));
		n += got > 0 ? (size_t)got : room;
	}
}

/* Labels of the first channels, for a message. */
static void list_labels(const struct plan *plan, struct ozr_image *img, char *out, size_t room)
{
	size_t n = 0;

	snprintf(out, room, "the image names none");
	for (unsigned i = 0; i < plan->info.channels && n + OZR_QUOTE_MAX + 8 < room; i++) {
		struct ozr_channel channel;
		char q[OZR_QUOTE_MAX];
		int got;

		if (ozr_image_channel(img, i, &channel, NULL) != OZR_OK || !channel.label[0])
			continue;
		got = snprintf(out + n, room - n, "%s'%s'", n ? ", " : "channels are ",
			       ozr_quote(q, channel.label, strlen(channel.label)));
		n += got > 0 ? (size_t)got : room;
	}
}

/* The channel of this label: exactly so written, else without regard to case. */
static int find_channel(const struct plan *plan, struct ozr_image *img, const char *label,
			uint64_t channels, uint64_t *out, struct ozr_err *err)
{
	struct ozr_channel channel;
	char q[OZR_QUOTE_MAX], list[300];
	unsigned found[2] = {0, 0}, at[2] = {0, 0};

	for (unsigned i = 0; i < plan->info.channels && i < channels; i++) {
		int exact, rc = ozr_image_channel(img, i, &channel, err);

		if (rc)
			return rc;
		if (!names_equal(channel.label, label))
			continue;
		exact = strcmp(channel.label, label) == 0;
		found[exact]++;
		at[exact] = i;
	}
	if (found[1] == 1 || (found[1] == 0 && found[0] == 1)) {
		*out = at[found[1]];
		return OZR_OK;
	}
	(void)ozr_quote(q, label, strlen(label));
	if (found[0] + found[1] > 0)
		return ozr_fail(err, OZR_BAD_ARG,
				"%u channels have the label '%s': say c=%u for the last of them",
				found[1] ? found[1] : found[0], q, at[found[1] > 0]);
	list_labels(plan, img, list, sizeof(list));
	return ozr_fail(err, OZR_BAD_ARG, "no channel has the label '%s'; %s", q, list);
}

static int resolve(const char *axis, int64_t number, uint64_t size, uint64_t *out,
		   struct ozr_err *err)
{
	uint64_t back = number < 0 ? (uint64_t)0 - (uint64_t)number : 0;
	char q[OZR_QUOTE_MAX];

	if (number < 0 ? back > size : (uint64_t)number >= size)
		return ozr_fail(err, OZR_BAD_ARG,
				"%s=%" PRId64 ": axis %s goes from 0 to %" PRIu64
				", or from -1 to -%" PRIu64 " from the end",
				ozr_quote(q, axis, strlen(axis)), number, q, size - 1, size);
	*out = number < 0 ? size - back : (uint64_t)number;
	return OZR_OK;
}

static int select_on(struct plan *plan, unsigned d, uint64_t size, struct ozr_image *img,
		     const struct selected *want, struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX], q2[OZR_QUOTE_MAX];
	uint64_t first = 0, last = 0;
	int rc;

	(void)ozr_quote(q, want->axis, strlen(want->axis));
	if (want->by_label && (int)d != plan->channel_axis)
		return ozr_fail(err, OZR_BAD_ARG,
				"%s=%s: must be a number or a range such as 10-20; only channels "
				"have labels",
				q, ozr_quote(q2, want->label, strlen(want->label)));
	if (want->by_label) {
		rc = find_channel(plan, img, want->label, size, &first, err);
		last = first;
	} else {
		rc = resolve(want->axis, want->first, size, &first, err);
		rc = rc ? rc : resolve(want->axis, want->last, size, &last, err);
	}
	if (rc)
		return rc;
	plan->first[d] = first;
	plan->backwards[d] = last < first;
	plan->count[d] = (last < first ? first - last : last - first) + 1;
	return OZR_OK;
}

static int apply(struct plan *plan, const uint64_t shape[OZR_MAX_RANK], struct ozr_image *img,
		 const struct selection *selection, int taken[OZR_MAX_RANK], struct ozr_err *err)
{
	int here[OZR_MAX_RANK] = {0};

	for (unsigned i = 0; i < selection->n; i++) {
		const struct selected *want = &selection->axis[i];
		int d = named_axis(plan, want->axis), rc;
		char q[OZR_QUOTE_MAX], list[200];

		(void)ozr_quote(q, want->axis, strlen(want->axis));
		if (d >= 0 && ((unsigned)d == plan->y_axis || (unsigned)d == plan->x_axis))
			return ozr_fail(err, OZR_BAD_ARG,
					"axis '%s' lies in the plane: choose a part of it by a "
					"region, WIDTHxHEIGHT+X+Y",
					q);
		list_axes(plan, list, sizeof(list));
		if (d < 0)
			return ozr_fail(err, OZR_BAD_ARG,
					"the image has no axis '%s' to choose on; axes are: %s", q,
					list);
		if (here[d])
			return ozr_fail(err, OZR_BAD_ARG, "axis '%s' is given twice", q);
		here[d] = 1;
		if (taken[d])
			continue;
		rc = select_on(plan, (unsigned)d, shape[d], img, want, err);
		if (rc)
			return rc;
	}
	for (unsigned d = 0; d < plan->info.rank; d++)
		taken[d] |= here[d];
	return OZR_OK;
}

int plan_select(struct plan *plan, const uint64_t shape[OZR_MAX_RANK], struct ozr_image *img,
		const struct selection *chosen, const struct selection *otherwise,
		struct ozr_err *err)
{
	int taken[OZR_MAX_RANK] = {0}, rc;

	for (unsigned d = 0; d < plan->info.rank; d++) {
		plan->first[d] = 0;
		plan->count[d] = shape[d];
		plan->backwards[d] = 0;
	}
	rc = apply(plan, shape, img, chosen, taken, err);
	return rc ? rc : apply(plan, shape, img, otherwise, taken, err);
}
