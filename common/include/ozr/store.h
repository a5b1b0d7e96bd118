/* SPDX-License-Identifier: MIT */
/*
 * A store maps keys to byte strings (values). Keys are relative,
 * '/'-separated, 1 to 1024 bytes of UTF-8, without empty, "." or ".."
 * segments, '\\' or control bytes; ozr_store_*() checks them once, so
 * implementations never see a bad key.
 *
 * Objects: open() gives one version of one value. All reads through the
 * object come from that version or fail, so that a shard's index and its
 * chunks never mix two versions. Equal versions are the same value; the same value
 * mostly has one version, but a store that cannot tell yet (a file that was written
 * just now, where time stamps are coarse) gives each opening one of its own.
 * Puts: a value is never changed in place. It is streamed to a place that no
 * reader sees and published by commit; after commit, failure, abort or death
 * of the process a reader sees the whole old value or the whole new one.
 *
 * Threads: all store operations may run concurrently, except the last unref.
 * One object may be read from many threads; one put belongs to one thread at
 * a time.
 */
#ifndef OZR_STORE_H
#define OZR_STORE_H

#include "context.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ozr_store;

struct ozr_range {
	uint64_t offset, length; /* bytes */
};

/* One version of one value. Implementations embed this as first member. */
struct ozr_object {
	struct ozr_store *store; /* borrowed */
	uint64_t size;           /* bytes of the value */
	uint64_t version;        /* never equal for different values of a key; never 0 */
};

/* What will be read of a value first, so that a store for which each read costs a round trip
 * brings it along with the open. Never a promise: less or more may be read. */
enum ozr_first { OZR_FIRST_NOTHING, OZR_FIRST_HEAD, OZR_FIRST_TAIL };
struct ozr_hint {
	enum ozr_first what;
	uint64_t bytes; /* at most that many from the start, or before the end */
};

/* A value being written. Implementations embed this as first member. */
struct ozr_put {
	struct ozr_store *store; /* borrowed */
	uint64_t size;           /* bytes appended so far, kept by ozr_put_append() */
};

enum ozr_put_mode {
	OZR_PUT_REPLACE,    /* replaces an older value */
	OZR_PUT_CREATE_ONLY /* OZR_EXISTS when the key is there */
};

/* Where a committed value lies in its container. */
struct ozr_placement {
	uint64_t
		offset; /* absolute, in the file that holds the store (zip); 0 for a file of its own,
			 * or when it is not decided yet: ozr_zip_placement() */
	uint64_t size;  /* bytes */
};

enum ozr_store_caps {
	OZR_STORE_WRITE = 1,
	OZR_STORE_DELETE = 2,
	OZR_STORE_LIST = 4,
	OZR_STORE_LOCK = 8,     /* lock() excludes other processes */
	OZR_STORE_DURABLE = 16, /* sync() makes finished puts survive a power loss */
	OZR_STORE_REMOTE = 32,  /* a read costs a round trip: join ranges widely */
	OZR_STORE_SERIAL = 64   /* values lie in the order in which they come, and nobody sees
				 * them before the end: an archive that is being written */
};

/* What a store implementation provides; plug-ins may bring their own (GDAL's
 * driver has one over VSI). Optional members may be NULL. Every function
 * reports the key in its message, not the store's location: callers add that. */
struct ozr_store_ops {
	const char *name; /* "dir", "mem", "vsi": used in messages */

	/* OZR_NOT_FOUND only when the store is sure that the key does not exist;
	 * a directory is not a value and is OZR_NOT_FOUND too. */
	int (*open)(struct ozr_store *s, const char *key, struct ozr_object **out,
		    struct ozr_err *err);
	/* Optional: the same, with a hint. */
	int (*open_for)(struct ozr_store *s, const char *key, const struct ozr_hint *hint,
			struct ozr_object **out, struct ozr_err *err);
	/* Fill dst[i] with ranges[i] for all i < n. Exactly that many bytes: a
	 * range past the end, or a value that shrank, is OZR_CORRUPT. */
	int (*read)(struct ozr_object *o, size_t n, const struct ozr_range *ranges,
		    void *const *dst, struct ozr_err *err);
	/* Optional: these ranges will be read soon. Must not block on I/O. */
	void (*advise)(struct ozr_object *o, size_t n, const struct ozr_range *ranges);
	void (*close)(struct ozr_object *o);

