/* SPDX-License-Identifier: MIT */
/*
 * What surrounds images: labels of an image, series of a bioformats2raw
 * layout, plates and wells; and what image-label metadata say about the
 * values of a label image. Everything is found from metadata, never by
 * listing a store.
 *
 * Threads: an open collection and a label table are constant; any thread may
 * read them. Borrowed pointers live as long as what they came from.
 */
#ifndef OZR_COLLECTION_H
#define OZR_COLLECTION_H

#include "image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a path of a store holds, as far as its own metadata tell. */
enum ozr_kind {
	OZR_KIND_NOTHING, /* or nothing that can be read */
	OZR_KIND_ARRAY,   /* a Zarr array */
	OZR_KIND_GROUP,   /* a Zarr group that is none of the following */
	OZR_KIND_IMAGE,   /* multiscales */
	OZR_KIND_LABELS,  /* the group that lists the labels of an image */
	OZR_KIND_SERIES,  /* bioformats2raw.layout: images that belong together */
	OZR_KIND_PLATE,
	OZR_KIND_WELL
};

/* Quick look, without an error message for what is not ours. */
OZR_API enum ozr_kind ozr_kind_probe(struct ozr_store *s, const char *path);

/* One image of a collection. */
struct ozr_member {
	const char *path; /* below the collection: "labels/nuclei", "0", "A/1/0"; borrowed */
	int known;        /* its metadata could be read; else all that follows is zero */
	struct ozr_image_info info; /* rank, axes, dtype, name and is_label */
	uint64_t shape[OZR_MAX_RANK];
};

struct ozr_collection;

/* path: an image (its members are its labels, perhaps none), the group of its labels, series, a
 * plate or a well; anything else is OZR_UNSUPPORTED. At most max members are read and kept (at
 * most 4096); a warning names how many there are. Members that are listed and not there are left
 * out, with a warning. Metadata of the members are read on the pool. */
OZR_API OZR_MUST_CHECK int ozr_collection_open(struct ozr_store *s, const char *path, size_t max,
					       const struct ozr_call *call,
					       struct ozr_collection **out, struct ozr_err *err);
OZR_API enum ozr_kind ozr_collection_kind(const struct ozr_collection *c);
OZR_API const char *ozr_collection_name(const struct ozr_collection *c); /* a plate's, or "" */
OZR_API size_t ozr_collection_count(const struct ozr_collection *c);
/* i < count. */
OZR_API const struct ozr_member *ozr_collection_member(const struct ozr_collection *c, size_t i);
/* i from 0; NULL ends. */
OZR_API const char *ozr_collection_warning(const struct ozr_collection *c, unsigned i);
OZR_API void ozr_collection_close(struct ozr_collection *c); /* NULL is fine */

/* The attributes of a group or an array as JSON text; take. OZR_NOT_FOUND: there is no node. */
OZR_API OZR_MUST_CHECK int ozr_node_attributes(struct ozr_store *s, const char *path, char **json,
					       struct ozr_err *err);
/* The OME-XML document that a bioformats2raw layout at path keeps, or OZR_NOT_FOUND. Not parsed.
 * take. */
OZR_API OZR_MUST_CHECK int ozr_series_xml(struct ozr_store *s, const char *path, char **xml,
					  struct ozr_err *err);

/* --- image-label metadata -------------------------------------------------- */

/* One value of a label image. */
struct ozr_label {
	int64_t value; /* of uint64 images beyond 2^63: the same bits */
	int has_color;
	unsigned char rgba[4];
};

enum ozr_column_kind { OZR_COLUMN_INTEGER, OZR_COLUMN_REAL, OZR_COLUMN_TEXT };

struct ozr_label_table;

/* attributes: JSON text of the group's attributes. Rows are sorted by value, of several entries
 * for one value the last one wins; columns are what `properties` have (at most 64). Entries that
 * make no sense are left out, with a warning. Without image-label: no rows, no columns. */
OZR_API OZR_MUST_CHECK int ozr_label_table_parse(struct ozr_ctx *ctx, const char *attributes,
						 struct ozr_label_table **out, struct ozr_err *err);
OZR_API void ozr_label_table_free(struct ozr_label_table *t); /* NULL is fine */
OZR_API size_t ozr_label_table_rows(const struct ozr_label_table *t);
OZR_API const struct ozr_label *ozr_label_table_row(const struct ozr_label_table *t, size_t row);
OZR_API unsigned ozr_label_table_columns(const struct ozr_label_table *t);
OZR_API const char *ozr_label_table_column(const struct ozr_label_table *t, unsigned column,
					   enum ozr_column_kind *kind);
/* One cell as what its column is; 0 when the row has none. Text of other things than text is
 * JSON; take. OZR_COLUMN_INTEGER: true is 1. */
OZR_API int ozr_label_table_integer(const struct ozr_label_table *t, size_t row, unsigned column,
				    int64_t *out);
OZR_API int ozr_label_table_real(const struct ozr_label_table *t, size_t row, unsigned column,
				 double *out);
OZR_API int ozr_label_table_text(const struct ozr_label_table *t, size_t row, unsigned column,
				 char **out);
OZR_API const char *ozr_label_table_warning(const struct ozr_label_table *t, unsigned i);

#ifdef __cplusplus
}
#endif
#endif
