/* SPDX-License-Identifier: MIT */
/*
 * Writing zip archives: what was put is read back by our reader, offsets that
 * were reported are compared with the file's bytes, and the layout (metadata
 * first, alignment, equal bytes) is looked at. Other people's programs judge the
 * archives in conformance/zip_archives.py.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ozr/zip.h"
#include "store/zip_writer.h"
#include "support/check.h"

static struct ozr_err err;
static struct ozr_ctx *ctx;

enum { BYTES = 3 << 20 };
static unsigned char big[BYTES];

/* --- Helpers ----------------------------------------------------------------- */

static struct ozr_store *memory(void)
{
	struct ozr_store *s = NULL;
	CHECK_OK(ozr_store_open_mem(ctx, &s, &err));
	return s;
}

static struct ozr_store *create(struct ozr_store *parent, const struct ozr_zip_options *opt)
{
	struct ozr_store *z = NULL;
	CHECK_OK(ozr_zip_create(parent, "a.ozx", opt, &z, &err));
	return z;
}

static int put(struct ozr_store *s, const char *key, const char *text)
{
	return ozr_store_put(s, key, text, strlen(text), OZR_PUT_REPLACE, &err);
}

static struct ozr_put *begin(struct ozr_store *s, const char *key)
{
	struct ozr_put *p = NULL;
	CHECK_OK(ozr_put_begin(s, key, 0, &p, &err));
	return p;
}

static void expect(const char *part)
{
	if (!strstr(err.msg, part)) {
		fprintf(stderr, "'%s' is not in '%s'\n", part, err.msg);
		CHECK(0);
	}
}

/* Commit and let go; the archive's bytes. */
static char *finished(struct ozr_store *z, struct ozr_store *parent, size_t *len)
{
	char *bytes = NULL;
	CHECK_OK(ozr_zip_commit(z, &err));
	ozr_store_unref(z);
	CHECK_OK(ozr_store_get(parent, "a.ozx", SIZE_MAX / 2, &bytes, len, NULL, &err));
	return bytes;
}

static struct ozr_store *reopened(struct ozr_store *parent)
{
	struct ozr_store *s = NULL;
	CHECK_OK(ozr_store_open_zip(parent, "a.ozx", OZR_READ, &s, &err));
	return s;
}

static int missing(struct ozr_store *s, const char *key)
{
	struct ozr_object *o = NULL;
	int code = ozr_object_open(s, key, &o, &err);
	ozr_object_close(o);
	CHECK(code == OZR_OK || code == OZR_NOT_FOUND);
	return code != OZR_OK;
}

/* The value begins like this, and only spaces follow. */
static void has(struct ozr_store *s, const char *key, const void *want, size_t size)
{
	char *bytes = NULL;
	size_t len;
	CHECK_OK(ozr_store_get(s, key, SIZE_MAX / 2, &bytes, &len, NULL, &err));
	CHECK(len >= size && memcmp(bytes, want, size) == 0);
	CHECK(strspn(bytes + size, " ") == len - size);
	CHECK(len == size || strstr(key, "zarr.json"));
	ozr_text_free(bytes);
}

static void has_text(struct ozr_store *s, const char *key, const char *text)
{
	has(s, key, text, strlen(text));
}

/* --- Tests -------------------------------------------------------------------- */

