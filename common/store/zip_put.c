/* SPDX-License-Identifier: MIT */
/*
 * Values on their way into an archive, of three kinds: a document waits in
 * memory until the archive is finished; the first other value that is begun while
 * nobody has the stream goes straight into the archive, and its header is
 * corrected at the end; any further one is held, in memory or in the scratch
 * file, until it is committed and the stream is free.
 *
 * Nobody waits for the stream: who commits while it is taken leaves the value in a
 * queue, which the owner of the stream writes before letting go. An error in
 * that is the archive's, reported when it is finished.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "base/inflate.h"
#include "store/tree.h"
#include "store/zip_writer.h"

enum {
	HELD_MOST = 64 << 20, /* bytes in memory of all values that wait */
	PIECE = 256 << 10     /* above that a value goes to the scratch file in such pieces */
};

struct piece {
	struct ozr_spooled *where;
	size_t len;
};

struct ozr_zip_put {
	struct ozr_put base;
	struct ozr_zip_put *next;      /* in the queue */
	struct ozr_zip_member *member; /* owned until it hangs in the table */
	int is_document, streams, broken;
	int refused; /* the key is there already: nothing is kept, commit says so */
	uint32_t crc;
	struct ozr_buf bytes;  /* what is in memory: all, or what follows the pieces */
	struct ozr_buf pieces; /* struct piece */
};

static int fail_write(int code, const char *key, struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	return code ? ozr_err_context(err, code, "write '%s'", ozr_quote(quoted, key, strlen(key)))
		    : OZR_OK;
}

static size_t piece_count(const struct ozr_zip_put *p)
{
	return p->pieces.len / sizeof(struct piece);
}

static struct piece piece_at(const struct ozr_zip_put *p, size_t i)
{
	struct piece v;
	memcpy(&v, p->pieces.data + i * sizeof v, sizeof v);
	return v;
}

/* Only the put: its member may live on. */
static void put_free(struct ozr_zip_writer *w, struct ozr_zip_put *p)
{
	for (size_t i = 0; i < piece_count(p); i++)
		ozr_spool_drop(w->spool, piece_at(p, i).where);
	if (!p->is_document)
		atomic_fetch_sub(&w->held, p->bytes.len);
	ozr_buf_release(&p->bytes);
	ozr_buf_release(&p->pieces);
	ozr_free(w->base.ctx, p);
}

void ozr_zip_queue_drop(struct ozr_zip_writer *w)
{
	while (w->first) {
		struct ozr_zip_put *p = w->first;
		w->first = p->next;
		put_free(w, p);
	}
	w->last = NULL;
}

/* --- Owning the stream ---------------------------------------------------------- */

static int write_header(struct ozr_zip_writer *w, struct ozr_zip_member *m, struct ozr_err *err)
{
	struct ozr_buf header;
	ozr_buf_init(&header, w->base.ctx, SIZE_MAX / 2);
	ozr_zip_place(m, w->sink.at, w->opt.alignment);
	int code = ozr_zip_put_local(&header, m, w->opt.alignment, err);
	if (!code)
		code = ozr_zip_sink_write(&w->sink, header.data, header.len, err);
	ozr_buf_release(&header);
	return code;
}

static int write_pieces(struct ozr_zip_writer *w, const struct ozr_zip_put *p, struct ozr_err *err)
{
	char *block = ozr_alloc(w->base.ctx, PIECE, err);
	int code = block ? OZR_OK : ozr_alloc_code(err);
	for (size_t i = 0; i < piece_count(p) && !code; i++) {
		const struct piece v = piece_at(p, i);
		for (size_t at = 0; at < v.len && !code;) {
			size_t n = (size_t)ozr_min_u64(PIECE, v.len - at);
			code = ozr_spool_get(w->spool, v.where, at, block, n, err);
			if (!code)
				code = ozr_zip_sink_write(&w->sink, block, n, err);
			at += n;
		}
	}
	ozr_free(w->base.ctx, block);
	return code;
}