	/* size_hint: how many bytes will come, 0 when unknown. Other numbers than that cost. */
	int (*put_begin)(struct ozr_store *s, const char *key, uint64_t size_hint,
			 struct ozr_put **out, struct ozr_err *err);
	/* Once this has failed the put can only end: its commit fails too. */
	int (*put_append)(struct ozr_put *p, const void *bytes, size_t len, struct ozr_err *err);
	/* Optional: change len bytes that were appended before, from offset on. */
	int (*put_patch)(struct ozr_put *p, uint64_t offset, const void *bytes, size_t len,
			 struct ozr_err *err);
	/* Optional: write bytes wherever they belong, also behind the end; what nobody writes up to
	 * the last one is zeros. Any thread, several at once. p->size is the caller's to set before the
	 * commit, and nothing is appended. */
	int (*put_write_at)(struct ozr_put *p, uint64_t offset, const void *bytes, size_t len,
			    struct ozr_err *err);
	/* With it: bytes that were written. */
	int (*put_read_at)(struct ozr_put *p, uint64_t offset, void *bytes, size_t len,
			   struct ozr_err *err);
	/* Optional: the value that commit publishes shall refuse to be written to. */
	int (*put_read_only)(struct ozr_put *p, struct ozr_err *err);
	/* Both end the put and free it, whatever they return. */
	int (*put_commit)(struct ozr_put *p, enum ozr_put_mode mode, struct ozr_placement *out,
			  struct ozr_err *err);
	void (*put_abort)(struct ozr_put *p);

	/* Deleting what is not there is OZR_OK. */
	int (*del)(struct ozr_store *s, const char *key, struct ozr_err *err);
	/* Optional (OZR_STORE_LIST): call fn for each direct child of prefix ("" for the
	 * root), in byte order; fn may call back into the store; nonzero stops and is
	 * returned. Temporary names of puts and lock files are skipped, and so is what no key
	 * can name. A prefix without children, or none at all, is OZR_OK. */
	int (*list)(struct ozr_store *s, const char *prefix,
		    int (*fn)(void *arg, const char *name, int is_prefix), void *arg,
		    struct ozr_err *err);
	/* Optional: make all finished puts and deletes survive a power loss. */
	int (*sync)(struct ozr_store *s, struct ozr_err *err);
	/* Optional (OZR_STORE_LOCK): exclusive hold on a key's whole value against other
	 * threads and processes; waits. The token ends with unlock or with the process. */
	int (*lock)(struct ozr_store *s, const char *key, void **token, struct ozr_err *err);
	void (*unlock)(struct ozr_store *s, void *token);
	/* Optional: the same without waiting; OZR_BUSY when somebody else holds it. */
	int (*try_lock)(struct ozr_store *s, const char *key, void **token, struct ozr_err *err);
	/* Optional: remove everything below prefix (not empty), metadata first; where directories
	 * are things of their own, those too. Nothing there is OZR_OK. */
	int (*clear)(struct ozr_store *s, const char *prefix, struct ozr_err *err);
	/* The last reference is gone: free the implementation's own members, then s. */
	void (*destroy)(struct ozr_store *s);
};

/* Implementations embed this as first member and fill it by ozr_store_init(). */
struct ozr_store {
	const struct ozr_store_ops *ops;
	struct ozr_ctx *ctx;  /* owned reference */
	char *location;       /* owned; for messages; credentials already removed */
	unsigned caps;        /* enum ozr_store_caps */
	uint64_t identity[2]; /* equal for stores over the same place: cache keys */
	unsigned io_width;    /* reads in flight that pay off; 0: as the pool is wide */
	uint64_t refs;        /* changed atomically, by store.c only */
};

/* For implementations: fill the common part (refs 1). Copies location. */
OZR_API OZR_MUST_CHECK int ozr_store_init(struct ozr_store *s, const struct ozr_store_ops *ops,
					  struct ozr_ctx *ctx, const char *location, unsigned caps,
					  struct ozr_err *err);
/* For implementations: free the common part; called from destroy(). */
OZR_API void ozr_store_release(struct ozr_store *s);

OZR_API struct ozr_store *ozr_store_ref(struct ozr_store *s);
OZR_API void ozr_store_unref(struct ozr_store *s); /* NULL is fine */

/* --- Opening stores --------------------------------------------------- */

enum ozr_open_flags {
	OZR_READ = 0,
	OZR_UPDATE = 1 /* puts and deletes allowed */
};