static char *image(struct ozr_store *parent, size_t *len)
{
	struct ozr_store *z = create(parent, NULL);
	struct ozr_placement at;
	CHECK_OK(put(z, "0/zarr.json", "{\"level\": 0}"));
	CHECK_OK(put(z, "1/zarr.json", "{\"level\": 1}"));
	CHECK_OK(put(z, "a/b/zarr.json", "{}"));
	CHECK_OK(put(z, "zarr.json", "{\"root\": 1}"));
	struct ozr_put *p = begin(z, "0/c/0");
	const uint64_t announced = ozr_zip_put_offset(p);
	CHECK_OK(ozr_put_append(p, big, 1000, &err));
	CHECK_OK(ozr_put_append(p, big + 1000, BYTES - 1000, &err));
	CHECK_OK(ozr_put_commit(p, OZR_PUT_REPLACE, &at, &err));
	CHECK(at.offset && at.offset == announced && at.size == BYTES);
	CHECK_OK(put(z, "0/c/1", "tiny"));
	CHECK_OK(put(z, "1/c/\xc3\xa9", ""));
	CHECK_OK(put(z, "zarr.json", "{\"root\": 1, \"omero\": \"longer\"}"));
	CHECK_OK(put(z, "late/zarr.json", "{\"late\": 1}"));
	struct ozr_placement again;
	CHECK_OK(ozr_zip_placement(z, "0/c/0", &again, &err));
	CHECK(again.offset == at.offset && again.size == at.size);
	CHECK_CODE(OZR_NOT_FOUND, ozr_zip_placement(z, "nobody", &again, &err));
	char *bytes = finished(z, parent, len);
	CHECK(memcmp(bytes + at.offset, big, BYTES) == 0 && at.offset % 64 == 0);
	return bytes;
}

static void check_order(const char *bytes, size_t len)
{
	static const char *const want[] = {"zarr.json",      "0/zarr.json",   "1/zarr.json",
					   "late/zarr.json", "a/b/zarr.json", "0/c/0",
					   "0/c/1",          "1/c/\xc3\xa9"};
	const unsigned char *b = (const unsigned char *)bytes;
	struct ozr_zip_place place;
	uint64_t record64;
	CHECK_OK(ozr_zip_end(b, len, len, &place, &record64, &err));
	CHECK(place.count == sizeof want / sizeof *want && !record64);
	uint64_t before = 0;
	const unsigned char *p = b + place.offset;
	for (size_t i = 0; i < place.count; i++) {
		const size_t n = ozr_zip_u16(p + 28), x = ozr_zip_u16(p + 30);
		CHECK(n == strlen(want[i]) && memcmp(p + 46, want[i], n) == 0);
		const uint64_t offset = ozr_zip_u64(p + 46 + n + 4 + 16);
		/* In the file too, but for what came late. */
		CHECK(i == 3 || i == 4 || offset > before || !i);
		before = i == 3 ? before : offset;
		p += 46 + n + x;
	}
	CHECK(memcmp(b + 30, "zarr.json", 9) == 0);
	CHECK(memcmp(bytes + len - 20, "\"jsonFirst\":true}}}}", 20) == 0);
}

static void test_image(void)
{
	struct ozr_store *parent = memory();
	size_t len, again;
	char *bytes = image(parent, &len), *twice = image(parent, &again);
	CHECK(len == again && memcmp(bytes, twice, len) == 0);
	check_order(bytes, len);
	struct ozr_store *s = reopened(parent);
	has_text(s, "zarr.json", "{\"root\": 1, \"omero\": \"longer\"}");
	has_text(s, "0/zarr.json", "{\"level\": 0}");
	has_text(s, "late/zarr.json", "{\"late\": 1}");
	has(s, "0/c/0", big, BYTES);
	has_text(s, "0/c/1", "tiny");
	has_text(s, "1/c/\xc3\xa9", "");
	ozr_store_unref(s);
	ozr_text_free(bytes);
	ozr_text_free(twice);
	ozr_store_unref(parent);
}

/* The root's metadata comes last, as images are written; or never. */
static void test_root_last(void)
{
	for (int comes = 0; comes < 2; comes++) {
		struct ozr_store *parent = memory(), *z = create(parent, NULL);
		size_t len;
		CHECK_OK(put(z, "c/0", "data"));
		CHECK(missing(z, "zarr.json"));
		if (comes)
			CHECK_OK(ozr_store_put(z, "zarr.json", "{}", 2, OZR_PUT_CREATE_ONLY, &err));
		char *bytes = finished(z, parent, &len);
		CHECK(memcmp(bytes + 30, "zarr.json", 9) == 0);
		struct ozr_store *s = reopened(parent);
		CHECK(missing(s, "zarr.json") == !comes);
		if (comes)
			has_text(s, "zarr.json", "{}");
		has_text(s, "c/0", "data");
		ozr_store_unref(s);
		ozr_text_free(bytes);
		ozr_store_unref(parent);
	}
}

