/* SPDX-License-Identifier: MIT */
/*
 * Axes. Reading is lenient: any number (within OZR_MAX_RANK), any order, any
 * type; what contradicts 0.4 and 0.5 without hurting is a note. An error is
 * what makes the meaning of the dimensions unclear: no axes, no name, two of
 * the same name. Writing is strict.
 */
#include "ome/axes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "ome/units.h"

void ozr_text_fit(char *dst, size_t room, const char *src)
{
	size_t n = strlen(src);
	if (n >= room) {
		n = room - 1;
		while (n > 0 && ((unsigned char)src[n] & 0xC0) == 0x80)
			n--;
	}
	memcpy(dst, src, n);
	dst[n] = '\0';
}

enum ozr_axis_kind ozr_axis_guess(const char *name)
{
	static const struct {
		const char *name;
		enum ozr_axis_kind kind;
	} known[] = {
		{"t", OZR_AXIS_TIME},       {"time", OZR_AXIS_TIME},
		{"c", OZR_AXIS_CHANNEL},    {"channel", OZR_AXIS_CHANNEL},
		{"band", OZR_AXIS_CHANNEL}, {"bands", OZR_AXIS_CHANNEL},
		{"z", OZR_AXIS_SPACE},      {"y", OZR_AXIS_SPACE},
		{"x", OZR_AXIS_SPACE},
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(name, known[i].name) == 0)
			return known[i].kind;
	return OZR_AXIS_OTHER;
}

const char *ozr_axis_type(enum ozr_axis_kind kind)
{
	switch (kind) {
	case OZR_AXIS_SPACE:
		return "space";
	case OZR_AXIS_TIME:
		return "time";
	case OZR_AXIS_CHANNEL:
		return "channel";
	case OZR_AXIS_OTHER:
		break;
	}
	return NULL;
}

int ozr_axes_index(unsigned rank, const struct ozr_axis *axes, enum ozr_axis_kind kind)
{
	for (unsigned d = 0; d < rank; d++)
		if (axes[d].kind == kind)
			return (int)d;
	return -1;
}

void ozr_axes_default(unsigned rank, struct ozr_axis out[OZR_MAX_RANK])
{
	static const char order[] = "tczyx";
	for (unsigned d = 0; d < rank; d++) {
		memset(&out[d], 0, sizeof(out[d]));
		if (rank <= 5)
			out[d].name[0] = order[5 - rank + d];
		else
			snprintf(out[d].name, sizeof(out[d].name), "d%u", d);
		out[d].kind = ozr_axis_guess(out[d].name);
	}
	if (rank == 1) /* not an image of the specification; x is as good as any */
		out[0].kind = OZR_AXIS_SPACE;
}

/* The name that an axis of a bare array gets: "Band" is c, "Y" is y. */
static void usual_name(const char *given, char out[32])
{
	static const struct {
		const char *from, *to;
	} usual[] = {{"time", "t"}, {"channel", "c"}, {"band", "c"}, {"bands", "c"}};
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (strcasecmp(given, usual[i].from) == 0)
			given = usual[i].to;
	ozr_text_fit(out, 32, given);
	if (out[0] >= 'A' && out[0] <= 'Z')
		out[0] = (char)(out[0] - 'A' + 'a');
}

int ozr_axes_from_names(const struct ozr_array_info *array, struct ozr_axis out[OZR_MAX_RANK])
{
	struct ozr_axis axes[OZR_MAX_RANK];

	if (!array->has_dim_names)
		return 0;
	memset(axes, 0, sizeof(axes));
	for (unsigned d = 0; d < array->rank; d++) {
		axes[d].kind = ozr_axis_guess(array->dim_names[d]);
		if (axes[d].kind == OZR_AXIS_OTHER)
			return 0;
		usual_name(array->dim_names[d], axes[d].name);
		for (unsigned e = 0; e < d; e++)
			if (strcmp(axes[e].name, axes[d].name) == 0)
				return 0;
	}
	memcpy(out, axes, array->rank * sizeof(axes[0]));
	return 1;
}

/* --- reading ---------------------------------------------------------------- */

