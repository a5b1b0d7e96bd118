/* SPDX-License-Identifier: MIT */
/*
 * The inside of the writer of zip archives: zip_sink.c, zip_record.c,
 * zip_write.c, zip_put.c, zip_finish.c.
 *
 * One mutex guards the table of members and the queue. Who has set `busy` owns
 * the stream: it alone appends to the sink, and sees to what has queued up meanwhile
 * before it lets go. Where bytes can be written anywhere, a value of known size
 * owns no more than its place, which it takes while nobody has the stream. No I/O is
 * done under the mutex.
 */
#ifndef OZR_STORE_ZIP_WRITER_H
#define OZR_STORE_ZIP_WRITER_H

#include <pthread.h>

#include "base/mem.h"
#include "base/spool.h"
#include "base/sys.h"
#include "ozr/zip.h"
#include "store/zip.h"

/* --- zip_sink.c: where the bytes of the archive go ------------------------------ */

struct ozr_zip_sink {
	struct ozr_store *parent; /* owned reference */
	struct ozr_put *put;      /* the archive in its store; NULL: ended */
	const struct ozr_sys *sys;
	int64_t pid;  /* whose it is: a forked child writes nothing */
	int scratch;  /* where puts cannot be patched the archive is made in this file; or -1 */
	int anywhere; /* many may write at once, each to a place of its own */
	uint64_t at;  /* the next byte goes there */
	_Atomic uint64_t end; /* of what was written: an aborted value leaves at before it, a place
			       * that nobody has filled yet behind it */
	_Atomic int broken;   /* a write failed */
};

int ozr_zip_sink_open(struct ozr_zip_sink *k, struct ozr_store *parent, const char *key,
		      struct ozr_err *err) OZR_MUST_CHECK;
int ozr_zip_sink_write(struct ozr_zip_sink *k, const void *bytes, size_t len,
		       struct ozr_err *err) OZR_MUST_CHECK;
/* Bytes that were written, where sink.anywhere says so; any thread. */
int ozr_zip_sink_read(struct ozr_zip_sink *k, uint64_t offset, void *bytes, size_t len,
		      struct ozr_err *err) OZR_MUST_CHECK;
int ozr_zip_sink_fill(struct ozr_zip_sink *k, int byte, uint64_t n,
		      struct ozr_err *err) OZR_MUST_CHECK;
/* Nothing may lie behind the end record: a value that was aborted last leaves a gap. */
int ozr_zip_sink_close_gap(struct ozr_zip_sink *k, struct ozr_err *err) OZR_MUST_CHECK;
/* Where sink.anywhere says so, any thread may do this, also where nothing was written yet. */
int ozr_zip_sink_patch(struct ozr_zip_sink *k, uint64_t offset, const void *bytes, size_t len,
		       struct ozr_err *err) OZR_MUST_CHECK;
/* The archive becomes the value of its key; or nothing does. */
int ozr_zip_sink_publish(struct ozr_zip_sink *k, const struct ozr_zip_options *opt,
			 struct ozr_err *err) OZR_MUST_CHECK;
void ozr_zip_sink_abort(struct ozr_zip_sink *k);

/* --- zip_record.c: what the records look like ------------------------------------- */

/* A value, or a document that waits in memory for the end. */
struct ozr_zip_member {
	struct ozr_zip_member *next; /* in its chain of the table */
	uint64_t hash;
	uint64_t header, data, size; /* in the archive, once placed */
	uint32_t crc;
	unsigned pad; /* bytes of the alignment field */
	int placed;
	int is_document;
	int live;      /* has come and was not deleted: what is not live is not listed */
	int kept;      /* the root's document, for which a place is kept before it comes */
	int dirty;     /* the text is not what the archive has */
	char *text;    /* of a document; owned */
	size_t length; /* of the text; size is at least that, once placed */
	char key[];
};