static void test_options(void)
{
	const struct ozr_zip_options opt = {
		.alignment = 4096, .head = 16, .comment = "hello", .metadata_room = 1};
	struct ozr_zip_options bad = {.alignment = 48};
	struct ozr_store *parent = memory(), *z = NULL;
	struct ozr_placement at;
	size_t len;
	CHECK_CODE(OZR_BAD_ARG, ozr_zip_create(parent, "a.ozx", &bad, &z, &err));
	bad.alignment = 65536;
	CHECK_CODE(OZR_BAD_ARG, ozr_zip_create(parent, "a.ozx", &bad, &z, &err));
	z = create(parent, &opt);
	CHECK_OK(put(z, "zarr.json", "{}"));
	for (int i = 0; i < 40; i++) { /* all remainders that an extra field may have to fill */
		char key[64] = "c/";
		memset(key + 2, 'x', (size_t)i + 1);
		CHECK_OK(put(z, key, "1234567890" + i % 10));
		CHECK_OK(ozr_zip_placement(z, key, &at, &err));
		CHECK(at.offset % 4096 == 0 && at.size == 10 - (unsigned)i % 10);
	}
	CHECK_OK(ozr_zip_patch(z, 12, "HEAD", 4, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_zip_patch(z, 13, "HEAD", 4, &err));
	CHECK_OK(put(z, "zarr.json", "{   }")); /* longer than its place: it gets another one */
	CHECK_OK(put(z, "zarr.json", "{ }"));
	char *bytes = finished(z, parent, &len);
	CHECK(memcmp(bytes + 12, "HEADPK\3\4", 8) == 0);
	CHECK(memcmp(bytes + len - 5, "hello", 5) == 0);
	struct ozr_store *s = reopened(parent);
	has_text(s, "zarr.json", "{ }");
	has_text(s, "c/xxxxxxxxxx", "0");
	ozr_store_unref(s);
	ozr_text_free(bytes);
	ozr_store_unref(parent);
}

/* Values that say how long they are and are not, in an archive that is a file. */
static void test_wrong_sizes(void)
{
	static const size_t said[] = {1000, 999, 1, BYTES, 1001, 5000};
	struct ozr_store *folder = NULL, *z = NULL;
	struct ozr_put *p[6];
	char dir[PATH_MAX], key[16];
	temp_dir(dir);
	CHECK_OK(ozr_store_open_dir(ctx, dir, OZR_UPDATE, OZR_FLUSH_NONE, &folder, &err));
	for (int last = 0; last < 6; last++) { /* which one lies behind the others */
		CHECK_OK(ozr_zip_create(folder, "a.ozx", NULL, &z, &err));
		for (int i = 0; i < 6; i++) {
			const int k = (i + last) % 6;
			snprintf(key, sizeof key, "c/%d", k);
			CHECK_OK(ozr_put_begin(z, key, said[k], &p[k], &err));
		}
		for (size_t at = 0; at < 1000; at += 100)
			for (int i = 0; i < 6; i++)
				CHECK_OK(ozr_put_append(p[i], big + at + 7 * i, 100, &err));
		CHECK_OK(put(z, "zarr.json", "{}"));
		ozr_put_abort(p[5]);
		for (int i = 0; i < 5; i++)
			CHECK_OK(ozr_put_commit(p[i], OZR_PUT_REPLACE, NULL, &err));
		CHECK_OK(ozr_zip_commit(z, &err));
		ozr_store_unref(z);
		z = reopened(folder);
		for (int i = 0; i < 5; i++) {
			snprintf(key, sizeof key, "c/%d", i);
			has(z, key, big + 7 * i, 1000);
		}
		CHECK(missing(z, "c/5"));
		ozr_store_unref(z);
	}
	ozr_store_unref(folder);
	remove_tree(dir);
}

/* A value that says much and never comes takes no place in the file. */
static void test_much_announced(void)
{
	struct ozr_store *folder = NULL, *z = NULL;
	struct ozr_put *p = NULL, *q = NULL;
	char dir[PATH_MAX];
	struct stat st;
	temp_dir(dir);
	CHECK_OK(ozr_store_open_dir(ctx, dir, OZR_UPDATE, OZR_FLUSH_NONE, &folder, &err));
	CHECK_OK(ozr_zip_create(folder, "a.ozx", NULL, &z, &err));
	CHECK_OK(put(z, "zarr.json", "{}"));
	CHECK_OK(ozr_put_begin(z, "c/0", (uint64_t)1 << 30, &p, &err));
	CHECK_OK(ozr_put_begin(z, "c/1", (uint64_t)1 << 30, &q, &err));
	CHECK_OK(ozr_put_append(p, big, 1000, &err));
	CHECK_OK(ozr_put_append(q, big, 1000, &err));
	ozr_put_abort(q);
	CHECK_OK(ozr_put_commit(p, OZR_PUT_REPLACE, NULL, &err));
	CHECK_OK(ozr_zip_commit(z, &err));
	ozr_store_unref(z);
	CHECK(stat(join(dir, "a.ozx"), &st) == 0 && st.st_blocks * 512 < 1 << 20);
	z = reopened(folder);
	has(z, "c/0", big, 1000);
	ozr_store_unref(z);
	ozr_store_unref(folder);
	remove_tree(dir);
}

/* A child of a process of which a thread was inside the writer: it lets go of its copy, and the
 * archive is its parent's as before. */
static void test_forked(void)
{
	struct ozr_store *folder = NULL, *z = NULL;
	struct ozr_put *p = NULL;
	char dir[PATH_MAX];
	int status = -1;
	temp_dir(dir);
	CHECK_OK(ozr_store_open_dir(ctx, dir, OZR_UPDATE, OZR_FLUSH_NONE, &folder, &err));
	CHECK_OK(ozr_zip_create(folder, "a.ozx", NULL, &z, &err));
	CHECK_OK(ozr_put_begin(z, "c/0", 1000, &p, &err));
	CHECK_OK(ozr_put_append(p, big, 500, &err));
	pthread_mutex_lock(&ozr_zip_writer(z)->mutex);
	const pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		alarm(20);
		ozr_store_unref(z);
		_exit(0);
	}
	pthread_mutex_unlock(&ozr_zip_writer(z)->mutex);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK_OK(ozr_put_append(p, big + 500, 500, &err));
	CHECK_OK(ozr_put_commit(p, OZR_PUT_REPLACE, NULL, &err));
	CHECK_OK(ozr_zip_commit(z, &err));
	ozr_store_unref(z);
	z = reopened(folder);
	has(z, "c/0", big, 1000);
	ozr_store_unref(z);
	ozr_store_unref(folder);
	remove_tree(dir);
}

