/* SPDX-License-Identifier: MIT */
/*
 * Values on their way into an archive. A document waits in memory until the
 * archive is finished. Where bytes can be written anywhere, a value of known size gets
 * its place when it begins, and any number of them are written at once. Of the others one
 * streams: it goes straight into the archive, which ends with it meanwhile. What can do
 * neither is held, in memory or in the scratch file, until it is committed and
 * nobody has the stream. Headers are corrected or written when a value is complete.
 *
 * Nobody waits for the stream: who commits while it is taken leaves the value in a
 * queue, which the owner of the stream writes. An error in
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
	PIECE = 256
		<< 10 /* what is written at once; above HELD_MOST, what goes to the scratch file */
};

struct piece {
	struct ozr_spooled *where;
	size_t len;
};

struct ozr_zip_put {
	struct ozr_put base;
	struct ozr_zip_put *next; /* in the queue */
	struct ozr_zip_member *member;
	int hangs; /* the member is the table's */
	int is_document, streams, broken;
	int placed;        /* it has a place of its own: */
	uint64_t at, room; /* where the next byte goes, and what lies behind the header */
	int refused;       /* the key is there already: nothing is kept, commit says so */
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

static void swap(struct ozr_buf *a, struct ozr_buf *b)
{
	const struct ozr_buf t = *a;
	*a = *b;
	*b = t;
}

/* Memory that was touched before, for a value that begins to be held: the largest there is. */
static void take_spare(struct ozr_zip_writer *w, struct ozr_buf *b)
{
	pthread_mutex_lock(&w->mutex);
	swap(b, &w->spare[w->spare[1].cap > w->spare[0].cap]);
	pthread_mutex_unlock(&w->mutex);
	b->len = 0;
}

/* Keep b if it is larger than what is kept; what is left in b is to be released. */
static void keep_spare(struct ozr_zip_writer *w, struct ozr_buf *b)
{
	enum { MOST = HELD_MOST / 2 };
	pthread_mutex_lock(&w->mutex);
	struct ozr_buf *least = &w->spare[w->spare[1].cap < w->spare[0].cap];
	if (b->cap > least->cap && b->cap <= MOST)
		swap(b, least);
	pthread_mutex_unlock(&w->mutex);
}

/* Only the put: its member may live on. */
static void put_free(struct ozr_zip_writer *w, struct ozr_zip_put *p)
{
	for (size_t i = 0; i < piece_count(p); i++)
		ozr_spool_drop(w->spool, piece_at(p, i).where);
	if (!p->is_document) {
		atomic_fetch_sub(&w->held, p->bytes.len);
		keep_spare(w, &p->bytes);
	}
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

/* The end of the archive, size bytes and a header long, is this value's. With the mutex, while
 * nobody has the stream. 0 when there is no such place. */
static int reserve(struct ozr_zip_writer *w, struct ozr_zip_put *p, uint64_t size)
{
	uint64_t end;
	if (!w->sink.anywhere || !w->started)
		return 0;
	ozr_zip_place(p->member, w->sink.at, w->opt.alignment);
	if (ozr_ckd_add(p->member->data, size, &end) || end > INT64_MAX)
		return 0;
	p->placed = 1;
	p->at = p->member->data;
	p->room = size;
	w->sink.at = end;
	return 1;
}

/* What was reserved from there on is not needed, if nothing lies behind it yet. With the mutex. */
static void give_back(struct ozr_zip_writer *w, const struct ozr_zip_put *p, uint64_t from)
{
	if (p->placed && !w->busy && w->sink.at == p->member->data + p->room)
		w->sink.at = from;
}

/* Bytes of a value, to its place or to the end of the stream. */
static int write_bytes(struct ozr_zip_writer *w, struct ozr_zip_put *p, const void *bytes,
		       size_t len, struct ozr_err *err)
{
	if (!p->placed)
		return ozr_zip_sink_write(&w->sink, bytes, len, err);
	const uint64_t at = p->at;
	p->at += len;
	return len ? ozr_zip_sink_patch(&w->sink, at, bytes, len, err) : OZR_OK;
}

/* What is known now; at the end of the stream or over what is there. */
static int write_header(struct ozr_zip_writer *w, const struct ozr_zip_put *p, int first,
			struct ozr_err *err)
{
	struct ozr_buf header;
	ozr_buf_init(&header, w->base.ctx, SIZE_MAX / 2);
	if (first && !p->placed)
		ozr_zip_place(p->member, w->sink.at, w->opt.alignment);
	int code = ozr_zip_put_local(&header, p->member, w->opt.alignment, err);
	if (!code)
		code = first && !p->placed
			       ? ozr_zip_sink_write(&w->sink, header.data, header.len, err)
			       : ozr_zip_sink_patch(&w->sink, p->member->header, header.data,
						    header.len, err);
	ozr_buf_release(&header);
	return code;
}

static int write_pieces(struct ozr_zip_writer *w, struct ozr_zip_put *p, struct ozr_err *err)
{
	char *block = ozr_alloc(w->base.ctx, PIECE, err);
	int code = block ? OZR_OK : ozr_alloc_code(err);
	for (size_t i = 0; i < piece_count(p) && !code; i++) {
		const struct piece v = piece_at(p, i);
		for (size_t at = 0; at < v.len && !code;) {
			size_t n = (size_t)ozr_min_u64(PIECE, v.len - at);
			code = ozr_spool_get(w->spool, v.where, at, block, n, err);
			if (!code)
				code = write_bytes(w, p, block, n, err);
			at += n;
		}
	}
	ozr_free(w->base.ctx, block);
	return code;
}

/* A value whose bytes are all here: to its place, or by the owner of the stream. */
static int write_held(struct ozr_zip_writer *w, struct ozr_zip_put *p, struct ozr_err *err)
{
	struct ozr_zip_member *m = p->member;
	int code = p->placed ? OZR_OK : ozr_zip_start(w, err);
	if (!code)
		code = write_header(w, p, 1, err);
	if (!code && p->pieces.len)
		code = write_pieces(w, p, err);
	if (!code)
		code = write_bytes(w, p, p->bytes.data, p->bytes.len, err);
	if (code) {
		w->sink.broken = 1; /* the value is in the table and not in the archive */
		return fail_write(code, m->key, err);
	}
	pthread_mutex_lock(&w->mutex);
	m->placed = 1;
	pthread_mutex_unlock(&w->mutex);
	return OZR_OK;
}

/* The values at the head of the queue: one that needs the stream, or some that have got places.
 * *mine becomes 0, and the stream is free, when there is no more. */
static struct ozr_zip_put *take_queue(struct ozr_zip_writer *w, int *mine)
{
	pthread_mutex_lock(&w->mutex);
	struct ozr_zip_put *p = w->first, *last = NULL;
	for (struct ozr_zip_put *q = p; q && reserve(w, q, q->base.size); q = q->next)
		last = q;
	if (p && !last)
		last = p;
	w->first = last ? last->next : NULL;
	if (last)
		last->next = NULL;
	if (!w->first)
		w->last = NULL;
	*mine = p && (!p->placed || w->first);
	w->busy = *mine;
	pthread_mutex_unlock(&w->mutex);
	return p;
}

/* Write what waits, and let go as soon as it needs the stream no more. */
void ozr_zip_let_go(struct ozr_zip_writer *w)
{
	for (int mine = 1; mine;) {
		struct ozr_zip_put *p = take_queue(w, &mine);
		while (p) {
			struct ozr_zip_put *next = p->next;
			struct ozr_err err = {.code = OZR_OK};
			if (write_held(w, p, &err)) {
				pthread_mutex_lock(&w->mutex);
				if (!w->failure.code)
					w->failure = err;
				pthread_mutex_unlock(&w->mutex);
			}
			put_free(w, p);
			p = next;
		}
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

/* Before the first value that can have a place: the documents that are there. */
static int start(struct ozr_zip_writer *w, struct ozr_err *err)
{
	pthread_mutex_lock(&w->mutex);
	const int mine = !w->busy && !w->started && !w->ended;
	if (mine)
		w->busy = 1;
	pthread_mutex_unlock(&w->mutex);
	if (!mine)
		return OZR_OK;
	int code = ozr_zip_start(w, err);
	ozr_zip_let_go(w);
	return code;
}

/* Is there still an archive? Takes a place for a value of a known size, else the stream, when it
 * is free. */
static int enter(struct ozr_zip_writer *w, struct ozr_zip_put *p, uint64_t size,
		 struct ozr_err *err)
{
	int code = OZR_OK;
	pthread_mutex_lock(&w->mutex);
	if (w->ended)
		code = ozr_fail(err, OZR_BAD_ARG, "write '%s': the archive is finished",
				p->member->key);
	if (!code) {
		w->open++;
		p->refused = !p->is_document && ozr_zip_member_find(w, p->member->key);
		const int free = !p->is_document && !p->refused && !w->busy;
		p->streams = free && (!size || !reserve(w, p, size));
		w->busy |= p->streams;
	}
	pthread_mutex_unlock(&w->mutex);
	return code;
}

int ozr_zip_put_begin(struct ozr_store *s, const char *key, uint64_t size_hint,
		      struct ozr_put **out, struct ozr_err *err)
{
	struct ozr_zip_writer *w = ozr_zip_writer(s);
	struct ozr_zip_put *p = ozr_calloc(s->ctx, 1, sizeof *p, err);
	if (!p)
		return ozr_alloc_code(err);
	p->base.store = s;
	p->is_document = ozr_tree_is_document(key);
	ozr_buf_init(&p->bytes, s->ctx,
		     p->is_document ? ozr_ctx_limits(s->ctx)->json_bytes : SIZE_MAX / 2);
	ozr_buf_init(&p->pieces, s->ctx, SIZE_MAX / 2);
	p->member = ozr_zip_member_new(w, key, err);
	int code = p->member ? OZR_OK : ozr_alloc_code(err);
	if (!code && !p->is_document && w->sink.anywhere && size_hint)
		code = fail_write(start(w, err), key, err);
	if (!code)
		code = enter(w, p, size_hint, err);
	if (code) {
		ozr_zip_member_free(w, p->member);
		put_free(w, p);
		return code;
	}
	p->member->is_document = p->is_document;
	if (p->streams)
		code = ozr_zip_start(w, err);
	if (!code && p->streams)
		code = write_header(w, p, 1, err);
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
	return p->streams || p->placed ? p->member->data : 0;
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
	if (!p->bytes.cap)
		take_spare(w, &p->bytes);
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

/* There are more bytes than were announced: what was written is held from now on. */
static int take_back(struct ozr_zip_put *p, struct ozr_err *err)
{
	struct ozr_zip_writer *w = ozr_zip_writer(p->base.store);
	char *block = ozr_alloc(w->base.ctx, PIECE, err);
	int code = block ? OZR_OK : ozr_alloc_code(err);
	for (uint64_t at = 0; at < p->base.size && !code;) {
		const size_t n = (size_t)ozr_min_u64(PIECE, p->base.size - at);
		code = ozr_zip_sink_read(&w->sink, p->member->data + at, block, n, err);
		if (!code)
			code = hold(p, block, n, err);
		at += n;
	}
	ozr_free(w->base.ctx, block);
	if (code)
		return code;
	pthread_mutex_lock(&w->mutex);
	give_back(w, p, p->member->header);
	p->placed = 0;
	pthread_mutex_unlock(&w->mutex);
	return OZR_OK;
}

/* The checksum and the copy to the file, a piece at a time, so that it is read from memory once. */
static int write_through(struct ozr_zip_put *p, const char *bytes, size_t len, struct ozr_err *err)
{
	struct ozr_zip_writer *w = ozr_zip_writer(p->base.store);
	int code = OZR_OK;
	while (len && !code) {
		const size_t n = (size_t)ozr_min_u64(len, PIECE);
		p->crc = ozr_crc32(p->crc, bytes, n);
		code = write_bytes(w, p, bytes, n, err);
		bytes += n;
		len -= n;
	}
	return code;
}

static int append_value(struct ozr_zip_put *p, const void *bytes, size_t len, struct ozr_err *err)
{
	int code = OZR_OK;
	if (p->placed && len > p->room - p->base.size)
		code = take_back(p, err);
	if (code)
		return code;
	if (p->streams || p->placed)
		return write_through(p, bytes, len, err);
	p->crc = ozr_crc32(p->crc, bytes, len);
	return hold(p, bytes, len, err);
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
	else
		code = append_value(p, bytes, len, err);
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
		p->hangs = 1;
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
	p->hangs = 1;
	return OZR_OK;
}

/* The bytes are in the archive: now the header. */
static int finish_written(struct ozr_zip_writer *w, struct ozr_zip_put *p, enum ozr_put_mode mode,
			  struct ozr_err *err)
{
	int code = write_header(w, p, 0, err);
	if (code)
		return code;
	pthread_mutex_lock(&w->mutex);
	code = add_value(w, p, mode, err);
	if (!code) {
		p->member->placed = 1;
		give_back(w, p, p->member->data + p->base.size);
	}
	pthread_mutex_unlock(&w->mutex);
	return code;
}

/* Write a held value when nobody has the stream, else queue it. *queued: it is no longer ours. */
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
	} else if (!code && !reserve(w, p, p->base.size)) {
		w->busy = 1;
	}
	pthread_mutex_unlock(&w->mutex);
	if (code || *queued)
		return code;
	code = write_held(w, p, err);
	if (!p->placed)
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
	if (p->streams || p->placed)
		code = finish_written(w, p, mode, err);
	else
		code = finish_held(w, p, mode, queued, err);
	if (code || *queued)
		return code;
	out->offset = m->data;
	if (p->streams)
		ozr_zip_let_go(w);
	p->streams = 0;
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
	pthread_mutex_lock(&w->mutex);
	w->open--;
	pthread_mutex_unlock(&w->mutex);
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
	pthread_mutex_lock(&w->mutex);
	w->open--;
	if (!p->hangs)
		give_back(w, p, p->member->header);
	pthread_mutex_unlock(&w->mutex);
	if (!p->hangs)
		ozr_zip_member_free(w, p->member);
	put_free(w, p);
}
