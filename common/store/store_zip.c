/* SPDX-License-Identifier: MIT */
/*
 * A store over a zip archive, which is a value of another store. Opening reads
 * the end of the archive and its central directory, each once; opening a
 * member reads its local header the first time, to learn where the data
 * begins and that both headers agree. Ranges of stored members are then read
 * straight from the archive, all of them through one object, so that they come
 * from one version of it. Compressed members are unpacked when they are first read.
 *
 * A read of all bytes of a stored member verifies its CRC; parts cannot be
 * verified here. Nothing is changed after opening but the offsets of data, which are
 * atomic. Threads and forks: as the parent.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "base/inflate.h"
#include "base/mem.h"
#include "ozr/zip.h"
#include "store/zip.h"

struct zip_store {
	struct ozr_store base;
	struct ozr_store *parent;   /* owned reference */
	struct ozr_object *archive; /* one version for the life of the store */
	struct ozr_zip_directory directory;
};

struct zip_object {
	struct ozr_object base;
	struct ozr_zip_entry *entry;
	uint64_t data;
	_Atomic(char *) unpacked; /* of a compressed member, from the first read on */
};

static struct zip_store *zip(struct ozr_store *s)
{
	return (struct zip_store *)s;
}

/* --- Members ---------------------------------------------------------------- */

static int read_archive(struct zip_store *s, uint64_t offset, void *dst, size_t len,
			struct ozr_err *err)
{
	const struct ozr_range r = {offset, len};
	return ozr_object_read(s->archive, 1, &r, &dst, err);
}

static int usable(const struct zip_store *s, const struct ozr_zip_entry *e, struct ozr_err *err)
{
	const uint64_t most = ozr_ctx_limits(s->base.ctx)->object_bytes;
	if (e->flags & (OZR_ZIP_ENCRYPTED | OZR_ZIP_STRONG | OZR_ZIP_MASKED))
		return ozr_fail(err, OZR_UNSUPPORTED, "is encrypted (flags 0x%04x)",
				(unsigned)e->flags);
	if (e->is_link)
		return ozr_fail(err, OZR_UNSUPPORTED, "is a symbolic link");
	if (e->method != OZR_ZIP_STORED && e->method != OZR_ZIP_DEFLATE)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"compression method %u, must be 0 (stored) or 8 (deflate)",
				(unsigned)e->method);
	if (e->method == OZR_ZIP_DEFLATE && (e->size > most || e->packed > most))
		return ozr_fail(err, OZR_LIMIT,
				"%" PRIu64 " bytes compressed to %" PRIu64
				", more than object_bytes (%" PRIu64 ")",
				e->size, e->packed, most);
	return OZR_OK;
}

/* Where the data begins, from the local header: a fixed part, the name, extra fields. */
static int find_data(struct zip_store *s, struct ozr_zip_entry *e, uint64_t *data,
		     struct ozr_err *err)
{
	unsigned char head[OZR_ZIP_LOCAL_BYTES + OZR_KEY_MAX + 128];
	*data = atomic_load(&e->data);
	if (*data)
		return OZR_OK;
	/* Mostly there are no more extra fields than those of ours. */
	size_t len = (size_t)ozr_min_u64(sizeof head, e->end - e->header);
	int code = read_archive(s, e->header, head, len, err);
	if (code)
		return code;
	const size_t whole =
		OZR_ZIP_LOCAL_BYTES + (size_t)ozr_zip_u16(head + 26) + ozr_zip_u16(head + 28);
	if (whole <= len || ozr_zip_u32(head) != OZR_ZIP_LOCAL || whole > e->end - e->header) {
		code = ozr_zip_local_check(e, head, len, data, err);
	} else {
		unsigned char *long_head = ozr_alloc(s->base.ctx, whole, err);
		if (!long_head)
			return ozr_alloc_code(err);
		code = read_archive(s, e->header, long_head, whole, err);
		if (!code)
			code = ozr_zip_local_check(e, long_head, whole, data, err);
		ozr_free(s->base.ctx, long_head);
	}
	if (!code)
		atomic_store(&e->data, *data);
	return code;
}

