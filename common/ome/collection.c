/* SPDX-License-Identifier: MIT */
/*
 * Collections: which images belong to a group, found from metadata alone, and
 * the outlines of each. Members are looked at on the pool, so that a remote
 * store is asked several questions at a time.
 */
#include "ome/collection_impl.h"

#include <stdio.h>
#include <string.h>

#include "base/ctx.h"
#include "base/pool.h"
#include "ome/axes.h"
#include "ome/ome_meta.h"

enum ozr_kind ozr_kind_probe(struct ozr_store *s, const char *path)
{
	struct ozr_node node;
	struct ozr_err err;

	ozr_ctx_enter(s->ctx);
	if (ozr_node_read(s, path, &node, &err) != OZR_OK)
		return OZR_KIND_NOTHING;
	enum ozr_kind kind = ozr_node_kind(&node);
	ozr_node_release(&node);
	return kind;
}

int ozr_node_attributes(struct ozr_store *s, const char *path, char **json, struct ozr_err *err)
{
	struct ozr_node node;
	size_t len;

	ozr_ctx_enter(s->ctx);
	int rc = ozr_node_read(s, path, &node, err);
	if (rc != OZR_OK)
		return rc;
	if (ozr_jis(&node.attributes, OZR_JSON_OBJECT)) {
		rc = ozr_json_print(s->ctx, node.attributes.v, 0, json, &len, err);
	} else {
		char *text = ozr_text_new(s->ctx, 3, err);
		if (text == NULL)
			rc = ozr_alloc_failed(err);
		else
			*json = memcpy(text, "{}", 3);
	}
	ozr_node_release(&node);
	return rc;
}

int ozr_series_xml(struct ozr_store *s, const char *path, char **xml, struct ozr_err *err)
{
	char key[OZR_KEY_MAX + 1];
	size_t len;

	ozr_ctx_enter(s->ctx);
	int rc = ozr_key_join(key, path, "OME/METADATA.ome.xml", err);
	if (rc != OZR_OK)
		return rc;
	return ozr_store_get(s, key, ozr_ctx_limits(s->ctx)->json_bytes, xml, &len, NULL, err);
}

/* --- filling --------------------------------------------------------------------- */

int ozr_collection_add(struct ozr_collection *c, const char *prefix, const char *text,
		       struct ozr_err *err)
{
	char key[OZR_KEY_MAX + 1], q[OZR_QUOTE_MAX];
	struct ozr_err why;

	if (c->count == c->max) {
		c->more = 1;
		return OZR_OK;
	}
	if (ozr_key_check(text, &why) != OZR_OK ||
	    ozr_key_join(key, prefix, text, &why) != OZR_OK) {
		ozr_note(&c->notes, "'%s' is left out: %s", ozr_quote(q, text, strlen(text)),
			 why.msg);
		return OZR_OK;
	}
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->member[i].path, key) == 0)
			return OZR_OK;
	c->member[c->count].path = ozr_strdup(c->ctx, key, err);
	if (c->member[c->count].path == NULL)
		return ozr_alloc_failed(err);
	c->count++;
	return OZR_OK;
}

void ozr_collection_note_rest(struct ozr_collection *c, const char *what, uint64_t n)
{
	if (c->more)
		ozr_note(&c->notes, "there are %llu %s, the first %zu are shown",
			 (unsigned long long)n, what, c->count);
}

static int add_list(struct ozr_collection *c, const struct ozr_jref *list, const char *prefix,
		    const char *what, struct ozr_err *err)
{
	struct ozr_jref it;
	const char *text;
	int rc = OZR_OK;

	for (int more = ozr_jfirst(list, &it); more && rc == OZR_OK; more = ozr_jnext(&it)) {
		rc = ozr_jstring(&it, &text, err);
		if (rc == OZR_OK)
			rc = ozr_collection_add(c, prefix, text, err);
	}
	if (rc == OZR_OK)
		ozr_collection_note_rest(c, what, ozr_jcount(list));
	return rc;
}

static int fill_labels(struct ozr_collection *c, const struct ozr_node *node, const char *prefix,
		       struct ozr_err *err)
{
	struct ozr_jref holder, list = ozr_labels_list(&node->attributes, &holder);

	return list.v != NULL ? add_list(c, &list, prefix, "labels", err) : OZR_OK;
}

/* The labels of an image are in a group beside its levels. */
static int fill_image(struct ozr_collection *c, struct ozr_err *err)
{
	char path[OZR_KEY_MAX + 1];
	struct ozr_node node;

	int rc = ozr_key_join(path, c->path, "labels", err);
	if (rc == OZR_OK)
		rc = ozr_node_read(c->store, path, &node, err);
	if (rc == OZR_NOT_FOUND)
		return OZR_OK;
	if (rc != OZR_OK)
		return ozr_err_context(err, rc, "labels");
	rc = fill_labels(c, &node, "labels", err);
	ozr_node_release(&node);
	return rc;
}

