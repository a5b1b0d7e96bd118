/* SPDX-License-Identifier: MIT */
/*
 * Whole Zarr hierarchies in whatever store: whether one is there and nothing
 * else, removing it, copying it to another store. What is removed goes metadata
 * first, what is copied comes metadata last, the root's as the very last, so
 * that a reader never takes a part of it for all. Needs stores that list;
 * directories have better ways of their own (stage.c, tree_remove.c).
 */
#include <stdlib.h>
#include <string.h>

#include "base/ctx.h"
#include "base/key.h"
#include "base/mem.h"
#include "base/pool.h"
#include "store/tree.h"

enum {
	BATCH = 1024,   /* values copied between two looks at the host */
	PIECE = 8 << 20 /* of a value read at once */
};

/* --- looking -------------------------------------------------------------------------- */

struct look {
	int any, has_metadata;
	char foreign[OZR_QUOTE_MAX]; /* the first; "" for none */
};

static int look_at(void *arg, const char *name, int is_prefix)
{
	struct look *l = arg;

	l->any = 1;
	if (!is_prefix && ozr_tree_is_root_metadata(name))
		l->has_metadata = 1;
	if (!is_prefix && !ozr_tree_is_known_file(name) && l->foreign[0] == '\0')
		ozr_quote(l->foreign, name, strlen(name));
	return 0;
}

int ozr_hierarchy_check(struct ozr_store *s, struct ozr_err *err)
{
	struct look l = {0};

	ozr_ctx_enter(s->ctx);
	int rc = ozr_store_list(s, "", look_at, &l, err);
	if (rc != OZR_OK)
		return rc;
	if (!l.any)
		return ozr_fail(err, OZR_NOT_FOUND, "nothing is there");
	if (!l.has_metadata)
		return ozr_fail(err, OZR_EXISTS, "no zarr.json, .zgroup or .zarray is there");
	if (l.foreign[0] != '\0')
		return ozr_fail(err, OZR_EXISTS, "holds '%s', which is not part of a Zarr",
				l.foreign);
	return OZR_OK;
}

/* --- walking --------------------------------------------------------------------------- */

/* Keys, one after the other, each with its NUL. */
struct keys {
	struct ozr_buf text;
	size_t count;
};

struct walk {
	struct ozr_store *store;
	struct keys data, documents;
	int (*batch)(struct walk *w, struct ozr_err *err); /* data is full */
	struct ozr_store *to;
	const struct ozr_call *call;
	int code;
	struct ozr_err *err;
};

struct place {
	struct walk *w;
	const char *prefix;
	unsigned depth;
};

static int note_key(struct walk *w, const char *key)
{
	struct keys *k = ozr_tree_is_document(key) ? &w->documents : &w->data;

	w->code = ozr_buf_append(&k->text, key, strlen(key) + 1, w->err);
	k->count++;
	if (w->code == OZR_OK && w->data.count == BATCH)
		w->code = w->batch(w, w->err);
	return w->code != OZR_OK;
}

static int walk_child(void *arg, const char *name, int is_prefix)
{
	const struct place *p = arg;
	struct walk *w = p->w;
	char key[OZR_KEY_MAX + 1];

	w->code = ozr_key_join(key, p->prefix, name, w->err);
	if (w->code != OZR_OK)
		return 1;
	if (!is_prefix)
		return note_key(w, key);
	if (p->depth == OZR_TREE_DEPTH) {
		w->code = ozr_fail(w->err, OZR_LIMIT, "'%s' is nested too deep", key);
		return 1;
	}
	struct place below = {w, key, p->depth + 1};
	int rc = ozr_store_list(w->store, key, walk_child, &below, w->err);
	if (w->code == OZR_OK)
		w->code = rc;
	return w->code != OZR_OK;
}

static int walk_all(struct walk *w)
{
	struct place root = {w, "", 0};

	int rc = ozr_store_list(w->store, "", walk_child, &root, w->err);
	if (w->code == OZR_OK)
		w->code = rc;
	if (w->code == OZR_OK && w->data.count > 0)
		w->code = w->batch(w, w->err);
	return w->code;
}

