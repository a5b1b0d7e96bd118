/* SPDX-License-Identifier: MIT */
/*
 * See region.h.
 */
#include "region.h"

/* Digits at *text, one at least. */
static int take_digits(const char **text, int64_t *out)
{
	const char *p = *text;
	int64_t value = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		int digit = *p - '0';

		value = value > (INT64_MAX - digit) / 10 ? INT64_MAX : value * 10 + digit;
	}
	*out = value;
	if (p == *text)
		return 0;
	*text = p;
	return 1;
}

static int take_offset(const char **text, int64_t *out)
{
	int negative = **text == '-';

	if (!negative && **text != '+')
		return 0;
	++*text;
	if (!take_digits(text, out))
		return 0;
	*out = negative ? -*out : *out;
	return 1;
}

int region_parse(const char *text, struct wish *wish)
{
	int64_t columns, rows, x, y;

	if (!take_digits(&text, &columns) || (*text != 'x' && *text != 'X'))
		return 0;
	text++;
	if (!take_digits(&text, &rows) || !take_offset(&text, &x) || !take_offset(&text, &y) ||
	    *text)
		return 0;
	wish->has_region = 1;
	wish->x = x;
	wish->y = y;
	wish->columns = (uint64_t)columns;
	wish->rows = (uint64_t)rows;
	return 1;
}
