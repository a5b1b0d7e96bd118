/* SPDX-License-Identifier: MIT */
/*
 * The fields of plates and wells. A plate names its wells, each well its
 * images: the wells are read some at a time on the pool, in the plate's order,
 * until enough fields are found.
 */
#include <string.h>

#include "base/pool.h"
#include "ome/axes.h"
#include "ome/collection_impl.h"

enum { WELLS = 32 }; /* read at once */

struct wells {
	struct ozr_collection *c;
	const char *path[WELLS]; /* of the well, below the plate; borrowed */
	struct ozr_node node[WELLS];
	int code[WELLS];
	struct ozr_err why[WELLS];
	size_t count;
};

static int well_task(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct wells *v = arg;
	char path[OZR_KEY_MAX + 1];

	(void)w;
	int rc = ozr_key_join(path, v->c->path, v->path[i], &v->why[i]);
	if (rc == OZR_OK)
		rc = ozr_node_read(v->c->store, path, &v->node[i], &v->why[i]);
	v->code[i] = rc;
	/* a well that is missing or broken hides its own fields only */
	if (rc == OZR_OK || rc == OZR_NOT_FOUND || rc == OZR_BAD_FORMAT)
		return OZR_OK;
	if (err != NULL)
		*err = v->why[i];
	return rc;
}

static int add_images(struct ozr_collection *c, const struct ozr_jref *well, const char *prefix,
		      struct ozr_err *err)
{
	struct ozr_jref images = ozr_jget(well, "images"), it;
	const char *text;
	int rc = ozr_well_check(well, &c->notes, err);

	for (int more = ozr_jfirst(&images, &it); more && rc == OZR_OK; more = ozr_jnext(&it)) {
		struct ozr_jref path = ozr_jget(&it, "path");
		rc = ozr_jstring(&path, &text, err);
		if (rc == OZR_OK)
			rc = ozr_collection_add(c, prefix, text, err);
	}
	return rc;
}

/* The fields of one well that was read, or a note why there are none. */
static int add_well(struct wells *v, size_t i, struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];
	struct ozr_err why = v->why[i];
	int rc = v->code[i];

	if (rc == OZR_OK) {
		struct ozr_jref holder = ozr_ome_holder(&v->node[i].attributes, "well");
		struct ozr_jref well = ozr_jget(&holder, "well");
		rc = add_images(v->c, &well, v->path[i], &why);
	}
	if (rc == OZR_OK)
		return OZR_OK;
	if (rc != OZR_NOT_FOUND && rc != OZR_BAD_FORMAT) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	ozr_note(&v->c->notes, "well '%s' is left out: %s",
		 ozr_quote(q, v->path[i], strlen(v->path[i])), why.msg);
	return OZR_OK;
}

/* Read the wells of a batch and add their fields; the batch is empty afterwards. */
static int add_batch(struct wells *v, struct ozr_err *err)
{
	memset(v->node, 0, sizeof(v->node));
	memset(v->code, 0, sizeof(v->code));
	int rc = v->count == 0 ? OZR_OK
			       : ozr_pool_for(v->c->ctx, v->c->call, v->count, well_task, v, err);
	for (size_t i = 0; i < v->count; i++) {
		if (rc == OZR_OK)
			rc = add_well(v, i, err);
		ozr_node_release(&v->node[i]);
	}
	v->count = 0;
	return rc;
}

static int add_wells(struct wells *v, const struct ozr_jref *list, size_t *seen,
		     struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];
	struct ozr_jref it;
	struct ozr_err why;
	const char *text;
	int rc = OZR_OK;

	*seen = 0;
	for (int more = ozr_jfirst(list, &it); more && rc == OZR_OK; more = ozr_jnext(&it)) {
		struct ozr_jref path = ozr_jget(&it, "path");
		rc = ozr_jstring(&path, &text, err);
		if (rc != OZR_OK || it.index == OZR_MEMBERS_MAX)
			break;
		if (ozr_key_check(text, &why) != OZR_OK) {
			ozr_note(&v->c->notes, "well '%s' is left out: %s",
				 ozr_quote(q, text, strlen(text)), why.msg);
			continue;
		}
		v->path[v->count++] = text;
		/* no more than may be wanted: each well has a field, as a rule */
		if (v->count == WELLS || v->count >= v->c->max - v->c->count) {
			rc = add_batch(v, err);
			*seen = it.index + 1;
			if (v->c->count == v->c->max)
				return rc;
		}
	}
	*seen = ozr_jcount(list) < OZR_MEMBERS_MAX ? ozr_jcount(list) : OZR_MEMBERS_MAX;
	return rc == OZR_OK ? add_batch(v, err) : rc;
}

/* How many fields there are is known only after reading all wells: say what is known. */
static void note_rest(struct ozr_collection *c, const struct ozr_jref *plate, size_t wells,
		      size_t seen)
{
	struct ozr_jref count = ozr_jget(plate, "field_count");
	uint64_t fields;

	if (!c->more && seen == wells)
		return;
	if (ozr_ju64(&count, 1, UINT64_MAX, &fields, NULL) == OZR_OK)
		ozr_note(&c->notes,
			 "the plate has %zu wells of up to %llu fields, the first %zu fields are "
			 "shown",
			 wells, (unsigned long long)fields, c->count);
	else if (seen < wells)
		ozr_note(&c->notes,
			 "the plate has %zu wells, the first %zu fields (of %zu wells) are shown",
			 wells, c->count, seen);
	else
		ozr_note(&c->notes, "the plate has %zu wells, their first %zu fields are shown",
			 wells, c->count);
}

int ozr_collection_fill_plate(struct ozr_collection *c, const struct ozr_node *node,
			      struct ozr_err *err)
{
	struct ozr_jref holder = ozr_ome_holder(&node->attributes, "plate");
	struct ozr_jref plate = ozr_jget(&holder, "plate"), name = ozr_jget(&plate, "name");
	struct ozr_jref wells = ozr_jget(&plate, "wells");
	const char *text;
	size_t seen = 0;

	int rc = ozr_plate_check(&plate, &c->notes, err);
	if (rc != OZR_OK)
		return ozr_node_context(node, c->path, err, rc);
	if (name.v != NULL && ozr_jstring(&name, &text, NULL) == OZR_OK)
		ozr_text_fit(c->name, sizeof(c->name), text);
	struct wells *v = ozr_calloc(c->ctx, 1, sizeof(*v), err);
	if (v == NULL)
		return ozr_alloc_code(err);
	v->c = c;
	rc = c->max > 0 ? add_wells(v, &wells, &seen, err) : OZR_OK;
	if (rc == OZR_OK)
		note_rest(c, &plate, ozr_jcount(&wells), seen);
	ozr_free(c->ctx, v);
	return rc;
}

int ozr_collection_fill_well(struct ozr_collection *c, const struct ozr_node *node,
			     struct ozr_err *err)
{
	struct ozr_jref holder = ozr_ome_holder(&node->attributes, "well");
	struct ozr_jref well = ozr_jget(&holder, "well"), images = ozr_jget(&well, "images");

	int rc = add_images(c, &well, "", err);
	if (rc != OZR_OK)
		return ozr_node_context(node, c->path, err, rc);
	ozr_collection_note_rest(c, "fields", ozr_jcount(&images));
	return OZR_OK;
}
