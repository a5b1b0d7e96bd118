/* SPDX-License-Identifier: MIT */
/*
 * Pull: the calling thread reads boxes from the source, one at a time, and
 * hands cells to the pool: whole cells straight from the box, which is
 * released by the last of them, others when the last box has completed them.
 * Meanwhile the next box is read. What is under way is bounded: a few boxes,
 * or the bytes of complete cells.
 */
#include "ome/pyramid_impl.h"

enum { SLOTS = 64 };

struct pull;

/* A box that was read, kept until the cells in it are processed. */
struct held_box {
	struct pull *pull;
	struct ozr_box box;
	_Atomic unsigned users;
	int busy; /* pull's lock */
	void *mem;
};

struct pull {
	struct ozr_build *b;
	struct ozr_read_plan plan;
	struct ozr_pipe *pipe;
	pthread_mutex_t lock; /* of the slots */
	unsigned slots;
	struct held_box slot[SLOTS];
};

/* What a worker does: a whole cell of a box, or a cell that has become complete. */
struct task {
	struct pull *pull;
	struct held_box *box;
	struct ozr_cell *cell;
	uint64_t at[OZR_MAX_RANK];
};

static void release(struct held_box *h)
{
	if (atomic_fetch_sub(&h->users, 1) != 1)
		return;
	pthread_mutex_lock(&h->pull->lock);
	h->busy = 0;
	pthread_mutex_unlock(&h->pull->lock);
}

static void drop_task(void *arg)
{
	struct task *t = arg;
	if (t->box)
		release(t->box);
	if (t->cell)
		ozr_cell_free(t->pull->b, t->cell);
	ozr_free(t->pull->b->ctx, t);
}

static int run_task(void *arg, struct ozr_worker *w, struct ozr_err *err)
{
	struct task *t = arg;
	struct ozr_build *b = t->pull->b;
	struct ozr_cell *cell = t->cell;
	int rc = OZR_OK;
	(void)w;
	t->cell = NULL;
	if (t->box)
		rc = ozr_build_feed(b, &t->box->box, t->at, &cell, err);
	if (!rc && cell)
		rc = ozr_build_process(b, cell, err);
	drop_task(t);
	return rc;
}

static int submit(struct pull *p, struct held_box *box, struct ozr_cell *cell, const uint64_t *at,
		  size_t weight, struct ozr_err *err)
{
	struct ozr_err mine;
	struct task *t = ozr_calloc(p->b->ctx, 1, sizeof *t, &mine);
	if (!t) {
		if (cell)
			ozr_cell_free(p->b, cell);
		return ozr_fail(err, mine.code, "%s", mine.msg);
	}
	t->pull = p;
	t->box = box;
	t->cell = cell;
	memcpy(t->at, at, p->b->g.rank * sizeof *at);
	if (box)
		atomic_fetch_add(&box->users, 1);
	return ozr_pipe_submit(p->pipe, weight, run_task, drop_task, t, err);
}

/* A slot that nobody uses, or NULL. */
static struct held_box *idle_slot(struct pull *p)
{
	struct held_box *found = NULL;
	pthread_mutex_lock(&p->lock);
	for (unsigned i = 0; i < p->slots && !found; i++)
		if (!p->slot[i].busy)
			found = &p->slot[i];
	if (found)
		found->busy = 1;
	pthread_mutex_unlock(&p->lock);
	return found;
}

static int take_slot(struct pull *p, struct held_box **out, struct ozr_err *err)
{
	struct ozr_err mine;
	struct held_box *h = idle_slot(p);
	if (!h) {
		/* Stragglers hold all of them. */
		int rc = ozr_pipe_drain(p->pipe, err);
		if (rc)
			return rc;
		h = idle_slot(p);
	}
	if (!h->mem)
		h->mem = ozr_alloc(p->b->ctx, p->plan.box_bytes, &mine);
	if (!h->mem) {
		h->busy = 0;
		return ozr_fail(err, mine.code, "%s", mine.msg);
	}
	h->pull = p;
	atomic_store(&h->users, 1);
	*out = h;
	return OZR_OK;
}

/* Hand the cells of a box that was read to the pool. */
static int hand_out(struct pull *p, struct held_box *h, struct ozr_err *err)
{
	struct ozr_build *b = p->b;
	const unsigned rank = b->g.rank;
	uint64_t at[OZR_MAX_RANK], first[OZR_MAX_RANK] = {0}, last[OZR_MAX_RANK];
	int rc = OZR_OK;
	ozr_cells_of(&b->g, 0, &h->box, first, last);
	memcpy(at, first, sizeof at);
	do {
		uint64_t start[OZR_MAX_RANK], count[OZR_MAX_RANK], bytes = b->g.size;
		struct ozr_cell *complete = NULL;
		ozr_cell_bounds(&b->g, 0, at, start, count);
		for (unsigned d = 0; d < rank; d++)
			bytes *= count[d];
		if (ozr_build_whole(b, &h->box, at)) {
			rc = submit(p, h, NULL, at, (size_t)bytes, err);
			continue;
		}
		rc = ozr_build_feed(b, &h->box, at, &complete, err);
		if (!rc && complete)
			rc = submit(p, NULL, complete, at, (size_t)bytes, err);
	} while (!rc && ozr_odometer(at, first, last, rank));
	return rc;
}