/* --- series ------------------------------------------------------------------------ */

enum { PROBED = 8 }; /* at once */

struct probing {
	struct ozr_collection *c;
	size_t first;
	int there[PROBED];
};

static int probe_task(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct probing *p = arg;
	char path[OZR_KEY_MAX + 1], name[24];
	int format, is_array;

	(void)w;
	snprintf(name, sizeof(name), "%zu", p->first + i);
	int rc = ozr_key_join(path, p->c->path, name, err);
	if (rc == OZR_OK)
		rc = ozr_node_exists(p->c->store, path, &format, &is_array, err);
	p->there[i] = rc == OZR_OK && format != 0 && !is_array;
	return rc;
}

/* Without a list the series are 0, 1, 2, ..., as far as they go. */
static int probe_series(struct ozr_collection *c, struct ozr_err *err)
{
	struct probing p = {.c = c};
	char name[24];

	for (;; p.first += PROBED) {
		int rc = ozr_pool_for(c->ctx, c->call, PROBED, probe_task, &p, err);
		for (size_t i = 0; i < PROBED && rc == OZR_OK; i++) {
			if (!p.there[i])
				return OZR_OK;
			if (c->count == c->max) {
				ozr_note(&c->notes,
					 "there are more than %zu series, the first %zu "
					 "are shown",
					 c->count, c->count);
				return OZR_OK;
			}
			snprintf(name, sizeof(name), "%zu", p.first + i);
			rc = ozr_collection_add(c, "", name, err);
		}
		if (rc != OZR_OK)
			return rc;
	}
}

static int fill_series(struct ozr_collection *c, struct ozr_err *err)
{
	char path[OZR_KEY_MAX + 1];
	struct ozr_node node = {0};

	int rc = ozr_key_join(path, c->path, "OME", err);
	if (rc == OZR_OK)
		rc = ozr_node_read(c->store, path, &node, err);
	if (rc != OZR_OK && rc != OZR_NOT_FOUND)
		return ozr_err_context(err, rc, "OME");
	struct ozr_jref holder = ozr_ome_holder(&node.attributes, "series");
	struct ozr_jref list = ozr_jget(&holder, "series");
	if (rc == OZR_OK && ozr_jis(&list, OZR_JSON_ARRAY)) {
		rc = add_list(c, &list, "", "series", err);
		if (rc != OZR_OK)
			rc = ozr_node_context(&node, path, err, rc);
	} else {
		rc = probe_series(c, err);
	}
	ozr_node_release(&node);
	return rc;
}

/* --- outlines of members -------------------------------------------------------------- */

struct outline {
	struct ozr_collection *c;
	int *gone; /* [count] */
};

/* Axes, type and shape from the image's group and its first level. */
static int look_at(struct ozr_store *s, const char *path, struct ozr_member *m, struct ozr_err *err)
{
	char level[OZR_KEY_MAX + 1];
	struct ozr_array *a = NULL;
	struct ozr_array_info info;
	struct ozr_node node;
	struct ozr_ome o = {0};

	int rc = ozr_node_read(s, path, &node, err);
	if (rc != OZR_OK)
		return rc;
	rc = ozr_ome_parse(s->ctx, &node.attributes, node.zarr_format, NULL, &o, err);
	if (rc == OZR_OK)
		rc = ozr_key_join(level, path, o.dataset[0].path, err);
	if (rc == OZR_OK)
		rc = ozr_array_open(s, level, OZR_READ, &a, err);
	if (rc == OZR_NOT_FOUND) /* not the member: its level */
		rc = OZR_BAD_FORMAT;
	if (rc == OZR_OK) {
		ozr_array_get_info(a, &info);
		if (o.info.rank == 0) {
			o.info.rank = info.rank;
			ozr_axes_default(info.rank, o.info.axes);
		}
		m->known = o.info.rank == info.rank;
		if (m->known) {
			m->info = o.info;
			m->info.dtype = info.dtype;
			memcpy(m->shape, info.shape, sizeof(m->shape));
		}
	}
	ozr_array_close(a);
	ozr_ome_release(&o);
	ozr_node_release(&node);
	return rc;
}

static int outline_task(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct outline *o = arg;
	char path[OZR_KEY_MAX + 1];

	(void)w;
	int rc = ozr_key_join(path, o->c->path, o->c->member[i].path, err);
	if (rc == OZR_OK)
		rc = look_at(o->c->store, path, &o->c->member[i], err);
	o->gone[i] = rc == OZR_NOT_FOUND;
	/* whoever opens the member hears what is wrong with it */
	return rc == OZR_NO_MEMORY || rc == OZR_CANCELLED ? rc : OZR_OK;
}

