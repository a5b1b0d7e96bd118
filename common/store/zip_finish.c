/* SPDX-License-Identifier: MIT */
/*
 * Metadata and the end of an archive. Documents are written where the first
 * data begins, each with room for a longer text; the root's zarr.json gets a place
 * even if it has not come yet. In the end those that have changed are
 * written again over theirs, later ones are added, and the directory lists all
 * documents first.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "base/inflate.h"
#include "store/zip_writer.h"

/* --- Sorting ----------------------------------------------------------------------- */

static int by_document(const void *a, const void *b)
{
	return ozr_zip_compare_documents(*(struct ozr_zip_member *const *)a,
					 *(struct ozr_zip_member *const *)b);
}

/* Documents first, then values as they lie in the archive. */
static int by_directory(const void *a, const void *b)
{
	const struct ozr_zip_member *x = *(struct ozr_zip_member *const *)a;
	const struct ozr_zip_member *y = *(struct ozr_zip_member *const *)b;
	if (x->is_document != y->is_document)
		return y->is_document - x->is_document;
	if (x->is_document)
		return ozr_zip_compare_documents(x, y);
	return (x->header > y->header) - (x->header < y->header);
}

/* Members in order, or documents only; the caller frees *out. */
static int gather(struct ozr_zip_writer *w, int documents, struct ozr_zip_member ***out, size_t *n,
		  struct ozr_err *err)
{
	int code = OZR_OK;
	*n = 0;
	pthread_mutex_lock(&w->mutex);
	*out = ozr_calloc(w->base.ctx, w->count + 1, sizeof **out, err);
	if (!*out)
		code = ozr_alloc_code(err);
	for (size_t i = 0; i < w->slots && !code; i++)
		for (struct ozr_zip_member *m = w->table[i]; m; m = m->next)
			if (m->is_document || !documents)
				(*out)[(*n)++] = m;
	pthread_mutex_unlock(&w->mutex);
	if (!code)
		qsort(*out, *n, sizeof **out, documents ? by_document : by_directory);
	return code;
}

/* --- Documents --------------------------------------------------------------------- */

/* With the mutex: what is to be written, the text with spaces up to its size, and where. */
static int take_text(struct ozr_zip_writer *w, struct ozr_zip_member *m, uint64_t room,
		     struct ozr_buf *body, struct ozr_err *err)
{
	static const char spaces[] =
		"                                                                ";
	const uint64_t size = m->placed ? m->size : m->length + room;
	int code = ozr_buf_reserve(body, (size_t)size + 1, err);
	if (!code)
		code = ozr_buf_append(body, m->text, m->length, err);
	while (!code && body->len < size)
		code = ozr_buf_append(body, spaces,
				      (size_t)ozr_min_u64(sizeof spaces - 1, size - body->len),
				      err);
	if (code)
		return code;
	if (!m->placed) {
		m->size = size;
		ozr_zip_place(m, w->sink.at, w->opt.alignment);
	}
	m->crc = ozr_crc32(0, body->data, body->len);
	m->placed = 1;
	m->dirty = 0;
	return OZR_OK;
}

/* Header and text in one piece. room: spaces behind the text. */
static int write_document(struct ozr_zip_writer *w, struct ozr_zip_member *m, uint64_t room,
			  struct ozr_err *err)
{
	struct ozr_buf b, body;
	ozr_buf_init(&b, w->base.ctx, SIZE_MAX / 2);
	ozr_buf_init(&body, w->base.ctx, SIZE_MAX / 2);
	pthread_mutex_lock(&w->mutex);
	const int again = m->placed;
	int code = take_text(w, m, room, &body, err);
	if (!code)
		code = ozr_zip_put_local(&b, m, w->opt.alignment, err);
	const uint64_t header = m->header;
	pthread_mutex_unlock(&w->mutex);
	if (!code)
		code = ozr_buf_append(&b, body.data, body.len, err);
	if (!code)
		code = again ? ozr_zip_sink_patch(&w->sink, header, b.data, b.len, err)
			     : ozr_zip_sink_write(&w->sink, b.data, b.len, err);
	w->sink.broken |= code != OZR_OK;
	ozr_buf_release(&body);
	ozr_buf_release(&b);
	return code;
}

static int is_live(const struct ozr_zip_writer *w, const char *key)
{
	const struct ozr_zip_member *m = ozr_zip_member_find(w, key);
	return m && m->live;
}