static int read_box(struct pull *p, const struct ozr_source *src, const struct ozr_read_walk *w,
		    struct held_box *h, struct ozr_err *err)
{
	const unsigned rank = p->b->g.rank;
	h->box = (struct ozr_box){.data = h->mem, .dtype = p->b->g.how.dtype};
	for (unsigned d = 0; d < rank; d++) {
		h->box.start[d] = w->start[d];
		h->box.count[d] = w->count[d];
		h->box.step[d] = 1;
	}
	ozr_box_contiguous(&h->box, rank);
	return src->read(src->user, &h->box, err);
}

static int run(struct pull *p, const struct ozr_source *src, const struct ozr_call *call,
	       struct ozr_err *err)
{
	const double all = (double)p->b->g.elements;
	struct ozr_read_walk walk = {0};
	struct held_box *h = NULL;
	int rc = ozr_call_progress(call, 0, err);
	while (!rc && ozr_read_plan_next(&p->plan, &walk)) {
		rc = take_slot(p, &h, err);
		if (rc)
			break;
		rc = read_box(p, src, &walk, h, err);
		if (!rc)
			rc = hand_out(p, h, err);
		release(h);
		if (!rc)
			rc = ozr_call_progress(call, (double)atomic_load(&p->b->fed) / all, err);
	}
	if (!rc)
		rc = ozr_pipe_drain(p->pipe, err);
	return rc ? rc : ozr_call_progress(call, 1, err);
}

/* Divide the budget: a quarter for what the arrays hold back; of the rest, for whole boxes one
 * half for two of them, for thin ones a small part, and what is left for waiting cells. */
static void divide(struct pull *p, const uint64_t *block, unsigned threads, size_t budget,
		   size_t *under_way)
{
	struct ozr_build *b = p->b;
	const size_t part = budget - b->write_budget;
	ozr_read_plan_make(&b->g, block, part / 4, part / 8, threads, &p->plan);
	const size_t box = (size_t)p->plan.box_bytes;
	b->log_limit = part / 8;
	if (p->plan.whole) {
		const size_t boxes = part / 2 / (box ? box : 1);
		p->slots = boxes < 2 ? 2 : boxes > SLOTS ? SLOTS : (unsigned)boxes;
		*under_way = box * (p->slots - 1);
		b->direct_limit = b->upper_limit = part / 2 - b->log_limit;
		return;
	}
	/* Cells under way share the memory with those that fill up. */
	const size_t rest = part - b->log_limit - (box < part / 8 ? box : part / 8);
	const size_t front = p->plan.front_bytes < rest ? (size_t)p->plan.front_bytes : rest;
	p->slots = 2;
	b->direct_limit = rest;
	b->upper_limit = rest - front > rest / 4 ? rest - front : rest / 4;
	*under_way = rest - front > rest / 16 ? rest - front : rest / 16;
}

static int pull(struct ozr_build *b, const struct ozr_source *src, const struct ozr_call *call,
		struct ozr_err *err)
{
	struct ozr_err mine;
	size_t under_way;
	struct pull *p = ozr_calloc(b->ctx, 1, sizeof *p, &mine);
	if (!p)
		return ozr_fail(err, mine.code, "%s", mine.msg);
	p->b = b;
	pthread_mutex_init(&p->lock, NULL);
	divide(p, src->block, ozr_ctx_threads(b->ctx), ozr_call_budget(call), &under_way);
	int rc = ozr_pipe_open(b->ctx, call, under_way ? under_way : 1, &p->pipe, err);
	if (!rc)
		rc = run(p, src, call, err);
	ozr_pipe_close(p->pipe);
	for (unsigned i = 0; i < p->slots; i++)
		ozr_free(b->ctx, p->slot[i].mem);
	pthread_mutex_destroy(&p->lock);
	ozr_free(b->ctx, p);
	return rc;
}

/* One of several pulls, as a part of the whole. */
struct share {
	const struct ozr_call *call;
	double from, part;
};

static int share_cancelled(void *user)
{
	const struct share *s = user;
	return s->call->cancelled ? s->call->cancelled(s->call->user) : 0;
}

static int share_progress(void *user, double fraction)
{
	const struct share *s = user;
	return s->call->progress ? s->call->progress(s->call->user, s->from + s->part * fraction)
				 : 0;
}