/* Choose the place of a member whose header begins at offset. */
void ozr_zip_place(struct ozr_zip_member *m, uint64_t offset, unsigned alignment);
/* Append the local header, a record of the central directory, the end records. */
int ozr_zip_put_local(struct ozr_buf *b, const struct ozr_zip_member *m, unsigned alignment,
		      struct ozr_err *err) OZR_MUST_CHECK;
int ozr_zip_put_central(struct ozr_buf *b, const struct ozr_zip_member *m,
			struct ozr_err *err) OZR_MUST_CHECK;
int ozr_zip_put_end(struct ozr_buf *b, const struct ozr_zip_place *place, const char *comment,
		    struct ozr_err *err) OZR_MUST_CHECK;
/* The order of documents: zarr.json level by level, then the others. */
int ozr_zip_compare_documents(const struct ozr_zip_member *a, const struct ozr_zip_member *b);

/* --- zip_write.c: life and table ---------------------------------------------------- */

struct ozr_zip_put;

struct ozr_zip_writer {
	struct ozr_store base;
	struct ozr_zip_sink sink;
	struct ozr_zip_options opt; /* without zeros; comment is owned */
	char *comment;
	struct ozr_spool *spool;
	_Atomic uint64_t held; /* bytes that puts keep in memory */

	pthread_mutex_t mutex; /* guards all below */
	struct ozr_zip_member **table;
	size_t slots, count;
	int busy;    /* somebody owns the stream */
	int started; /* documents that were there are at the beginning; by the stream's owner */
	int ended;
	struct ozr_buf
		spare[2]; /* of held values that were written, for further ones: no new pages */
	size_t open;      /* puts */
	struct ozr_zip_put *first, *last; /* committed values that wait for the stream */
	struct ozr_err failure;           /* of a value that had waited; code 0: none */
};

static inline struct ozr_zip_writer *ozr_zip_writer(struct ozr_store *s)
{
	return (struct ozr_zip_writer *)s;
}

/* With the mutex: the member of a key that is there, or a document that was or will be, or NULL; hang one in, for which there must be room. */
struct ozr_zip_member *ozr_zip_member_find(const struct ozr_zip_writer *w, const char *key);
int ozr_zip_member_room(struct ozr_zip_writer *w, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_zip_member_add(struct ozr_zip_writer *w, struct ozr_zip_member *m);
struct ozr_zip_member *ozr_zip_member_new(struct ozr_zip_writer *w, const char *key,
					  struct ozr_err *err) OZR_MUST_CHECK;
void ozr_zip_member_free(struct ozr_zip_writer *w, struct ozr_zip_member *m);

/* OZR_BAD_ARG when s is not an archive that is being written. */
int ozr_zip_is_writer(const struct ozr_store *s, struct ozr_err *err) OZR_MUST_CHECK;

/* --- zip_put.c ------------------------------------------------------------------------ */

int ozr_zip_put_begin(struct ozr_store *s, const char *key, uint64_t size_hint,
		      struct ozr_put **out, struct ozr_err *err);
int ozr_zip_put_append(struct ozr_put *p, const void *bytes, size_t len, struct ozr_err *err);
int ozr_zip_put_commit(struct ozr_put *p, enum ozr_put_mode mode, struct ozr_placement *out,
		       struct ozr_err *err);
void ozr_zip_put_abort(struct ozr_put *p);
/* The owner of the stream writes what waits for it, then gives it up. */
void ozr_zip_let_go(struct ozr_zip_writer *w);
/* Free the values that still wait. */
void ozr_zip_queue_drop(struct ozr_zip_writer *w);

/* --- zip_finish.c ----------------------------------------------------------------------- */

/* By the owner of the stream, before the first value: write what documents there are. */
int ozr_zip_start(struct ozr_zip_writer *w, struct ozr_err *err) OZR_MUST_CHECK;
/* Metadata that has changed or is new, the directory, the end records. */
int ozr_zip_finish(struct ozr_zip_writer *w, struct ozr_err *err) OZR_MUST_CHECK;

#endif
