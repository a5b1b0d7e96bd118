/* SPDX-License-Identifier: MIT */
/*
 * The threads of a context and their way through requests.
 *
 * One lock guards the list of open requests, the idle threads and all fields
 * marked "pool lock" in pool_impl.h; it is never held while a task, the host
 * or the allocator runs. Threads start when a request has use for one more
 * and stay until the context goes. A sleeping thread wakes by a token that
 * whoever wakes it has put down, so no two requests count on the same one.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/pool_impl.h"

enum {
	STACK_BYTES = 1 << 20, /* ours needs less than 256 KiB; plug-in stores run here too */
	POLL_MS = 50,
	MAX_HELPERS = 63
};

struct pool_thread {
	struct ozr_pool *pool;
	pthread_t id;
	struct ozr_request *now; /* in whose work() it is; pool lock */
	uint64_t number;         /* of the task there; by this thread only */
};

struct ozr_pool {
	struct ozr_ctx *ctx; /* borrowed */
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct ozr_request *open; /* newest first */
	unsigned idle, tokens, started;
	unsigned forks; /* that this pool has lived through as the child */
	int quit;
	struct pool_thread thread[MAX_HELPERS];
};

/* --- threads ------------------------------------------------------------- */

static struct ozr_request *find_work(struct ozr_pool *p)
{
	for (struct ozr_request *r = p->open; r; r = r->next)
		if (r->root->helpers + 1 < r->root->width && !ozr_request_stopped(r) && r->ready(r))
			return r;
	return NULL;
}

/* Work for t->now as a helper. */
static void help(struct pool_thread *t)
{
	struct ozr_request *r = t->now;
	struct ozr_ctx *ctx = r->ctx;
	const struct ozr_host *host = &ctx->host;
	void *snapshot = r->root->snapshot;
	struct ozr_err err;

	struct ozr_worker *w = ozr_worker_lease(ctx, &err);
	if (!w) {
		ozr_request_fail(r, 0, &err);
		return;
	}
	if (snapshot && host->enter)
		host->enter(host->user, snapshot);
	r->work(r, w, &t->number);
	if (snapshot && host->leave)
		host->leave(host->user, snapshot);
	ozr_worker_return(w);
}