static void walk_init(struct walk *w)
{
	ozr_buf_init(&w->data.text, w->store->ctx, SIZE_MAX / 2);
	ozr_buf_init(&w->documents.text, w->store->ctx, SIZE_MAX / 2);
}

static void walk_release(struct walk *w)
{
	ozr_buf_release(&w->data.text);
	ozr_buf_release(&w->documents.text);
}

/* Keys as a list; take. */
static const char **list_of(const struct walk *w, const struct keys *k, struct ozr_err *err)
{
	const char **list = ozr_calloc(w->store->ctx, k->count, sizeof(*list), err);
	const char *at = k->text.data;

	for (size_t i = 0; list != NULL && i < k->count; i++, at += strlen(at) + 1)
		list[i] = at;
	return list;
}

static size_t depth_of(const char *key)
{
	size_t n = 0;

	for (; *key != '\0'; key++)
		n += *key == '/';
	return n;
}

static int by_depth(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	size_t dx = depth_of(x), dy = depth_of(y);

	return dx != dy ? (dx < dy ? -1 : 1) : strcmp(x, y);
}

/* The documents, those of a node before those below it. */
static const char **sorted_documents(const struct walk *w, struct ozr_err *err)
{
	const char **list = list_of(w, &w->documents, err);

	if (list != NULL)
		qsort(list, w->documents.count, sizeof(*list), by_depth);
	return list;
}

/* --- copying ----------------------------------------------------------------------------- */

static int copy_bytes(struct ozr_object *o, struct ozr_put *put, struct ozr_worker *w,
		      struct ozr_err *err)
{
	uint64_t piece = o->size < PIECE ? o->size : PIECE;
	void *bytes = piece > 0 ? ozr_worker_scratch(w, OZR_SCRATCH_ENCODED, piece, err) : NULL;
	int rc = piece > 0 && bytes == NULL ? ozr_alloc_code(err) : OZR_OK;

	for (uint64_t done = 0; rc == OZR_OK && done < o->size;) {
		struct ozr_range r = {done, o->size - done < PIECE ? o->size - done : PIECE};
		rc = ozr_object_read(o, 1, &r, &bytes, err);
		if (rc == OZR_OK)
			rc = ozr_put_append(put, bytes, (size_t)r.length, err);
		done += r.length;
	}
	return rc;
}

int ozr_hierarchy_copy_value(struct ozr_store *from, struct ozr_store *to, const char *key,
			     struct ozr_worker *w, struct ozr_err *err)
{
	const struct ozr_hint hint = {OZR_FIRST_HEAD, PIECE};
	struct ozr_object *o = NULL;
	struct ozr_put *put = NULL;
	char quoted[OZR_QUOTE_MAX];

	if (strcmp(key, OZR_TREE_IFD_KEY) == 0)
		return OZR_OK;
	int rc = ozr_object_open_for(from, key, &hint, &o, err);
	if (rc == OZR_OK)
		rc = ozr_put_begin(to, key, o->size, &put, err);
	if (rc == OZR_OK)
		rc = copy_bytes(o, put, w, err);
	if (rc == OZR_OK)
		rc = ozr_put_commit(put, OZR_PUT_REPLACE, NULL, err);
	else
		ozr_put_abort(put);
	ozr_object_close(o);
	if (rc == OZR_NOT_FOUND) /* it was listed */
		rc = ozr_fail(err, OZR_CHANGED, "was removed while it was copied");
	return rc == OZR_OK
		       ? rc
		       : ozr_err_context(err, rc, "copy '%s'", ozr_quote(quoted, key, strlen(key)));
}

struct batch {
	const struct walk *w;
	const char **key;
};

static int copy_task(void *arg, size_t i, struct ozr_worker *worker, struct ozr_err *err)
{
	const struct batch *b = arg;

	return ozr_hierarchy_copy_value(b->w->store, b->w->to, b->key[i], worker, err);
}