/* A value whose bytes are all here. */
static int write_held(struct ozr_zip_writer *w, struct ozr_zip_put *p, struct ozr_err *err)
{
	struct ozr_zip_member *m = p->member;
	int code = ozr_zip_start(w, err);
	if (!code)
		code = write_header(w, m, err);
	if (!code && p->pieces.len)
		code = write_pieces(w, p, err);
	if (!code)
		code = ozr_zip_sink_write(&w->sink, p->bytes.data, p->bytes.len, err);
	if (code) {
		w->sink.broken = 1; /* the value is in the table and not in the archive */
		return fail_write(code, m->key, err);
	}
	pthread_mutex_lock(&w->mutex);
	m->placed = 1;
	pthread_mutex_unlock(&w->mutex);
	return OZR_OK;
}

/* Write what waits, then let go. */
void ozr_zip_let_go(struct ozr_zip_writer *w)
{
	for (;;) {
		struct ozr_err err = {.code = OZR_OK};
		pthread_mutex_lock(&w->mutex);
		struct ozr_zip_put *p = w->first;
		if (p) {
			w->first = p->next;
			if (!p->next)
				w->last = NULL;
		} else {
			w->busy = 0;
		}
		pthread_mutex_unlock(&w->mutex);
		if (!p)
			return;
		if (write_held(w, p, &err)) {
			pthread_mutex_lock(&w->mutex);
			if (!w->failure.code)
				w->failure = err;
			pthread_mutex_unlock(&w->mutex);
		}
		put_free(w, p);
	}
}

/* --- Begin ------------------------------------------------------------------------- */

static int refuse_again(const char *key, enum ozr_put_mode mode, struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	ozr_quote(quoted, key, strlen(key));
	if (mode == OZR_PUT_CREATE_ONLY)
		return ozr_fail(err, OZR_EXISTS, "write '%s': the key exists", quoted);
	return ozr_fail(
		err, OZR_UNSUPPORTED,
		"write '%s': is in the archive already, and what is in a zip archive cannot "
		"be replaced",
		quoted);
}

/* Is there still an archive, and room for this value? Takes the stream when it is free. */
static int enter(struct ozr_zip_writer *w, struct ozr_zip_put *p, struct ozr_err *err)
{
	int code = OZR_OK;
	pthread_mutex_lock(&w->mutex);
	if (w->ended)
		code = ozr_fail(err, OZR_BAD_ARG, "write '%s': the archive is finished",
				p->member->key);
	if (!code) {
		w->open++;
		p->refused = !p->is_document && ozr_zip_member_find(w, p->member->key);
		p->streams = !p->is_document && !p->refused && !w->busy;
		w->busy |= p->streams;
	}
	pthread_mutex_unlock(&w->mutex);
	return code;
}

static void leave(struct ozr_zip_writer *w)
{
	pthread_mutex_lock(&w->mutex);
	w->open--;
	pthread_mutex_unlock(&w->mutex);
}

int ozr_zip_put_begin(struct ozr_store *s, const char *key, uint64_t size_hint,
		      struct ozr_put **out, struct ozr_err *err)
{
	struct ozr_zip_writer *w = ozr_zip_writer(s);
	(void)size_hint;
	struct ozr_zip_put *p = ozr_calloc(s->ctx, 1, sizeof *p, err);
	if (!p)
		return ozr_alloc_code(err);
	p->base.store = s;
	p->is_document = ozr_tree_is_document(key);
	ozr_buf_init(&p->bytes, s->ctx,
		     p->is_document ? ozr_ctx_limits(s->ctx)->json_bytes : SIZE_MAX / 2);
	ozr_buf_init(&p->pieces, s->ctx, SIZE_MAX / 2);
	p->member = ozr_zip_member_new(w, key, err);
	int code = p->member ? enter(w, p, err) : ozr_alloc_code(err);
	if (code) {
		ozr_zip_member_free(w, p->member);
		put_free(w, p);
		return code;
	}
	p->member->is_document = p->is_document;
	if (p->streams)
		code = ozr_zip_start(w, err);
	if (!code && p->streams)
		code = write_header(w, p->member, err);
	if (!code) {
		*out = &p->base;
		return OZR_OK;
	}
	code = fail_write(code, key, err);
	ozr_zip_put_abort(&p->base);
	return code;
}