/* A place for the root's metadata, unless there is some. */
static int reserve_root(struct ozr_zip_writer *w, struct ozr_err *err)
{
	int code = OZR_OK;
	struct ozr_zip_member *m = ozr_zip_member_new(w, "zarr.json", err);
	if (!m)
		return ozr_alloc_code(err);
	m->is_document = m->kept = 1;
	pthread_mutex_lock(&w->mutex);
	struct ozr_zip_member *old = ozr_zip_member_find(w, "zarr.json");
	const int keep =
		!is_live(w, "zarr.json") && !is_live(w, ".zgroup") && !is_live(w, ".zarray");
	if (keep && old)
		old->kept = 1;
	else if (keep)
		code = ozr_zip_member_room(w, err);
	const int add = keep && !old && !code;
	if (add)
		ozr_zip_member_add(w, m);
	pthread_mutex_unlock(&w->mutex);
	if (!add)
		ozr_zip_member_free(w, m);
	return code;
}

/* Is it to be written before the first value? room: then, behind its text. */
static int begins(struct ozr_zip_writer *w, const struct ozr_zip_member *m, uint64_t *room)
{
	pthread_mutex_lock(&w->mutex);
	const int yes = m->live || m->kept;
	/* A long document grows more: it has windows and statistics of many channels. */
	*room = m->live ? ozr_max_u64(w->opt.metadata_room, m->length) : w->opt.root_room;
	pthread_mutex_unlock(&w->mutex);
	return yes;
}

int ozr_zip_start(struct ozr_zip_writer *w, struct ozr_err *err)
{
	struct ozr_zip_member **m = NULL;
	uint64_t room;
	size_t n = 0;
	if (w->started)
		return OZR_OK;
	int code = reserve_root(w, err);
	if (!code)
		code = gather(w, 1, &m, &n, err);
	for (size_t i = 0; !code && i < n; i++)
		if (begins(w, m[i], &room))
			code = write_document(w, m[i], room, err);
	ozr_free(w->base.ctx, m);
	w->started = !code;
	return code;
}

/* --- The end ------------------------------------------------------------------------ */

static int finish_documents(struct ozr_zip_writer *w, struct ozr_err *err)
{
	struct ozr_zip_member **m = NULL;
	size_t n = 0;
	int code = gather(w, 1, &m, &n, err);
	for (size_t i = 0; !code && i < n; i++)
		if (m[i]->live && (m[i]->dirty || !m[i]->placed))
			code = write_document(w, m[i], 0, err);
	ozr_free(w->base.ctx, m);
	return code;
}

static int write_directory(struct ozr_zip_writer *w, struct ozr_zip_place *place,
			   struct ozr_err *err)
{
	enum { FLUSH = 64 << 10 };
	struct ozr_zip_member **m = NULL;
	struct ozr_buf b;
	size_t n = 0;
	ozr_buf_init(&b, w->base.ctx, SIZE_MAX / 2);
	int code = gather(w, 0, &m, &n, err);
	for (size_t i = 0; !code && i < n; i++) {
		/* A place that was kept for the root and not used is no entry. */
		if (!m[i]->live)
			continue;
		place->count++;
		code = ozr_zip_put_central(&b, m[i], err);
		if (!code && b.len >= FLUSH) {
			code = ozr_zip_sink_write(&w->sink, b.data, b.len, err);
			b.len = 0;
		}
	}
	if (!code)
		code = ozr_zip_sink_write(&w->sink, b.data, b.len, err);
	ozr_buf_release(&b);
	ozr_free(w->base.ctx, m);
	return code;
}

int ozr_zip_finish(struct ozr_zip_writer *w, struct ozr_err *err)
{
	struct ozr_zip_place place = {.count = 0};
	struct ozr_buf b;
	ozr_buf_init(&b, w->base.ctx, SIZE_MAX / 2);
	int code = finish_documents(w, err);
	if (!code)
		code = ozr_zip_sink_close_gap(&w->sink, err);
	place.offset = w->sink.at;
	if (!code)
		code = write_directory(w, &place, err);
	place.bytes = w->sink.at - place.offset;
	place.end = w->sink.at;
	if (!code)
		code = ozr_zip_put_end(&b, &place, w->comment, err);
	if (!code)
		code = ozr_zip_sink_write(&w->sink, b.data, b.len, err);
	ozr_buf_release(&b);
	return code;
}
