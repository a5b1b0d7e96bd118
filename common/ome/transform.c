/* SPDX-License-Identifier: MIT */
/*
 * Coordinate transformations: 0.4 and 0.5 have lists of scale and translation;
 * 0.6 wraps them in a sequence and gives each an input and an output, which do
 * not matter here because the lists of a multiscale form a chain.
 */
#include "ome/transform.h"

#include <math.h>
#include <string.h>

enum { MAX_NESTING = 8 /* sequences in sequences */ };

void ozr_transform_identity(struct ozr_transform *t)
{
	memset(t, 0, sizeof(*t));
	for (unsigned d = 0; d < OZR_MAX_RANK; d++)
		t->scale[d] = 1.0;
}

static int parse_vector(const struct ozr_jref *r, unsigned rank, double *out, struct ozr_err *err)
{
	struct ozr_jref it;
	unsigned d = 0;

	int rc = ozr_jneed(r, OZR_JSON_ARRAY, err);
	if (rc != OZR_OK)
		return rc;
	if (ozr_jcount(r) != rank)
		return ozr_jfail(r, err, OZR_BAD_FORMAT,
				 "must have one number for each of %u axes, found %zu", rank,
				 ozr_jcount(r));
	for (int more = ozr_jfirst(r, &it); more; more = ozr_jnext(&it)) {
		rc = ozr_jdouble(&it, &out[d++], err);
		if (rc != OZR_OK)
			return rc;
	}
	return OZR_OK;
}

static int check_finite(const struct ozr_jref *r, unsigned rank, const struct ozr_transform *t,
			struct ozr_err *err)
{
	for (unsigned d = 0; d < rank; d++)
		if (!isfinite(t->scale[d]) || !isfinite(t->translation[d]) || t->scale[d] == 0.0)
			return ozr_jfail(r, err, OZR_BAD_FORMAT,
					 "leaves the range of numbers on axis %u", d);
	return OZR_OK;
}

static int apply_scale(const struct ozr_jref *r, unsigned rank, struct ozr_notes *notes,
		       struct ozr_transform *t, struct ozr_err *err)
{
	double v[OZR_MAX_RANK];

	int rc = parse_vector(r, rank, v, err);
	if (rc != OZR_OK)
		return rc;
	for (unsigned d = 0; d < rank; d++) {
		if (v[d] == 0.0) {
			ozr_note(notes, "the scale of axis %u is 0, taken as 1", d);
			v[d] = 1.0;
		} else if (v[d] < 0.0) {
			ozr_note(notes,
				 "the scale of axis %u is negative (%g), its sign is ignored", d,
				 v[d]);
			v[d] = -v[d];
		}
		t->scale[d] *= v[d];
		t->translation[d] *= v[d];
	}
	t->scales++;
	return check_finite(r, rank, t, err);
}

static int apply_translation(const struct ozr_jref *r, unsigned rank, struct ozr_transform *t,
			     struct ozr_err *err)
{
	double v[OZR_MAX_RANK];

	int rc = parse_vector(r, rank, v, err);
	if (rc != OZR_OK)
		return rc;
	for (unsigned d = 0; d < rank; d++)
		t->translation[d] += v[d];
	return check_finite(r, rank, t, err);
}

static int apply_list(const struct ozr_jref *list, unsigned rank, unsigned depth,
		      struct ozr_notes *notes, struct ozr_transform *t, struct ozr_err *err);

static int apply_one(const struct ozr_jref *item, unsigned rank, unsigned depth,
		     struct ozr_notes *notes, struct ozr_transform *t, struct ozr_err *err)
{
	struct ozr_jref type = ozr_jget(item, "type"), v;
	char q[OZR_QUOTE_MAX];
	const char *name;

	int rc = ozr_jneed(item, OZR_JSON_OBJECT, err);
	if (rc == OZR_OK)
		rc = ozr_jstring(&type, &name, err);
	if (rc != OZR_OK)
		return rc;
	if (strcmp(name, "identity") == 0) {
		t->scales++; /* it says that the scale is 1 */
		return OZR_OK;
	}
	v = ozr_jget(item, "path");
	if (v.v != NULL) {
		ozr_note(notes, "a %s kept in an array ('path') is not supported, left out",
			 ozr_quote(q, name, strlen(name)));
		return OZR_OK;
	}
	v = ozr_jget(item, strcmp(name, "sequence") == 0 ? "transformations" : name);
	if (strcmp(name, "scale") == 0)
		return apply_scale(&v, rank, notes, t, err);
	if (strcmp(name, "translation") == 0)
		return apply_translation(&v, rank, t, err);
	if (strcmp(name, "sequence") == 0)
		return apply_list(&v, rank, depth + 1, notes, t, err);
	ozr_note(notes, "a transformation of type '%s' is not supported, left out",
		 ozr_quote(q, name, strlen(name)));
	return OZR_OK;
}

static int apply_list(const struct ozr_jref *list, unsigned rank, unsigned depth,
		      struct ozr_notes *notes, struct ozr_transform *t, struct ozr_err *err)
{
	struct ozr_jref it;

	int rc = ozr_jneed(list, OZR_JSON_ARRAY, err);
	if (rc != OZR_OK)
		return rc;
	if (depth > MAX_NESTING)
		return ozr_jfail(list, err, OZR_LIMIT, "sequences are nested more than %d deep",
				 MAX_NESTING);
	for (int more = ozr_jfirst(list, &it); more; more = ozr_jnext(&it)) {
		rc = apply_one(&it, rank, depth, notes, t, err);
		if (rc != OZR_OK)
			return rc;
	}
	return OZR_OK;
}

int ozr_transform_parse(const struct ozr_jref *list, unsigned rank, struct ozr_notes *notes,
			struct ozr_transform *t, struct ozr_err *err)
{
	struct ozr_transform next = *t;

	int rc = apply_list(list, rank, 0, notes, &next, err);
	if (rc == OZR_OK)
		*t = next;
	return rc;
}

struct ozr_json *ozr_transform_write(unsigned rank, const double *scale, const double *translation)
{
	struct ozr_json *list = ozr_json_array(), *s = ozr_json_object(), *t = ozr_json_object();
	int bad = ozr_json_set_text(s, "type", "scale") |
		  ozr_json_set_doubles(s, "scale", scale, rank) |
		  ozr_json_set_text(t, "type", "translation") |
		  ozr_json_set_doubles(t, "translation", translation, rank);

	bad |= ozr_json_append(list, s);
	bad |= ozr_json_append(list, t);
	if (bad != 0) {
		ozr_json_free(list);
		return NULL;
	}
	return list;
}
