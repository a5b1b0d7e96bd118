/* SPDX-License-Identifier: MIT */
/*
 * Updates from several processes: partial writes of the same shards lose
 * nothing, a reader sees old or new chunks and never a mixture, only touched
 * shards get new bytes, what is all fill again is deleted, and a store without
 * locks refuses what it could lose.
 */
#include <sys/wait.h>

#include "support/model.h"

static struct ozr_err err;

enum { SIDE = 96, CHUNK = 16, SHARD = 48 };

static struct ozr_array_options plane(int sharded)
{
	struct ozr_array_options opt = {
		.dtype = OZR_UINT32, .rank = 2, .shape = {SIDE, SIDE}, .chunk = {CHUNK, CHUNK}};
	strcpy(opt.codec.codec, "zstd");
	if (sharded)
		opt.shard[0] = opt.shard[1] = SHARD;
	return opt;
}

struct handle {
	struct ozr_ctx *ctx;
	struct ozr_store *store;
	struct ozr_array *a;
};

static struct handle open_handle(const char *dir, int flags)
{
	struct ozr_ctx_options co = {.threads = 2};
	struct handle h;
	CHECK_OK(ozr_ctx_new(&co, &h.ctx, &err));
	CHECK_OK(ozr_store_open_dir(h.ctx, dir, flags, OZR_FLUSH_NONE, &h.store, &err));
	CHECK_OK(ozr_array_open(h.store, "a", flags, &h.a, &err));
	return h;
}

static void close_handle(struct handle *h)
{
	ozr_array_close(h->a);
	ozr_store_unref(h->store);
	ozr_ctx_unref(h->ctx);
}

static void create(const char *dir, int sharded)
{
	struct ozr_array_options opt = plane(sharded);
	struct ozr_ctx *ctx;
	struct ozr_store *store;
	struct ozr_array *a;
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	CHECK_OK(ozr_store_open_dir(ctx, dir, OZR_UPDATE, OZR_FLUSH_NONE, &store, &err));
	CHECK_OK(ozr_array_create(store, "a", &opt, &a, &err));
	ozr_array_close(a);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
}

static struct ozr_box box_at(uint64_t y, uint64_t x, uint64_t h, uint64_t w, void *data)
{
	struct ozr_box b = {.start = {y, x}, .count = {h, w}, .data = data, .dtype = OZR_UINT32};
	ozr_box_contiguous(&b, 2);
	return b;
}

static void put(struct handle *h, struct ozr_box b)
{
	CHECK_OK(ozr_array_write(h->a, 1, &b, NULL, &err));
	CHECK_OK(ozr_array_flush(h->a, NULL, &err));
}

/* --- many processes, one shard ------------------------------------------------------ */

/* Process p owns the columns x with x % n == p: every write shares chunks with all others. */
static void write_columns(const char *dir, uint32_t p, uint32_t n, uint32_t rounds)
{
	struct handle h = open_handle(dir, OZR_UPDATE);
	uint32_t column[SIDE];
	for (uint32_t round = 1; round <= rounds; round++) {
		for (uint32_t x = p; x < SIDE; x += n * 8) {
			for (uint32_t y = 0; y < SIDE; y++)
				column[y] = round << 16 | x;
			put(&h, box_at(0, x, SIDE, 1, column));
		}
	}
	close_handle(&h);
}

static void check_lost(const char *dir, int sharded)
{
	enum { PROCESSES = 3, ROUNDS = 8 };
	create(dir, sharded);
	for (uint32_t p = 0; p < PROCESSES; p++) {
		pid_t pid = fork();
		CHECK(pid >= 0);
		if (pid == 0) {
			write_columns(dir, p, PROCESSES, ROUNDS);
			_exit(0);
		}
	}
	for (int p = 0; p < PROCESSES; p++) {
		int status;
		CHECK(wait(&status) > 0 && status == 0);
	}
	struct handle h = open_handle(dir, OZR_READ);
	static uint32_t all[SIDE * SIDE];
	struct ozr_box b = box_at(0, 0, SIDE, SIDE, all);
	CHECK_OK(ozr_array_read(h.a, 1, &b, NULL, &err));
	for (uint32_t y = 0; y < SIDE; y++) {
		for (uint32_t x = 0; x < SIDE; x++) {
			uint32_t written = x % (PROCESSES * 8) < PROCESSES;
			CHECK(all[y * SIDE + x] == (written ? ROUNDS << 16 | x : 0));
		}
	}
	close_handle(&h);
	remove_tree(join(dir, "a"));
}

/* --- a reader during updates ----------------------------------------------------------- */

static void update_loop(const char *dir, uint32_t rounds)
{
	struct handle h = open_handle(dir, OZR_UPDATE);
	static uint32_t values[SIDE * SIDE];
	for (uint32_t round = 1; round <= rounds; round++) {
		for (size_t i = 0; i < SIDE * SIDE; i++)
			values[i] = round;
		/* rows that cut through chunks: each chunk gets its new value in one put */
		put(&h, box_at(0, 0, SIDE, SIDE, values));
	}
	close_handle(&h);
}

