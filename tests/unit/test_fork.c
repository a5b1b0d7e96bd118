/* SPDX-License-Identifier: MIT */
/*
 * A forked child with its parent's handles that write: it must not hang, must
 * not publish, remove or change anything of the parent's, is told so, and can
 * close its copies; the parent goes on as if nothing had been.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "array/writer.h"
#include "base/spool.h"
#include "ome/image_impl.h"
#include "ozr/ozr.h"
#include "support/check.h"

/*
 * What sanitizers cannot follow: a child of many threads that starts threads (TSAN), and a
 * fork while another thread is in the allocator, whose lock stays locked in the child (ASAN).
 */
#ifndef __SANITIZE_THREAD__
#define CAN_FORK
#ifndef __SANITIZE_ADDRESS__
#define CAN_FORK_BUSY
#endif
#endif

#ifdef CAN_FORK

enum { Y = 600, X = 500 };

static struct ozr_err err;
static struct ozr_ctx *ctx;
static char folder[PATH_MAX];
static uint16_t pixels[Y][X];

static struct ozr_image_options options(void)
{
	struct ozr_image_options o = {
		.dtype = OZR_UINT16,
		.rank = 2,
		.shape = {Y, X},
		.chunk = {64, 64},
		.shard = {128, 128},
		.axes = {{"y", OZR_AXIS_SPACE, ""}, {"x", OZR_AXIS_SPACE, ""}}};
	return o;
}

/* Rows [y, y + n), or a part of them. */
static struct ozr_box rows(uint64_t y, uint64_t n, uint64_t x, uint64_t width)
{
	struct ozr_box b = {
		.start = {y, x}, .count = {n, width}, .data = &pixels[y][x], .dtype = OZR_UINT16};
	b.stride[0] = sizeof pixels[0];
	b.stride[1] = 2;
	return b;
}

static int read_any(void *user, const struct ozr_box *box, struct ozr_err *e)
{
	(void)user, (void)box, (void)e;
	check_failed(__FILE__, __LINE__, "a source was read for a child", "");
}

/* The exit code of a child that runs fn, or the negative signal that ended it. */
static int in_child(void (*fn)(void *arg), void *arg)
{
	fflush(NULL);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		alarm(60);
		fn(arg);
		_exit(0);
	}
	int status = 0;
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void check_refused(int code)
{
	CHECK(code == OZR_BAD_ARG);
	if (!strstr(err.msg, "forked from"))
		fprintf(stderr, "%s\n", err.msg);
	CHECK(strstr(err.msg, "forked from"));
}

/* All that could write, and then close. */
static void try_all(void *arg)
{
	struct ozr_image *img = arg;
	const struct ozr_source src = {.read = read_any};
	struct ozr_array *level = ozr_image_level(img, 0);
	const uint64_t grown[] = {Y + 1, X};
	struct ozr_box b = rows(0, 64, 0, X);
	check_refused(ozr_pyramid_pull(img, &src, NULL, &err));
	check_refused(ozr_pyramid_push(img, &b, NULL, &err));
	if (img->build)
		check_refused(ozr_pyramid_finish(img, NULL, &err));
	check_refused(ozr_pyramid_refresh(img, 0, NULL, NULL, NULL, &err));
	check_refused(ozr_pyramid_extend(img, 0, &b, NULL, &err));
	check_refused(ozr_image_set_attributes(img, "{\"child\": 1}", &err));
	check_refused(ozr_array_write(level, 1, &b, NULL, &err));
	check_refused(ozr_array_publish(level, &err));
	check_refused(ozr_array_resize(level, grown, &err));
	if (img->making)
		check_refused(ozr_image_commit(img, NULL, &err));
	ozr_image_close(img);
}

/* Reads as ozr_image_open_dir() finds it. */
static void check_image(const char *path)
{
	static uint16_t got[Y][X];
	struct ozr_image *img = NULL;
	char *json;
	struct ozr_box b = rows(0, Y, 0, X);
	b.data = got;
	CHECK_OK(ozr_image_open_dir(ctx, path, "", OZR_READ, &img, &err));
	CHECK_OK(ozr_array_read(ozr_image_level(img, 0), 1, &b, NULL, &err));
	CHECK(memcmp(got, pixels, sizeof got) == 0);
	CHECK_OK(ozr_image_attributes(img, &json, &err));
	CHECK(!strstr(json, "child"));
	ozr_text_free(json);
	ozr_image_close(img);
}

static void create(int mode, const char *path, struct ozr_image **img, struct ozr_store **store)
{
	struct ozr_image_options o = options();
	*store = NULL;
	if (mode == OZR_CREATE_STAGE) {
		CHECK_OK(ozr_image_create_dir(ctx, path, 0, OZR_FLUSH_NONE, &o, img, &err));
		return;
	}
	CHECK(mkdir(path, 0777) == 0);
	CHECK_OK(ozr_store_open_dir(ctx, path, OZR_UPDATE, OZR_FLUSH_NONE, store, &err));
	CHECK_OK(ozr_image_create(*store, "", (enum ozr_create_mode)mode, &o, img, &err));
}

