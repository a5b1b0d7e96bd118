/* SPDX-License-Identifier: MIT */
/*
 * The inside of the directory store, shared by its files: store_dir.c (life,
 * objects, delete, sync), dir_version.c, dir_path.c (resolving, directories on
 * demand), dir_put.c (atomic values), dir_temp.c, dir_list.c, dir_lock.c. Nothing
 * here is seen by other layers; stage.c opens a store over a descriptor it already
 * holds.
 *
 * There is no mutex: what threads share is atomic or decided by the kernel.
 */
#ifndef OZR_STORE_DIR_H
#define OZR_STORE_DIR_H

#include <stdatomic.h>

#include "base/key.h"
#include "base/sys.h"
#include "ozr/store.h"

#define OZR_LOCK_FILE   ".ozr-lock"
#define OZR_TEMP_PREFIX ".ozr-tmp-"
#define OZR_STAGE_MARK  ".ozr-stage-" /* ".<name>.ozr-stage-<16 hex>" */
#define OZR_ASIDE_MARK  ".ozr-old-"   /* a replaced tree, where names cannot be exchanged */

/* Locks of keys take one byte each below this one, which the life of a stage takes. */
#define OZR_LOCK_LIFE     (UINT64_C(1) << 62)
#define OZR_LOCK_KEY_MASK (OZR_LOCK_LIFE - 1)

enum {
	OZR_DIR_PUTS_OPEN = 128, /* puts of one store that keep their descriptor */
	OZR_DIR_SETTLED = 1024,  /* slots of the table of settled directories */
};

struct ozr_dir_store {
	struct ozr_store base;
	const struct ozr_sys *sys;
	int root; /* O_PATH */
	enum ozr_durability durability;
	uint64_t device;        /* st_dev of the root */
	int own_clock;          /* files there are stamped by this kernel */
	_Atomic unsigned puts;  /* open puts that keep a descriptor */
	_Atomic int dirty;      /* something was published since the last sync */
	_Atomic uint64_t where; /* dir_temp.c; 0: not known */
	/* Fingerprints of directories whose whole path is on the disk; forgets, never invents. */
	_Atomic uint64_t settled[OZR_DIR_SETTLED];
};

static inline struct ozr_dir_store *ozr_dir(struct ozr_store *s)
{
	return (struct ozr_dir_store *)s;
}

/* Takes over fd (O_PATH of a directory) whatever it returns. */
int ozr_dir_open_fd(struct ozr_ctx *ctx, int fd, const char *location, int flags,
		    enum ozr_durability durability, struct ozr_store **out,
		    struct ozr_err *err) OZR_MUST_CHECK;

/* --- dir_version.c --- */

/* Is this directory on a file system that stamps files with this kernel's clock? */
int ozr_dir_own_clock(const struct ozr_sys *sys, int fd);
/* The version of an open file: equal for equal values, and never equal for others. Of a file
 * that is too young to be told from one that may replace it, each call has its own. */
uint64_t ozr_dir_version(const struct ozr_dir_store *s, const struct stat *st);

/* --- dir_path.c --- */

/* Open beneath dir; tries again when interrupted or outrun by a rename. -1 and errno. */
int ozr_dir_resolve(const struct ozr_sys *sys, int dir, const char *path, int flags, mode_t mode);
/* The directory that holds the last segment of key, which *leaf gets. -1 and errno. */
int ozr_dir_parent(const struct ozr_dir_store *s, const char *key, int flags, const char **leaf);
/* How to open a directory that is going to be changed: to flush it takes more than O_PATH. */
int ozr_dir_write_flags(const struct ozr_dir_store *s);
/* Make the directories above key that are missing. */
int ozr_dir_make(struct ozr_dir_store *s, const char *key, struct ozr_err *err) OZR_MUST_CHECK;
/* Whether values in this directory are flushed one by one (parent: its descriptor). */
int ozr_dir_flushes(const struct ozr_dir_store *s, int parent);
/* Push the directories above key, down to the one that holds it, to the disk. */
int ozr_dir_settle(struct ozr_dir_store *s, const char *key, struct ozr_err *err) OZR_MUST_CHECK;
/* fsync; interrupted ones again, and a file system that cannot flush directories has done. */
int ozr_dir_fsync(const struct ozr_sys *sys, int fd);
/* "<what> '<key>': <reason>". A missing file is OZR_IO here: callers that can be sure that
 * the key does not exist say so themselves. Leaving the root is OZR_DENIED, a file in the
 * place of a directory OZR_BAD_FORMAT. */
int ozr_dir_fail(struct ozr_err *err, int sys, const char *what, const char *key);

/* --- dir_temp.c --- */

enum { OZR_TEMP_MAX = 96 }; /* bytes of a temporary name with its NUL */
/* A new temporary name of ours. -1 and errno. */
int ozr_dir_temp_name(struct ozr_dir_store *s, char *out, size_t size);
/* Is this temporary file in dir one that a dead writer has left? */
int ozr_dir_temp_is_stale(struct ozr_dir_store *s, int dir, const char *name);

/* --- operations of the other files, for the table in store_dir.c --- */

int ozr_dir_put_begin(struct ozr_store *s, const char *key, uint64_t size_hint,
		      struct ozr_put **out, struct ozr_err *err);
int ozr_dir_put_append(struct ozr_put *p, const void *bytes, size_t len, struct ozr_err *err);
int ozr_dir_put_patch(struct ozr_put *p, uint64_t offset, const void *bytes, size_t len,
		      struct ozr_err *err);
int ozr_dir_put_read_at(struct ozr_put *p, uint64_t offset, void *bytes, size_t len,
			struct ozr_err *err);
int ozr_dir_put_read_only(struct ozr_put *p, struct ozr_err *err);
int ozr_dir_put_commit(struct ozr_put *p, enum ozr_put_mode mode, struct ozr_placement *out,
		       struct ozr_err *err);
void ozr_dir_put_abort(struct ozr_put *p);
int ozr_dir_list(struct ozr_store *s, const char *prefix,
		 int (*fn)(void *arg, const char *name, int is_prefix), void *arg,
		 struct ozr_err *err);
int ozr_dir_lock(struct ozr_store *s, const char *key, void **token, struct ozr_err *err);
int ozr_dir_try_lock(struct ozr_store *s, const char *key, void **token, struct ozr_err *err);
void ozr_dir_unlock(struct ozr_store *s, void *token);

#endif