static int parse_unit(const struct ozr_jref *axis, struct ozr_notes *notes, struct ozr_axis *out)
{
	struct ozr_jref r = ozr_jget(axis, "unit");
	char q[OZR_QUOTE_MAX], name[32];
	const char *unit;
	double factor;

	if (r.v == NULL || ozr_jtype(&r) == OZR_JSON_NULL)
		return OZR_OK;
	if (ozr_jstring(&r, &unit, NULL) != OZR_OK) {
		ozr_note(notes, "axis '%s': the unit %s is not text, ignored", out->name,
			 ozr_jquote(q, &r));
		return OZR_OK;
	}
	ozr_text_fit(out->unit, sizeof(out->unit), unit);
	if (out->unit[0] == '\0')
		return OZR_OK;
	switch (ozr_unit_find(unit, out->kind, name, &factor)) {
	case OZR_UNIT_EXACT:
		break;
	case OZR_UNIT_SYNONYM:
		ozr_note(notes, "axis '%s': unit '%s' taken as '%s'", out->name,
			 ozr_quote(q, unit, strlen(unit)), name);
		memcpy(out->unit, name, sizeof(name));
		break;
	case OZR_UNIT_UNKNOWN:
		if (out->kind != OZR_AXIS_SPACE && out->kind != OZR_AXIS_TIME)
			break; /* the specification has none for those */
		ozr_note(notes, "axis '%s': unit '%s' is not one that the specification names",
			 out->name, ozr_quote(q, unit, strlen(unit)));
		break;
	}
	return OZR_OK;
}

static int parse_kind(const struct ozr_jref *axis, struct ozr_axis *out, struct ozr_err *err)
{
	struct ozr_jref r = ozr_jget(axis, "type");
	const char *type;

	if (r.v == NULL || ozr_jtype(&r) == OZR_JSON_NULL) {
		out->kind = ozr_axis_guess(out->name);
		return OZR_OK;
	}
	int rc = ozr_jstring(&r, &type, err);
	if (rc != OZR_OK)
		return rc;
	out->kind = OZR_AXIS_OTHER;
	for (int k = OZR_AXIS_SPACE; k < OZR_AXIS_OTHER; k++)
		if (strcmp(type, ozr_axis_type((enum ozr_axis_kind)k)) == 0)
			out->kind = (enum ozr_axis_kind)k;
	return OZR_OK;
}

static int parse_axis(const struct ozr_jref *axis, struct ozr_notes *notes, struct ozr_axis *out,
		      struct ozr_err *err)
{
	struct ozr_jref name = *axis;
	const char *text;
	int simple = ozr_jis(axis, OZR_JSON_STRING);

	if (!simple) {
		int rc = ozr_jneed(axis, OZR_JSON_OBJECT, err);
		if (rc != OZR_OK)
			return rc;
		name = ozr_jget(axis, "name");
	}
	int rc = ozr_jstring(&name, &text, err);
	if (rc != OZR_OK)
		return rc;
	if (*text == '\0')
		return ozr_jfail(&name, err, OZR_BAD_FORMAT, "must not be empty");
	memset(out, 0, sizeof(*out));
	ozr_text_fit(out->name, sizeof(out->name), text);
	if (simple) {
		out->kind = ozr_axis_guess(text);
		return OZR_OK;
	}
	rc = parse_kind(axis, out, err);
	return rc != OZR_OK ? rc : parse_unit(axis, notes, out);
}

/* Whether 0.4 and 0.5 allow these axes; why tells what is wrong. */
static int by_the_rules(unsigned rank, const struct ozr_axis *axes, char why[160])
{
	static const char *const names[] = {"time", "channel or custom", "space"};
	unsigned seen[3] = {0, 0, 0}, last = 0;

	if (rank < 2 || rank > 5) {
		snprintf(why, 160, "%u axes, the specification wants 2 to 5", rank);
		return 0;
	}
	for (unsigned d = 0; d < rank; d++) {
		unsigned group = axes[d].kind == OZR_AXIS_TIME    ? 0
				 : axes[d].kind == OZR_AXIS_SPACE ? 2
								  : 1;
		if (group < last) {
			snprintf(why, 160,
				 "axis %u ('%s') comes too late: the order is time, channel or "
				 "custom, space",
				 d, axes[d].name);
			return 0;
		}
		last = group;
		seen[group]++;
	}
	for (unsigned g = 0; g < 2; g++)
		if (seen[g] > 1) {
			snprintf(why, 160, "%u %s axes, the specification allows 1", seen[g],
				 names[g]);
			return 0;
		}
	if (seen[2] < 2 || seen[2] > 3) {
		snprintf(why, 160, "%u space axes, the specification wants 2 or 3", seen[2]);
		return 0;
	}
	return 1;
}