/* At every step of making an image, and then of updating it. */
static void test_refused(int mode)
{
	const char *path = strdup(join(folder, "refused.zarr"));
	struct ozr_image *img = NULL;
	struct ozr_store *store;
	create(mode, path, &img, &store);
	CHECK(in_child(try_all, img) == 0);
	for (uint64_t y = 0; y < Y; y += 100) {
		struct ozr_box b = rows(y, 100, 0, X);
		const struct ozr_call little = {.budget = 1 << 16};
		CHECK_OK(ozr_pyramid_push(img, &b, &little, &err));
		CHECK(in_child(try_all, img) == 0);
	}
	CHECK_OK(ozr_pyramid_finish(img, NULL, &err));
	CHECK(in_child(try_all, img) == 0);
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	ozr_image_close(img);
	ozr_store_unref(store);
	check_image(path);

	CHECK_OK(ozr_image_open_dir(ctx, path, "", OZR_UPDATE, &img, &err));
	struct ozr_box b = rows(10, 7, 10, 20);
	pixels[12][12]++;
	CHECK_OK(ozr_array_write(ozr_image_level(img, 0), 1, &b, NULL, &err));
	CHECK(in_child(try_all, img) == 0);
	CHECK_OK(ozr_pyramid_refresh(img, 0, b.start, b.count, NULL, &err));
	ozr_image_close(img);
	check_image(path);
	remove_tree(path);
	free((void *)path);
}

/* --- Puts, stages and locks of their own -------------------------------------- */

struct parts {
	struct ozr_store *store;
	struct ozr_put *commit, *abort;
	struct ozr_stage *one, *two;
	void *token;
};

static void end_all(void *arg)
{
	const struct parts *p = arg;
	check_refused(ozr_put_append(p->commit, "child", 5, &err));
	check_refused(ozr_put_commit(p->commit, OZR_PUT_REPLACE, NULL, &err));
	ozr_put_abort(p->abort);
	check_refused(ozr_stage_commit(p->one, &err));
	ozr_stage_abort(p->two);
	ozr_store_unlock(p->store, p->token);
}

static void try_lock(void *arg)
{
	const struct parts *p = arg;
	void *token;
	alarm(1); /* it is held: we are killed */
	_exit(ozr_store_lock(p->store, "key", &token, &err) == OZR_OK ? 1 : 2);
}

static void test_parts(void)
{
	struct parts p = {0};
	char got[8] = "";
	CHECK_OK(ozr_store_open_dir(ctx, folder, OZR_UPDATE, OZR_FLUSH_NONE, &p.store, &err));
	CHECK_OK(ozr_put_begin(p.store, "a", 0, &p.commit, &err));
	CHECK_OK(ozr_put_begin(p.store, "b", 0, &p.abort, &err));
	CHECK_OK(ozr_put_append(p.commit, "one", 3, &err));
	CHECK_OK(ozr_put_append(p.abort, "two", 3, &err));
	CHECK_OK(ozr_stage_new(ctx, join(folder, "one.zarr"), 0, OZR_FLUSH_NONE, &p.one, &err));
	CHECK_OK(ozr_stage_new(ctx, join(folder, "two.zarr"), 0, OZR_FLUSH_NONE, &p.two, &err));
	CHECK_OK(ozr_store_lock(p.store, "key", &p.token, &err));
	CHECK(in_child(end_all, &p) == 0);
	CHECK(in_child(try_lock, &p) == -SIGALRM);
	CHECK(!exists(join(folder, "one.zarr")) && count_entries(folder, ".ozr-stage-") == 2);

	CHECK_OK(ozr_put_commit(p.commit, OZR_PUT_REPLACE, NULL, &err));
	CHECK_OK(ozr_put_commit(p.abort, OZR_PUT_REPLACE, NULL, &err));
	CHECK(read_file(join(folder, "a"), got, 8) == 3 && memcmp(got, "one", 3) == 0);
	CHECK(read_file(join(folder, "b"), got, 8) == 3 && memcmp(got, "two", 3) == 0);
	CHECK_OK(ozr_stage_commit(p.one, &err));
	ozr_stage_abort(p.two);
	CHECK(exists(join(folder, "one.zarr")) && count_entries(folder, ".ozr-stage-") == 0);
	ozr_store_unlock(p.store, p.token);
	ozr_store_unref(p.store);
}

/* The host forks while it is asked whether to go on: the child comes back out of commit. */
static pid_t forked;
static int asked;

static int fork_when_asked(void *user)
{
	if (++asked == *(const int *)user)
		forked = fork();
	return 0;
}

