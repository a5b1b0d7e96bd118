/* SPDX-License-Identifier: MIT */
/*
 * The context: what all handles of one host share (limits, worker pool,
 * decoded-chunk cache, host hooks), and the call: what one request brings
 * along (cancel, progress, warnings, threads, budget).
 *
 * Threads: a context and everything opened from it may be used from any
 * thread unless its header says otherwise. No lock is held over I/O, decoding
 * or a host callback. Fork: a child process may go on using handles; pool,
 * cache and locks are made anew on its first call (process ids are checked).
 */
#ifndef OZR_CONTEXT_H
#define OZR_CONTEXT_H

#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Ceilings applied to everything that comes from outside. Zero means the
 * default in brackets. Reaching one gives OZR_LIMIT and names the field. */
struct ozr_limits {
	size_t json_bytes;      /* [64 MiB] one metadata document */
	unsigned json_depth;    /* [64] nesting of one document */
	size_t json_nodes;      /* [1 Mi] values in one document */
	unsigned rank;          /* [16] dimensions of an array; at most OZR_MAX_RANK */
	uint64_t chunk_bytes;   /* [1 GiB] one decoded chunk or inner chunk */
	uint64_t object_bytes;  /* [4 GiB] one encoded object held in memory */
	uint64_t shard_entries; /* [16 Mi] inner chunks in one shard */
	unsigned levels;        /* [64] levels of one image */
	uint64_t memory_bytes;  /* [25 % of RAM] live bytes of one context, caches included */
	uint64_t zip_directory; /* [256 MiB] the central directory of one zip archive */
	uint64_t tiff_ifds;     /* [4 Mi] pages of one TIFF */
};

/* What the host of a context may take over. All members optional. The host
 * struct is copied; user must outlive the context. */
struct ozr_host {
	void *user;
	/* Nonzero refuses to open this absolute path or URL (host policy). */
	int (*refuse)(void *user, const char *location, int for_write);
	/* Carry thread-local state of the host (GDAL keeps credentials there)
	 * into workers: capture() on the calling thread of a request, enter()
	 * and leave() around its tasks on a worker, release() on the calling
	 * thread at the end. NULL from capture() means nothing to carry. */
	void *(*capture)(void *user);
	void (*enter)(void *user, void *snapshot);
	void (*leave)(void *user, void *snapshot);
	void (*release)(void *user, void *snapshot);
};

/* What one request brings along. NULL, or a zeroed struct, is fine. The
 * callbacks are called on the calling thread only, never under a lock. */
struct ozr_call {
	void *user;
	int (*cancelled)(void *user);                 /* nonzero: stop with OZR_CANCELLED */
	int (*progress)(void *user, double fraction); /* 0 to 1, rising; nonzero: stop */
	void (*warn)(void *user, const char *msg);    /* does not fail the call */
	unsigned threads;                             /* 0: as the context */
	size_t budget;                                /* bytes of buffers; 0: 256 MiB */
};

struct ozr_sys; /* the system-call seam, common/base/sys.h: tests inject faults there */

struct ozr_ctx_options {
	struct ozr_limits limits;
	struct ozr_host host;
	unsigned threads;          /* 0: online CPUs the process may use, at most 64 */
	size_t cache_bytes;        /* decoded-chunk cache; 0: 256 MiB; 1 or less than 4096: none */
	const struct ozr_sys *sys; /* NULL: the real one */
};

struct ozr_ctx;

/* opt may be NULL. The caller owns one reference; handles hold their own. */
OZR_API OZR_MUST_CHECK int ozr_ctx_new(const struct ozr_ctx_options *opt, struct ozr_ctx **out,
				       struct ozr_err *err);
OZR_API struct ozr_ctx *ozr_ctx_ref(struct ozr_ctx *ctx);
OZR_API void ozr_ctx_unref(struct ozr_ctx *ctx); /* NULL is fine */
OZR_API const struct ozr_limits *ozr_ctx_limits(const struct ozr_ctx *ctx);
OZR_API unsigned ozr_ctx_threads(const struct ozr_ctx *ctx);

/* Monotonic counters since the context was made: for tests and curious users. */
struct ozr_stats {
	uint64_t chunks_decoded; /* decode operations of a whole chunk or inner chunk */
	uint64_t blocks_decoded; /* decode operations of a part of a chunk */
	uint64_t bytes_decoded;  /* decoded bytes that these made */
	uint64_t chunks_encoded;
	uint64_t bytes_encoded; /* encoded bytes that these made */
	uint64_t objects_opened;
	uint64_t bytes_read; /* encoded bytes read from stores */
	uint64_t cache_hits;
	uint64_t memory_bytes; /* live accounted bytes now (not monotonic) */
	uint64_t memory_peak;  /* highest memory_bytes so far */
};
OZR_API void ozr_ctx_stats(const struct ozr_ctx *ctx, struct ozr_stats *out);

/* Text that a function gave to the caller ("take"). NULL is fine. */
OZR_API void ozr_text_free(char *text);

#ifdef __cplusplus
}
#endif
#endif
