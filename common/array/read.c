/* SPDX-License-Identifier: MIT */
/*
 * Reading boxes: plan, then decode each chunk once, in storage order, on the
 * pool. Without shards a task opens its chunk's object, reads and decodes it.
 * A request for few large chunks is spread by blocks instead.
 *
 * A chunk that is missing is fill, provided that the array itself is still
 * there: an overwrite or a removal takes the metadata away before the data, so
 * one look at the metadata after the last miss tells.
 */
#include "array/read.h"

#include <string.h>

#include "base/key.h"

int ozr_read_worth_spreading(const struct ozr_reading *r, size_t jobs)
{
	enum { LARGE = 512 << 10 };

	return r->threads > 1 && jobs < 2 * (size_t)r->threads && !r->remote &&
	       r->g->elements * r->g->item >= LARGE;
}

/* --- spreading: tasks are blocks --------------------------------------------- */

struct spread {
	struct ozr_chunk_job *job;
	struct ozr_block_table *table;
	uint64_t *first; /* [jobs + 1]: task number of each job's first block */
	size_t jobs;
};

static int spread_prepare(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct spread *s = arg;

	if (!s->job[i].at.read)
		return OZR_OK;
	return ozr_chunk_job_context(&s->job[i],
				     ozr_block_table_get(&s->job[i], w, &s->table[i], err), err);
}

static int spread_task(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	const struct spread *s = arg;
	size_t k = 0;

	while (s->first[k + 1] <= i)
		k++;
	const struct ozr_chunk_job *j = &s->job[k];
	if (!j->at.read || !ozr_block_table_divides(j, &s->table[k]))
		return ozr_chunk_job_run(j, w, err);
	return ozr_chunk_job_context(j, ozr_block_run(j, &s->table[k], i - s->first[k], w, err),
				     err);
}

int ozr_read_spread(struct ozr_reading *r, struct ozr_chunk_job *jobs, size_t n,
		    struct ozr_err *err)
{
	struct ozr_ctx *ctx = r->a->ctx;
	struct spread s = {.job = jobs, .jobs = n};
	int rc = OZR_NO_MEMORY;

	s.table = ozr_calloc(ctx, n, sizeof(*s.table), err);
	s.first = s.table ? ozr_calloc(ctx, n + 1, sizeof(*s.first), err) : NULL;
	if (!s.first) {
		rc = ozr_alloc_code(err);
		goto out;
	}
	rc = ozr_pool_for(ctx, r->call, n, spread_prepare, &s, err);
	if (rc)
		goto out;
	for (size_t i = 0; i < n; i++) {
		int divides = jobs[i].at.read && ozr_block_table_divides(&jobs[i], &s.table[i]);
		s.first[i + 1] = s.first[i] + (divides ? s.table[i].blocks.count : 1);
	}
	rc = ozr_pool_for(ctx, r->call, (size_t)s.first[n], spread_task, &s, err);
out:
	for (size_t i = 0; s.table && i < n; i++)
		ozr_block_table_release(&s.table[i]);
	ozr_free(ctx, s.table);
	ozr_free(ctx, s.first);
	return rc;
}

/* --- arrays without shards ------------------------------------------------------ */

enum {
	AHEAD = 16,            /* objects opened and announced ahead of their tasks */
	AHEAD_MIN = 256 << 10, /* for chunks of this decoded size on: an open costs 6 us */
};

struct flat {
	struct ozr_reading *r;
	const struct ozr_plan *plan;
	struct ozr_chunk_job *job;            /* when spreading */
	struct ozr_object **object;           /* when spreading */
	_Atomic(struct ozr_object *) *opened; /* [jobs] ahead of their tasks, or NULL */
	struct ozr_object taken;              /* in opened[]: the task has begun */
};

static int object_key(const struct ozr_reading *r, const struct ozr_chunk_job *j,
		      char key[OZR_KEY_MAX + 1], struct ozr_err *err)
{
	return ozr_meta_key(&r->a->meta, r->a->path, j->chunk, key, err);
}

/* The object of a job (*object: opened already, or NULL); a missing one leaves .read NULL. */
static int open_object(struct ozr_reading *r, struct ozr_chunk_job *j, struct ozr_object **object,
		       struct ozr_err *err)
{
	char key[OZR_KEY_MAX + 1];
	int rc = object_key(r, j, key, err);

	if (rc == OZR_OK && !*object) {
		struct ozr_hint hint = ozr_chunk_hint(r->g, j->whole);
		rc = ozr_object_open_for(r->a->store, key, &hint, object, err);
	}
	if (rc == OZR_NOT_FOUND) {
		atomic_store(&r->missing, 1);
		return OZR_OK;
	}
	if (rc)
		return rc;
	j->at = ozr_bytes_at_object(*object, ozr_bytes_identity(r->a, key, (*object)->version));
	ozr_chunk_job_revisit(j);
	return OZR_OK;
}

/* Open the object of a later task and let the system fetch it meanwhile. */
static void open_ahead(struct flat *f, size_t i)
{
	struct ozr_object *object = NULL, *expected = NULL;
	char key[OZR_KEY_MAX + 1];
	struct ozr_chunk_job j;

	if (i >= f->plan->jobs || atomic_load(&f->opened[i]))
		return;
	ozr_chunk_job_init(&j, f->r->a, f->plan, i);
	if (!j.whole) /* a part is read directly: nobody needs the rest of the file */
		return;
	if (object_key(f->r, &j, key, NULL) || ozr_object_open(f->r->a->store, key, &object, NULL))
		return; /* its task will see */
	struct ozr_range all = {0, object->size};
	ozr_object_advise(object, 1, &all);
	if (!atomic_compare_exchange_strong(&f->opened[i], &expected, object))
		ozr_object_close(object); /* the task was faster */
}