static int check_unique(const struct ozr_jref *place, const struct ozr_axis *axes, unsigned d,
			struct ozr_err *err)
{
	for (unsigned e = 0; e < d; e++)
		if (strcmp(axes[e].name, axes[d].name) == 0 &&
		    strlen(axes[d].name) < sizeof(axes[d].name) - 1) /* not cut */
			return ozr_jfail(place, err, OZR_BAD_FORMAT,
					 "the name '%s' is taken by axis %u already", axes[d].name,
					 e);
	return OZR_OK;
}

int ozr_axes_parse(const struct ozr_jref *axes, struct ozr_notes *notes, unsigned *rank,
		   struct ozr_axis out[OZR_MAX_RANK], struct ozr_err *err)
{
	struct ozr_axis found[OZR_MAX_RANK];
	struct ozr_jref it;
	unsigned n = 0;
	char why[160];

	int rc = ozr_jneed(axes, OZR_JSON_ARRAY, err);
	if (rc != OZR_OK)
		return rc;
	if (ozr_jcount(axes) == 0)
		return ozr_jfail(axes, err, OZR_BAD_FORMAT, "must not be empty");
	if (ozr_jcount(axes) > OZR_MAX_RANK)
		return ozr_jfail(axes, err, OZR_LIMIT, "has %zu axes, the limit is %d",
				 ozr_jcount(axes), OZR_MAX_RANK);
	for (int more = ozr_jfirst(axes, &it); more; more = ozr_jnext(&it), n++) {
		rc = parse_axis(&it, notes, &found[n], err);
		if (rc == OZR_OK)
			rc = check_unique(&it, found, n, err);
		if (rc != OZR_OK)
			return rc;
	}
	if (!by_the_rules(n, found, why))
		ozr_note(notes, "axes: %s", why);
	memcpy(out, found, n * sizeof(found[0]));
	*rank = n;
	return OZR_OK;
}

/* --- writing ---------------------------------------------------------------- */

int ozr_axes_check(unsigned rank, const struct ozr_axis *axes, struct ozr_err *err)
{
	char why[160];

	if (rank < 2 || rank > 5) /* before anything is looked at */
		return ozr_fail(err, OZR_BAD_ARG, "an image has 2 to 5 axes, found %u", rank);
	for (unsigned d = 0; d < rank; d++) {
		if (memchr(axes[d].name, '\0', sizeof(axes[d].name)) == NULL ||
		    memchr(axes[d].unit, '\0', sizeof(axes[d].unit)) == NULL)
			return ozr_fail(err, OZR_BAD_ARG, "axis %u: name or unit has no end", d);
		if (axes[d].name[0] == '\0')
			return ozr_fail(err, OZR_BAD_ARG, "axis %u: has no name", d);
		for (unsigned e = 0; e < d; e++)
			if (strcmp(axes[e].name, axes[d].name) == 0)
				return ozr_fail(err, OZR_BAD_ARG, "axes %u and %u are both '%s'", e,
						d, axes[d].name);
	}
	if (!by_the_rules(rank, axes, why))
		return ozr_fail(err, OZR_BAD_ARG, "axes: %s", why);
	return OZR_OK;
}

int ozr_text_check(const char *what, const char *text, struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];
	size_t len = text != NULL ? strlen(text) : 0, at = 0, step = 1;

	for (; at < len && step > 0; at += step)
		step = ozr_utf8_step(text + at, len - at, NULL);
	if (step > 0)
		return OZR_OK;
	return ozr_fail(err, OZR_BAD_ARG, "%s must be UTF-8, found '%s'", what,
			ozr_quote(q, text, len));
}