struct seen {
	char names[200];
};

static int see(void *arg, const char *name, int is_prefix)
{
	struct seen *s = arg;
	strcat(strcat(strcat(s->names, name), is_prefix ? "/" : ""), " ");
	return 0;
}

static void has_children(struct ozr_store *s, const char *prefix, const char *want)
{
	struct seen seen = {""};
	CHECK_OK(ozr_store_list(s, prefix, see, &seen, &err));
	if (strcmp(seen.names, want) != 0) {
		fprintf(stderr, "'%s' has '%s' instead of '%s'\n", prefix, seen.names, want);
		CHECK(0);
	}
}

/* Documents that outgrow their place, in each direction and between values; what is deleted is
 * gone and may come again. */
static void test_changes(void)
{
	const struct ozr_zip_options opt = {.metadata_room = 1, .root_room = 8};
	struct ozr_store *parent = memory(), *z = create(parent, &opt);
	size_t len;
	CHECK_OK(put(z, "0/zarr.json", "{}"));
	CHECK_OK(put(z, "1/zarr.json", "{}"));
	CHECK_OK(ozr_store_del(z, "1/zarr.json", &err));
	CHECK_OK(put(z, "2/zarr.json", "[1]"));
	CHECK_OK(put(z, "c/0", "old"));
	CHECK_OK(put(z, "0/zarr.json", "{\"longer\":1}"));
	CHECK_OK(put(z, "zarr.json", "{\"more than eight\":8}"));
	CHECK_OK(put(z, "c/1", "one"));
	CHECK_OK(ozr_store_del(z, "c/0", &err));
	CHECK_OK(ozr_store_del(z, "c/0", &err));
	CHECK(missing(z, "c/0"));
	CHECK_OK(put(z, "c/0", "new"));
	CHECK_OK(ozr_store_del(z, "2/zarr.json", &err));
	CHECK(missing(z, "2/zarr.json"));
	CHECK_OK(put(z, "c/2", "gone"));
	CHECK_OK(ozr_store_del(z, "c/2", &err));
	CHECK_OK(put(z, "0/zarr.json", "{}"));
	has_text(z, "0/zarr.json", "{}");
	has_children(z, "", "0/ c/ zarr.json ");
	has_children(z, "c", "0 1 ");
	has_children(z, "2", "");
	ozr_text_free(finished(z, parent, &len));
	struct ozr_store *s = reopened(parent);
	has_text(s, "c/0", "new");
	has_text(s, "c/1", "one");
	has_children(s, "", "0/ c/ zarr.json ");
	has_children(s, "0", "zarr.json ");
	has_children(s, "c", "0 1 ");
	char *text = NULL;
	CHECK_OK(ozr_store_get(s, "zarr.json", 100, &text, &len, NULL, &err));
	CHECK(strcmp(text, "{\"more than eight\":8}") == 0);
	ozr_text_free(text);
	ozr_store_unref(s);
	ozr_store_unref(parent);
}

