/* SPDX-License-Identifier: MIT */
/*
 * What a change of levels writes into the group's metadata. Entries of levels
 * that stay are kept word for word, other multiscales of the group are not
 * touched, and nothing is written when the document lists other levels than
 * the image that was opened.
 */
#include <string.h>

#include "ome/layout.h"
#include "ome/levels_impl.h"
#include "ome/ome_meta.h"

const char ozr_pending_member[] = "ozr_pending_levels";

static int no_memory(struct ozr_err *err)
{
	return ozr_fail(err, OZR_NO_MEMORY, "no memory for the metadata of the image");
}

struct ozr_json *ozr_levels_holder(struct ozr_json *attributes)
{
	struct ozr_json *ome = ozr_json_child(attributes, "ome");
	struct ozr_jref r = ozr_jroot(ome), inner = ozr_jget(&r, "multiscales");

	return inner.v != NULL ? ome : attributes;
}

static const char *path_of(const struct ozr_jref *dataset)
{
	struct ozr_jref path = ozr_jget(dataset, "path");
	const char *text;

	return ozr_jstring(&path, &text, NULL) == OZR_OK ? text : "";
}

/* Somebody else may have changed the image since it was opened. */
static int check_same(const struct ozr_image *img, const struct ozr_jref *datasets,
		      struct ozr_err *err)
{
	struct ozr_jref it;
	unsigned i = 0;

	for (int more = ozr_jfirst(datasets, &it); more; more = ozr_jnext(&it), i++)
		if (i >= img->info.levels || strcmp(path_of(&it), img->level[i].path) != 0)
			break;
	if (i == img->info.levels && ozr_jcount(datasets) == i)
		return OZR_OK;
	return ozr_fail(err, OZR_CHANGED,
			"the levels of the image were changed since it was opened");
}

static int check_document(const struct ozr_levels *l, const struct ozr_jref *multiscale,
			  struct ozr_err *err)
{
	struct ozr_jref systems = ozr_jget(multiscale, "coordinateSystems");
	struct ozr_jref datasets = ozr_jget(multiscale, "datasets");

	if (l->added > 0 && systems.v != NULL)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"levels are added to images of version 0.5 and before, found %s",
				l->img->info.version);
	return check_same(l->img, &datasets, err);
}

static int set_pending(struct ozr_json *attributes, unsigned n,
		       const char *(*path)(void *, unsigned), void *arg)
{
	struct ozr_json *list = ozr_json_array();
	int bad = 0;

	for (unsigned i = 0; i < n; i++)
		if (path(arg, i) != NULL)
			bad |= ozr_json_append(list, ozr_json_text(path(arg, i)));
	if (bad) {
		ozr_json_free(list);
		return -1;
	}
	return ozr_json_set(attributes, ozr_pending_member, list);
}

static const char *new_path(void *arg, unsigned i)
{
	const struct ozr_levels *l = arg;
	return l->next[i].added >= 0 ? l->next[i].level.path : NULL;
}

static const char *gone_path(void *arg, unsigned i)
{
	const struct ozr_levels *l = arg;
	return l->gone[i];
}

/* The first multiscale of the document. */
static int find_multiscale(struct ozr_json *attributes, struct ozr_jref *list,
			   struct ozr_jref *multiscale, struct ozr_err *err)
{
	struct ozr_jref holder = ozr_jroot(ozr_levels_holder(attributes));

	*list = ozr_jget(&holder, "multiscales");
	list->up = NULL; /* the place of holder ends here */
	if (ozr_jfirst(list, multiscale) && ozr_jis(multiscale, OZR_JSON_OBJECT))
		return OZR_OK;
	return ozr_fail(err, OZR_CHANGED, "the metadata of the image has gone");
}

int ozr_levels_note(void *arg, struct ozr_node *node, struct ozr_json *attributes,
		    struct ozr_err *err)
{
	struct ozr_levels *l = arg;
	struct ozr_jref list, multiscale;
	(void)node;

	int rc = find_multiscale(attributes, &list, &multiscale, err);
	if (rc == OZR_OK)
		rc = check_document(l, &multiscale, err);
	if (rc == OZR_OK && set_pending(attributes, l->count, new_path, l) != 0)
		rc = no_memory(err);
	return rc;
}

int ozr_levels_clear(void *arg, struct ozr_node *node, struct ozr_json *attributes,
		     struct ozr_err *err)
{
	(void)arg;
	(void)node;
	(void)err;
	ozr_json_remove(attributes, ozr_pending_member);
	return OZR_OK;
}

/* --- the new list --------------------------------------------------------------------- */

/* The n-th dataset, as it stands there. */
static struct ozr_json *old_dataset(struct ozr_ctx *ctx, const struct ozr_jref *datasets, int n,
				    struct ozr_err *err)
{
	struct ozr_jref it;

	for (int more = ozr_jfirst(datasets, &it); more; more = ozr_jnext(&it))
		if (n-- == 0)
			return ozr_json_copy(ctx, it.v, err);
	return NULL;
}

/* A new level in the coordinates of level 0's own entry: what the multiscale says about all
 * levels comes behind it. */
static int new_dataset(const struct ozr_levels *l, const struct ozr_next *n,
		       const struct ozr_jref *first, struct ozr_json **out, struct ozr_err *err)
{
	struct ozr_jref own = ozr_jget(first, "coordinateTransformations");
	const unsigned rank = l->img->info.rank;
	struct ozr_transform t;
	struct ozr_json *o = ozr_json_object();
	int bad = ozr_json_set_text(o, "path", n->level.path);

	*out = o;
	if (bad)
		return no_memory(err);
	if (own.v == NULL && strcmp(l->img->info.version, "0.4") < 0)
		return OZR_OK; /* there were none before 0.4 */
	ozr_transform_identity(&t);
	if (own.v != NULL) {
		int rc = ozr_transform_parse(&own, rank, NULL, &t, err);
		if (rc != OZR_OK)
			return rc;
	}
	for (unsigned d = 0; d < rank; d++) {
		t.translation[d] += t.scale[d] * (n->ratio[d] - 1.0) / 2.0;
		t.scale[d] *= n->ratio[d];
	}
	bad = ozr_json_set(o, "coordinateTransformations",
			   ozr_transform_write(rank, t.scale, t.translation));
	return bad ? no_memory(err) : OZR_OK;
}