/* How hard commits are pushed to the disk. */
enum ozr_durability {
	OZR_FLUSH_NONE,  /* atomic for readers; a power loss may lose recent writes */
	OZR_FLUSH_CLOSE, /* ozr_store_sync() flushes everything once */
	OZR_FLUSH_EACH   /* each commit is flushed before it is published */
};

/* A directory on a local (or mounted) file system. Everything is resolved
 * beneath it by the kernel: symbolic links that leave it are OZR_DENIED.
 * OZR_NOT_FOUND when it does not exist or is not a directory. */
OZR_API OZR_MUST_CHECK int ozr_store_open_dir(struct ozr_ctx *ctx, const char *path, int flags,
					      enum ozr_durability durability,
					      struct ozr_store **out, struct ozr_err *err);
/* The folder of a local file as a store, to read from, and the file's key in it: for functions that
 * take a store and a key. Links are followed first. OZR_NOT_FOUND when it does not exist. */
enum { OZR_NAME_MAX = 256 }; /* bytes of a file's name and its NUL */
OZR_API OZR_MUST_CHECK int ozr_store_open_folder_of(struct ozr_ctx *ctx, const char *path,
						    char name[OZR_NAME_MAX], struct ozr_store **out,
						    struct ozr_err *err);
/* A new, empty store in memory; its values live as long as it does. */
OZR_API OZR_MUST_CHECK int ozr_store_open_mem(struct ozr_ctx *ctx, struct ozr_store **out,
					      struct ozr_err *err);
/* The part of a store below a prefix, as a store of its own. Holds a reference. */
OZR_API OZR_MUST_CHECK int ozr_store_open_sub(struct ozr_store *parent, const char *prefix,
					      struct ozr_store **out, struct ozr_err *err);

/* --- Operations: check keys and ranges, then dispatch ------------------ */

OZR_API OZR_MUST_CHECK int ozr_object_open(struct ozr_store *s, const char *key,
					   struct ozr_object **out, struct ozr_err *err);
OZR_API OZR_MUST_CHECK int ozr_object_open_for(struct ozr_store *s, const char *key,
					       const struct ozr_hint *hint, struct ozr_object **out,
					       struct ozr_err *err);
OZR_API OZR_MUST_CHECK int ozr_object_read(struct ozr_object *o, size_t n,
					   const struct ozr_range *ranges, void *const *dst,
					   struct ozr_err *err);
OZR_API void ozr_object_advise(struct ozr_object *o, size_t n, const struct ozr_range *ranges);
OZR_API void ozr_object_close(struct ozr_object *o); /* NULL is fine */

/* size_hint: how many bytes will be appended (another number costs time or space), or 0. */
OZR_API OZR_MUST_CHECK int ozr_put_begin(struct ozr_store *s, const char *key, uint64_t size_hint,
					 struct ozr_put **out, struct ozr_err *err);
OZR_API OZR_MUST_CHECK int ozr_put_append(struct ozr_put *p, const void *bytes, size_t len,
					  struct ozr_err *err);
/* Change bytes that were appended; OZR_UNSUPPORTED where a value is only appended to. */
OZR_API OZR_MUST_CHECK int ozr_put_patch(struct ozr_put *p, uint64_t offset, const void *bytes,
					 size_t len, struct ozr_err *err);
/* Let commit publish a value without the right to write to it (it can still be replaced), where the
 * store has such a thing; elsewhere OZR_OK without effect. */
OZR_API OZR_MUST_CHECK int ozr_put_read_only(struct ozr_put *p, struct ozr_err *err);
OZR_API OZR_MUST_CHECK int ozr_put_commit(struct ozr_put *p, enum ozr_put_mode mode,
					  struct ozr_placement *out, struct ozr_err *err);
OZR_API void ozr_put_abort(struct ozr_put *p); /* NULL is fine */

/* The whole value, at most limit bytes (more is OZR_LIMIT). *bytes is taken by the caller
 * (ozr_text_free) and has a NUL behind its *len bytes; version may be NULL. */
OZR_API OZR_MUST_CHECK int ozr_store_get(struct ozr_store *s, const char *key, size_t limit,
					 char **bytes, size_t *len, uint64_t *version,
					 struct ozr_err *err);
OZR_API OZR_MUST_CHECK int ozr_store_put(struct ozr_store *s, const char *key, const void *bytes,
					 size_t len, enum ozr_put_mode mode, struct ozr_err *err);
OZR_API OZR_MUST_CHECK int ozr_store_del(struct ozr_store *s, const char *key, struct ozr_err *err);
OZR_API OZR_MUST_CHECK int ozr_store_list(struct ozr_store *s, const char *prefix,
					  int (*fn)(void *arg, const char *name, int is_prefix),
					  void *arg, struct ozr_err *err);