static int flat_task(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct flat *f = arg;
	struct ozr_object *object = NULL;
	struct ozr_chunk_job j;

	if (f->opened) {
		object = atomic_exchange(&f->opened[i], &f->taken);
		for (size_t k = i ? AHEAD : 1; k <= AHEAD; k++)
			open_ahead(f, i + k);
	}
	ozr_chunk_job_init(&j, f->r->a, f->plan, i);
	int rc = open_object(f->r, &j, &object, err);
	if (rc == OZR_OK && f->r->remote)
		ozr_chunk_job_recall(&j);
	if (rc == OZR_OK)
		rc = ozr_chunk_job_run(&j, w, err);
	ozr_chunk_job_release(&j);
	ozr_object_close(object);
	return rc;
}

static int read_many(struct ozr_reading *r, const struct ozr_plan *plan, struct ozr_err *err)
{
	struct flat f = {.r = r, .plan = plan};
	struct ozr_object *left;

	/* best effort: without memory nothing is opened ahead */
	if (!r->remote && plan->jobs > 2 && r->g->elements * r->g->item >= AHEAD_MIN)
		f.opened = ozr_calloc(r->a->ctx, plan->jobs, sizeof(*f.opened), NULL);
	int rc = ozr_read_for(r, plan->jobs, flat_task, &f, err);
	for (size_t i = 0; f.opened && i < plan->jobs; i++) {
		left = atomic_load(&f.opened[i]);
		if (left != &f.taken) /* after an error */
			ozr_object_close(left);
	}
	ozr_free(r->a->ctx, f.opened);
	return rc;
}

static int flat_open(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct flat *f = arg;

	(void)w;
	ozr_chunk_job_init(&f->job[i], f->r->a, f->plan, i);
	return open_object(f->r, &f->job[i], &f->object[i], err);
}

static int read_few(struct ozr_reading *r, const struct ozr_plan *plan, struct ozr_err *err)
{
	struct ozr_ctx *ctx = r->a->ctx;
	struct flat f = {.r = r, .plan = plan};
	int rc = OZR_OK;

	f.job = ozr_calloc(ctx, plan->jobs, sizeof(*f.job), err);
	f.object = f.job ? ozr_calloc(ctx, plan->jobs, sizeof(*f.object), err) : NULL;
	if (!f.object)
		rc = ozr_alloc_code(err);
	if (rc == OZR_OK)
		rc = ozr_pool_for(ctx, r->call, plan->jobs, flat_open, &f, err);
	if (rc == OZR_OK)
		rc = ozr_read_spread(r, f.job, plan->jobs, err);
	for (size_t i = 0; f.object && i < plan->jobs; i++)
		ozr_object_close(f.object[i]);
	ozr_free(ctx, f.job);
	ozr_free(ctx, f.object);
	return rc;
}

int ozr_read_chunks(struct ozr_reading *r, const struct ozr_plan *plan, struct ozr_err *err)
{
	return ozr_read_worth_spreading(r, plan->jobs) ? read_few(r, plan, err)
						       : read_many(r, plan, err);
}

/* --- the request ------------------------------------------------------------------ */

static int read_plan(void *arg, const struct ozr_plan *plan, struct ozr_err *err)
{
	struct ozr_reading *r = arg;

	return r->g->depth ? ozr_read_shards(r, plan, err) : ozr_read_chunks(r, plan, err);
}

int ozr_array_read(struct ozr_array *a, size_t n, const struct ozr_box *boxes,
		   const struct ozr_call *call, struct ozr_err *err)
{
	struct ozr_reading r = {.a = a, .g = &a->meta.grid, .call = call};
	struct ozr_hold hold = {0};
	int rc;

	ozr_ctx_enter(a->ctx);
	r.threads = ozr_read_width(a, call);
	r.remote = (a->store->caps & OZR_STORE_REMOTE) != 0;
	rc = ozr_boxes_check(r.g, n, boxes, OZR_BOX_READ, err);
	if (rc == OZR_OK && a->writer)
		rc = ozr_hold_begin(a->writer, n, boxes, call, &hold, err);
	if (rc == OZR_OK)
		rc = ozr_plan_each(a->ctx, r.g, n, boxes, read_plan, &r, err);
	/* A remote store keeps objects open: one that was replaced since is opened anew. */
	if (rc == OZR_CHANGED && r.remote && ozr_array_still_there(a, err) == OZR_OK)
		rc = ozr_plan_each(a->ctx, r.g, n, boxes, read_plan, &r, err);
	if (rc == OZR_OK && hold.n > 0)
		rc = ozr_hold_overlay(&hold, n, boxes, call, err);
	int released = ozr_hold_release(&hold, call, rc ? NULL : err);
	rc = rc ? rc : released;
	if (rc == OZR_OK && atomic_load(&r.missing))
		rc = ozr_array_still_there(a, err);
	return ozr_array_context(a, rc, err);
}
