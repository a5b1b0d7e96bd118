/* SPDX-License-Identifier: MIT */
/*
 * A store that makes a zip archive: its life, its table of members, and what
 * can be seen of it while it is made: all keys, and the text of documents. Values
 * are written by zip_put.c; zip_finish.c ends the archive.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/ctx.h"
#include "store/children.h"
#include "store/dir.h"
#include "store/tree.h"
#include "store/zip_writer.h"

enum { ALIGNMENT = 64, ALIGNMENT_MOST = 32768, METADATA_ROOM = 4096, ROOT_ROOM = 65536 };

static const char rfc9_comment[] =
	"{\"ome\":{\"version\":\"0.5\",\"zipFile\":{\"centralDirectory\":{\"jsonFirst\":true}}}}";

/* --- Members ---------------------------------------------------------------------- */

struct ozr_zip_member *ozr_zip_member_new(struct ozr_zip_writer *w, const char *key,
					  struct ozr_err *err)
{
	const size_t len = strlen(key);
	struct ozr_zip_member *m = ozr_calloc(w->base.ctx, 1, sizeof *m + len + 1, err);
	if (!m)
		return NULL;
	m->hash = ozr_hash(0, key, len);
	memcpy(m->key, key, len + 1);
	return m;
}

void ozr_zip_member_free(struct ozr_zip_writer *w, struct ozr_zip_member *m)
{
	if (!m)
		return;
	ozr_free(w->base.ctx, m->text);
	ozr_free(w->base.ctx, m);
}

/* Values that were deleted stay in the table, for they may still wait to be written. */
struct ozr_zip_member *ozr_zip_member_find(const struct ozr_zip_writer *w, const char *key)
{
	if (!w->slots)
		return NULL;
	const uint64_t hash = ozr_hash(0, key, strlen(key));
	struct ozr_zip_member *m = w->table[hash & (w->slots - 1)];
	while (m && (m->hash != hash || (!m->live && !m->is_document) || strcmp(m->key, key) != 0))
		m = m->next;
	return m;
}

int ozr_zip_member_room(struct ozr_zip_writer *w, struct ozr_err *err)
{
	if (w->count < w->slots)
		return OZR_OK;
	const size_t slots = w->slots ? 2 * w->slots : 64;
	struct ozr_zip_member **table = ozr_calloc(w->base.ctx, slots, sizeof(*table), err);
	if (!table)
		return ozr_alloc_code(err);
	for (size_t i = 0; i < w->slots; i++) {
		for (struct ozr_zip_member *m = w->table[i], *next; m; m = next) {
			next = m->next;
			m->next = table[m->hash & (slots - 1)];
			table[m->hash & (slots - 1)] = m;
		}
	}
	ozr_free(w->base.ctx, w->table);
	w->table = table;
	w->slots = slots;
	return OZR_OK;
}

void ozr_zip_member_add(struct ozr_zip_writer *w, struct ozr_zip_member *m)
{
	m->next = w->table[m->hash & (w->slots - 1)];
	w->table[m->hash & (w->slots - 1)] = m;
	w->count++;
}

/* --- Reading back -------------------------------------------------------------------- */

struct text_object {
	struct ozr_object base;
	char text[];
};

/* A copy of a document's text. With the mutex. */
static int copy_text(struct ozr_zip_writer *w, const struct ozr_zip_member *m,
		     struct ozr_object **out, struct ozr_err *err)
{
	struct text_object *o = ozr_alloc(w->base.ctx, sizeof *o + m->length, err);
	if (!o)
		return ozr_alloc_code(err);
	/* Nobody else can change it: equal text is the same version. */
	const uint64_t version = m->length ? ozr_hash(1, m->text, m->length) | 1 : 1;
	o->base = (struct ozr_object){&w->base, m->length, version};
	if (m->length)
		memcpy(o->text, m->text, m->length);
	*out = &o->base;
	return OZR_OK;
}

