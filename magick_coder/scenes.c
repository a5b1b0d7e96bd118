/* SPDX-License-Identifier: MIT */
/*
 * See scenes.h. The text is gone through twice: to judge and count, and then,
 * when the count is allowed, to fill the list.
 */
#include "scenes.h"

#include <inttypes.h>
#include <stdlib.h>

#include "words.h"

struct range {
	uint64_t first, last;
};

/* A number as typed, to one of `planes`. */
static int resolve(int64_t number, uint64_t planes, uint64_t *out, struct ozr_err *err)
{
	/* from the end: planes + number, where number may be INT64_MIN */
	uint64_t back = number < 0 ? (uint64_t)0 - (uint64_t)number : 0;

	if (number < 0 ? back > planes : (uint64_t)number >= planes)
		return ozr_fail(err, OZR_BAD_ARG,
				"there is no plane %" PRId64 ": planes are 0 to %" PRIu64
				", or -1 to -%" PRIu64 " from the end",
				number, planes - 1, planes);
	*out = number < 0 ? planes - back : (uint64_t)number;
	return OZR_OK;
}

static int parse_range(struct word item, uint64_t planes, struct range *out, struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];
	int64_t first, last;
	int rc;

	switch (word_range(item, &first, &last)) {
	case 0:
		return ozr_fail(err, OZR_BAD_ARG, "scene '%s' must be a number or a range a-b",
				word_quote(q, item));
	case 1:
		break;
	default:
		return ozr_fail(err, OZR_BAD_ARG,
				"scene '%s': there is no such plane; planes are 0 to %" PRIu64,
				word_quote(q, item), planes - 1);
	}
	rc = resolve(first, planes, &out->first, err);
	return rc ? rc : resolve(last, planes, &out->last, err);
}

/* How many planes a range has; saturated. */
static uint64_t count_of(const struct range *range)
{
	uint64_t n = range->first < range->last ? range->last - range->first
						: range->first - range->last;

	return n < UINT64_MAX ? n + 1 : n;
}

static int count_all(struct word rest, uint64_t planes, uint64_t *count, struct ozr_err *err)
{
	struct range range;
	struct word item;

	*count = 0;
	while (word_take(&rest, ',', &item)) {
		int rc = parse_range(item, planes, &range, err);
		uint64_t n;

		if (rc)
			return rc;
		n = count_of(&range);
		*count = n > UINT64_MAX - *count ? UINT64_MAX : *count + n;
	}
	return OZR_OK;
}

static uint64_t *append(uint64_t *to, const struct range *range)
{
	uint64_t n = count_of(range);

	for (uint64_t i = 0; i < n; i++)
		*to++ = range->first < range->last ? range->first + i : range->first - i;
	return to;
}

int scenes_parse(const char *text, uint64_t planes, uint64_t max, uint64_t **out, size_t *n,
		 struct ozr_err *err)
{
	struct word rest = word_of(text ? text : ""), item;
	struct range range = {0, planes - 1};
	uint64_t count = planes, *list, *to;
	int rc, all = rest.n == 0;

	if (planes == 0)
		return ozr_fail(err, OZR_BAD_ARG, "there are no planes");
	rc = all ? OZR_OK : count_all(rest, planes, &count, err);
	if (rc)
		return rc;
	if (count > MOST_PLANES)
		return ozr_fail(err, OZR_LIMIT,
				"%" PRIu64
				" planes at once are more than %d: choose some by name[a-b]",
				count, MOST_PLANES);
	if (count > max)
		return ozr_fail(err, OZR_LIMIT,
				"%" PRIu64 " planes at once are more than %" PRIu64
				": choose some by name[a-b], or allow them with "
				"-define omezarr:max-planes=%" PRIu64,
				count, max, count);
	list = malloc((size_t)count * sizeof(*list));
	if (!list)
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for a list of %" PRIu64 " planes",
				count);
	to = list;
	if (all)
		to = append(to, &range);
	while (!all && word_take(&rest, ',', &item)) {
		(void)parse_range(item, planes, &range, err); /* it was right before */
		to = append(to, &range);
	}
	*out = list;
	*n = (size_t)(to - list);
	return OZR_OK;
}