/* What an archive cannot do is said. */
static void test_refusals(void)
{
	struct ozr_store *parent = memory(), *z = create(parent, NULL), *other = NULL;
	struct ozr_object *o = NULL;
	CHECK_OK(put(z, "zarr.json", "{}"));
	CHECK_OK(put(z, "c/0", "1"));
	CHECK_CODE(OZR_UNSUPPORTED, put(z, "c/0", "2"));
	expect("write 'c/0': is in the archive already");
	CHECK_CODE(OZR_EXISTS, ozr_store_put(z, "c/0", "2", 1, OZR_PUT_CREATE_ONLY, &err));
	CHECK_CODE(OZR_EXISTS, ozr_store_put(z, "zarr.json", "2", 1, OZR_PUT_CREATE_ONLY, &err));
	/* Two for one key: the second one to end is too late. */
	struct ozr_put *a = begin(z, "c/1"), *b = begin(z, "c/1");
	CHECK_OK(ozr_put_append(a, "streamed", 8, &err));
	CHECK_OK(ozr_put_append(b, "held", 4, &err));
	CHECK_OK(ozr_put_commit(b, OZR_PUT_REPLACE, NULL, &err));
	CHECK_CODE(OZR_UNSUPPORTED, ozr_put_commit(a, OZR_PUT_REPLACE, NULL, &err));
	CHECK_CODE(OZR_UNSUPPORTED, ozr_object_open(z, "c/0", &o, &err));
	expect("cannot be read while");
	CHECK_OK(ozr_store_del(z, "c/9", &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_zip_commit(parent, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_zip_placement(parent, "c/0", &(struct ozr_placement){0}, &err));
	CHECK_OK(ozr_zip_commit(z, &err));
	CHECK_CODE(OZR_BAD_ARG, put(z, "c/2", "x"));
	CHECK_CODE(OZR_BAD_ARG, ozr_zip_commit(z, &err));
	ozr_store_unref(z);
	struct ozr_store *s = reopened(parent);
	has_text(s, "c/1", "held");
	ozr_store_unref(s);
	/* An archive that is there. */
	CHECK_CODE(OZR_UNSUPPORTED, ozr_store_open_zip(parent, "a.ozx", OZR_UPDATE, &other, &err));
	const struct ozr_zip_options only = {.mode = OZR_PUT_CREATE_ONLY};
	z = create(parent, &only);
	CHECK_CODE(OZR_EXISTS, ozr_zip_commit(z, &err));
	ozr_store_unref(z);
	/* With an open put there is nothing to publish. */
	z = create(parent, NULL);
	a = begin(z, "c/0");
	CHECK_CODE(OZR_BAD_ARG, ozr_zip_commit(z, &err));
	expect("1 values are still being written");
	CHECK(ozr_put_append(a, "x", 1, &err) != OZR_OK);
	ozr_put_abort(a);
	ozr_store_unref(z);
	s = reopened(parent);
	has_text(s, "c/1", "held");
	ozr_store_unref(s);
	ozr_store_unref(parent);
}

/* One streams, others wait: committed before and after it, aborted, of all sizes. */
static void test_many_open(int appends_only)
{
	struct ozr_store *parent = memory();
	struct ozr_store_ops poor = *parent->ops;
	poor.put_patch = NULL;
	if (appends_only)
		parent->ops = &poor;
	struct ozr_store *z = create(parent, NULL);
	struct ozr_put *p[40];
	struct ozr_placement at;
	char key[32];
	size_t len;
	CHECK_OK(put(z, "zarr.json", "{}"));
	for (int i = 0; i < 40; i++) {
		snprintf(key, sizeof key, "c/%d", i);
		p[i] = begin(z, key);
		CHECK((ozr_zip_put_offset(p[i]) != 0) == (i == 0));
	}
	for (size_t at_byte = 0; at_byte < BYTES; at_byte += 1 << 19)
		for (int i = 0; i < 40; i++) /* 120 MiB: some of it goes to the scratch file */
			CHECK_OK(ozr_put_append(p[i], big + at_byte, 1 << 19, &err));
	for (int i = 39; i >= 0; i--) {
		if (i % 3 == 2) {
			ozr_put_abort(p[i]);
			continue;
		}
		CHECK_OK(ozr_put_commit(p[i], OZR_PUT_REPLACE, &at, &err));
		CHECK((at.offset != 0) == (i == 0) && at.size == BYTES);
	}
	/* The stream is free again, and its place is used again after an abort. */
	struct ozr_put *gone = begin(z, "gone");
	const uint64_t place = ozr_zip_put_offset(gone);
	CHECK_OK(ozr_put_append(gone, big, 500000, &err));
	ozr_put_abort(gone);
	gone = begin(z, "come");
	CHECK(place && ozr_zip_put_offset(gone) == place);
	CHECK_OK(ozr_put_append(gone, "short", 5, &err));
	CHECK_OK(ozr_put_commit(gone, OZR_PUT_REPLACE, NULL, &err));
	char *bytes = NULL;
	struct ozr_placement places[40];
	for (int i = 0; i < 40; i++)
		if (i % 3 != 2) {
			snprintf(key, sizeof key, "c/%d", i);
			CHECK_OK(ozr_zip_placement(z, key, &places[i], &err));
			CHECK(places[i].offset % 64 == 0 && places[i].size == BYTES);
		}
	bytes = finished(z, parent, &len);
	struct ozr_store *s = reopened(parent);
	for (int i = 0; i < 40; i++) {
		snprintf(key, sizeof key, "c/%d", i);
		CHECK(missing(s, key) == (i % 3 == 2));
		if (i % 3 != 2) {
			has(s, key, big, BYTES);
			CHECK(memcmp(bytes + places[i].offset, big, BYTES) == 0);
		}
	}
	has_text(s, "come", "short");
	CHECK(missing(s, "gone"));
	ozr_store_unref(s);
	ozr_text_free(bytes);
	ozr_store_unref(parent);
}

struct writer {
	pthread_t thread;
	struct ozr_store *zip;
	int number;
};

enum { THREADS = 4, EACH = 200 };

static void *write_some(void *arg)
{
	const struct writer *w = arg;
	struct ozr_err mine;
	for (int i = 0; i < EACH; i++) {
		char key[32], text[64];
		snprintf(key, sizeof key, i % 50 == 49 ? "%d/%d/zarr.json" : "%d/c/%d", w->number,
			 i);
		snprintf(text, sizeof text, "thread %d value %d", w->number, i);
		CHECK(ozr_store_put(w->zip, key, text, strlen(text), OZR_PUT_REPLACE, &mine) == 0);
	}
	return NULL;
}

static void test_threads(void)
{
	struct ozr_store *parent = memory(), *z = create(parent, NULL);
	struct writer w[THREADS];
	size_t len;
	for (int i = 0; i < THREADS; i++) {
		w[i].zip = z;
		w[i].number = i;
		CHECK(pthread_create(&w[i].thread, NULL, write_some, &w[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(w[i].thread, NULL);
	ozr_text_free(finished(z, parent, &len));
	struct ozr_store *s = reopened(parent);
	for (int t = 0; t < THREADS; t++)
		for (int i = 0; i < EACH; i++) {
			char key[32], text[64];
			snprintf(key, sizeof key, i % 50 == 49 ? "%d/%d/zarr.json" : "%d/c/%d", t,
				 i);
			snprintf(text, sizeof text, "thread %d value %d", t, i);
			has_text(s, key, text);
		}
	ozr_store_unref(s);
	ozr_store_unref(parent);
}

static void test_files(void)
{
	char dir[PATH_MAX];
	struct ozr_store *z = NULL, *s = NULL;
	temp_dir(dir);
	const char *path = join(dir, "x.ozx");
	/* Nothing is there before the commit, nor after an abort. */
	for (int end = 0; end < 3; end++) {
		CHECK_OK(ozr_zip_create_file(ctx, path, NULL, OZR_FLUSH_EACH, &z, &err));
		CHECK_OK(put(z, "zarr.json", "{}"));
		CHECK_OK(put(z, "c/0", "data"));
		CHECK(!exists(path));
		if (end == 1)
			ozr_zip_abort(z);
		if (end == 2)
			CHECK_OK(ozr_zip_commit(z, &err));
		ozr_store_unref(z);
		CHECK(exists(path) == (end == 2) && count_entries(dir, "") == (end == 2));
	}
	CHECK_OK(ozr_store_open_zip_file(ctx, path, OZR_READ, &s, &err));
	has_text(s, "c/0", "data");
	/* A new one takes its place at once; the old version is still there for its reader. */
	CHECK_OK(ozr_zip_create_file(ctx, path, NULL, OZR_FLUSH_NONE, &z, &err));
	CHECK_OK(put(z, "c/0", "new!"));
	CHECK_OK(ozr_zip_commit(z, &err));
	ozr_store_unref(z);
	has_text(s, "c/0", "data");
	ozr_store_unref(s);
	CHECK_OK(ozr_store_open_zip_file(ctx, path, OZR_READ, &s, &err));
	has_text(s, "c/0", "new!");
	ozr_store_unref(s);
	CHECK_CODE(OZR_NOT_FOUND, ozr_zip_create_file(ctx, join(dir, "none/x.ozx"), NULL,
						      OZR_FLUSH_NONE, &z, &err));
	remove_tree(dir);
}

int main(void)
{
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	fill_bytes(big, BYTES, 3);
	test_image();
	test_root_last();
	test_options();
	test_changes();
	test_wrong_sizes();
	test_much_announced();
	test_forked();
	test_refusals();
	test_many_open(0);
	test_many_open(1);
	test_threads();
	test_files();
	ozr_ctx_unref(ctx);
	return 0;
}