static int writer_open(struct ozr_store *s, const char *key, struct ozr_object **out,
		       struct ozr_err *err)
{
	struct ozr_zip_writer *w = ozr_zip_writer(s);
	char quoted[OZR_QUOTE_MAX];
	int code;
	ozr_quote(quoted, key, strlen(key));
	pthread_mutex_lock(&w->mutex);
	const struct ozr_zip_member *m = ozr_zip_member_find(w, key);
	if (!m || !m->live)
		code = ozr_fail(err, OZR_NOT_FOUND, "'%s': no such entry", quoted);
	else if (!m->is_document)
		code = ozr_fail(err, OZR_UNSUPPORTED,
				"'%s': cannot be read while the archive is being written", quoted);
	else
		code = copy_text(w, m, out, err);
	pthread_mutex_unlock(&w->mutex);
	return code;
}

static int writer_read(struct ozr_object *o, size_t n, const struct ozr_range *ranges,
		       void *const *dst, struct ozr_err *err)
{
	(void)err; /* store.c has checked the ranges */
	for (size_t i = 0; i < n; i++)
		if (ranges[i].length)
			memcpy(dst[i], ((struct text_object *)o)->text + ranges[i].offset,
			       (size_t)ranges[i].length);
	return OZR_OK;
}

static void writer_close(struct ozr_object *o)
{
	ozr_free(o->store->ctx, o);
}

/* It is not listed in the end. */
static int writer_del(struct ozr_store *s, const char *key, struct ozr_err *err)
{
	struct ozr_zip_writer *w = ozr_zip_writer(s);
	char quoted[OZR_QUOTE_MAX];
	int code = OZR_OK;
	pthread_mutex_lock(&w->mutex);
	struct ozr_zip_member *m = ozr_zip_member_find(w, key);
	if (m && m->live && w->ended)
		code = ozr_fail(err, OZR_BAD_ARG, "delete '%s': the archive is finished",
				ozr_quote(quoted, key, strlen(key)));
	else if (m)
		m->live = 0;
	pthread_mutex_unlock(&w->mutex);
	return code;
}

static int writer_list(struct ozr_store *s, const char *prefix,
		       int (*fn)(void *arg, const char *name, int is_prefix), void *arg,
		       struct ozr_err *err)
{
	struct ozr_zip_writer *w = ozr_zip_writer(s);
	struct ozr_children c;
	int code = OZR_OK;
	ozr_children_init(&c, s->ctx);
	pthread_mutex_lock(&w->mutex);
	for (size_t i = 0; i < w->slots && !code; i++)
		for (struct ozr_zip_member *m = w->table[i]; m && !code; m = m->next)
			if (m->live)
				code = ozr_children_note(&c, m->key, prefix, err);
	pthread_mutex_unlock(&w->mutex);
	if (!code)
		code = ozr_children_tell(&c, fn, arg, err);
	ozr_children_release(&c);
	return code;
}

/* --- Life ---------------------------------------------------------------------------- */

/* A forked child lets go of its copy. What a thread of the parent was changing at that moment is
 * neither whole nor to be waited for: it is lost. Returns whether this is a child. */
static int abandon(struct ozr_zip_writer *w)
{
	if (!w->sink.pid || w->sink.pid == getpid())
		return 0;
	ozr_spool_forked(w->spool);
	if (ozr_lock_forked(&w->mutex))
		return 1;
	w->table = NULL;
	w->slots = 0;
	w->first = w->last = NULL;
	ozr_buf_init(&w->spare[0], w->base.ctx, 0);
	ozr_buf_init(&w->spare[1], w->base.ctx, 0);
	return 1;
}

static void writer_destroy(struct ozr_store *s)
{
	struct ozr_zip_writer *w = ozr_zip_writer(s);
	struct ozr_ctx *ctx = ozr_ctx_ref(s->ctx);
	const int forked = abandon(w);
	ozr_zip_abort(s);
	for (size_t i = 0; i < w->slots; i++) {
		for (struct ozr_zip_member *m = w->table[i], *next; m; m = next) {
			next = m->next;
			ozr_zip_member_free(w, m);
		}
	}
	ozr_free(ctx, w->table);
	ozr_buf_release(&w->spare[0]);
	ozr_buf_release(&w->spare[1]);
	ozr_spool_free(w->spool);
	ozr_free(ctx, w->comment);
	ozr_store_unref(w->sink.parent);
	if (!forked) /* else its parent may have had it locked */
		pthread_mutex_destroy(&w->mutex);
	ozr_store_release(s);
	ozr_free(ctx, w);
	ozr_ctx_unref(ctx);
}