static int check_crc(const struct ozr_zip_entry *e, const void *bytes, struct ozr_err *err)
{
	uint32_t crc = ozr_crc32(0, bytes, (size_t)e->size);
	if (crc != e->crc)
		return ozr_fail(err, OZR_CORRUPT,
				"the bytes have the CRC 0x%08x, the archive says 0x%08x",
				(unsigned)crc, (unsigned)e->crc);
	return OZR_OK;
}

static int inflate_member(struct zip_store *s, const struct zip_object *o, char **out,
			  struct ozr_err *err)
{
	const struct ozr_zip_entry *e = o->entry;
	char *packed = ozr_alloc(s->base.ctx, e->packed, err);
	if (!packed)
		return ozr_alloc_code(err);
	int code = read_archive(s, o->data, packed, (size_t)e->packed, err);
	if (!code) {
		*out = ozr_alloc(s->base.ctx, e->size, err);
		code = *out ? OZR_OK : ozr_alloc_code(err);
	}
	if (!code)
		code = ozr_inflate(packed, (size_t)e->packed, *out, (size_t)e->size, err);
	if (!code)
		code = check_crc(e, *out, err);
	ozr_free(s->base.ctx, packed);
	return code;
}

/* Of threads that come at once each unpacks, and one is kept. */
static int unpack(struct zip_store *s, struct zip_object *o, struct ozr_err *err)
{
	char *bytes = NULL, *none = NULL;
	if (atomic_load(&o->unpacked))
		return OZR_OK;
	int code = inflate_member(s, o, &bytes, err);
	if (code || !atomic_compare_exchange_strong(&o->unpacked, &none, bytes))
		ozr_free(s->base.ctx, bytes);
	return code;
}

static int zip_open(struct ozr_store *base, const char *key, struct ozr_object **out,
		    struct ozr_err *err)
{
	struct zip_store *s = zip(base);
	char quoted[OZR_QUOTE_MAX];
	struct ozr_zip_entry *e = ozr_zip_find(&s->directory, key);
	ozr_quote(quoted, key, strlen(key));
	if (!e)
		return ozr_fail(err, OZR_NOT_FOUND, "'%s': no such entry", quoted);
	struct zip_object *o = ozr_alloc(base->ctx, sizeof *o, err);
	if (!o)
		return ozr_alloc_code(err);
	o->base = (struct ozr_object){base, e->size, s->archive->version};
	o->entry = e;
	o->data = 0;
	atomic_init(&o->unpacked, NULL);
	int code = usable(s, e, err);
	if (!code)
		code = find_data(s, e, &o->data, err);
	if (!code) {
		*out = &o->base;
		return OZR_OK;
	}
	ozr_free(base->ctx, o);
	/* The archive itself is gone: that is no missing key. */
	if (code == OZR_NOT_FOUND)
		code = ozr_fail(err, OZR_CHANGED, "the archive was removed");
	return ozr_err_context(err, code, "'%s': entry '%s'", base->location, quoted);
}

static int read_shifted(struct zip_store *s, const struct zip_object *o, size_t n,
			const struct ozr_range *ranges, void *const *dst, struct ozr_err *err)
{
	enum { BATCH = 64 };
	struct ozr_range shifted[BATCH];
	int code = OZR_OK;
	for (size_t i = 0; i < n && !code;) {
		size_t k = 0;
		for (; k < BATCH && i + k < n; k++)
			shifted[k] = (struct ozr_range){o->data + ranges[i + k].offset,
							ranges[i + k].length};
		/* Counted as read once already. */
		code = s->archive->store->ops->read(s->archive, k, shifted, dst + i, err);
		i += k;
	}
	return code;
}

