/* SPDX-License-Identifier: MIT */
/*
 * Arrays: a typed n-d box over a prefix of a store, Zarr v2 or v3, with or
 * without shards. Reads and writes take lists of boxes in any order; the
 * engine plans the chunks of all boxes together, so that each chunk is
 * decoded once, and decodes straight into the caller's memory where it can.
 *
 * Missing chunks read as the fill value; chunks that cannot be read fail the
 * call. After a failed read the destination holds unspecified bytes.
 *
 * Threads: reads and writes from any number of threads. publish, flush, resize
 * and close are exclusive. The bytes of a box belong to the caller throughout.
 * Reads see what was written before, published or not. Handles that write
 * belong to the process that opened them, not to its forked children.
 */
#ifndef OZR_ARRAY_H
#define OZR_ARRAY_H

#include "store.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { OZR_MAX_RANK = 16 };

enum ozr_dtype {
	OZR_BOOL, /* one byte, 0 or 1 */
	OZR_INT8,
	OZR_UINT8,
	OZR_INT16,
	OZR_UINT16,
	OZR_INT32,
	OZR_UINT32,
	OZR_INT64,
	OZR_UINT64,
	OZR_FLOAT32,
	OZR_FLOAT64,
	OZR_DTYPES /* how many there are */
};

OZR_API unsigned ozr_dtype_size(enum ozr_dtype t);    /* bytes */
OZR_API const char *ozr_dtype_name(enum ozr_dtype t); /* as in Zarr v3: "uint16" */
/* Convert n elements; GDAL's rules (GDALCopyWords): to integers round half away
 * from zero and clamp to the range, NaN becomes 0; to float32 clamp to infinity;
 * to bool: non-zero is 1. Steps in bytes. Source and destination do not overlap. */
OZR_API void ozr_convert(const void *src, enum ozr_dtype src_type, ptrdiff_t src_step, void *dst,
			 enum ozr_dtype dst_type, ptrdiff_t dst_step, size_t n);

/* By-value snapshot of an array. */
struct ozr_array_info {
	int zarr_format; /* 2 or 3 */
	enum ozr_dtype dtype;
	unsigned rank;
	uint64_t shape[OZR_MAX_RANK];
	uint64_t chunk[OZR_MAX_RANK]; /* smallest unit that is decoded: inner chunk when sharded */
	uint64_t shard
		[OZR_MAX_RANK]; /* smallest unit that is stored; equals chunk when not sharded */
	unsigned order
		[OZR_MAX_RANK]; /* of the axes in a chunk's bytes, slowest first: 0, 1, ... in C order */
	unsigned char fill[8]; /* one element, host byte order */
	char codec[32];        /* e.g. "blosc-zstd", "zstd", "none": what compresses the pixels */
	int has_dim_names;
	char dim_names[OZR_MAX_RANK][32]; /* "" where the metadata has none; longer ones are cut */
};

/* What to compress with, by the writer. Zeroed means the defaults in brackets. */
struct ozr_codec_options {
	char codec
		[16]; /* ["blosc-zstd"] "blosc-lz4" "blosc-zlib" "blosc-lz4hc" "blosc-blosclz" "zstd" "gzip" "none" */
	int level;   /* [3] blosc 0-9, zstd -7 to 22, gzip 0-9; INT_MIN means 0 given as such */
	int shuffle; /* blosc: 0 [byte shuffle for items > 1 byte, else none] 1 none 2 byte 3 bit */
	int no_checksum; /* [0] v3: crc32c after blosc, gzip and none; zstd: its frame checksum */
	int reference; /* [0] 1: blosc frames byte-identical to c-blosc's instead of faster ones */
};

/* What to create. Zeroed members mean the default in brackets. */
struct ozr_array_options {
	int zarr_format; /* [3] 2 or 3 */
	enum ozr_dtype dtype;
	unsigned rank;
	uint64_t shape[OZR_MAX_RANK];
	uint64_t chunk[OZR_MAX_RANK]; /* required */
	uint64_t shard[OZR_MAX_RANK]; /* [not sharded] multiples of chunk; v3 only */
	unsigned char fill[8];
	struct ozr_codec_options codec;
	unsigned order[OZR_MAX_RANK]; /* transpose codec's order; all zero: none. v3 only */
	int has_dim_names;
	char dim_names[OZR_MAX_RANK][32];
	const char *attributes; /* JSON object text, or NULL; borrowed during the call */
	int publish_later;      /* 1: metadata is written by ozr_array_publish() */
};

struct ozr_array;

/* path is a key prefix, "" for the root of the store. Holds a reference to s. */
OZR_API OZR_MUST_CHECK int ozr_array_open(struct ozr_store *s, const char *path, int flags,
					  struct ozr_array **out, struct ozr_err *err);
/* A new array: OZR_EXISTS when path holds a node. The handle may write. Parent
 * groups are the caller's to make. */
OZR_API OZR_MUST_CHECK int ozr_array_create(struct ozr_store *s, const char *path,
					    const struct ozr_array_options *opt,
					    struct ozr_array **out, struct ozr_err *err);
/* A new array of this shape that is stored as `like` is: format, type, fill, codecs with their
 * settings, key style, dimension names; chunks and shards cut to what the shape needs. A chain that
 * is read but not written gives way to the default one. attributes: JSON object text or NULL. The
 * metadata is written by ozr_array_publish(). */
OZR_API OZR_MUST_CHECK int ozr_array_create_like(struct ozr_store *s, const char *path,
						 const struct ozr_array *like,
						 const uint64_t *shape, const char *attributes,
						 struct ozr_array **out, struct ozr_err *err);
/* Write the metadata document (for publish_later, and after resize); what others have
 * changed in it since it was opened, but for the shape, is kept. */
