/* SPDX-License-Identifier: MIT */
/*
 * Twins being written: the arrays of all levels are watched, so that the place
 * of each tile in its shard is known when the image is complete; where the
 * shards lie in the archive is asked then. The IFDs become the last value of
 * the archive, the TIFF's header in front of it points to them.
 */
#include <stdio.h>
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "base/key.h"
#include "base/mem.h"
#include "ome/making.h"
#include "twin/ome_xml.h"
#include "twin/twin_impl.h"

enum { TABLE_MEMORY = 16 << 20, DESCRIPTION_MOST = 256 << 20 };

#define IFD_KEY "OME/tiff.ifd"

static int twin_context(const struct ozr_store *zip, int rc, struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];

	return rc == OZR_OK
		       ? rc
		       : ozr_err_context(err, rc, "twin '%s'",
					 ozr_quote(quoted, zip->location, strlen(zip->location)));
}

/* --- what is told ----------------------------------------------------------------------- */

int ozr_twin_key(const struct ozr_twin *t, unsigned level, const uint64_t *chunk, char *key,
		 struct ozr_err *err)
{
	const struct ozr_twin_geometry *g = &t->geometry;
	size_t at = (size_t)snprintf(key, OZR_KEY_MAX + 1, "%s/c", t->watch[level].path);

	for (unsigned d = 0; d < g->rank && at <= OZR_KEY_MAX; d++)
		at += (size_t)snprintf(key + at, OZR_KEY_MAX + 1 - at, "/%llu",
				       (unsigned long long)(chunk[d] / g->level[level].inner[d]));
	return at <= OZR_KEY_MAX ? OZR_OK : ozr_fail(err, OZR_LIMIT, "a key is too long");
}

static int check_told(const struct ozr_twin_watch *w, const char *key,
		      const struct ozr_stored_chunk *c, struct ozr_err *err)
{
	const struct ozr_twin_geometry *g = &w->twin->geometry;
	uint64_t bytes = g->tile_elements * ozr_dtype_size(g->dtype);
	char want[OZR_KEY_MAX + 1], quoted[OZR_QUOTE_MAX];

	if (c->size == 0 || (g->compression == OZR_TIFF_NONE && c->size < bytes))
		return ozr_fail(err, OZR_CORRUPT, "'%s': a chunk of %llu bytes",
				ozr_quote(quoted, key, strlen(key)), (unsigned long long)c->size);
	int rc = ozr_twin_key(w->twin, w->level, c->chunk, want, err);
	if (rc == OZR_OK && strcmp(want, key) != 0)
		rc = ozr_fail(err, OZR_UNSUPPORTED, "'%s' was to be stored as '%s'",
			      ozr_quote(quoted, key, strlen(key)), want);
	return rc;
}

/* Neighbours in a row of tiles go to the table together. */
static int chunks_stored(void *user, const char *key, size_t n,
			 const struct ozr_stored_chunk *chunks, struct ozr_err *err)
{
	enum { TOGETHER = 64 };
	const struct ozr_twin_watch *w = user;
	struct ozr_twin *t = w->twin;
	struct ozr_tile_place place[TOGETHER];
	uint64_t first = 0;
	size_t held = 0;
	int rc = n > 0 ? check_told(w, key, &chunks[0], err) : OZR_OK;

	for (size_t i = 0; rc == OZR_OK && i < n; i++) {
		uint64_t tile = ozr_twin_tile(&t->geometry, w->level, chunks[i].chunk);
		if (held == TOGETHER || (held > 0 && tile != first + held)) {
			rc = ozr_tile_table_put(t->table, first, held, place, err);
			held = 0;
		}
		if (held == 0)
			first = tile;
		place[held].offset = chunks[i].offset;
		place[held++].size = chunks[i].size;
	}
	if (rc == OZR_OK && held > 0)
		rc = ozr_tile_table_put(t->table, first, held, place, err);
	if (rc == OZR_OK)
		atomic_fetch_add(&t->stored, n);
	return twin_context(t->zip, rc, err);
}

/* --- begin -------------------------------------------------------------------------------- */

/* Three or four samples are colors when the channels say so, or when nobody says anything. */
static int find_colors(struct ozr_twin *t, struct ozr_err *err)
{
	const struct ozr_twin_geometry *g = &t->geometry;
	struct ozr_channel channel[4];
	struct ozr_level_rules rules;
	struct ozr_image_info info;
	int rc = OZR_OK;

	ozr_image_get_info(t->img, &info);
	ozr_image_rules(t->img, &rules);
	if (g->samples == OZR_TWIN_PAGES)
		return OZR_OK;
	if (rules.alpha <= g->per_pixel)
		t->alpha = (unsigned)rules.alpha;
	if ((g->dtype != OZR_UINT8 && g->dtype != OZR_UINT16) || g->per_pixel < 3 ||
	    g->per_pixel > 4)
		return OZR_OK;
	for (unsigned i = 0; rc == OZR_OK && i < info.channels && i < 4; i++)
		rc = ozr_image_channel(t->img, i, &channel[i], err);
	t->rgb = info.channels == 0 || ozr_twin_is_rgb(channel, info.channels);
	return rc;
}

