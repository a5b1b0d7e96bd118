/* SPDX-License-Identifier: MIT */
/*
 * Images: OME-NGFF multiscale images, 0.1 to 0.5 read by the shape of their
 * metadata, 0.4 (Zarr v2) and 0.5 (Zarr v3) written. Level 0 is the full
 * resolution; level n > 0 its n-th reduction.
 *
 * Creating an image, by mode:
 *   STAGE          built in a sibling folder, absent until ozr_image_commit()
 *   DIRECT         built in place in any empty store; group metadata last
 *   PUBLISH_EMPTY  all metadata first, so that many workers can open it for
 *                  update and write disjoint shards
 * and working on an existing one, by flag: OZR_UPDATE (close never deletes).
 *
 * Threads: a read-only image may be used from any thread. An image being
 * written belongs to one thread, except that ozr_array_write() on its levels
 * and ozr_pyramid_push() may come from any. It belongs to the process that made or
 * opened it: in a forked child all that writes is refused (OZR_BAD_ARG), and closing
 * the copy leaves files and stage to the parent.
 */
#ifndef OZR_IMAGE_H
#define OZR_IMAGE_H

#include "array.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ozr_axis_kind { OZR_AXIS_SPACE, OZR_AXIS_TIME, OZR_AXIS_CHANNEL, OZR_AXIS_OTHER };

struct ozr_axis {
	char name[32];
	enum ozr_axis_kind kind;
	char unit[32]; /* as in the metadata ("micrometer"); "" when not given */
};

struct ozr_channel {
	char label[128];
	int has_color;
	unsigned char rgb[3];
	int has_window;
	double min, max;   /* range of the data type or of the data */
	double start, end; /* what is shown */
	int active;
};

struct ozr_image_info {
	char version[16]; /* "0.5"; "" for a bare array */
	char name[256];
	unsigned rank;
	struct ozr_axis axes[OZR_MAX_RANK];
	unsigned levels;
	enum ozr_dtype dtype; /* of level 0 */
	unsigned channels;    /* omero channels; 0 when there are none */
	int has_default_z, has_default_t;
	uint64_t default_z, default_t; /* omero rdefs */
	int is_label;                  /* has image-label metadata */
	int is_bare;                   /* an array without OME metadata */
};

enum ozr_method { OZR_MEAN, OZR_NEAREST, OZR_MODE };

struct ozr_image;

/* Quick look, without an error message for what is not ours: 1 when path holds an
 * OME-NGFF multiscale image, 2 a bare Zarr array, 3 another Zarr group, 0 nothing. */
OZR_API int ozr_image_probe(struct ozr_store *s, const char *path);
/* path is a key prefix, "" for the root. A bare array opens as an image of one level. */
OZR_API OZR_MUST_CHECK int ozr_image_open(struct ozr_store *s, const char *path, int flags,
					  struct ozr_image **out, struct ozr_err *err);
/* The same for a local folder. */
OZR_API OZR_MUST_CHECK int ozr_image_open_dir(struct ozr_ctx *ctx, const char *dir,
					      const char *path, int flags, struct ozr_image **out,
					      struct ozr_err *err);
OZR_API void ozr_image_get_info(const struct ozr_image *img, struct ozr_image_info *out);
/* Borrowed. NULL when there is no such level, or when it had to be loaded first, see below, and
 * could not be. */
OZR_API struct ozr_array *ozr_image_level(struct ozr_image *img, unsigned level);
/* A read-only image in a remote store is opened with level 0 alone. This opens the others, and is
 * done by whatever asks for one of them; call it first to learn why it fails. Warnings about them
 * come with it. Any thread; quick when there is nothing to do. */
OZR_API OZR_MUST_CHECK int ozr_image_load(struct ozr_image *img, struct ozr_err *err);
/* Physical size of a pixel and position of the centre of pixel 0, per axis, in the
 * axis' unit: dataset and multiscales transformations combined. */
