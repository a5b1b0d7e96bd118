/* SPDX-License-Identifier: MIT */
/*
 * Puts whose bytes are changed before they are published: patched, written
 * anywhere, protected. The file is read by plain POSIX calls.
 */
#include <pthread.h>

#include "ozr/ozr.h"
#include "support/check.h"
#include "support/fault.h"

static struct ozr_err err;
static struct ozr_ctx *ctx;
static char root[PATH_MAX];

static struct ozr_store *folder(void)
{
	struct ozr_store *s = NULL;
	CHECK_OK(ozr_store_open_dir(ctx, root, OZR_UPDATE, OZR_FLUSH_NONE, &s, &err));
	return s;
}

static struct ozr_put *begin(struct ozr_store *s, const char *key)
{
	struct ozr_put *p = NULL;
	CHECK_OK(ozr_put_begin(s, key, 0, &p, &err));
	return p;
}

static void has(struct ozr_store *s, const char *key, const char *want)
{
	char *text = NULL;
	size_t len;
	CHECK_OK(ozr_store_get(s, key, 1 << 20, &text, &len, NULL, &err));
	CHECK(len == strlen(want) && memcmp(text, want, len) == 0);
	ozr_text_free(text);
}

static void patch_in(struct ozr_store *s)
{
	struct ozr_put *p = begin(s, "a/value");
	CHECK_CODE(OZR_BAD_ARG, ozr_put_patch(p, 0, "x", 1, &err)); /* nothing is there yet */
	CHECK_OK(ozr_put_append(p, "0123456789", 10, &err));
	CHECK_OK(ozr_put_patch(p, 0, "A", 1, &err));
	CHECK_OK(ozr_put_patch(p, 8, "IJ", 2, &err));
	CHECK_OK(ozr_put_patch(p, 10, "", 0, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_put_patch(p, 9, "xy", 2, &err));
	CHECK(strstr(err.msg, "9+2") && strstr(err.msg, "10 were written"));
	CHECK_CODE(OZR_BAD_ARG, ozr_put_patch(p, UINT64_MAX, "xy", 2, &err));
	CHECK_OK(ozr_put_append(p, "k", 1, &err));
	CHECK_OK(ozr_put_patch(p, 10, "K", 1, &err));
	CHECK(p->size == 11);
	CHECK_OK(ozr_put_commit(p, OZR_PUT_REPLACE, NULL, &err));
	has(s, "a/value", "A1234567IJK");
	/* What is given up leaves the value as it is. */
	p = begin(s, "a/value");
	CHECK_OK(ozr_put_append(p, "0123456789", 10, &err));
	CHECK_OK(ozr_put_patch(p, 0, "A", 1, &err));
	ozr_put_abort(p);
	has(s, "a/value", "A1234567IJK");
}

static void test_patch(void)
{
	struct ozr_store *s = folder(), *sub = NULL, *mem = NULL;
	patch_in(s);
	CHECK_OK(ozr_store_open_sub(s, "below", &sub, &err));
	patch_in(sub);
	ozr_store_unref(sub);
	CHECK_OK(ozr_store_open_mem(ctx, &mem, &err));
	patch_in(mem);
	ozr_store_unref(mem);
	/* More puts than descriptors that the store keeps: the files are opened again. */
	enum { MANY = 300 };
	static struct ozr_put *p[MANY];
	char key[32];
	for (int i = 0; i < MANY; i++) {
		snprintf(key, sizeof key, "many/%d", i);
		p[i] = begin(s, key);
		CHECK_OK(ozr_put_append(p[i], "abc", 3, &err));
	}
	for (int i = 0; i < MANY; i++) {
		CHECK_OK(ozr_put_patch(p[i], 1, "B", 1, &err));
		CHECK_OK(ozr_put_read_only(p[i], &err));
		CHECK_OK(ozr_put_commit(p[i], OZR_PUT_REPLACE, NULL, &err));
	}
	has(s, "many/0", "aBc");
	has(s, "many/299", "aBc");
	ozr_store_unref(s);
}

static void test_unsupported(void)
{
	struct ozr_store *s = folder();
	const struct ozr_store_ops *rich = s->ops;
	struct ozr_store_ops poor = *rich;
	poor.put_patch = NULL;
	poor.put_read_only = NULL;
	struct ozr_put *p = begin(s, "value");
	CHECK_OK(ozr_put_append(p, "abc", 3, &err));
	s->ops = &poor;
	CHECK_CODE(OZR_UNSUPPORTED, ozr_put_patch(p, 0, "x", 1, &err));
	CHECK_OK(ozr_put_read_only(p, &err)); /* without effect */
	s->ops = rich;
	CHECK_OK(ozr_put_commit(p, OZR_PUT_REPLACE, NULL, &err));
	has(s, "value", "abc");
	ozr_store_unref(s);
}

/* --- Anywhere --------------------------------------------------------------------------- */

enum { THREADS = 4, PARTS = 64, PART = 1000 };

struct writer {
	struct ozr_put *p;
	int first;
	const unsigned char *bytes;
};

static void *write_parts(void *arg)
{
	const struct writer *w = arg;
	struct ozr_err e;
	for (size_t i = (size_t)w->first; i < PARTS; i += THREADS)
		CHECK(w->p->store->ops->put_write_at(w->p, 100 + i * PART, w->bytes + i * PART,
						     PART, &e) == OZR_OK);
	return NULL;
}

static void test_anywhere(void)
{
	static unsigned char bytes[PARTS * PART], got[sizeof bytes + 200];
	struct ozr_store *s = folder();
	struct ozr_put *p = begin(s, "anywhere");
	struct writer w[THREADS];
	pthread_t id[THREADS];
	fill_bytes(bytes, sizeof bytes, 9);
	for (int i = 0; i < THREADS; i++) {
		w[i] = (struct writer){p, i, bytes};
		CHECK(pthread_create(&id[i], NULL, write_parts, &w[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(id[i], NULL);
	p->size = 100 + sizeof bytes;
	CHECK_OK(ozr_put_commit(p, OZR_PUT_REPLACE, NULL, &err));
	CHECK(read_file(join(root, "anywhere"), got, sizeof got) == 100 + sizeof bytes);
	for (int i = 0; i < 100; i++)
		CHECK(got[i] == 0);
	CHECK(memcmp(got + 100, bytes, sizeof bytes) == 0);
	ozr_store_unref(s);
}

/* --- Protected ---------------------------------------------------------------------------- */

static unsigned mode_of(const char *name)
{
	struct stat st;
	CHECK(stat(join(root, name), &st) == 0);
	return st.st_mode & 07777;
}

static void publish(struct ozr_store *s, const char *text, enum ozr_put_mode mode, int read_only)
{
	struct ozr_put *p = begin(s, "guarded");
	CHECK_OK(ozr_put_append(p, text, strlen(text), &err));
	if (read_only)
		CHECK_OK(ozr_put_read_only(p, &err));
	CHECK_OK(ozr_put_commit(p, mode, NULL, &err));
}

static void test_read_only(void)
{
	static const struct {
		mode_t mask;
		unsigned mode;
	} cases[] = {{022, 0444}, {077, 0400}, {002, 0444}, {027, 0440}};
	struct ozr_store *s = folder();
	const mode_t old = umask(0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		umask(cases[i].mask);
		publish(s, "first", i ? OZR_PUT_REPLACE : OZR_PUT_CREATE_ONLY, 1);
		CHECK(mode_of("guarded") == cases[i].mode);
		/* It is replaced all the same, by one that is protected or not. */
		publish(s, "second", OZR_PUT_REPLACE, 1);
		CHECK(mode_of("guarded") == cases[i].mode);
		has(s, "guarded", "second");
	}
	umask(022);
	publish(s, "third", OZR_PUT_REPLACE, 0);
	CHECK(mode_of("guarded") == 0644);
	has(s, "guarded", "third");
	umask(old);
	ozr_store_unref(s);
}

/* When the mode cannot be had nothing is published. */
static void test_refused_mode(void)
{
	const struct ozr_ctx_options opt = {.sys = &fault_sys};
	struct ozr_ctx *faulty = NULL;
	struct ozr_store *s = NULL;
	struct ozr_put *p = NULL;
	CHECK_OK(ozr_ctx_new(&opt, &faulty, &err));
	CHECK_OK(ozr_store_open_dir(faulty, root, OZR_UPDATE, OZR_FLUSH_EACH, &s, &err));
	CHECK_OK(ozr_put_begin(s, "never", 0, &p, &err));
	CHECK_OK(ozr_put_append(p, "abc", 3, &err));
	CHECK_OK(ozr_put_read_only(p, &err));
	fault_arm(FAULT_FCHMOD, 1, EPERM, 0);
	CHECK_CODE(OZR_DENIED, ozr_put_commit(p, OZR_PUT_REPLACE, NULL, &err));
	CHECK(fault_disarm() && strstr(err.msg, "'never'"));
	CHECK(!exists(join(root, "never")) && count_entries(root, "ozr-tmp") == 0);
	ozr_store_unref(s);
	ozr_ctx_unref(faulty);
}

int main(void)
{
	temp_dir(root);
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	test_patch();
	test_unsupported();
	test_anywhere();
	test_read_only();
	test_refused_mode();
	ozr_ctx_unref(ctx);
	remove_tree(root);
	return 0;
}