static unsigned width_of(const struct walk *w)
{
	unsigned from = w->store->io_width, to = w->to->io_width;
	unsigned wide = from > to ? from : to;

	return wide > 0 ? wide : ozr_ctx_threads(w->store->ctx);
}

static int copy_batch(struct walk *w, struct ozr_err *err)
{
	struct batch b = {w, list_of(w, &w->data, err)};

	if (b.key == NULL)
		return ozr_alloc_code(err);
	int rc = ozr_pool_for_wide(w->store->ctx, w->call, width_of(w), w->data.count, copy_task,
				   &b, err);
	ozr_free(w->store->ctx, b.key);
	w->data.text.len = 0;
	w->data.count = 0;
	return rc;
}

/* A node's after those below it. */
static int copy_documents(const struct walk *w, struct ozr_err *err)
{
	if (w->documents.count == 0)
		return OZR_OK;
	struct ozr_worker *worker = ozr_worker_lease(w->store->ctx, err);
	const char **key = worker != NULL ? sorted_documents(w, err) : NULL;
	int rc = key == NULL ? ozr_alloc_code(err) : OZR_OK;

	for (size_t i = w->documents.count; rc == OZR_OK && i-- > 0;)
		rc = ozr_hierarchy_copy_value(w->store, w->to, key[i], worker, err);
	ozr_free(w->store->ctx, key);
	if (worker != NULL)
		ozr_worker_return(worker);
	return rc;
}

int ozr_hierarchy_copy(struct ozr_store *from, struct ozr_store *to, const struct ozr_call *call,
		       struct ozr_err *err)
{
	struct ozr_err local;
	struct walk w = {.store = from,
			 .to = to,
			 .call = call,
			 .batch = copy_batch,
			 .err = err != NULL ? err : &local};

	ozr_ctx_enter(from->ctx);
	walk_init(&w);
	int rc = walk_all(&w);
	if (rc == OZR_OK)
		rc = copy_documents(&w, w.err);
	if (rc == OZR_OK)
		rc = ozr_store_sync(to, w.err);
	walk_release(&w);
	return rc;
}

/* --- removing ---------------------------------------------------------------------------- */

static int delete_batch(struct walk *w, struct ozr_err *err)
{
	const char *at = w->data.text.data;
	int rc = OZR_OK;

	for (size_t i = 0; rc == OZR_OK && i < w->data.count; i++, at += strlen(at) + 1)
		rc = ozr_store_del(w->store, at, err);
	w->data.text.len = 0;
	w->data.count = 0;
	return rc;
}

static int skip_batch(struct walk *w, struct ozr_err *err)
{
	(void)err;
	w->data.text.len = 0;
	w->data.count = 0;
	return OZR_OK;
}

/* A node's before those below it. */
static int delete_documents(const struct walk *w)
{
	if (w->documents.count == 0)
		return OZR_OK;
	const char **key = sorted_documents(w, w->err);
	int rc = key == NULL ? ozr_alloc_code(w->err) : OZR_OK;

	for (size_t i = 0; rc == OZR_OK && i < w->documents.count; i++)
		rc = ozr_store_del(w->store, key[i], w->err);
	ozr_free(w->store->ctx, key);
	return rc;
}

int ozr_hierarchy_clear(struct ozr_store *s, struct ozr_err *err)
{
	struct ozr_err local;
	struct walk w = {.store = s, .batch = skip_batch, .err = err != NULL ? err : &local};

	ozr_ctx_enter(s->ctx);
	walk_init(&w);
	int rc = walk_all(&w);
	if (rc == OZR_OK)
		rc = delete_documents(&w);
	w.batch = delete_batch;
	if (rc == OZR_OK)
		rc = walk_all(&w);
	walk_release(&w);
	return rc;
}

int ozr_hierarchy_remove(struct ozr_store *s, struct ozr_err *err)
{
	int rc = ozr_hierarchy_check(s, err);

	if (rc == OZR_EXISTS) {
		rc = OZR_DENIED;
		if (err != NULL)
			err->code = rc;
	}
	return rc == OZR_OK ? ozr_hierarchy_clear(s, err) : rc;
}