static int zip_read(struct ozr_object *base, size_t n, const struct ozr_range *ranges,
		    void *const *dst, struct ozr_err *err)
{
	struct zip_object *o = (struct zip_object *)base;
	struct zip_store *s = zip(base->store);
	char quoted[OZR_QUOTE_MAX];
	int code;
	if (o->entry->method == OZR_ZIP_DEFLATE) {
		code = unpack(s, o, err);
		for (size_t i = 0; i < n && !code; i++)
			if (ranges[i].length)
				memcpy(dst[i], atomic_load(&o->unpacked) + ranges[i].offset,
				       (size_t)ranges[i].length);
	} else {
		code = read_shifted(s, o, n, ranges, dst, err);
		for (size_t i = 0; i < n && !code; i++)
			if (ranges[i].length == base->size && base->size)
				code = check_crc(o->entry, dst[i], err);
	}
	if (!code)
		return OZR_OK;
	if (code == OZR_NOT_FOUND)
		code = ozr_fail(err, OZR_CHANGED, "the archive was removed");
	ozr_quote(quoted, o->entry->key, strlen(o->entry->key));
	return ozr_err_context(err, code, "'%s': entry '%s'", s->base.location, quoted);
}

static void zip_advise(struct ozr_object *base, size_t n, const struct ozr_range *ranges)
{
	const struct zip_object *o = (struct zip_object *)base;
	for (size_t i = 0; i < n && o->entry->method == OZR_ZIP_STORED; i++) {
		const struct ozr_range r = {o->data + ranges[i].offset, ranges[i].length};
		ozr_object_advise(zip(base->store)->archive, 1, &r);
	}
}

static void zip_close(struct ozr_object *base)
{
	struct ozr_ctx *ctx = base->store->ctx;
	ozr_free(ctx, atomic_load(&((struct zip_object *)base)->unpacked));
	ozr_free(ctx, base);
}

/* --- Listing ---------------------------------------------------------------- */

static int zip_list(struct ozr_store *base, const char *prefix,
		    int (*fn)(void *arg, const char *name, int is_prefix), void *arg,
		    struct ozr_err *err)
{
	const struct ozr_zip_directory *d = &zip(base)->directory;
	char path[OZR_KEY_MAX + 3], name[OZR_KEY_MAX + 1], last[OZR_KEY_MAX + 1] = "";
	size_t skip = strlen(prefix);
	(void)err;
	memcpy(path, prefix, skip);
	if (skip)
		path[skip++] = '/';
	path[skip] = '\0';
	size_t i = ozr_zip_lower_bound(d, path);
	while (i < d->count && strncmp(d->sorted[i]->key, path, skip) == 0) {
		const char *child = d->sorted[i]->key + skip;
		size_t len = strcspn(child, "/");
		const int is_prefix = child[len] == '/';
		memcpy(name, child, len);
		name[len] = '\0';
		/* A value and a prefix of one name: the value is told. */
		int code = strcmp(name, last) == 0 ? 0 : fn(arg, name, is_prefix);
		if (code)
			return code;
		memcpy(last, name, len + 1);
		if (!is_prefix) {
			i++;
			continue;
		}
		/* All that is below comes before the name with a byte behind it that no key has. */
		memcpy(path + skip, name, len);
		path[skip + len] = '\x02';
		path[skip + len + 1] = '\0';
		i = ozr_zip_lower_bound(d, path);
		path[skip] = '\0';
	}
	return OZR_OK;
}

/* --- Opening ---------------------------------------------------------------- */

/* len bytes at offset: in the tail that was read already, or read into *own. */
static int fetch(struct zip_store *s, const struct ozr_buf *tail, uint64_t offset, size_t len,
		 char **own, const unsigned char **out, struct ozr_err *err)
{
	const uint64_t first = s->archive->size - tail->len;
	if (offset >= first) {
		*out = (const unsigned char *)tail->data + (offset - first);
		return OZR_OK;
	}
	*own = ozr_alloc(s->base.ctx, len, err);
	if (!*own)
		return ozr_alloc_code(err);
	*out = (const unsigned char *)*own;
	return read_archive(s, offset, *own, len, err);
}