uint64_t ozr_zip_put_offset(const struct ozr_put *base)
{
	const struct ozr_zip_put *p = (const struct ozr_zip_put *)base;
	if (base->store->ops->put_begin != ozr_zip_put_begin)
		return 0;
	return p->streams ? p->member->data : 0;
}

/* --- Append -------------------------------------------------------------------------- */

static int spill(struct ozr_zip_put *p, const void *bytes, size_t len, struct ozr_err *err)
{
	struct ozr_zip_writer *w = ozr_zip_writer(p->base.store);
	struct piece v = {.len = len};
	if (!len)
		return OZR_OK;
	int code = ozr_spool_put(w->spool, bytes, len, &v.where, err);
	if (code)
		return code;
	code = ozr_buf_append(&p->pieces, &v, sizeof v, err);
	if (code)
		ozr_spool_drop(w->spool, v.where);
	return code;
}

static int hold(struct ozr_zip_put *p, const void *bytes, size_t len, struct ozr_err *err)
{
	struct ozr_zip_writer *w = ozr_zip_writer(p->base.store);
	int code = OZR_OK;
	if (atomic_load(&w->held) + len > HELD_MOST && p->bytes.len + len >= PIECE) {
		code = spill(p, p->bytes.data, p->bytes.len, err);
		if (code)
			return code;
		atomic_fetch_sub(&w->held, p->bytes.len);
		ozr_buf_release(&p->bytes);
		if (len >= PIECE)
			return spill(p, bytes, len, err);
	}
	code = ozr_buf_append(&p->bytes, bytes, len, err);
	if (!code)
		atomic_fetch_add(&w->held, len);
	return code;
}

int ozr_zip_put_append(struct ozr_put *base, const void *bytes, size_t len, struct ozr_err *err)
{
	struct ozr_zip_put *p = (struct ozr_zip_put *)base;
	int code;
	if (p->broken)
		return ozr_fail(err, OZR_BAD_ARG, "write '%s': an append failed before",
				p->member->key);
	if (p->refused)
		return OZR_OK;
	if (p->is_document)
		code = ozr_buf_append(&p->bytes, bytes, len, err);
	else if (p->streams)
		code = ozr_zip_sink_write(&ozr_zip_writer(base->store)->sink, bytes, len, err);
	else
		code = hold(p, bytes, len, err);
	p->crc = ozr_crc32(p->crc, bytes, len);
	p->broken = code != OZR_OK;
	return fail_write(code, p->member->key, err);
}

/* --- Commit and abort ---------------------------------------------------------------- */

/* A document takes its place in the table, or its text that of an older one. Takes the text. One
 * that does not fit into its place in the archive gets another one at the end. */
static int commit_document(struct ozr_zip_writer *w, struct ozr_zip_put *p, enum ozr_put_mode mode,
			   struct ozr_err *err)
{
	struct ozr_zip_member *m = ozr_zip_member_find(w, p->member->key);
	char *old = NULL;
	if (m && m->live && mode == OZR_PUT_CREATE_ONLY)
		return refuse_again(m->key, mode, err);
	if (w->ended)
		return ozr_fail(err, OZR_BAD_ARG, "write '%s': the archive is finished",
				p->member->key);
	if (!m) {
		int code = ozr_zip_member_room(w, err);
		if (code)
			return code;
		m = p->member;
		ozr_zip_member_add(w, m);
		p->member = NULL;
	}
	old = m->text;
	m->text = p->bytes.data;
	m->length = p->bytes.len;
	m->live = m->dirty = 1;
	m->placed &= m->length <= m->size;
	ozr_buf_init(&p->bytes, w->base.ctx, 0);
	ozr_free(w->base.ctx, old);
	return OZR_OK;
}