static void *thread_main(void *arg)
{
	struct pool_thread *t = arg;
	struct ozr_pool *p = t->pool;

	pthread_mutex_lock(&p->lock);
	while (!p->quit) {
		struct ozr_request *r = find_work(p);
		if (r) {
			r->active++;
			r->root->helpers++;
			t->now = r;
			pthread_mutex_unlock(&p->lock);
			help(t);
			pthread_mutex_lock(&p->lock);
			t->now = NULL;
			r->root->helpers--;
			r->active--;
			pthread_cond_signal(&r->changed);
			continue;
		}
		p->idle++;
		while (p->tokens == 0 && !p->quit)
			pthread_cond_wait(&p->work, &p->lock);
		if (p->tokens > 0)
			p->tokens--;
		else
			p->idle--;
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Lock held. Signals are for the host's threads: all are blocked in ours. */
static int start_thread(struct ozr_pool *p)
{
	struct pool_thread *t = &p->thread[p->started];
	pthread_attr_t attr;
	sigset_t all, before;

	if (pthread_attr_init(&attr))
		return 0;
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	t->pool = p;
	t->now = NULL;
	int ok = pthread_create(&t->id, &attr, thread_main, t) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	p->started += (unsigned)ok;
	return ok;
}

static int init_locks(struct ozr_pool *p)
{
	if (pthread_mutex_init(&p->lock, NULL))
		return -1;
	if (pthread_cond_init(&p->work, NULL)) {
		pthread_mutex_destroy(&p->lock);
		return -1;
	}
	return 0;
}

int ozr_pool_new(struct ozr_ctx *ctx, struct ozr_pool **out, struct ozr_err *err)
{
	struct ozr_pool *p = ozr_calloc(ctx, 1, sizeof(*p), err);
	if (!p)
		return ozr_alloc_code(err);
	p->ctx = ctx;
	if (init_locks(p)) {
		ozr_free(ctx, p);
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for a lock");
	}
	*out = p;
	return OZR_OK;
}

void ozr_pool_free(struct ozr_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->quit = 1;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->started; i++)
		pthread_join(p->thread[i].id, NULL);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	ozr_free(p->ctx, p);
}

static int init_changed(pthread_cond_t *changed)
{
	pthread_condattr_t attr;
	if (pthread_condattr_init(&attr))
		return -1;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	int failed = pthread_cond_init(changed, &attr);
	pthread_condattr_destroy(&attr);
	return failed ? -1 : 0;
}

void ozr_pool_forked(struct ozr_pool *p)
{
	/* Requests stayed in the parent. What this thread has open itself (it forked in a
	 * callback) has lost the tasks that helpers were at, and finds out by the count. */
	(void)ozr_lock_forked(&p->lock);
	p->forks++;
	p->open = NULL;
	p->idle = p->tokens = p->started = 0;
	pthread_cond_init(&p->work, NULL);
}

/* --- requests ------------------------------------------------------------ */

void ozr_request_lock(struct ozr_request *r)
{
	pthread_mutex_lock(&r->ctx->pool->lock);
}

void ozr_request_unlock(struct ozr_request *r)
{
	pthread_mutex_unlock(&r->ctx->pool->lock);
}

unsigned ozr_pool_forks(const struct ozr_ctx *ctx)
{
	return ctx->pool->forks;
}

int ozr_request_lost(const struct ozr_request *r)
{
	return r->forks != r->ctx->pool->forks;
}

int ozr_request_has_helpers(const struct ozr_request *r)
{
	return r->active > 0 && !ozr_request_lost(r);
}

/* Lock held: which pool thread is this? */
static const struct pool_thread *this_thread(const struct ozr_pool *p)
{
	for (unsigned i = 0; i < p->started; i++)
		if (pthread_equal(p->thread[i].id, pthread_self()))
			return &p->thread[i];
	return NULL;
}

/* Lock held: the request in whose task the calling thread is, and that task's number. */
static struct ozr_request *enclosing(const struct ozr_pool *p, uint64_t *number)
{
	for (struct ozr_request *r = p->open; r; r = r->next) {
		if (r->owner_inside && pthread_equal(r->owner, pthread_self())) {
			*number = r->owner_number;
			return r;
		}
	}
	const struct pool_thread *t = this_thread(p);
	if (!t || !t->now)
		return NULL;
	*number = t->number;
	return t->now;
}

unsigned ozr_request_width(struct ozr_ctx *ctx, const struct ozr_call *call)
{
	unsigned asked = call ? call->threads : 0;
	return asked && asked < ctx->threads ? asked : ctx->threads;
}

int ozr_request_may_poll(struct ozr_ctx *ctx, const struct ozr_call *call)
{
	if (!call || !call->cancelled)
		return 0;
	pthread_mutex_lock(&ctx->pool->lock);
	int ours = this_thread(ctx->pool) != NULL;
	pthread_mutex_unlock(&ctx->pool->lock);
	return !ours;
}

int ozr_request_open(struct ozr_request *r, struct ozr_ctx *ctx, const struct ozr_call *call,
		     unsigned width, struct ozr_err *err)
{
	struct ozr_pool *p = ctx->pool;

	if (init_changed(&r->changed))
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for a condition variable");
	r->ctx = ozr_ctx_ref(ctx);
	r->call = call;
	r->polls = ozr_request_may_poll(ctx, call);
	r->width = width;
	r->helpers = r->active = 0;
	r->forks = p->forks;
	r->owner = pthread_self();
	r->owner_inside = 0;
	r->owner_number = r->outer_number = 0;
	r->snapshot = NULL;
	r->err.code = OZR_OK;
	atomic_init(&r->failed, OZR_NONE_FAILED);

	pthread_mutex_lock(&p->lock);
	r->outer = enclosing(p, &r->outer_number);
	pthread_mutex_unlock(&p->lock);
	r->root = r->outer ? r->outer->root : r;
	/* Before anybody can join: a helper needs the snapshot. */
	if (r->root == r && r->width > 1 && ctx->host.capture)
		r->snapshot = ctx->host.capture(ctx->host.user);

	pthread_mutex_lock(&p->lock);
	r->next = p->open;
	p->open = r;
	pthread_mutex_unlock(&p->lock);
	return OZR_OK;
}

void ozr_request_close(struct ozr_request *r)
{
	struct ozr_ctx *ctx = r->ctx;
	struct ozr_pool *p = ctx->pool;

	pthread_mutex_lock(&p->lock);
	struct ozr_request **at = &p->open;
	while (*at && *at != r)
		at = &(*at)->next;
	if (*at)
		*at = r->next;
	while (ozr_request_has_helpers(r))
		ozr_request_wait(r);
	int lost = ozr_request_lost(r);
	pthread_mutex_unlock(&p->lock);

	if (r->snapshot && ctx->host.release)
		ctx->host.release(ctx->host.user, r->snapshot);
	if (!lost) /* a thread of the parent may have been inside of it */
		pthread_cond_destroy(&r->changed);
	ozr_ctx_unref(ctx);
}

void ozr_request_rouse(struct ozr_request *r, size_t n)
{
	struct ozr_pool *p = r->ctx->pool;
	const struct ozr_request *root = r->root;
	unsigned most = root->width > p->ctx->threads ? root->width : p->ctx->threads;

	for (unsigned at_work = root->helpers; n > 0 && at_work + 1 < root->width; n--, at_work++) {
		if (p->idle > 0) {
			p->idle--;
			p->tokens++;
			pthread_cond_signal(&p->work);
		} else if (p->started == MAX_HELPERS || p->started + 1 >= most ||
			   !start_thread(p)) {
			break;
		}
	}
}

void ozr_request_wait(struct ozr_request *r)
{
	struct timespec until;

	if (!r->polls) {
		pthread_cond_wait(&r->changed, &r->ctx->pool->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += POLL_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&r->changed, &r->ctx->pool->lock, &until);
}

void ozr_request_inside(struct ozr_request *r, int inside)
{
	r->owner = pthread_self();
	r->owner_inside = inside;
}

void ozr_request_fail(struct ozr_request *r, uint64_t number, const struct ozr_err *err)
{
	ozr_request_lock(r);
	if (number < atomic_load(&r->failed)) {
		r->err = *err;
		atomic_store(&r->failed, number);
	}
	ozr_request_unlock(r);
}

/* This one or the outer one that has stopped it; NULL when it may go on. */
static const struct ozr_request *stopper(const struct ozr_request *r)
{
	if (atomic_load(&r->failed) != OZR_NONE_FAILED || ozr_request_lost(r))
		return r;
	for (; r->outer; r = r->outer)
		if (atomic_load(&r->outer->failed) < r->outer_number || ozr_request_lost(r->outer))
			return r->outer;
	return NULL;
}

int ozr_request_stopped(const struct ozr_request *r)
{
	return stopper(r) != NULL;
}

void ozr_request_poll(struct ozr_request *r)
{
	struct ozr_err err;
	if (!r->polls || ozr_request_stopped(r))
		return;
	int cancelled = r->call->cancelled(r->call->user);
	ozr_ctx_enter(r->ctx); /* the host may have forked in there */
	if (!cancelled)
		return;
	ozr_fail(&err, OZR_CANCELLED, "cancelled");
	ozr_request_fail(r, 0, &err);
}

int ozr_request_result(struct ozr_request *r, struct ozr_err *err)
{
	int code = OZR_OK;
	ozr_request_lock(r);
	const struct ozr_request *by = stopper(r);
	if (by) {
		code = by->err.code;
		if (code && err)
			*err = by->err;
	}
	int lost = ozr_request_lost(r);
	ozr_request_unlock(r);
	if (!code && lost)
		code = ozr_fail(err, OZR_CANCELLED, "the process forked meanwhile");
	return code;
}
