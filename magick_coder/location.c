/* SPDX-License-Identifier: MIT */
/*
 * See location.h. What stands in brackets is ours when it has the form
 * name=value; ImageMagick takes [3] and [100x80] off before we are asked. A
 * folder whose own name ends like that can be named with a slash behind it.
 */
#include "location.h"

#include <string.h>

#include "words.h"

/* "DAPI": text between double quotes is a label even if it looks like a number. */
static int take_quotes(struct word *value)
{
	if (value->n < 2 || value->at[0] != '"' || value->at[value->n - 1] != '"')
		return 0;
	value->at++;
	value->n -= 2;
	return 1;
}

static int add_label(struct word value, char label[256], struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];

	(void)take_quotes(&value);
	if (label[0])
		return ozr_fail(err, OZR_BAD_ARG, "label=%s: one label only, '%s' was named before",
				word_quote(q, value), label);
	if (value.n == 0 || memchr(value.at, '/', value.n) || word_is(value, ".") ||
	    word_is(value, ".."))
		return ozr_fail(err, OZR_BAD_ARG, "label=%s: must be the name of a label",
				word_quote(q, value));
	if (!word_copy(value, label, 256))
		return ozr_fail(err, OZR_BAD_ARG, "label=%s: the name is longer than 255 bytes",
				word_quote(q, value));
	return OZR_OK;
}

static int add_level(struct word value, struct selection *out, struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];

	if (out->has_level)
		return ozr_fail(err, OZR_BAD_ARG, "level=%s: one level only", word_quote(q, value));
	if (word_integer(value, &out->level) != 1)
		return ozr_fail(err, OZR_BAD_ARG,
				"level=%s: must be the number of a level (0 is the largest image, "
				"-1 the smallest)",
				word_quote(q, value));
	out->has_level = 1;
	return OZR_OK;
}

static int add_axis(struct word name, struct word value, struct selection *out, struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX], q2[OZR_QUOTE_MAX];
	struct selected one;

	memset(&one, 0, sizeof(one));
	if (!word_copy(name, one.axis, sizeof(one.axis)))
		return ozr_fail(err, OZR_BAD_ARG, "axis '%s': the name is longer than %zu bytes",
				word_quote(q, name), sizeof(one.axis) - 1);
	for (unsigned i = 0; i < out->n; i++)
		if (names_equal(out->axis[i].axis, one.axis))
			return ozr_fail(err, OZR_BAD_ARG, "axis '%s' is given twice",
					word_quote(q, name));
	if (out->n == MAX_SELECTED)
		return ozr_fail(err, OZR_BAD_ARG, "axis '%s': more than %d axes",
				word_quote(q, name), MAX_SELECTED);
	one.by_label = take_quotes(&value);
	switch (one.by_label ? 0 : word_range(value, &one.first, &one.last)) {
	case 0:
		one.by_label = 1;
		if (value.n > 0 && word_copy(value, one.label, sizeof(one.label)))
			break;
		return ozr_fail(err, OZR_BAD_ARG,
				"%s=%s: must be a number, a range such as 10-20, or the label of a "
				"channel",
				word_quote(q, name), word_quote(q2, value));
	case 1:
		break;
	default:
		return ozr_fail(err, OZR_BAD_ARG, "%s=%s: the number is too large",
				word_quote(q, name), word_quote(q2, value));
	}
	out->axis[out->n++] = one;
	return OZR_OK;
}

int selection_parse(const char *text, struct selection *out, char label[256], struct ozr_err *err)
{
	struct word rest = word_of(text), item, name;
	char q[OZR_QUOTE_MAX];

	while (word_take(&rest, ',', &item)) {
		struct word value = item;
		int rc;

		(void)word_take(&value, '=', &name);
		if (!value.at || name.n == 0)
			return ozr_fail(err, OZR_BAD_ARG,
					"'%s' must be axis=position, label=name or level=number",
					word_quote(q, item));
		value = word_trimmed(value);
		if (word_is(name, "label"))
			rc = add_label(value, label, err);
		else if (word_is(name, "level"))
			rc = add_level(value, out, err);
		else
			rc = add_axis(name, value, out, err);
		if (rc)
			return rc;
	}
	return OZR_OK;
}

/* Where the last "[...]" of the n bytes begins, when they end in one; else n. */
static size_t last_brackets(const char *name, size_t n)
{
	size_t i = n;

	if (n == 0 || name[n - 1] != ']')
		return n;
	while (i > 0 && name[i - 1] != '[')
		i--;
	return i > 0 ? i - 1 : n;
}

static int is_selection(const char *name, size_t from, size_t n)
{
	return from < n && memchr(name + from, '=', n - from) != NULL;
}

/* "[...]" behind a selection. */
static int take_scenes(struct word inside, char scenes[256], struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];

	for (size_t i = 0; i < inside.n; i++)
		if (!strchr("0123456789-, ", inside.at[i]))
			return ozr_fail(err, OZR_BAD_ARG,
					"[%s] behind [axis=position] must be a list of scenes; a "
					"region is given by -extract WIDTHxHEIGHT+X+Y",
					word_quote(q, inside));
	if (!word_copy(inside, scenes, 256))
		return ozr_fail(err, OZR_BAD_ARG, "the list of scenes is longer than 255 bytes");
	return OZR_OK;
}

/* Takes brackets off the end of name: *n becomes what is left. */
static int take_brackets(const char *name, size_t *n, struct location *out, struct ozr_err *err)
{
	char inside[MAX_PATH_TEXT];
	size_t from = last_brackets(name, *n), before;
	struct word word = {name + from + 1, *n > from ? *n - from - 2 : 0};

	if (from < *n && !is_selection(name, from, *n)) {
		before = last_brackets(name, from);
		if (is_selection(name, before, from)) {
			int rc = take_scenes(word, out->scenes, err);

			if (rc)
				return rc;
			word.at = name + before + 1;
			word.n = from - before - 2;
			*n = from;
			from = before;
		}
	}
	if (!is_selection(name, from, *n))
		return OZR_OK;
	*n = from;
	(void)word_copy(word, inside, sizeof(inside)); /* it is shorter than the name */
	return selection_parse(inside, &out->selection, out->label, err);
}

int location_parse(const char *name, struct location *out, struct ozr_err *err)
{
	size_t n = strlen(name);
	struct location made;
	int rc;

	memset(&made, 0, sizeof(made));
	if (n >= MAX_PATH_TEXT)
		return ozr_fail(err, OZR_BAD_ARG, "the name is longer than %d bytes",
				MAX_PATH_TEXT - 1);
	rc = take_brackets(name, &n, &made, err);
	if (rc)
		return rc;
	while (n > 1 && name[n - 1] == '/')
		n--;
	if (n == 0)
		return ozr_fail(err, OZR_BAD_ARG, "the name of the folder is missing");
	memcpy(made.folder, name, n);
	made.folder[n] = '\0';
	*out = made;
	return OZR_OK;
}
