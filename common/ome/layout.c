/* SPDX-License-Identifier: MIT */
/*
 * Keeping the zarr-conventions "multiscales" in step with the levels of an
 * image. Each entry derives from the one before; its transform says how many
 * of that one's pixels a pixel takes.
 */
#include "ome/layout.h"

#include <math.h>
#include <string.h>

#include "base/key.h"

static const char uuid[] = "d35379db-88df-4056-af3a-620245f8e347";

static struct ozr_jref find_layout(const struct ozr_jref *attributes)
{
	struct ozr_jref multiscales = ozr_jget(attributes, "multiscales");
	return ozr_jget(&multiscales, "layout");
}

int ozr_layout_is_there(const struct ozr_json *attributes)
{
	struct ozr_jref root = ozr_jroot(attributes), multiscales = ozr_jget(&root, "multiscales");
	struct ozr_jref layout = ozr_jget(&multiscales, "layout");

	return ozr_jis(&layout, OZR_JSON_ARRAY);
}

/* "s1" of "s1/image", "1" of "1". */
static void asset_of(const char *path, char out[OZR_KEY_MAX + 1])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash != NULL ? (size_t)(slash - path) : strlen(path);

	n = n < OZR_KEY_MAX ? n : OZR_KEY_MAX;
	memcpy(out, path, n);
	out[n] = '\0';
}

static int text_is(const struct ozr_jref *entry, const char *name, const char *want)
{
	struct ozr_jref r = ozr_jget(entry, name);
	const char *text;

	return r.v != NULL && ozr_jstring(&r, &text, NULL) == OZR_OK && strcmp(text, want) == 0;
}

/* Factors are whole numbers but for the rounding of scales. */
static double ratio(double above, double below)
{
	double r = above / below, whole = round(r);
	return fabs(r - whole) <= 1e-9 * whole ? whole : r;
}

static struct ozr_json *transform_to(const struct ozr_level *l, const struct ozr_level *before,
				     unsigned rank)
{
	struct ozr_json *o = ozr_json_object();
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK] = {0};

	for (unsigned d = 0; d < rank; d++)
		scale[d] = before != NULL ? ratio(l->scale[d], before->scale[d]) : 1.0;
	if ((ozr_json_set_doubles(o, "scale", scale, rank) |
	     ozr_json_set_doubles(o, "translation", translation, rank)) != 0) {
		ozr_json_free(o);
		return NULL;
	}
	return o;
}

/* What stands there about an asset, as a copy; an empty object when there is nothing.
 * *right: it derives from `before` already. */
static struct ozr_json *known_entry(struct ozr_ctx *ctx, const struct ozr_jref *layout,
				    const char *asset, const char *before, int *right,
				    struct ozr_err *err)
{
	struct ozr_jref it;

	*right = 0;
	for (int more = ozr_jfirst(layout, &it); more; more = ozr_jnext(&it)) {
		if (!ozr_jis(&it, OZR_JSON_OBJECT) || !text_is(&it, "asset", asset))
			continue;
		struct ozr_jref from = ozr_jget(&it, "derived_from");
		*right = before != NULL ? text_is(&it, "derived_from", before) : from.v == NULL;
		return ozr_json_copy(ctx, it.v, err);
	}
	return ozr_json_object();
}

static struct ozr_json *entry_for(struct ozr_ctx *ctx, const struct ozr_jref *layout,
				  const struct ozr_level *level, unsigned i, unsigned rank,
				  struct ozr_err *err)
{
	char asset[OZR_KEY_MAX + 1], before[OZR_KEY_MAX + 1];
	int right, bad;

	asset_of(level[i].path, asset);
	if (i > 0)
		asset_of(level[i - 1].path, before);
	struct ozr_json *entry =
		known_entry(ctx, layout, asset, i > 0 ? before : NULL, &right, err);
	if (entry == NULL || right)
		return entry;
	bad = ozr_json_set_text(entry, "asset", asset);
	if (i > 0)
		bad |= ozr_json_set_text(entry, "derived_from", before);
	else
		ozr_json_remove(entry, "derived_from");
	bad |= ozr_json_set(entry, "transform",
			    transform_to(&level[i], i > 0 ? &level[i - 1] : NULL, rank));
	if (bad) {
		ozr_json_free(entry);
		return NULL;
	}
	return entry;
}

static int set_layout(struct ozr_ctx *ctx, struct ozr_json *attributes,
		      const struct ozr_level *level, unsigned levels, unsigned rank,
		      struct ozr_err *err)
{
	struct ozr_jref root = ozr_jroot(attributes), layout = find_layout(&root);
	struct ozr_json *list = ozr_json_array();
	int bad = 0;

	for (unsigned i = 0; i < levels; i++)
		bad |= ozr_json_append(list, entry_for(ctx, &layout, level, i, rank, err));
	struct ozr_json *holder = ozr_json_child(attributes, "multiscales");
	struct ozr_jref r = ozr_jroot(holder);
	if (!ozr_jis(&r, OZR_JSON_OBJECT)) {
		bad |= ozr_json_set(attributes, "multiscales", ozr_json_object());
		holder = ozr_json_child(attributes, "multiscales");
	}
	if (bad) {
		ozr_json_free(list);
		return -1;
	}
	return ozr_json_set(holder, "layout", list);
}

static struct ozr_json *convention(void)
{
	static const char *const members[][2] = {
		{"schema_url", "https://raw.githubusercontent.com/zarr-conventions/multiscales/"
			       "refs/tags/v1/schema.json"},
		{"spec_url", "https://github.com/zarr-conventions/multiscales/blob/v1/README.md"},
		{"uuid", uuid},
		{"name", "multiscales"},
		{"description", "Multiscale layout of zarr datasets"},
	};
	struct ozr_json *o = ozr_json_object();
	int bad = 0;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		bad |= ozr_json_set_text(o, members[i][0], members[i][1]);
	if (bad) {
		ozr_json_free(o);
		return NULL;
	}
	return o;
}

/* The convention among those that the group follows; once. */
static int name_convention(struct ozr_json *attributes)
{
	struct ozr_jref root = ozr_jroot(attributes), list = ozr_jget(&root, "zarr_conventions");
	struct ozr_jref it;

	for (int more = ozr_jfirst(&list, &it); more; more = ozr_jnext(&it))
		if (text_is(&it, "uuid", uuid))
			return 0;
	if (!ozr_jis(&list, OZR_JSON_ARRAY) &&
	    ozr_json_set(attributes, "zarr_conventions", ozr_json_array()) != 0)
		return -1;
	return ozr_json_append(ozr_json_child(attributes, "zarr_conventions"), convention());
}

int ozr_layout_put(struct ozr_ctx *ctx, struct ozr_json *attributes, const struct ozr_level *level,
		   unsigned levels, unsigned rank, struct ozr_err *err)
{
	if (set_layout(ctx, attributes, level, levels, rank, err) != 0 ||
	    name_convention(attributes) != 0)
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for the layout of the levels");
	return OZR_OK;
}