static int find_directory(struct zip_store *s, struct ozr_buf *tail, struct ozr_zip_place *place,
			  struct ozr_err *err)
{
	const uint64_t size = s->archive->size, limit = ozr_ctx_limits(s->base.ctx)->zip_directory;
	unsigned char record[OZR_ZIP_END64_BYTES];
	uint64_t record64;
	size_t len = (size_t)ozr_min_u64(size, OZR_ZIP_TAIL);
	int code = ozr_buf_reserve(tail, len ? len : 1, err);
	if (!code)
		code = read_archive(s, size - len, tail->data, len, err);
	if (code)
		return code;
	tail->len = len;
	code = ozr_zip_end((unsigned char *)tail->data, len, size, place, &record64, err);
	if (!code && record64) {
		code = read_archive(s, record64, record, sizeof record, err);
		if (!code)
			code = ozr_zip_end64(record, record64, place, err);
	}
	if (!code && place->bytes > limit)
		code = ozr_fail(err, OZR_LIMIT,
				"the central directory has %" PRIu64
				" bytes, more than zip_directory (%" PRIu64 ")",
				place->bytes, limit);
	return code;
}

static int load(struct zip_store *s, struct ozr_err *err)
{
	struct ozr_zip_place place;
	struct ozr_buf tail;
	char *own = NULL;
	const unsigned char *bytes = NULL;
	ozr_buf_init(&tail, s->base.ctx, OZR_ZIP_TAIL + 1);
	int code = find_directory(s, &tail, &place, err);
	if (!code)
		code = fetch(s, &tail, place.offset, (size_t)place.bytes, &own, &bytes, err);
	if (!code)
		code = ozr_zip_directory_parse(s->base.ctx, bytes, &place, &s->directory, err);
	ozr_free(s->base.ctx, own);
	ozr_buf_release(&tail);
	return code;
}

static void zip_destroy(struct ozr_store *base)
{
	struct zip_store *s = zip(base);
	struct ozr_ctx *ctx = ozr_ctx_ref(base->ctx);
	ozr_object_close(s->archive);
	s->directory.ctx = ctx;
	ozr_zip_directory_release(&s->directory);
	ozr_store_unref(s->parent);
	ozr_store_release(base);
	ozr_free(ctx, s);
	ozr_ctx_unref(ctx);
}

static const struct ozr_store_ops zip_ops = {
	.name = "zip",
	.open = zip_open,
	.read = zip_read,
	.advise = zip_advise,
	.close = zip_close,
	.list = zip_list,
	.destroy = zip_destroy,
};

/* --- Members as bytes of the file ----------------------------------------------------- */

int ozr_zip_is_reader(const struct ozr_store *s)
{
	return s->ops == &zip_ops;
}

int ozr_zip_member_place(struct ozr_store *s, const char *key, struct ozr_placement *out,
			 struct ozr_err *err)
{
	struct ozr_object *o = NULL;
	int code = ozr_object_open(s, key, &o, err);
	if (code)
		return code;
	const struct zip_object *m = (struct zip_object *)o;
	if (m->entry->method == OZR_ZIP_STORED)
		*out = (struct ozr_placement){m->data, o->size};
	else
		code = ozr_fail(err, OZR_UNSUPPORTED, "'%s': an entry is compressed", s->location);
	ozr_object_close(o);
	return code;
}

static int crc_of(struct zip_store *s, const struct zip_object *m, const struct ozr_call *call,
		  uint32_t *crc, struct ozr_err *err)
{
	const uint64_t size = m->base.size, most = 1 << 20;
	const size_t piece = (size_t)ozr_min_u64(size, most);
	int code = OZR_OK;
	void *bytes = ozr_alloc(s->base.ctx, piece, err);
	if (!bytes)
		return ozr_alloc_code(err);
	*crc = 0;
	for (uint64_t at = 0; at < size && !code; at += piece) {
		const size_t len = (size_t)ozr_min_u64(piece, size - at);
		if (call && call->cancelled && call->cancelled(call->user))
			code = ozr_fail(err, OZR_CANCELLED, "cancelled");
		else
			code = read_archive(s, m->data + at, bytes, len, err);
		if (!code)
			*crc = ozr_crc32(*crc, bytes, len);
	}
	ozr_free(s->base.ctx, bytes);
	return code;
}