static void drop_gone(struct ozr_collection *c, const int *gone)
{
	char q[OZR_QUOTE_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++) {
		const char *path = c->member[i].path;
		if (gone[i]) {
			ozr_note(&c->notes, "'%s' is listed, but not there",
				 ozr_quote(q, path, strlen(path)));
			ozr_free(c->ctx, (char *)path);
		} else {
			c->member[kept++] = c->member[i];
		}
	}
	c->count = kept;
}

static int outline_members(struct ozr_collection *c, struct ozr_err *err)
{
	struct outline o = {.c = c};

	if (c->count == 0)
		return OZR_OK;
	o.gone = ozr_calloc(c->ctx, c->count, sizeof(*o.gone), err);
	if (o.gone == NULL)
		return ozr_alloc_failed(err);
	int rc = ozr_pool_for(c->ctx, c->call, c->count, outline_task, &o, err);
	if (rc == OZR_OK)
		drop_gone(c, o.gone);
	ozr_free(c->ctx, o.gone);
	return rc;
}

/* --- life ------------------------------------------------------------------------------ */

static int fill(struct ozr_collection *c, const struct ozr_node *node, struct ozr_err *err)
{
	c->kind = ozr_node_kind(node);
	switch (c->kind) {
	case OZR_KIND_IMAGE:
		return fill_image(c, err);
	case OZR_KIND_LABELS:
		return fill_labels(c, node, "", err);
	case OZR_KIND_SERIES:
		return fill_series(c, err);
	case OZR_KIND_PLATE:
		return ozr_collection_fill_plate(c, node, err);
	case OZR_KIND_WELL:
		return ozr_collection_fill_well(c, node, err);
	default:
		return ozr_fail(err, OZR_UNSUPPORTED, "is no collection of images");
	}
}

static int new_collection(struct ozr_store *s, const char *path, size_t max,
			  struct ozr_collection **out, struct ozr_err *err)
{
	struct ozr_collection *c = ozr_calloc(s->ctx, 1, sizeof(*c), err);

	if (c == NULL)
		return ozr_alloc_failed(err);
	c->ctx = ozr_ctx_ref(s->ctx);
	c->store = ozr_store_ref(s);
	c->notes.ctx = c->ctx;
	c->max = max < OZR_MEMBERS_MAX ? max : OZR_MEMBERS_MAX;
	c->path = ozr_strdup(c->ctx, path, err);
	c->member = ozr_calloc(c->ctx, c->max + 1, sizeof(*c->member), err);
	*out = c;
	return c->path != NULL && c->member != NULL ? OZR_OK : ozr_alloc_failed(err);
}

int ozr_collection_open(struct ozr_store *s, const char *path, size_t max,
			const struct ozr_call *call, struct ozr_collection **out,
			struct ozr_err *err)
{
	struct ozr_collection *c = NULL;
	struct ozr_node node;
	struct ozr_err local;

	if (err == NULL)
		err = &local;
	ozr_ctx_enter(s->ctx);
	int rc = ozr_node_read(s, path, &node, err);
	if (rc == OZR_OK) {
		rc = new_collection(s, path, max, &c, err);
		if (rc == OZR_OK) {
			c->call = call;
			rc = fill(c, &node, err);
			if (rc == OZR_OK)
				rc = outline_members(c, err);
			c->call = NULL;
		}
		ozr_node_release(&node);
	}
	if (rc != OZR_OK) {
		ozr_collection_close(c);
		return ozr_err_context(err, rc, "open '%s%s%s'", s->location,
				       *path != '\0' ? "/" : "", path);
	}
	*out = c;
	return OZR_OK;
}

void ozr_collection_close(struct ozr_collection *c)
{
	if (c == NULL)
		return;
	struct ozr_ctx *ctx = c->ctx;
	for (size_t i = 0; i < c->count; i++)
		ozr_free(ctx, (char *)c->member[i].path);
	ozr_free(ctx, c->member);
	ozr_free(ctx, c->path);
	ozr_notes_release(&c->notes);
	ozr_store_unref(c->store);
	ozr_free(ctx, c);
	ozr_ctx_unref(ctx);
}

enum ozr_kind ozr_collection_kind(const struct ozr_collection *c)
{
	return c->kind;
}

const char *ozr_collection_name(const struct ozr_collection *c)
{
	return c->name;
}

size_t ozr_collection_count(const struct ozr_collection *c)
{
	return c->count;
}

const struct ozr_member *ozr_collection_member(const struct ozr_collection *c, size_t i)
{
	return &c->member[i];
}

const char *ozr_collection_warning(const struct ozr_collection *c, unsigned i)
{
	return i < c->notes.count ? c->notes.text[i] : NULL;
}