OZR_API OZR_MUST_CHECK int ozr_array_publish(struct ozr_array *a, struct ozr_err *err);
OZR_API void ozr_array_get_info(const struct ozr_array *a, struct ozr_array_info *out);
/* The attributes object as JSON text; take. */
OZR_API OZR_MUST_CHECK int ozr_array_attributes(const struct ozr_array *a, char **json,
						struct ozr_err *err);

/* A box: element i of axis d is start[d] + i * step[d], i < count[d]. All of
 * them lie inside the array. Element (i...) is at data + sum i[d] * stride[d]. */
struct ozr_box {
	uint64_t start[OZR_MAX_RANK];
	uint64_t count[OZR_MAX_RANK];
	int64_t step[OZR_MAX_RANK]; /* 0 is taken as 1; negative walks down; writes: 1 only */
	int64_t stride
		[OZR_MAX_RANK]; /* bytes, may be negative or 0 (0 only for reads of count 1) */
	void *data;             /* read: filled; write: not changed */
	enum ozr_dtype dtype;   /* of data; converted by ozr_convert()'s rules */
};

/* Fill the strides of a C-contiguous box from its counts and dtype. */
OZR_API void ozr_box_contiguous(struct ozr_box *box, unsigned rank);

OZR_API OZR_MUST_CHECK int ozr_array_read(struct ozr_array *a, size_t n,
					  const struct ozr_box *boxes, const struct ozr_call *call,
					  struct ozr_err *err);
/* Start reading ahead what these boxes need (data is not used). Best effort. */
OZR_API void ozr_array_advise(struct ozr_array *a, size_t n, const struct ozr_box *boxes);

/* Boxes written at the same time from several threads must not overlap. Chunks
 * that are complete are encoded at once; parts wait in the handle (bounded by
 * the budget, beyond it in unlinked scratch files) and are published, whole
 * shards at a time, when complete or by flush. A part of an existing chunk or
 * shard is merged under the store's lock, so that processes that update
 * different elements lose nothing. A store without locks refuses partial
 * updates of existing shards (OZR_UNSUPPORTED). Within the budget the bytes of a
 * shard do not depend on the order of writes. Shards inside shards, and shards
 * that are compressed as a whole, are read but not written (OZR_UNSUPPORTED). */
OZR_API OZR_MUST_CHECK int ozr_array_write(struct ozr_array *a, size_t n,
					   const struct ozr_box *boxes, const struct ozr_call *call,
					   struct ozr_err *err);
/* A chunk (coordinates on the grid of info.chunk) that is encoded already, as the array's codecs
 * would have encoded it: len bytes, stored as they are and not looked at, for which nothing is
 * encoded or decoded. Elements behind the array's edge are whatever they are. Any number of
 * threads; of several for one chunk the last one counts, and elements of it that were written and
 * wait are dropped. */
OZR_API OZR_MUST_CHECK int ozr_array_write_encoded(struct ozr_array *a, const uint64_t *chunk,
						   const void *bytes, size_t len,
						   const struct ozr_call *call,
						   struct ozr_err *err);
/* Who wants to know where chunks come to lie: told of each shard (or unsharded chunk) after its
 * value was committed, in any thread, some chunks at a time; chunks that are not stored are not
 * told. A failure fails the write. Before the first write; NULL ends it. watch is copied; read-only
 * handles have nothing to tell. */
struct ozr_stored_chunk {
	const uint64_t *chunk; /* on the grid of info.chunk */
	uint64_t offset, size; /* in the value of the key: as ozr_array_locate() has them */
};
struct ozr_chunk_watch {
	void *user;
	int (*stored)(void *user, const char *key, size_t n, const struct ozr_stored_chunk *chunks,
		      struct ozr_err *err);
};
OZR_API void ozr_array_watch(struct ozr_array *a, const struct ozr_chunk_watch *watch);
/* Publish everything that waits. After an error what could not be written is dropped. */
OZR_API OZR_MUST_CHECK int ozr_array_flush(struct ozr_array *a, const struct ozr_call *call,
					   struct ozr_err *err);
/* New shape, in memory; readers see it after ozr_array_publish(). Growing only. */
OZR_API OZR_MUST_CHECK int ozr_array_resize(struct ozr_array *a, const uint64_t *shape,
					    struct ozr_err *err);
/* Where a chunk (coordinates on the grid of info.chunk) is stored. OZR_NOT_FOUND
 * when it is not. key: at least 1100 bytes. *offset and *size are in the object. */
OZR_API OZR_MUST_CHECK int ozr_array_locate(struct ozr_array *a, const uint64_t *chunk, char *key,
					    uint64_t *offset, uint64_t *size, struct ozr_err *err);
/* How many elements of the boxes are in chunks that are stored, and in chunks that are not and so
 * read as the fill value. Nothing is decoded; data is not used; boxes count one by one. Ends as
 * soon as there are elements of a kind in `stop`. Looks at most at max_objects stored objects
 * (OZR_LIMIT); each costs a round trip where the store is remote. Handles that write:
 * OZR_UNSUPPORTED. */
enum ozr_presence_stop { OZR_STOP_STORED = 1, OZR_STOP_MISSING = 2 };
struct ozr_presence {
	uint64_t stored, missing; /* elements */
	int complete;             /* all was counted */
};
OZR_API OZR_MUST_CHECK int ozr_array_presence(struct ozr_array *a, size_t n,
					      const struct ozr_box *boxes, unsigned stop,
					      uint64_t max_objects, struct ozr_presence *out,
					      struct ozr_err *err);
/* What was written and not flushed is dropped. NULL is fine. */
OZR_API void ozr_array_close(struct ozr_array *a);

#ifdef __cplusplus
}
#endif
#endif