static void check_reader(const char *dir, int sharded)
{
	enum { ROUNDS = 60 };
	static uint32_t all[SIDE * SIDE], last[SIDE * SIDE];
	create(dir, sharded);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		update_loop(dir, ROUNDS);
		_exit(0);
	}
	struct handle h = open_handle(dir, OZR_READ);
	int status, done = 0;
	memset(last, 0, sizeof(last));
	do {
		done = waitpid(pid, &status, WNOHANG) == pid;
		struct ozr_box b = box_at(0, 0, SIDE, SIDE, all);
		CHECK_OK(ozr_array_read(h.a, 1, &b, NULL, &err));
		for (size_t y = 0; y < SIDE; y++) {
			for (size_t x = 0; x < SIDE; x++) {
				size_t corner = y / CHUNK * CHUNK * SIDE + x / CHUNK * CHUNK;
				CHECK(all[y * SIDE + x] == all[corner]);
				CHECK(all[y * SIDE + x] >= last[y * SIDE + x]);
			}
		}
		memcpy(last, all, sizeof(last));
	} while (!done);
	CHECK(status == 0 && all[0] == ROUNDS);
	close_handle(&h);
	remove_tree(join(dir, "a"));
}

/* --- one process -------------------------------------------------------------------------- */

static void check_touched(const char *dir)
{
	static uint32_t values[SIDE * SIDE];
	struct stat st[4], now;
	const char *const keys[] = {"a/c/0/0", "a/c/0/1", "a/c/1/0", "a/c/1/1"};
	for (size_t i = 0; i < SIDE * SIDE; i++)
		values[i] = (uint32_t)(i * 2654435761u);
	create(dir, 1);
	struct handle h = open_handle(dir, OZR_UPDATE);
	put(&h, box_at(0, 0, SIDE, SIDE, values));
	for (int i = 0; i < 4; i++)
		CHECK(stat(join(dir, keys[i]), &st[i]) == 0);
	values[0] = 1;
	put(&h, box_at(50, 10, 3, 4, values)); /* in the third shard, across no border */
	for (int i = 0; i < 4; i++) {
		CHECK(stat(join(dir, keys[i]), &now) == 0);
		CHECK((now.st_ino == st[i].st_ino) == (i != 2));
	}
	/* untouched chunks of it are the same bytes at the same places before the touched one */
	uint64_t offset, size;
	char key[1100];
	CHECK_OK(ozr_array_locate(h.a, (const uint64_t[]){3, 0}, key, &offset, &size, &err));
	CHECK(strcmp(key, "a/c/1/0") == 0 && offset == 0 && size > 0);

	/* everything fill again: no object */
	memset(values, 0, sizeof(values));
	put(&h, box_at(48, 0, 48, 47, values));
	CHECK(exists(join(dir, "a/c/1/0")));
	put(&h, box_at(48, 47, 48, 1, values));
	CHECK(!exists(join(dir, "a/c/1/0")));
	put(&h, box_at(0, 0, 48, 48, values));
	CHECK(!exists(join(dir, "a/c/0/0")) && exists(join(dir, "a/c/0/1")));
	close_handle(&h);
	remove_tree(join(dir, "a"));
}

/* A directory store that says it has no locks. */
static void check_lockless(const char *dir, int sharded)
{
	static uint32_t values[SIDE * SIDE];
	for (size_t i = 0; i < SIDE * SIDE; i++)
		values[i] = (uint32_t)i + 1;
	create(dir, sharded);
	struct handle h = open_handle(dir, OZR_UPDATE);
	h.store->caps &= ~(unsigned)OZR_STORE_LOCK;
	put(&h, box_at(0, 0, SIDE, SIDE, values)); /* whole shards */
	struct ozr_box b = box_at(5, 5, 2, 2, values);
	CHECK_OK(ozr_array_write(h.a, 1, &b, NULL, &err));
	CHECK_CODE(OZR_UNSUPPORTED, ozr_array_flush(h.a, NULL, &err));
	CHECK(strstr(err.msg, "locks"));
	CHECK(unlink(join(dir, "a/c/0/0")) == 0);
	put(&h, b); /* a part where nothing is */
	put(&h, box_at(0, 0, SHARD, SHARD, values));
	close_handle(&h);
	remove_tree(join(dir, "a"));
}

/* A handle that writes does not follow into a child; one that reads does. */
static void check_fork(const char *dir)
{
	static uint32_t values[SIDE * SIDE];
	create(dir, 1);
	struct handle h = open_handle(dir, OZR_UPDATE);
	struct handle r = open_handle(dir, OZR_READ);
	put(&h, box_at(0, 0, SIDE, SIDE, values));
	values[0] = 7;
	struct ozr_box b = box_at(0, 0, 1, 1, values);
	CHECK_OK(ozr_array_write(h.a, 1, &b, NULL, &err)); /* waits in the parent */
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK_CODE(OZR_BAD_ARG, ozr_array_write(h.a, 1, &b, NULL, &err));
		b.data = values + 1;
		CHECK_OK(ozr_array_read(r.a, 1, &b, NULL, &err));
		CHECK(values[1] == 0);
		close_handle(&h);
		close_handle(&r);
		_exit(0);
	}
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK_OK(ozr_array_flush(h.a, NULL, &err));
	CHECK_OK(ozr_array_read(r.a, 1, &b, NULL, &err));
	CHECK(values[0] == 7);
	close_handle(&h);
	close_handle(&r);
	remove_tree(join(dir, "a"));
}

