/* SPDX-License-Identifier: MIT */
/*
 * Where the bytes of a new archive go: into a put of the store that will hold
 * it, whose atomic commit publishes the archive. Headers and metadata are patched when
 * their values are known. A store whose puts only append gets the archive
 * from a scratch file in the end.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "store/zip_writer.h"

int ozr_zip_sink_open(struct ozr_zip_sink *k, struct ozr_store *parent, const char *key,
		      struct ozr_err *err)
{
	*k = (struct ozr_zip_sink){.sys = ozr_ctx_sys(parent->ctx), .pid = getpid(), .scratch = -1};
	int code = ozr_put_begin(parent, key, 0, &k->put, err);
	if (code)
		return code;
	const struct ozr_store_ops *ops = k->put->store->ops;
	if (!ops->put_patch && !ops->put_write_at)
		code = ozr_scratch_open(k->sys, &k->scratch, err);
	k->anywhere = k->scratch >= 0 || (ops->put_write_at && ops->put_read_at);
	if (code) {
		ozr_put_abort(k->put);
		k->put = NULL;
		return code;
	}
	k->parent = ozr_store_ref(parent);
	return OZR_OK;
}

static int write_scratch(const struct ozr_zip_sink *k, uint64_t offset, const char *bytes,
			 size_t len, struct ozr_err *err)
{
	while (len) {
		ssize_t n = k->sys->pwrite(k->scratch, bytes, len < INT_MAX ? len : INT_MAX,
					   (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ozr_fail(err, OZR_IO, "write the archive's scratch file: error %d",
					n < 0 ? errno : ENOSPC);
		bytes += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return OZR_OK;
}

static int check(const struct ozr_zip_sink *k, struct ozr_err *err)
{
	if (k->broken || !k->put)
		return ozr_fail(err, OZR_BAD_ARG, "the archive: an earlier write has failed");
	if (k->pid != getpid())
		return ozr_fail(err, OZR_BAD_ARG,
				"the archive was begun by the process that this one was forked "
				"from");
	return OZR_OK;
}

static void raise_end(struct ozr_zip_sink *k, uint64_t to)
{
	uint64_t end = atomic_load(&k->end);
	while (end < to && !atomic_compare_exchange_weak(&k->end, &end, to))
		continue;
}

int ozr_zip_sink_patch(struct ozr_zip_sink *k, uint64_t offset, const void *bytes, size_t len,
		       struct ozr_err *err)
{
	int code = check(k, err);
	if (code)
		return code;
	if (k->scratch >= 0)
		code = write_scratch(k, offset, bytes, len, err);
	else if (k->anywhere)
		code = k->put->store->ops->put_write_at(k->put, offset, bytes, len, err);
	else
		code = ozr_put_patch(k->put, offset, bytes, len, err);
	if (code)
		k->broken = 1;
	else
		raise_end(k, offset + len);
	return code;
}

int ozr_zip_sink_write(struct ozr_zip_sink *k, const void *bytes, size_t len, struct ozr_err *err)
{
	/* The place of a value that was aborted is used again. */
	const uint64_t end = atomic_load(&k->end);
	const size_t again = k->anywhere ? len : (size_t)ozr_min_u64(end - k->at, len);
	int code = check(k, err);
	if (!code && again)
		code = ozr_zip_sink_patch(k, k->at, bytes, again, err);
	if (!code && len > again)
		code = ozr_put_append(k->put, (const char *)bytes + again, len - again, err);
	if (code) {
		k->broken = 1;
		return code;
	}
	k->at += len;
	raise_end(k, k->at);
	return OZR_OK;
}

int ozr_zip_sink_read(struct ozr_zip_sink *k, uint64_t offset, void *bytes, size_t len,
		      struct ozr_err *err)
{
	int code = check(k, err);
	if (code)
		return code;
	if (k->scratch < 0)
		return k->put->store->ops->put_read_at(k->put, offset, bytes, len, err);
	int bad = ozr_read_all(k->sys, k->scratch, bytes, len, offset);
	return bad ? ozr_fail(err, OZR_IO, "read the archive's scratch file: error %d", bad)
		   : OZR_OK;
}

int ozr_zip_sink_fill(struct ozr_zip_sink *k, int byte, uint64_t n, struct ozr_err *err)
{
	char block[4096];
	int code = OZR_OK;
	memset(block, byte, sizeof block);
	while (n && !code) {
		size_t part = (size_t)ozr_min_u64(n, sizeof block);
		code = ozr_zip_sink_write(k, block, part, err);
		n -= part;
	}
	return code;
}

int ozr_zip_sink_close_gap(struct ozr_zip_sink *k, struct ozr_err *err)
{
	const uint64_t end = atomic_load(&k->end);
	if (end <= k->at)
		return OZR_OK;
	if (!k->anywhere)
		return ozr_zip_sink_fill(k, 0, end - k->at, err);
	k->at = end; /* it may be as long as a value said that it would be: mostly a hole */
	return OZR_OK;
}

/* The scratch file into the put. */
static int copy(struct ozr_zip_sink *k, struct ozr_err *err)
{
	enum { BLOCK = 1 << 20 };
	struct ozr_ctx *ctx = k->parent->ctx;
	char *block = ozr_alloc(ctx, BLOCK, err);
	int code = block ? OZR_OK : ozr_alloc_code(err);
	for (uint64_t at = 0; at < k->end && !code;) {
		const size_t n = (size_t)ozr_min_u64(BLOCK, k->end - at);
		code = ozr_zip_sink_read(k, at, block, n, err);
		if (!code)
			code = ozr_put_append(k->put, block, n, err);
		at += n;
	}
	ozr_free(ctx, block);
	return code;
}

static void end_scratch(struct ozr_zip_sink *k)
{
	if (k->scratch >= 0)
		k->sys->close(k->scratch);
	k->scratch = -1;
	k->put = NULL;
}

int ozr_zip_sink_publish(struct ozr_zip_sink *k, const struct ozr_zip_options *opt,
			 struct ozr_err *err)
{
	int code = check(k, err);
	if (!code && k->scratch >= 0)
		code = copy(k, err);
	if (!code && opt->read_only)
		code = ozr_put_read_only(k->put, err);
	if (code) {
		ozr_zip_sink_abort(k);
		return code;
	}
	if (k->anywhere && k->scratch < 0)
		k->put->size = k->end;
	code = ozr_put_commit(k->put, opt->mode, NULL, err);
	end_scratch(k);
	return code;
}

void ozr_zip_sink_abort(struct ozr_zip_sink *k)
{
	ozr_put_abort(k->put);
	end_scratch(k);
}