OZR_API void ozr_image_transform(const struct ozr_image *img, unsigned level,
				 double scale[OZR_MAX_RANK], double translation[OZR_MAX_RANK]);
OZR_API OZR_MUST_CHECK int ozr_image_channel(const struct ozr_image *img, unsigned i,
					     struct ozr_channel *out, struct ozr_err *err);
/* The image group's attributes (v3: zarr.json /attributes, v2: .zattrs) as JSON text;
 * numbers as in the file. take. */
OZR_API OZR_MUST_CHECK int ozr_image_attributes(const struct ozr_image *img, char **json,
						struct ozr_err *err);
/* Merge members of a JSON object into the group's attributes (a null member deletes; `ome` is
 * merged member by member); all other keys survive. Update mode; published at once. What would
 * make the image unreadable is refused. While the image is being created: part of the commit. */
OZR_API OZR_MUST_CHECK int ozr_image_set_attributes(struct ozr_image *img, const char *json,
						    struct ozr_err *err);
/* The same for the array of a level; any member. */
OZR_API OZR_MUST_CHECK int ozr_image_set_level_attributes(struct ozr_image *img, unsigned level,
							  const char *json, struct ozr_err *err);
/* How later refreshes make levels, as in struct ozr_image_options. Levels that are there stay. */
struct ozr_level_rules {
	enum ozr_method method;
	uint64_t alpha;
	int has_nodata;
	unsigned char nodata[8];
};
OZR_API void ozr_image_rules(const struct ozr_image *img, struct ozr_level_rules *out);
/* Several changes of what an image says about itself, in one write of its document: readers see
 * all of them or none. Update mode, or while the image is being created. Zeroed: nothing. */
struct ozr_image_changes {
	/* Size of a pixel (> 0) and centre of pixel 0, for each axis of level 0; the other levels
	 * keep their place relative to it. Both or none. OZR_UNSUPPORTED for metadata without
	 * axes as 0.4 and 0.5 have them. */
	const double *scale, *translation;
	const char *const *unit; /* of each axis, with scale; NULL: as it is; "": none */
	/* label (not when empty), color (with has_color), window (with has_window; start < end) and
	 * active of the first omero channels. An image without omero metadata stays without. */
	unsigned channels;
	const struct ozr_channel *channel;
	const struct ozr_level_rules *rules; /* NULL: as they are */
	const char *attributes;              /* as for ozr_image_set_attributes() */
};
OZR_API OZR_MUST_CHECK int ozr_image_change(struct ozr_image *img,
					    const struct ozr_image_changes *changes,
					    struct ozr_err *err);
/* Path of level's array below the image ("0", "s1/image"); borrowed. */
OZR_API const char *ozr_image_level_path(const struct ozr_image *img, unsigned level);
/* Warnings met while opening (unknown unit, version mismatch, ...), i from 0; NULL ends. */
OZR_API const char *ozr_image_warning(const struct ozr_image *img, unsigned i);

/* --- Writing ------------------------------------------------------------ */

enum ozr_create_mode { OZR_CREATE_STAGE, OZR_CREATE_DIRECT, OZR_CREATE_PUBLISH_EMPTY };

struct ozr_level_plan;