static void test_fork_in_commit(unsigned threads)
{
	const char *path = strdup(join(folder, "callback.zarr"));
	for (int at = 1;; at++) {
		const struct ozr_call call = {
			.cancelled = fork_when_asked, .user = &at, .threads = threads};
		struct ozr_image *img = NULL;
		struct ozr_store *store;
		struct ozr_box b = rows(0, Y, 0, X);
		int status;
		create(OZR_CREATE_STAGE, path, &img, &store);
		CHECK_OK(ozr_pyramid_push(img, &b, NULL, &err));
		asked = 0;
		forked = -1;
		int code = ozr_image_commit(img, &call, &err);
		if (forked == 0) {
			CHECK(code == OZR_CANCELLED || code == OZR_BAD_ARG);
			ozr_image_close(img);
			_exit(0);
		}
		CHECK_OK(code);
		ozr_image_close(img);
		check_image(path);
		remove_tree(path);
		if (forked < 0)
			break;
		CHECK(waitpid(forked, &status, 0) == forked && status == 0);
		CHECK(at < 1000);
	}
	free((void *)path);
}

/* --- While other threads are inside ------------------------------------------- */

#ifdef CAN_FORK_BUSY
struct busy {
	struct ozr_image *img;
	struct ozr_writer *writer;
	_Atomic int stop;
};

static void *hold_lock(void *arg)
{
	struct busy *b = arg;
	pthread_mutex_lock(&b->writer->lock);
	atomic_store(&b->stop, 1);
	while (atomic_load(&b->stop) == 1)
		usleep(100);
	pthread_mutex_unlock(&b->writer->lock);
	return NULL;
}

/* In and out of the scratch file's lock. */
static void *hammer(void *arg)
{
	struct busy *b = arg;
	struct ozr_spooled *v[64];
	struct ozr_err e;
	while (!atomic_load(&b->stop)) {
		for (int i = 0; i < 64; i++)
			CHECK(ozr_spool_put(b->writer->spool, "x", 1, &v[i], &e) == OZR_OK);
		for (int i = 0; i < 64; i++)
			ozr_spool_drop(b->writer->spool, v[i]);
	}
	return NULL;
}

static void *push_rows(void *arg)
{
	struct busy *b = arg;
	struct ozr_err e;
	for (uint64_t y = 0; y < Y; y += 5) {
		const struct ozr_call little = {.budget = 1 << 16};
		struct ozr_box box = rows(y, 5, 0, X);
		CHECK(ozr_pyramid_push(b->img, &box, &little, &e) == OZR_OK);
	}
	return NULL;
}

/* Parts of chunks beyond the budget: they wait in the scratch file. */
static void write_parts(struct ozr_array *a)
{
	const struct ozr_call little = {.budget = 4096};
	for (uint64_t y = 0; y < Y; y += 64) {
		struct ozr_box box = rows(y, 20, 0, X);
		CHECK_OK(ozr_array_write(a, 1, &box, &little, &err));
	}
}

static void test_busy(void)
{
	const char *path = strdup(join(folder, "busy.zarr"));
	struct busy b = {0};
	struct ozr_store *store;
	pthread_t thread[2];
	create(OZR_CREATE_STAGE, path, &b.img, &store);
	write_parts(ozr_image_level(b.img, 0));
	b.writer = ozr_image_level(b.img, 0)->writer;
	CHECK(pthread_create(&thread[0], NULL, hold_lock, &b) == 0);
	while (!atomic_load(&b.stop))
		usleep(100);
	CHECK(in_child(try_all, b.img) == 0);
	atomic_store(&b.stop, 2);
	pthread_join(thread[0], NULL);

	atomic_store(&b.stop, 0);
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&thread[i], NULL, hammer, &b) == 0);
	for (int i = 0; i < 200; i++)
		CHECK(in_child(try_all, b.img) == 0);
	atomic_store(&b.stop, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	ozr_image_close(b.img);
	CHECK(count_entries(folder, "busy") == 0);

	create(OZR_CREATE_STAGE, path, &b.img, &store);
	CHECK(pthread_create(&thread[0], NULL, push_rows, &b) == 0);
	for (int i = 0; i < 50; i++)
		CHECK(in_child(try_all, b.img) == 0);
	pthread_join(thread[0], NULL);
	CHECK_OK(ozr_image_commit(b.img, NULL, &err));
	ozr_image_close(b.img);
	check_image(path);
	remove_tree(path);
	free((void *)path);
}
#endif

int main(void)
{
	struct ozr_ctx_options opt = {.threads = 3};
	quick_temp_dir(folder);
	for (unsigned y = 0; y < Y; y++)
		for (unsigned x = 0; x < X; x++)
			pixels[y][x] = (uint16_t)(y * 7 + x * x);
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	for (int mode = OZR_CREATE_STAGE; mode <= OZR_CREATE_PUBLISH_EMPTY; mode++)
		test_refused(mode);
	test_parts();
	test_fork_in_commit(1);
	test_fork_in_commit(3);
#ifdef CAN_FORK_BUSY
	test_busy();
#endif
	ozr_ctx_unref(ctx);
	remove_tree(folder);
	return 0;
}

#else

int main(void)
{
	return 0;
}

#endif