/* Hang the member of a value into the table. With the mutex. */
static int add_value(struct ozr_zip_writer *w, struct ozr_zip_put *p, enum ozr_put_mode mode,
		     struct ozr_err *err)
{
	if (p->refused || ozr_zip_member_find(w, p->member->key))
		return refuse_again(p->member->key, mode, err);
	int code = ozr_zip_member_room(w, err);
	if (code)
		return code;
	p->member->live = 1;
	ozr_zip_member_add(w, p->member);
	return OZR_OK;
}

/* The bytes are in the archive: correct the header. */
static int finish_stream(struct ozr_zip_writer *w, struct ozr_zip_put *p, enum ozr_put_mode mode,
			 struct ozr_err *err)
{
	struct ozr_zip_member *m = p->member;
	struct ozr_buf header;
	ozr_buf_init(&header, w->base.ctx, SIZE_MAX / 2);
	int code = ozr_zip_put_local(&header, m, w->opt.alignment, err);
	if (!code)
		code = ozr_zip_sink_patch(&w->sink, m->header, header.data, header.len, err);
	ozr_buf_release(&header);
	if (code)
		return code;
	pthread_mutex_lock(&w->mutex);
	code = add_value(w, p, mode, err);
	if (!code)
		m->placed = 1;
	pthread_mutex_unlock(&w->mutex);
	return code;
}

/* Write a held value when the stream is free, else queue it. *queued: it is no longer ours. */
static int finish_held(struct ozr_zip_writer *w, struct ozr_zip_put *p, enum ozr_put_mode mode,
		       int *queued, struct ozr_err *err)
{
	pthread_mutex_lock(&w->mutex);
	int code = add_value(w, p, mode, err);
	*queued = !code && w->busy;
	if (*queued) {
		if (w->last)
			w->last->next = p;
		else
			w->first = p;
		w->last = p;
	} else if (!code) {
		w->busy = 1;
	}
	pthread_mutex_unlock(&w->mutex);
	if (code || *queued)
		return code;
	code = write_held(w, p, err);
	p->member = NULL; /* the table's */
	ozr_zip_let_go(w);
	return code;
}

static int commit_value(struct ozr_zip_writer *w, struct ozr_zip_put *p, enum ozr_put_mode mode,
			struct ozr_placement *out, int *queued, struct ozr_err *err)
{
	struct ozr_zip_member *m = p->member;
	int code;
	m->crc = p->crc;
	m->size = p->base.size;
	if (!p->streams) {
		code = finish_held(w, p, mode, queued, err);
		if (!code && !*queued)
			out->offset = m->data;
		return code;
	}
	code = finish_stream(w, p, mode, err);
	if (code)
		return code; /* the abort gives the stream back */
	out->offset = m->data;
	p->member = NULL;
	p->streams = 0;
	ozr_zip_let_go(w);
	return OZR_OK;
}

int ozr_zip_put_commit(struct ozr_put *base, enum ozr_put_mode mode, struct ozr_placement *out,
		       struct ozr_err *err)
{
	struct ozr_zip_put *p = (struct ozr_zip_put *)base;
	struct ozr_zip_writer *w = ozr_zip_writer(base->store);
	int queued = 0, code;
	if (p->broken) {
		code = ozr_fail(err, OZR_BAD_ARG, "write '%s': an append failed before",
				p->member->key);
	} else if (p->is_document) {
		pthread_mutex_lock(&w->mutex);
		code = commit_document(w, p, mode, err);
		pthread_mutex_unlock(&w->mutex);
	} else {
		code = commit_value(w, p, mode, out, &queued, err);
	}
	if (!queued) {
		ozr_zip_put_abort(base); /* what is left of it */
		return code;
	}
	leave(w);
	return OZR_OK;
}

void ozr_zip_put_abort(struct ozr_put *base)
{
	struct ozr_zip_put *p = (struct ozr_zip_put *)base;
	struct ozr_zip_writer *w = ozr_zip_writer(base->store);
	if (p->streams) {
		/* The next value takes its place. */
		if (p->member->data)
			w->sink.at = p->member->header;
		ozr_zip_let_go(w);
	}
	leave(w);
	ozr_zip_member_free(w, p->member);
	put_free(w, p);
}