/* The caller's tags and their values, in one block. */
static int copy_tags(struct ozr_twin *t, const struct ozr_twin_options *how, struct ozr_err *err)
{
	uint64_t bytes = (uint64_t)how->tags * sizeof(*how->tag);

	for (unsigned i = 0; i < how->tags; i++) {
		const struct ozr_tiff_tag *g = &how->tag[i];
		uint64_t size = ozr_tiff_type_size(g->type);
		if (size == 0 || g->count == 0 || g->value == NULL)
			return ozr_fail(err, OZR_BAD_ARG, "tag %u: type %u, count %llu", g->tag,
					g->type, (unsigned long long)g->count);
		if (ozr_twin_is_own_tag(g->tag))
			return ozr_fail(err, OZR_BAD_ARG, "tag %u is the writer's own", g->tag);
		for (unsigned k = 0; k < i; k++)
			if (how->tag[k].tag == g->tag)
				return ozr_fail(err, OZR_BAD_ARG, "tag %u is there twice", g->tag);
		if (ozr_ckd_mul(size, g->count, &size) || size > DESCRIPTION_MOST ||
		    ozr_ckd_add(bytes, (size + 7) / 8 * 8, &bytes))
			return ozr_fail(err, OZR_LIMIT, "tag %u: %llu values", g->tag,
					(unsigned long long)g->count);
	}
	if (how->tags == 0)
		return OZR_OK;
	t->tag = ozr_alloc(t->ctx, bytes, err);
	if (t->tag == NULL)
		return ozr_alloc_code(err);
	char *value = (char *)(t->tag + how->tags);
	for (unsigned i = 0; i < how->tags; i++) {
		size_t size = (size_t)(ozr_tiff_type_size(how->tag[i].type) * how->tag[i].count);
		t->tag[i] = how->tag[i];
		t->tag[i].value = value;
		memcpy(value, how->tag[i].value, size);
		value += (size + 7) / 8 * 8;
	}
	t->tags = how->tags;
	return OZR_OK;
}

static int watch_levels(struct ozr_twin *t, struct ozr_err *err)
{
	for (unsigned i = 0; i < t->geometry.levels; i++) {
		struct ozr_twin_watch *w = &t->watch[i];
		w->twin = t;
		w->level = i;
		w->path = ozr_strdup(t->ctx, ozr_image_level_path(t->img, i), err);
		if (w->path == NULL)
			return ozr_alloc_code(err);
	}
	for (unsigned i = 0; i < t->geometry.levels; i++) {
		struct ozr_chunk_watch watch = {&t->watch[i], chunks_stored};
		ozr_array_watch(ozr_image_level(t->img, i), &watch);
	}
	return OZR_OK;
}

static int begin(struct ozr_twin *t, const struct ozr_twin_options *how, struct ozr_err *err)
{
	static const unsigned char nothing[OZR_TIFF_HEADER];
	struct ozr_array_info first;
	struct ozr_twin_shape shape;

	int rc = ozr_twin_shape(t->img, 0, &shape, &first, err);
	if (rc == OZR_OK)
		rc = ozr_twin_geometry(&shape, how->samples, &t->geometry, err);
	if (rc == OZR_OK)
		rc = find_colors(t, err);
	if (rc == OZR_OK)
		rc = copy_tags(t, how, err);
	if (rc == OZR_OK && how->description != NULL) {
		t->description = ozr_strdup(t->ctx, how->description, err);
		rc = t->description != NULL ? OZR_OK : ozr_alloc_code(err);
	}
	if (rc == OZR_OK) /* is there room for it? */
		rc = ozr_zip_patch(t->zip, 0, nothing, sizeof(nothing), err);
	if (rc == OZR_OK)
		rc = ozr_tile_table_new(t->ctx, t->geometry.tiles, TABLE_MEMORY, &t->table, err);
	if (rc != OZR_OK)
		return rc;
	memcpy(t->fill, first.fill, sizeof(t->fill));
	return watch_levels(t, err);
}

int ozr_twin_begin(struct ozr_store *zip, struct ozr_image *img, const struct ozr_twin_options *how,
		   struct ozr_twin **out, struct ozr_err *err)
{
	static const struct ozr_twin_options none;
	struct ozr_err local;

	if (err == NULL)
		err = &local;
	ozr_ctx_enter(zip->ctx);
	struct ozr_twin *t = ozr_calloc(zip->ctx, 1, sizeof(*t), err);
	if (t == NULL)
		return twin_context(zip, ozr_alloc_code(err), err);
	t->ctx = ozr_ctx_ref(zip->ctx);
	t->zip = zip;
	t->img = img;
	int rc = begin(t, how != NULL ? how : &none, err);
	if (rc == OZR_OK)
		*out = t;
	else
		ozr_twin_free(t);
	return twin_context(zip, rc, err);
}