/* Zeroed members mean the default in brackets. */
struct ozr_image_options {
	int ome_version; /* [5] 4: 0.4 on Zarr v2; 5: 0.5 on Zarr v3 */
	const char *name;
	enum ozr_dtype dtype;
	unsigned rank;
	uint64_t shape[OZR_MAX_RANK];
	struct ozr_axis axes[OZR_MAX_RANK];
	double scale[OZR_MAX_RANK];       /* [1] > 0 */
	double translation[OZR_MAX_RANK]; /* [0] */
	uint64_t chunk
		[OZR_MAX_RANK]; /* [128^3 volumes, 512^2 planes, 1024^2 planes in 0.4] per axis */
	uint64_t shard
		[OZR_MAX_RANK]; /* [about 32 MiB decoded] per axis; equal to chunk: no shards */
	int no_shards;          /* 1: chunk files, also in 0.5 */
	unsigned order[OZR_MAX_RANK]; /* [C order] transpose codec of all levels; 0.5 only */
	struct ozr_codec_options codec;
	unsigned char fill[8];
	int levels;              /* [until small] how many, level 0 included; 1: no pyramid */
	const unsigned *factors; /* [isotropic voxels] (levels-1) x rank, or NULL */
	unsigned factor_sets;    /* rows in factors; the last one repeats */
	/* [none] Instead of factors: shape, factor, scale and translation of each of `levels`
	 * levels, the first one included, for an image whose levels come from elsewhere
	 * (taken_levels). A shape is ceil(before / factor) or floor(before / factor). Where the
	 * scale of the first one is not the image's, all follow the image's. */
	const struct ozr_level_plan *level_plan;
	int taken_levels; /* 1: levels are not what method makes of level 0; the metadata say so */
	enum ozr_method method; /* [mean; for labels mode, since a mean invents ids] */
	/* [none] 1 + index of the channel that the mean weighs the others by (an alpha channel): for
	 * uint8, uint16 and floats; others ignore it. */
	uint64_t alpha;
	int has_nodata;          /* the mean skips elements equal to nodata */
	unsigned char nodata[8]; /* one element, host byte order */
	unsigned channels;       /* omero channels given below; 0: no omero, or windows from data */
	const struct ozr_channel *channel;
	int omero;    /* 1: write omero; windows not given come from true minimum and maximum */
	int is_label; /* 1: image-label metadata */
	int grouped_levels; /* 1: arrays at s0/image, s1/image, ... each in a group of its own
	                                   * (the layout GDAL's Zarr driver takes overviews from); 0: "0", "1", ... */
	/* Optional: JSON object text with more attributes, for level's array or, with
	 * level < 0, the image group; NULL for none. Called once for each while creating;
	 * the text is borrowed until the next call. scale and translation are the level's. */
	const char *(*attributes)(void *user, int level, const char *level_path,
				  const uint64_t *shape, const double *scale,
				  const double *translation);
	void *user;
};

/* Levels that opt will get: fills shape, factor to the level before and transform of
 * each; returns how many (at most max). Also used by create. */
struct ozr_level_plan {
	uint64_t shape[OZR_MAX_RANK];
	unsigned factor[OZR_MAX_RANK]; /* to the level before; 1 for level 0 */
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];
	uint64_t chunk[OZR_MAX_RANK], shard[OZR_MAX_RANK];
};
OZR_API OZR_MUST_CHECK int ozr_image_plan(const struct ozr_image_options *opt,
					  struct ozr_level_plan *plan, unsigned max,
					  unsigned *levels, struct ozr_err *err);

/* STAGE, in a local folder: nothing is at dir until commit. replace: what is there is
 * exchanged at commit and then removed. */
OZR_API OZR_MUST_CHECK int ozr_image_create_dir(struct ozr_ctx *ctx, const char *dir, int replace,
						enum ozr_durability durability,
						const struct ozr_image_options *opt,
						struct ozr_image **out, struct ozr_err *err);
/* DIRECT or PUBLISH_EMPTY, in any store, at path (parents must be groups already or are made). */
OZR_API OZR_MUST_CHECK int ozr_image_create(struct ozr_store *s, const char *path,
					    enum ozr_create_mode mode,
					    const struct ozr_image_options *opt,
					    struct ozr_image **out, struct ozr_err *err);
/* Flush the levels, then array metadata, then group metadata; for STAGE the rename. The handle
 * then reads the result: arrays and paths borrowed from it before are gone. On failure a staged
 * or direct image is removed again, and all that is left to do is to close the handle. */
OZR_API OZR_MUST_CHECK int ozr_image_commit(struct ozr_image *img, const struct ozr_call *call,
					    struct ozr_err *err);
/* Without a commit, STAGE and DIRECT images are removed. NULL is fine. */
OZR_API void ozr_image_close(struct ozr_image *img);

#ifdef __cplusplus
}
#endif
#endif
