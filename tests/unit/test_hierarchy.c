/* SPDX-License-Identifier: MIT */
/*
 * Whole hierarchies: what may be removed and copied, in which order (metadata
 * goes first and comes last, the root's as the outermost), and failures on the
 * way. The order is seen by a memory store that notes its puts and deletes.
 */
#include "unit/image_testing.h"

static struct ozr_store *store, *target;
static struct ozr_store_ops plain, ops;
static char order[4000]; /* keys put or deleted, a line each */
static int fail_at;      /* the n-th read fails; 0: none */

static void note(const char *key)
{
	size_t n = strlen(order);

	snprintf(order + n, sizeof(order) - n, "%s\n", key);
}

static int noting_del(struct ozr_store *s, const char *key, struct ozr_err *e)
{
	note(key);
	return plain.del(s, key, e);
}

static int noting_begin(struct ozr_store *s, const char *key, uint64_t hint, struct ozr_put **out,
			struct ozr_err *e)
{
	if (strstr(key, "zarr.json") != NULL) /* those are put one after the other */
		note(key);
	return plain.put_begin(s, key, hint, out, e);
}

static int failing_read(struct ozr_object *o, size_t n, const struct ozr_range *ranges,
			void *const *dst, struct ozr_err *e)
{
	if (fail_at > 0 && --fail_at == 0)
		return ozr_fail(e, OZR_NET, "the line is dead");
	return plain.read(o, n, ranges, dst, e);
}

static int setup(void **state)
{
	struct ozr_ctx_options opt = {.threads = 1}; /* reads in one order */

	(void)state;
	if (ozr_ctx_new(&opt, &ctx, &err) || ozr_store_open_mem(ctx, &store, &err) ||
	    ozr_store_open_mem(ctx, &target, &err))
		return -1;
	plain = *store->ops;
	ops = plain;
	ops.del = noting_del;
	ops.put_begin = noting_begin;
	ops.read = failing_read;
	fail_at = 0;
	put(store, "zarr.json", "{}");
	put(store, "s0/zarr.json", "{\"a\":1}");
	put(store, "s0/image/zarr.json", "{}");
	put(store, "s0/image/c/0/0", "chunk");
	put(store, "s0/image/c/0/1", "");
	put(store, "s1/zarr.json", "{}");
	put(store, "s1/c/0/0", "another");
	store->ops = target->ops = &ops;
	order[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ozr_store_unref(store);
	ozr_store_unref(target);
	ozr_ctx_unref(ctx);
	return 0;
}

static int count_child(void *arg, const char *name, int is_prefix)
{
	(void)name, (void)is_prefix;
	++*(int *)arg;
	return 0;
}

static int children(struct ozr_store *s)
{
	int n = 0;

	OK(ozr_store_list(s, "", count_child, &n, &err));
	return n;
}

static void test_check(void **state)
{
	(void)state;
	OK(ozr_hierarchy_check(store, &err));
	assert_int_equal(ozr_hierarchy_check(target, &err), OZR_NOT_FOUND);
	put(store, "0.0.1", "a chunk may be there");
	OK(ozr_hierarchy_check(store, &err));
	put(store, "read.me", "");
	assert_int_equal(ozr_hierarchy_check(store, &err), OZR_EXISTS);
	has_text(err.msg, "read.me", 1);
	put(target, ".zattrs", "{}");
	assert_int_equal(ozr_hierarchy_check(target, &err), OZR_EXISTS);
	has_text(err.msg, "no zarr.json", 1);
}

static void test_remove(void **state)
{
	(void)state;
	OK(ozr_hierarchy_remove(store, &err));
	assert_int_equal(children(store), 0);
	/* all metadata before all data, a node's before that of those below */
	assert_string_equal(order, "zarr.json\ns0/zarr.json\ns1/zarr.json\ns0/image/zarr.json\n"
				   "s0/image/c/0/0\ns0/image/c/0/1\ns1/c/0/0\n");
}

static void test_foreign_files_stay(void **state)
{
	(void)state;
	put(store, "read.me", "");
	assert_int_equal(ozr_hierarchy_remove(store, &err), OZR_DENIED);
	assert_int_equal(children(store), 4);
	OK(ozr_hierarchy_clear(store, &err)); /* who asks for it */
	assert_int_equal(children(store), 0);
}

static void test_copy(void **state)
{
	(void)state;
	OK(ozr_hierarchy_copy(store, target, NULL, &err));
	char *text = get(target, "s0/zarr.json");
	assert_string_equal(text, "{\"a\":1}");
	ozr_text_free(text);
	text = get(target, "s0/image/c/0/1");
	assert_string_equal(text, "");
	ozr_text_free(text);
	text = get(target, "s1/c/0/0");
	assert_string_equal(text, "another");
	ozr_text_free(text);
	assert_string_equal(order, "s0/image/zarr.json\ns1/zarr.json\ns0/zarr.json\nzarr.json\n");
}

/* Whichever read fails, the root's metadata is not there. */
static void test_copy_that_fails(void **state)
{
	(void)state;
	for (int n = 1; n <= 6; n++) {
		fail_at = n;
		assert_int_equal(ozr_hierarchy_copy(store, target, NULL, &err), OZR_NET);
		has_text(err.msg, "the line is dead", 1);
		assert_int_equal(ozr_hierarchy_check(target, &err) == OZR_OK, 0);
		OK(ozr_hierarchy_clear(target, &err));
	}
}

static int cancel_now(void *user)
{
	(void)user;
	return 1;
}

static void test_cancel(void **state)
{
	struct ozr_call call = {.cancelled = cancel_now};

	(void)state;
	assert_int_equal(ozr_hierarchy_copy(store, target, &call, &err), OZR_CANCELLED);
	assert_int_equal(children(target), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_check, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_files_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_that_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