static int new_datasets(const struct ozr_levels *l, const struct ozr_jref *datasets,
			struct ozr_json **out, struct ozr_err *err)
{
	struct ozr_json *list = ozr_json_array();
	struct ozr_jref first;
	int rc = list != NULL ? OZR_OK : no_memory(err);

	(void)ozr_jfirst(datasets, &first);
	for (unsigned i = 0; rc == OZR_OK && i < l->count; i++) {
		struct ozr_json *one = NULL;
		if (l->next[i].old >= 0)
			one = old_dataset(l->img->ctx, datasets, l->next[i].old, err);
		else
			rc = new_dataset(l, &l->next[i], &first, &one, err);
		if (ozr_json_append(list, one) != 0 && rc == OZR_OK)
			rc = no_memory(err);
	}
	if (rc == OZR_OK)
		*out = list;
	else
		ozr_json_free(list);
	return rc;
}

/* What made the levels. nodata is not the method's. */
static int set_method(const struct ozr_levels *l, struct ozr_json *multiscale, struct ozr_err *err)
{
	struct ozr_jref r = ozr_jroot(multiscale), metadata = ozr_jget(&r, "metadata");
	struct ozr_jref nodata = ozr_jget(&metadata, "nodata");
	struct ozr_json *o;
	int bad = 0;

	if (l->type != NULL)
		bad |= ozr_json_set_text(multiscale, "type", l->type);
	if (l->method == NULL || bad)
		return bad;
	o = ozr_json_object();
	bad |= ozr_json_set_text(o, "method", l->method);
	if (l->version != NULL)
		bad |= ozr_json_set_text(o, "version", l->version);
	if (nodata.v != NULL)
		bad |= ozr_json_set(o, "nodata", ozr_json_copy(l->img->ctx, nodata.v, err));
	if (bad) {
		ozr_json_free(o);
		return bad;
	}
	return ozr_json_set(multiscale, "metadata", o);
}

/* The list of multiscales with the first one changed. */
static int new_multiscales(const struct ozr_levels *l, const struct ozr_jref *list,
			   const struct ozr_jref *first, struct ozr_json **out, struct ozr_err *err)
{
	struct ozr_jref datasets = ozr_jget(first, "datasets"), it;
	struct ozr_json *all = ozr_json_array(), *sets = NULL;
	struct ozr_json *changed = ozr_json_copy(l->img->ctx, first->v, err);
	int more, rc = new_datasets(l, &datasets, &sets, err);

	if (rc == OZR_OK &&
	    (ozr_json_set(changed, "datasets", sets) != 0 || set_method(l, changed, err) != 0))
		rc = no_memory(err);
	if (ozr_json_append(all, changed) != 0 && rc == OZR_OK)
		rc = no_memory(err);
	for (more = ozr_jfirst(list, &it); more && rc == OZR_OK; more = ozr_jnext(&it))
		if (it.v != first->v &&
		    ozr_json_append(all, ozr_json_copy(l->img->ctx, it.v, err)) != 0)
			rc = no_memory(err);
	if (rc == OZR_OK)
		*out = all;
	else
		ozr_json_free(all);
	return rc;
}

/* What is going to be written must be the image that was planned. */
static int check_result(const struct ozr_levels *l, const struct ozr_node *node,
			struct ozr_err *err)
{
	struct ozr_ome o = {0};

	int rc = ozr_ome_parse(l->img->ctx, &node->attributes, node->zarr_format, NULL, &o, err);
	if (rc == OZR_OK && o.info.levels != l->count)
		rc = ozr_fail(err, OZR_BAD_ARG, "%u levels are listed, not %u", o.info.levels,
			      l->count);
	ozr_ome_release(&o);
	return rc == OZR_OK ? rc : ozr_err_context(err, rc, "the change would break the image");
}

int ozr_levels_list(void *arg, struct ozr_node *node, struct ozr_json *attributes,
		    struct ozr_err *err)
{
	struct ozr_levels *l = arg;
	struct ozr_jref list, multiscale;
	struct ozr_json *all = NULL;

	int rc = find_multiscale(attributes, &list, &multiscale, err);
	if (rc == OZR_OK)
		rc = check_document(l, &multiscale, err);
	if (rc == OZR_OK)
		rc = new_multiscales(l, &list, &multiscale, &all, err);
	if (rc != OZR_OK)
		return rc;
	if (ozr_json_set(ozr_levels_holder(attributes), "multiscales", all) != 0)
		return no_memory(err);
	ozr_json_remove(attributes, ozr_pending_member);
	if (l->gone_count > 0 && set_pending(attributes, l->gone_count, gone_path, l) != 0)
		return no_memory(err);
	if (l->group != NULL)
		rc = ozr_attributes_merge(l->img->ctx, attributes, l->group, err);
	if (rc == OZR_OK && ozr_layout_is_there(attributes))
		rc = ozr_layout_put(l->img->ctx, attributes, l->levels, l->count, l->img->info.rank,
				    err);
	if (node->zarr_format == 3) /* it names the arrays that were there */
		ozr_json_remove(node->doc, "consolidated_metadata");
	return rc == OZR_OK ? check_result(l, node, err) : rc;
}