void ozr_twin_free(struct ozr_twin *t)
{
	if (t == NULL)
		return;
	struct ozr_ctx *ctx = t->ctx;
	for (unsigned i = 0; i < t->geometry.levels; i++) {
		struct ozr_array *a = ozr_image_level(t->img, i);
		if (a != NULL)
			ozr_array_watch(a, NULL);
		ozr_free(ctx, t->watch[i].path);
	}
	ozr_tile_table_free(t->table);
	ozr_free(ctx, t->description);
	ozr_free(ctx, t->tag);
	ozr_free(ctx, t);
	ozr_ctx_unref(ctx);
}

/* --- finish --------------------------------------------------------------------------------- */

static int append_ifds(void *user, const void *bytes, size_t n, struct ozr_err *err)
{
	return ozr_put_append(user, bytes, n, err);
}

/* What ImageDescription says: *text is NULL for types that OME does not have. */
static int describe(struct ozr_twin *t, struct ozr_buf *xml, const char **text, struct ozr_err *err)
{
	*text = t->description;
	if (*text != NULL || ozr_ome_type(t->geometry.dtype) == NULL)
		return OZR_OK;
	int rc = ozr_ome_xml(t->img, &t->geometry, xml, err);
	if (rc == OZR_OK)
		rc = ozr_buf_append(xml, "", 1, err);
	*text = xml->data;
	return rc;
}

static void warn(const struct ozr_call *call, const char *text)
{
	if (call != NULL && call->warn != NULL)
		call->warn(call->user, text);
}

static void warn_of_limits(const struct ozr_twin *t, const struct ozr_call *call)
{
	const struct ozr_twin_geometry *g = &t->geometry;
	char text[200];

	if (g->pages > OZR_TWIN_PAGES_OLD) {
		snprintf(text, sizeof(text),
			 "the twin has %llu pages; programs with libtiff before 4.5 read %d",
			 (unsigned long long)g->pages, OZR_TWIN_PAGES_OLD);
		warn(call, text);
	}
	if (g->level[0].width > OZR_TWIN_SIDE_SAFE || g->level[0].height > OZR_TWIN_SIDE_SAFE) {
		snprintf(text, sizeof(text),
			 "the twin has %llu x %llu pixels; many programs read TIFFs of up to %d "
			 "a side",
			 (unsigned long long)g->level[0].width,
			 (unsigned long long)g->level[0].height, OZR_TWIN_SIDE_SAFE);
		warn(call, text);
	}
}

static int write_ifds(struct ozr_twin *t, const char *description, const struct ozr_call *call,
		      uint64_t *first, struct ozr_err *err)
{
	struct ozr_tiff_out *out = ozr_calloc(t->ctx, 1, sizeof(*out), err);
	struct ozr_put *put = NULL;

	if (out == NULL)
		return ozr_alloc_code(err);
	int rc = ozr_put_begin(t->zip, IFD_KEY, 0, &put, err);
	if (rc == OZR_OK) {
		out->write = append_ifds;
		out->user = put;
		out->at = ozr_zip_put_offset(put);
		if (out->at == 0)
			rc = ozr_fail(err, OZR_BAD_ARG,
				      "another value is being written into the archive");
	}
	if (rc == OZR_OK)
		rc = ozr_twin_write_pages(t, out, description, call, first, err);
	if (rc == OZR_OK)
		rc = ozr_tiff_flush(out, err);
	if (rc == OZR_OK)
		rc = ozr_put_commit(put, OZR_PUT_CREATE_ONLY, NULL, err);
	else
		ozr_put_abort(put);
	ozr_free(t->ctx, out);
	return rc;
}

int ozr_twin_finish(struct ozr_twin *t, const struct ozr_call *call, struct ozr_err *err)
{
	unsigned char header[OZR_TIFF_HEADER];
	const char *description;
	struct ozr_err local;
	struct ozr_buf xml;
	uint64_t first = 0;

	if (err == NULL)
		err = &local;
	ozr_ctx_enter(t->ctx);
	if (t->ended)
		return twin_context(t->zip, ozr_fail(err, OZR_BAD_ARG, "finish was called before"),
				    err);
	if (ozr_image_is_pending(t->img)) /* what is not stored yet would be fill in the TIFF */
		return twin_context(
			t->zip, ozr_fail(err, OZR_BAD_ARG, "the image is not committed yet"), err);
	t->ended = 1;
	warn_of_limits(t, call);
	ozr_buf_init(&xml, t->ctx, DESCRIPTION_MOST);
	int rc = describe(t, &xml, &description, err);
	if (rc == OZR_OK)
		rc = write_ifds(t, description, call, &first, err);
	ozr_buf_release(&xml);
	if (rc == OZR_OK) {
		ozr_tiff_header(header, first);
		rc = ozr_zip_patch(t->zip, 0, header, sizeof(header), err);
	}
	return twin_context(t->zip, rc, err);
}