static void share_warn(void *user, const char *msg)
{
	const struct share *s = user;
	if (s->call->warn)
		s->call->warn(s->call->user, msg);
}

/* stored: the first level has its elements already. */
static int pull_part(struct ozr_image *img, unsigned first, unsigned levels, int stored,
		     const struct ozr_source *src, const struct ozr_call *call, struct ozr_err *err)
{
	struct ozr_build *b = NULL;
	int rc = ozr_build_new(img, first, levels, ozr_call_budget(call), &b, err);
	if (rc)
		return rc;
	b->stored = stored;
	rc = pull(b, src, call, err);
	if (rc)
		return ozr_build_failed(img, b, rc);
	ozr_build_free(b);
	return OZR_OK;
}

static double elements(const struct ozr_image *img, unsigned level)
{
	double n = 1;
	for (unsigned d = 0; d < img->info.rank; d++)
		n *= (double)img->level[level].shape[d];
	return n;
}

/* Whether this process may pull into the image now. */
static int check_image(const struct ozr_image *img, struct ozr_err *err)
{
	int rc = ozr_image_owned(img, err);
	if (rc)
		return ozr_err_context(err, rc, "pull");
	if (__atomic_load_n(&img->build, __ATOMIC_ACQUIRE))
		return ozr_fail(err, OZR_BAD_ARG, "pull: the image is being built already");
	return OZR_OK;
}

static int check_sources(const struct ozr_source *src, const unsigned char *stored, unsigned n,
			 unsigned levels, struct ozr_err *err)
{
	if (n == 0 || n > levels || !src[0].read)
		return ozr_fail(err, OZR_BAD_ARG, "pull: %u sources for %u levels", n, levels);
	for (unsigned i = 0; i < n; i++)
		if (stored && stored[i] && !src[i].read)
			return ozr_fail(err, OZR_BAD_ARG,
					"pull: level %u is stored, and has no source", i);
	return OZR_OK;
}

static int pull_levels(struct ozr_image *img, const struct ozr_source *src,
		       const unsigned char *stored, unsigned n, const struct ozr_call *call,
		       struct ozr_err *err)
{
	const unsigned levels = img->info.levels;
	struct share share = {.call = call};
	struct ozr_call mine = {0};
	double all = 0;
	ozr_ctx_enter(img->ctx);
	int rc = check_image(img, err);
	if (rc)
		return rc;
	rc = check_sources(src, stored, n, levels, err);
	if (rc)
		return rc;
	if (n == 1 && !stored)
		return pull_part(img, 0, levels, 0, src, call, err);
	for (unsigned i = 0; i < n; i++)
		all += src[i].read ? elements(img, i) : 0;
	if (call) {
		mine = *call;
		mine.user = &share;
		mine.cancelled = share_cancelled;
		mine.progress = share_progress;
		mine.warn = share_warn;
	}
	for (unsigned i = 0, end; i < n && !rc; i = end) {
		for (end = i + 1; end < levels && (end >= n || !src[end].read);)
			end++;
		share.part = elements(img, i) / all;
		const int is_stored = stored && stored[i];
		if (!is_stored || end - i > 1) /* else there is nothing to do */
			rc = pull_part(img, i, end - i, is_stored, &src[i], call ? &mine : NULL,
				       err);
		share.from += share.part;
	}
	return rc;
}

int ozr_pyramid_pull_levels(struct ozr_image *img, const struct ozr_source *src, unsigned n,
			    const struct ozr_call *call, struct ozr_err *err)
{
	return pull_levels(img, src, NULL, n, call, err);
}

int ozr_pyramid_fill(struct ozr_image *img, const struct ozr_source *src,
		     const unsigned char *stored, unsigned n, const struct ozr_call *call,
		     struct ozr_err *err)
{
	int rc = pull_levels(img, src, stored, n, call, err);
	return rc ? rc : ozr_call_progress(call, 1, err);
}

static int read_stored(void *user, const struct ozr_box *box, struct ozr_err *err)
{
	return ozr_array_read(user, 1, box, NULL, err);
}

struct ozr_source ozr_pyramid_stored(struct ozr_array *a)
{
	struct ozr_source src = {.user = a, .read = read_stored};
	struct ozr_array_info info;
	ozr_array_get_info(a, &info);
	memcpy(src.block, info.chunk, sizeof src.block);
	return src;
}

int ozr_pyramid_pull(struct ozr_image *img, const struct ozr_source *src,
		     const struct ozr_call *call, struct ozr_err *err)
{
	return ozr_pyramid_pull_levels(img, src, 1, call, err);
}

int ozr_pyramid_pull_first(struct ozr_image *img, const struct ozr_source *src,
			   const struct ozr_call *call, struct ozr_err *err)
{
	ozr_ctx_enter(img->ctx);
	int rc = check_image(img, err);
	return rc ? rc : pull_part(img, 0, 1, 0, src, call, err);
}
