/* SPDX-License-Identifier: MIT */
/*
 * All values of a store into an archive that is being written, in two walks over
 * its keys: the first one brings the documents, so that they are there when the
 * first data begins, and counts the others; the second one brings these, one
 * after the other, so that the same store gives the same archive.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ctx.h"
#include "base/key.h"
#include "base/pool.h"
#include "ozr/zip.h"
#include "store/tree.h"
#include "store/zip_writer.h"

struct packing {
	struct ozr_store *to, *from;
	const struct ozr_call *call; /* or NULL */
	struct ozr_worker *worker;
	int documents;           /* of this walk */
	uint64_t values, packed; /* not documents: there are, are in the archive */
	int code;                /* the first failure */
	struct ozr_err *err;
};

struct place {
	struct packing *p;
	const char *prefix;
	unsigned depth;
};

static int go_on(const struct packing *p, struct ozr_err *err)
{
	const struct ozr_call *c = p->call;
	const double done = p->values ? (double)p->packed / (double)p->values : 0;
	if (!c)
		return OZR_OK;
	if ((c->cancelled && c->cancelled(c->user)) ||
	    (!p->documents && c->progress && c->progress(c->user, done)))
		return ozr_fail(err, OZR_CANCELLED, "cancelled");
	return OZR_OK;
}

static int pack_value(struct packing *p, const char *key)
{
	const int is_document = ozr_tree_is_document(key);
	if (p->documents && !is_document)
		p->values++;
	if (p->documents != is_document)
		return OZR_OK;
	int code = ozr_hierarchy_copy_value(p->from, p->to, key, p->worker, p->err);
	if (!code && !is_document)
		p->packed++;
	return code ? code : go_on(p, p->err);
}

static int pack_child(void *arg, const char *name, int is_prefix)
{
	const struct place *at = arg;
	struct packing *p = at->p;
	char key[OZR_KEY_MAX + 1];
	p->code = ozr_key_join(key, at->prefix, name, p->err);
	if (!p->code && !is_prefix)
		p->code = pack_value(p, key);
	if (p->code || !is_prefix)
		return p->code != OZR_OK;
	if (at->depth == OZR_TREE_DEPTH) {
		p->code = ozr_fail(p->err, OZR_LIMIT, "'%s' is nested too deep", key);
		return 1;
	}
	struct place below = {p, key, at->depth + 1};
	int code = ozr_store_list(p->from, key, pack_child, &below, p->err);
	if (!p->code)
		p->code = code;
	return p->code != OZR_OK;
}

static int walk(struct packing *p, int documents)
{
	struct place root = {p, "", 0};
	p->documents = documents;
	p->code = OZR_OK;
	int code = ozr_store_list(p->from, "", pack_child, &root, p->err);
	return p->code ? p->code : code;
}

int ozr_zip_pack(struct ozr_store *zip, struct ozr_store *from, const struct ozr_call *call,
		 struct ozr_err *err)
{
	struct ozr_err local;
	struct packing p = {.to = zip, .from = from, .call = call, .err = err ? err : &local};
	char quoted[OZR_QUOTE_MAX];
	int code = ozr_zip_is_writer(zip, p.err);
	if (code)
		return code;
	ozr_ctx_enter(zip->ctx);
	p.worker = ozr_worker_lease(zip->ctx, p.err);
	if (!p.worker)
		return ozr_alloc_code(p.err);
	code = go_on(&p, p.err);
	if (!code)
		code = walk(&p, 1);
	if (!code)
		code = walk(&p, 0);
	ozr_worker_return(p.worker);
	return code ? ozr_err_context(p.err, code, "pack '%s'",
				      ozr_quote(quoted, zip->location, strlen(zip->location)))
		    : OZR_OK;
}