static const struct ozr_store_ops writer_ops = {
	.name = "zip",
	.open = writer_open,
	.read = writer_read,
	.close = writer_close,
	.put_begin = ozr_zip_put_begin,
	.put_append = ozr_zip_put_append,
	.put_commit = ozr_zip_put_commit,
	.put_abort = ozr_zip_put_abort,
	.del = writer_del,
	.list = writer_list,
	.destroy = writer_destroy,
};

static int take_options(struct ozr_zip_writer *w, const struct ozr_zip_options *opt,
			struct ozr_err *err)
{
	struct ozr_zip_options *o = &w->opt;
	if (opt)
		*o = *opt;
	if (!o->alignment)
		o->alignment = ALIGNMENT;
	if (!o->metadata_room)
		o->metadata_room = METADATA_ROOM;
	if (!o->root_room)
		o->root_room = ROOT_ROOM;
	if (!o->comment)
		o->comment = rfc9_comment;
	if (o->alignment & (o->alignment - 1) || o->alignment > ALIGNMENT_MOST)
		return ozr_fail(err, OZR_BAD_ARG,
				"alignment %u, must be a power of two of at most %d", o->alignment,
				ALIGNMENT_MOST);
	if (strnlen(o->comment, OZR_ZIP_COMMENT_MAX + 1) > OZR_ZIP_COMMENT_MAX)
		return ozr_fail(err, OZR_BAD_ARG, "comment of more than %d bytes",
				OZR_ZIP_COMMENT_MAX);
	w->comment = ozr_strdup(w->base.ctx, o->comment, err);
	o->comment = w->comment;
	return w->comment ? OZR_OK : ozr_alloc_code(err);
}

int ozr_zip_create(struct ozr_store *parent, const char *key, const struct ozr_zip_options *opt,
		   struct ozr_store **out, struct ozr_err *err)
{
	struct ozr_zip_writer *w = ozr_calloc(parent->ctx, 1, sizeof *w, err);
	char quoted[OZR_QUOTE_MAX];
	if (!w)
		return ozr_alloc_code(err);
	w->sink.scratch = -1;
	int code = ozr_store_init(
		&w->base, &writer_ops, parent->ctx, key,
		OZR_STORE_WRITE | OZR_STORE_DELETE | OZR_STORE_LIST | OZR_STORE_SERIAL, err);
	if (code) {
		ozr_free(parent->ctx, w);
		return code;
	}
	w->base.identity[0] = UINT64_MAX - 1; /* no other store is this one */
	w->base.identity[1] = ozr_ctx_serial(parent->ctx);
	pthread_mutex_init(&w->mutex, NULL);
	ozr_buf_init(&w->spare[0], parent->ctx, SIZE_MAX / 2);
	ozr_buf_init(&w->spare[1], parent->ctx, SIZE_MAX / 2);
	code = take_options(w, opt, err);
	if (!code)
		code = ozr_spool_new(parent->ctx, &w->spool, err);
	if (!code)
		code = ozr_zip_sink_open(&w->sink, parent, key, err);
	if (!code)
		code = ozr_zip_sink_fill(&w->sink, 0, w->opt.head, err);
	if (!code) {
		*out = &w->base;
		return OZR_OK;
	}
	writer_destroy(&w->base);
	return ozr_err_context(err, code, "'%s'", ozr_quote(quoted, key, strlen(key)));
}

int ozr_zip_create_file(struct ozr_ctx *ctx, const char *path, const struct ozr_zip_options *opt,
			enum ozr_durability durability, struct ozr_store **out, struct ozr_err *err)
{
	struct ozr_target t;
	struct ozr_store *folder = NULL;
	int code = ozr_target_open(ctx, path, &t, err);
	if (code)
		return code;
	code = ozr_dir_open_fd(ctx, t.dir, path, OZR_UPDATE, durability, &folder, err);
	if (!code)
		code = ozr_zip_create(folder, t.name, opt, out, err);
	ozr_store_unref(folder);
	return code;
}

