/* SPDX-License-Identifier: MIT */
/*
 * The context of the process: pool, cache and limits, within what ImageMagick
 * may use. Its limits can change at any time (-limit, SetMagickResourceLimit),
 * so the context is kept only while they are the same: an image list, a loop in
 * PerlMagick or a mogrify run then find chunks decoded before in the cache.
 */
#include "coder.h"

#include <errno.h>
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ozr_ctx *shared; /* with these limits */
static MagickSizeType shared_memory, shared_threads;

/* A limit of ImageMagick sends pixels from memory to disk. Chunks have no such way out: below this
 * nothing can be decoded. */
enum { LEAST_MEMORY = 32 << 20 };

static int refuse(void *user, const char *location, int for_write)
{
	(void)user;
	return IsRightsAuthorized(PathPolicyDomain,
				  for_write ? WritePolicyRights : ReadPolicyRights,
				  location) == MagickFalse;
}

static int make(MagickSizeType memory, MagickSizeType threads, struct ozr_ctx **out,
		struct ozr_err *err)
{
	struct ozr_ctx_options options = {.host = {.refuse = refuse}};

	if (memory < LEAST_MEMORY)
		memory = LEAST_MEMORY;
	if (memory < SIZE_MAX) {
		options.limits.memory_bytes = memory;
		options.limits.chunk_bytes = memory < (1U << 30) ? memory : 0;
		options.cache_bytes = (size_t)memory / 4 < (256U << 20) ? (size_t)memory / 4 : 0;
	}
	options.threads = threads < 64 ? (unsigned)threads : 0;
	return ozr_ctx_new(&options, out, err);
}

int session_context(struct ozr_ctx **out, struct ozr_err *err)
{
	MagickSizeType memory = GetMagickResourceLimit(MemoryResource);
	MagickSizeType threads = GetMagickResourceLimit(ThreadResource);
	struct ozr_ctx *made, *old = NULL;
	int rc;

	pthread_mutex_lock(&lock);
	made = shared && shared_memory == memory && shared_threads == threads ? ozr_ctx_ref(shared)
									      : NULL;
	pthread_mutex_unlock(&lock);
	if (made) {
		*out = made;
		return OZR_OK;
	}
	rc = make(memory, threads, &made, err);
	if (rc)
		return rc;
	pthread_mutex_lock(&lock);
	old = shared;
	shared = ozr_ctx_ref(made);
	shared_memory = memory;
	shared_threads = threads;
	pthread_mutex_unlock(&lock);
	ozr_ctx_unref(old); /* stops its pool, when nobody else uses it */
	*out = made;
	return OZR_OK;
}

void session_end(void)
{
	struct ozr_ctx *old;

	pthread_mutex_lock(&lock);
	old = shared;
	shared = NULL;
	pthread_mutex_unlock(&lock);
	ozr_ctx_unref(old);
}

/* The library's own refusals (a file without permission, a link that leaves the store) are no
 * matter of the policy. */
static MagickBooleanType refused(const char *path, const char *what, ExceptionInfo *exception)
{
	errno = EPERM;
	(void)ThrowMagickException(exception, GetMagickModule(), PolicyError, "NotAuthorized",
				   "`%s': the security policy does not allow %s", path, what);
	return MagickFalse;
}

MagickBooleanType coder_allowed(const char *path, PolicyRights rights, ExceptionInfo *exception)
{
	static const char *const name[][2] = {{"OMEZARR", "the coder OMEZARR"},
					      {"ZARR", "the coder ZARR"},
					      {"OZX", "the coder OZX"}};

	for (size_t i = 0; i < sizeof(name) / sizeof(*name); i++)
		if (IsRightsAuthorized(CoderPolicyDomain, rights, name[i][0]) == MagickFalse)
			return refused(path, name[i][1], exception);
	if (IsRightsAuthorized(PathPolicyDomain, rights, path) == MagickFalse)
		return refused(path, "this path", exception);
	return MagickTrue;
}