static void check_resize(const char *dir)
{
	static uint32_t values[SIDE * SIDE], got[200 * 100];
	for (size_t i = 0; i < SIDE * SIDE; i++)
		values[i] = (uint32_t)i + 1;
	create(dir, 1);
	struct handle h = open_handle(dir, OZR_UPDATE), old = open_handle(dir, OZR_READ);
	put(&h, box_at(0, 0, SIDE, SIDE, values));
	CHECK_CODE(OZR_BAD_ARG, ozr_array_resize(h.a, (const uint64_t[]){90, 100}, &err));
	CHECK_OK(ozr_array_resize(h.a, (const uint64_t[]){200, 100}, &err));
	put(&h, box_at(150, 90, 40, 10, values));
	CHECK_OK(ozr_array_publish(h.a, &err));
	struct ozr_box b = box_at(0, 0, SIDE, SIDE, got);
	CHECK_OK(ozr_array_read(old.a, 1, &b, NULL, &err)); /* as it was opened */
	CHECK(memcmp(got, values, sizeof(values)) == 0);
	close_handle(&old);
	old = open_handle(dir, OZR_READ);
	b = box_at(0, 0, 200, 100, got);
	CHECK_OK(ozr_array_read(old.a, 1, &b, NULL, &err));
	for (size_t y = 0; y < 200; y++) {
		for (size_t x = 0; x < 100; x++) {
			uint32_t want = y < SIDE && x < SIDE ? (uint32_t)(y * SIDE + x) + 1
					: y >= 150 && y < 190 && x >= 90
						? (uint32_t)((y - 150) * 10 + x - 90) + 1
						: 0;
			CHECK(got[y * 100 + x] == want);
		}
	}
	close_handle(&old);
	close_handle(&h);
	remove_tree(join(dir, "a"));
}

static void replace(struct ozr_store *s, const char *what, const char *by)
{
	char *text, doc[4000];
	size_t len;
	CHECK_OK(ozr_store_get(s, "a/zarr.json", 1 << 20, &text, &len, NULL, &err));
	char *place = strstr(text, what);
	CHECK(place != NULL);
	snprintf(doc, sizeof(doc), "%.*s%s%s", (int)(place - text), text, by, place + strlen(what));
	ozr_text_free(text);
	CHECK_OK(ozr_store_put(s, "a/zarr.json", doc, strlen(doc), OZR_PUT_REPLACE, &err));
}

/* Attributes that somebody else has changed meanwhile survive a change of the shape, also when
 * this handle has met them before, looking for chunks that are missing. */
static void check_attributes(void)
{
	static uint32_t got[SIDE * SIDE];
	struct ozr_array_options opt = plane(1);
	struct ozr_box b = box_at(0, 0, SIDE, SIDE, got);
	struct ozr_ctx *ctx;
	struct ozr_store *s;
	struct ozr_array *a;
	char *text;
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	CHECK_OK(ozr_store_open_mem(ctx, &s, &err));
	CHECK_OK(ozr_array_create(s, "a", &opt, &a, &err));
	replace(s, "\"attributes\": {}", "\"attributes\": {\"a\": 1}");
	CHECK_OK(ozr_array_read(a, 1, &b, NULL, &err));
	CHECK_OK(ozr_array_resize(a, (const uint64_t[]){200, 100}, &err));
	CHECK_OK(ozr_array_publish(a, &err));
	replace(s, "\"a\": 1", "\"b\": 2");
	CHECK_OK(ozr_array_read(a, 1, &b, NULL, &err));
	replace(s, "\"b\": 2", "\"c\": 3");
	CHECK_OK(ozr_array_read(a, 1, &b, NULL, &err));
	CHECK_OK(ozr_array_resize(a, (const uint64_t[]){201, 100}, &err));
	CHECK_OK(ozr_array_publish(a, &err));
	ozr_array_close(a);
	CHECK_OK(ozr_array_open(s, "a", OZR_READ, &a, &err));
	CHECK_OK(ozr_array_attributes(a, &text, &err));
	CHECK(strcmp(text, "{\"c\":3}") == 0);
	ozr_text_free(text);
	ozr_array_close(a);
	ozr_store_unref(s);
	ozr_ctx_unref(ctx);
}

int main(void)
{
	char dir[PATH_MAX];
	temp_dir(dir);
	for (int sharded = 0; sharded < 2; sharded++) {
		check_lost(dir, sharded);
		check_reader(dir, sharded);
		check_lockless(dir, sharded);
	}
	check_touched(dir);
	check_fork(dir);
	check_resize(dir);
	check_attributes();
	remove_tree(dir);
	return 0;
}