int ozr_zip_is_writer(const struct ozr_store *s, struct ozr_err *err)
{
	if (s->ops != &writer_ops)
		return ozr_fail(err, OZR_BAD_ARG, "a %s store is not an archive being written",
				s->ops->name);
	return OZR_OK;
}

int ozr_zip_placement(struct ozr_store *s, const char *key, struct ozr_placement *out,
		      struct ozr_err *err)
{
	struct ozr_zip_writer *w = ozr_zip_writer(s);
	char quoted[OZR_QUOTE_MAX];
	if (ozr_zip_is_reader(s))
		return ozr_zip_member_place(s, key, out, err);
	int code = ozr_zip_is_writer(s, err);
	if (code)
		return code;
	pthread_mutex_lock(&w->mutex);
	const struct ozr_zip_member *m = ozr_zip_member_find(w, key);
	*out = (struct ozr_placement){0, 0};
	if (m && m->placed && m->live)
		*out = (struct ozr_placement){m->data, m->size};
	const int there = m && m->live;
	pthread_mutex_unlock(&w->mutex);
	return there ? OZR_OK
		     : ozr_fail(err, OZR_NOT_FOUND, "'%s': no such entry",
				ozr_quote(quoted, key, strlen(key)));
}

int ozr_zip_patch(struct ozr_store *s, uint64_t offset, const void *bytes, size_t len,
		  struct ozr_err *err)
{
	struct ozr_zip_writer *w = ozr_zip_writer(s);
	int code = ozr_zip_is_writer(s, err);
	if (code)
		return code;
	if (offset > w->opt.head || len > w->opt.head - offset)
		return ozr_fail(err, OZR_BAD_ARG,
				"bytes %" PRIu64 "+%zu are not before the first entry at %u",
				offset, len, w->opt.head);
	/* The stream's owner is asked for, so that nobody else is inside the sink. */
	pthread_mutex_lock(&w->mutex);
	if (w->busy || w->ended)
		code = ozr_fail(err, OZR_BAD_ARG, "the archive is %s",
				w->ended ? "finished" : "being written to");
	else
		w->busy = 1;
	pthread_mutex_unlock(&w->mutex);
	if (code)
		return code;
	code = ozr_zip_sink_patch(&w->sink, offset, bytes, len, err);
	ozr_zip_let_go(w);
	return code;
}

/* Nothing more may be written. OZR_BAD_ARG when that is not the time. */
static int end(struct ozr_zip_writer *w, struct ozr_err *err)
{
	int code = OZR_OK;
	pthread_mutex_lock(&w->mutex);
	if (w->ended)
		code = ozr_fail(err, OZR_BAD_ARG, "the archive is finished");
	else if (w->open)
		code = ozr_fail(err, OZR_BAD_ARG, "%zu values are still being written", w->open);
	else if (w->failure.code)
		code = ozr_fail(err, w->failure.code, "%s", w->failure.msg);
	w->ended = 1;
	pthread_mutex_unlock(&w->mutex);
	return code;
}

int ozr_zip_commit(struct ozr_store *s, struct ozr_err *err)
{
	struct ozr_zip_writer *w = ozr_zip_writer(s);
	char quoted[OZR_QUOTE_MAX];
	int code = ozr_zip_is_writer(s, err);
	if (code)
		return code;
	code = end(w, err);
	if (!code)
		code = ozr_zip_finish(w, err);
	if (!code)
		code = ozr_zip_sink_publish(&w->sink, &w->opt, err);
	if (!code)
		return OZR_OK;
	ozr_zip_abort(s);
	return ozr_err_context(err, code, "'%s'",
			       ozr_quote(quoted, s->location, strlen(s->location)));
}

/* Open puts may still append and end; they find the sink closed. */
void ozr_zip_abort(struct ozr_store *s)
{
	struct ozr_zip_writer *w = ozr_zip_writer(s);
	if (s->ops != &writer_ops)
		return;
	pthread_mutex_lock(&w->mutex);
	w->ended = 1;
	pthread_mutex_unlock(&w->mutex);
	ozr_zip_queue_drop(w);
	ozr_zip_sink_abort(&w->sink);
}
