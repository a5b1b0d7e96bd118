/* SPDX-License-Identifier: MIT */
/* The scratch file: values of many sizes, space used again, short and failing writes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/ctx.h"
#include "base/spool.h"

static off_t highest;     /* end of the file as written */
static int fail_with;     /* errno of the next pwrite, 0: none */
static size_t most_bytes; /* of one call, 0: no limit */

static ssize_t watched_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	if (fail_with) {
		errno = fail_with;
		fail_with = 0;
		return -1;
	}
	if (most_bytes && n > most_bytes)
		n = most_bytes;
	if (off + (off_t)n > highest)
		highest = off + (off_t)n;
	return ozr_sys_real.pwrite(fd, buf, n, off);
}

static struct ozr_ctx *new_ctx(struct ozr_sys *sys)
{
	struct ozr_ctx_options opt = {.sys = sys};
	struct ozr_ctx *ctx;
	*sys = ozr_sys_real;
	sys->pwrite = watched_pwrite;
	highest = 0;
	most_bytes = 0;
	fail_with = 0;
	assert_int_equal(ozr_ctx_new(&opt, &ctx, NULL), OZR_OK);
	return ctx;
}

static void pattern(unsigned char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(seed * 31 + i * 7 + (i >> 8));
}

static void test_values(void **state)
{
	enum { N = 60 };
	struct ozr_sys sys;
	struct ozr_ctx *ctx = new_ctx(&sys);
	struct ozr_spool *s;
	struct ozr_spooled *v[N];
	static unsigned char in[200000], out[200000];
	size_t size[N];
	(void)state;
	most_bytes = 1000;
	assert_int_equal(ozr_spool_new(ctx, &s, NULL), OZR_OK);
	for (int round = 0; round < 3; round++) {
		const off_t before = highest;
		for (unsigned i = 0; i < N; i++) {
			size[i] = (i * 7919) % (i % 3 ? 5000 : 150000);
			pattern(in, size[i], i);
			assert_int_equal(ozr_spool_put(s, in, size[i], &v[i], NULL), OZR_OK);
		}
		if (round) /* every value found a slot of the round before */
			assert_int_equal(highest, before);
		for (unsigned i = 0; i < N; i++) {
			const size_t from = size[i] / 3;
			pattern(in, size[i], i);
			assert_int_equal(ozr_spool_get(s, v[i], 0, out, size[i], NULL), OZR_OK);
			assert_memory_equal(in, out, size[i]);
			assert_int_equal(ozr_spool_get(s, v[i], from, out, size[i] - from, NULL),
					 OZR_OK);
			assert_memory_equal(in + from, out, size[i] - from);
			assert_int_equal(ozr_spool_get(s, v[i], 1, out, size[i], NULL),
					 OZR_BAD_ARG);
			ozr_spool_drop(s, v[i]);
		}
	}
	ozr_spool_free(s);
	ozr_ctx_unref(ctx);
}

static void test_errors(void **state)
{
	struct ozr_sys sys;
	struct ozr_ctx *ctx = new_ctx(&sys);
	struct ozr_spool *s;
	struct ozr_spooled *v;
	struct ozr_err err;
	char got[4];
	(void)state;
	assert_int_equal(ozr_spool_new(ctx, &s, NULL), OZR_OK);
	fail_with = ENOSPC;
	assert_int_equal(ozr_spool_put(s, "abc", 4, &v, &err), OZR_IO);
	assert_int_equal(err.sys, ENOSPC);
	fail_with = EINTR;
	assert_int_equal(ozr_spool_put(s, "abc", 4, &v, &err), OZR_OK);
	assert_int_equal(ozr_spool_get(s, v, 0, got, 4, &err), OZR_OK);
	assert_string_equal(got, "abc");
	ozr_spool_drop(s, v);
	ozr_spool_drop(s, NULL);
	ozr_spool_free(s);
	ozr_spool_free(NULL);

	setenv("TMPDIR", "/nonexistent/folder", 1);
	assert_int_equal(ozr_spool_new(ctx, &s, NULL), OZR_OK);
	assert_int_equal(ozr_spool_put(s, "abc", 4, &v, &err), OZR_NOT_FOUND);
	assert_non_null(strstr(err.msg, "/nonexistent/folder"));
	unsetenv("TMPDIR");
	ozr_spool_free(s);
	ozr_ctx_unref(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