int ozr_zip_verify(struct ozr_store *s, const char *key, const struct ozr_call *call,
		   struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	struct ozr_object *o = NULL;
	uint32_t crc = 0;
	char byte;
	if (!ozr_zip_is_reader(s))
		return ozr_fail(err, OZR_BAD_ARG, "not an archive that is read");
	int code = ozr_object_open(s, key, &o, err);
	if (code)
		return code;
	const struct zip_object *m = (struct zip_object *)o;
	if (m->entry->method == OZR_ZIP_STORED) {
		code = crc_of(zip(s), m, call, &crc, err);
		if (!code && crc != m->entry->crc)
			code = ozr_fail(err, OZR_CORRUPT,
					"the bytes have the CRC 0x%08x, the archive says 0x%08x",
					(unsigned)crc, (unsigned)m->entry->crc);
		if (code)
			code = ozr_err_context(err, code, "'%s': entry '%s'", s->location,
					       ozr_quote(quoted, key, strlen(key)));
	} else if (o->size) { /* verified when it is unpacked */
		const struct ozr_range first = {0, 1};
		void *dst = &byte;
		code = ozr_object_read(o, 1, &first, &dst, err);
	}
	ozr_object_close(o);
	return code;
}

static int no_update(int flags, struct ozr_err *err)
{
	if (flags & OZR_UPDATE)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"archives are not changed in place (nor appended to): copy it to a "
				"folder, change that, and pack it again");
	return OZR_OK;
}

int ozr_store_open_zip(struct ozr_store *parent, const char *key, int flags, struct ozr_store **out,
		       struct ozr_err *err)
{
	const struct ozr_hint hint = {OZR_FIRST_TAIL, OZR_ZIP_TAIL};
	char quoted[OZR_QUOTE_MAX];
	ozr_quote(quoted, key, strlen(key));
	int code = no_update(flags, err);
	if (code)
		return ozr_err_context(err, code, "'%s'", quoted);
	struct zip_store *s = ozr_calloc(parent->ctx, 1, sizeof *s, err);
	if (!s)
		return ozr_alloc_code(err);
	code = ozr_store_init(&s->base, &zip_ops, parent->ctx, key,
			      OZR_STORE_LIST | (parent->caps & OZR_STORE_REMOTE), err);
	if (code) {
		ozr_free(parent->ctx, s);
		return code;
	}
	for (int i = 0; i < 2; i++)
		s->base.identity[i] = ozr_hash(parent->identity[i] + 1, key, strlen(key));
	s->base.io_width = parent->io_width;
	s->parent = ozr_store_ref(parent);
	code = ozr_object_open_for(parent, key, &hint, &s->archive, err);
	if (!code) {
		code = load(s, err);
		if (code == OZR_NOT_FOUND) /* it was there */
			code = ozr_fail(err, OZR_CHANGED, "was removed while it was opened");
		if (code)
			code = ozr_err_context(err, code, "'%s'", quoted);
	}
	if (code)
		zip_destroy(&s->base);
	else
		*out = &s->base;
	return code;
}

/* --- Local files --------------------------------------------------------------- */

int ozr_store_open_zip_file(struct ozr_ctx *ctx, const char *path, int flags,
			    struct ozr_store **out, struct ozr_err *err)
{
	char name[OZR_NAME_MAX], quoted[OZR_QUOTE_MAX];
	struct ozr_store *folder = NULL;
	int code = no_update(flags, err);
	if (code)
		return ozr_err_context(err, code, "'%s'", ozr_quote(quoted, path, strlen(path)));
	code = ozr_store_open_folder_of(ctx, path, name, &folder, err);
	if (!code)
		code = ozr_store_open_zip(folder, name, flags, out, err);
	ozr_store_unref(folder);
	return code;
}