OZR_API OZR_MUST_CHECK int ozr_store_sync(struct ozr_store *s, struct ozr_err *err);
/* OZR_UNSUPPORTED when the store has no locks, OZR_CHANGED when its folder is gone. */
OZR_API OZR_MUST_CHECK int ozr_store_lock(struct ozr_store *s, const char *key, void **token,
					  struct ozr_err *err);
/* Without waiting: OZR_BUSY when somebody else holds it. */
OZR_API OZR_MUST_CHECK int ozr_store_try_lock(struct ozr_store *s, const char *key, void **token,
					      struct ozr_err *err);
OZR_API void ozr_store_unlock(struct ozr_store *s, void *token);

/* --- Staging: a directory that appears whole or not at all -------------- */

/* A new directory beside target, named ".<name>.ozr-stage-<random>", that no
 * reader takes for an image, held by a lock while this process lives.
 * Leftovers of dead processes for the same target are removed first.
 * OZR_EXISTS when target is there and replace is 0. With replace, what is at
 * target must be a Zarr hierarchy (zarr.json, .zgroup or .zarray at its
 * root) with no foreign files at its root, or OZR_EXISTS says what it is. */
struct ozr_stage;
OZR_API OZR_MUST_CHECK int ozr_stage_new(struct ozr_ctx *ctx, const char *target, int replace,
					 enum ozr_durability durability, struct ozr_stage **out,
					 struct ozr_err *err);
/* The store to write to; borrowed. */
OZR_API struct ozr_store *ozr_stage_store(struct ozr_stage *st);
/* Make the staged directory the target by one atomic rename (exchange when it
 * replaces), then remove the replaced one, metadata first. Frees st whatever
 * it returns; on failure the stage is removed and the old target is intact, unless only the
 * flush of the names failed and they could not be had back: the message then says that the new
 * tree is in place. A replaced directory that resists its removal stays hidden; the next stage
 * for target tries again. */
OZR_API OZR_MUST_CHECK int ozr_stage_commit(struct ozr_stage *st, struct ozr_err *err);
/* Remove the stage. NULL is fine. In a forked child commit and abort only free its copy. */
OZR_API void ozr_stage_abort(struct ozr_stage *st);

/* Remove a whole hierarchy below path: metadata first, data last. Refuses
 * (OZR_DENIED) what is not a Zarr hierarchy root or holds foreign files there, and
 * symbolic links; links below are removed, never followed. At most 64 levels of
 * directories (OZR_LIMIT). */
OZR_API OZR_MUST_CHECK int ozr_tree_remove(struct ozr_ctx *ctx, const char *path,
					   struct ozr_err *err);

/* Give a whole hierarchy another name on the same file system, in one step. OZR_EXISTS when
 * something is at to; OZR_DENIED when from is not a hierarchy, or holds foreign files;
 * OZR_UNSUPPORTED when the places are on different file systems. */
OZR_API OZR_MUST_CHECK int ozr_tree_rename(struct ozr_ctx *ctx, const char *from, const char *to,
					   struct ozr_err *err);

/* --- Hierarchies in any store that lists --------------------------------- */

/* Is the store a Zarr hierarchy, with nothing else at its root? OZR_NOT_FOUND when nothing is
 * there, OZR_EXISTS with the reason when it is something else. */
OZR_API OZR_MUST_CHECK int ozr_hierarchy_check(struct ozr_store *s, struct ozr_err *err);
/* Remove it, metadata first. Refuses (OZR_DENIED) what ozr_hierarchy_check() calls something
 * else. */
OZR_API OZR_MUST_CHECK int ozr_hierarchy_remove(struct ozr_store *s, struct ozr_err *err);
/* The same without a look at what it is: for what was begun and not finished. */
OZR_API OZR_MUST_CHECK int ozr_hierarchy_clear(struct ozr_store *s, struct ozr_err *err);
/* Copy everything, metadata last; but not the IFDs of a twin (OME/tiff.ifd), which are true in
 * their own file only. What is in to already stays, unless it has the same key. call may be NULL;
 * it is asked for cancelling only. */
OZR_API OZR_MUST_CHECK int ozr_hierarchy_copy(struct ozr_store *from, struct ozr_store *to,
					      const struct ozr_call *call, struct ozr_err *err);

#ifdef __cplusplus
}
#endif
#endif
