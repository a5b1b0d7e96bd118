/* SPDX-License-Identifier: MIT */
/*
 * The place that is written to. Everything is checked before anything is made;
 * the library checks again, when it makes the new store beside the old one,
 * that what it replaces is a Zarr hierarchy and nothing else.
 */
#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source.h"
#include "words.h"

/* --- The name ------------------------------------------------------------ */

static int ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && LocaleCompare(text + n - m, end) == 0;
}

/* "vol.ome.zarr" and 7: "vol-7.ome.zarr". */
static void number_name(char path[PATH_EXTENT], size_t scene)
{
	char root[PATH_EXTENT], *dot, *base;

	(void)CopyMagickString(root, path, PATH_EXTENT);
	base = strrchr(root, '/');
	base = base ? base + 1 : root;
	dot = ends_with(base, ".ome.zarr") ? root + strlen(root) - strlen(".ome.zarr")
					   : strrchr(base, '.');
	if (!dot) {
		(void)FormatLocaleString(path, PATH_EXTENT, "%s-%zu", root, scene);
		return;
	}
	*dot = '\0';
	(void)FormatLocaleString(path, PATH_EXTENT, "%s-%zu.%s", root, scene, dot + 1);
}

/* "vol.zarr[z=3]" is a place for reading; a folder of that name is surely not meant. */
static int check_brackets(const char *path, struct ozr_err *err)
{
	struct location location;
	int rc = location_parse(path, &location, err);

	if (rc == OZR_OK &&
	    (location.selection.n > 0 || location.selection.has_level || location.label[0] != '\0'))
		return ozr_fail(err, OZR_BAD_ARG,
				"a store is written as a whole: no positions in brackets");
	return rc;
}

int target_name(const ImageInfo *info, Image *image, struct target *out, ExceptionInfo *exception,
		struct ozr_err *err)
{
	size_t n;

	(void)CopyMagickString(out->path, image->filename, PATH_EXTENT);
	if (info->file || *out->path == '\0' || strcmp(out->path, "-") == 0)
		return ozr_fail(
			err, OZR_UNSUPPORTED,
			"an OME-Zarr is a folder: it cannot be written to a pipe, to memory "
			"or to an open file; give a name such as vol.ome.zarr");
	if (ends_with(out->path, ".ozx") || LocaleCompare(info->magick, "OZX") == 0)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"zipped stores (.ozx) are not written; a folder such as "
				"vol.ome.zarr is");
	if (check_brackets(out->path, err) != OZR_OK)
		return OZR_BAD_ARG;
	/* %d and %[filename:...], as in all formats */
	image_name_of(info, image, image->filename, out->path, exception);
	if (info->adjoin == MagickFalse && strcmp(out->path, image->filename) == 0 &&
	    (GetPreviousImageInList(image) || GetNextImageInList(image)))
		number_name(out->path, image->scene);
	for (n = strlen(out->path); n > 1 && out->path[n - 1] == '/'; n--)
		out->path[n - 1] = '\0';
	return OZR_OK;
}

void target_title(const struct target *target, char out[256])
{
	const char *base = strrchr(target->path, '/');
	size_t n;

	base = base ? base + 1 : target->path;
	n = strlen(base);
	n -= ends_with(base, ".ome.zarr") ? 9 : ends_with(base, ".zarr") ? 5 : 0;
	n = n < 255 ? n : 255;
	while (n < strlen(base) && ((unsigned char)base[n] & 0xC0) == 0x80)
		n--; /* not within a character */
	memcpy(out, base, n);
	out[n] = '\0';
	while (out[n = text_utf8(out)])
		out[n] = '_'; /* a folder may have any bytes for a name, an image may not */
}

/* --- What is there ------------------------------------------------------- */

/* 1: nothing in it, 0: something, -1: errno. */
static int is_empty_folder(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *e;
	int found = 0, sys;

	if (!dir)
		return -1;
	errno = 0;
	while (!found && (e = readdir(dir)) != NULL)
		found = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	sys = errno;
	(void)closedir(dir);
	errno = sys;
	return found ? 0 : sys ? -1 : 1;
}

enum relation { UNRELATED, A_PART, THE_WHOLE };

/* What the image is of what is in the folder of this identity. All that was read from deeper in it
 * is a part. */
static enum relation relation_to(const Image *image, const char *identity, ExceptionInfo *exception)
{
	const char *source = image_property(image, "omezarr:source", exception);
	const size_t n = strlen(identity);
	const char *part, *at = source;

	while (at && (strncmp(at, identity, n) != 0 || (at[n] != '\0' && at[n] != ' '))) {
		at = strchr(at, ' ');
		at += at != NULL;
	}
	if (!at || at != source)
		return at ? A_PART : UNRELATED;
	part = image_property(image, "omezarr:part", exception);
	return part && LocaleCompare(part, "true") == 0 ? A_PART : THE_WHOLE;
}

/* What replaces a store by its own images, or by one of other chunks, has no labels. */
static int check_labels(const struct target *target, struct ozr_err *err)
{
	char path[PATH_EXTENT + 8];
	struct stat st;

	(void)FormatLocaleString(path, sizeof(path), "%s/labels", target->path);
	if (stat(path, &st) != 0)
		return OZR_OK;
	return ozr_fail(err, OZR_EXISTS, "its labels would be lost (%s); write elsewhere", path);
}

static int check_parts(const struct target *target, const struct gathered *images,
		       ExceptionInfo *exception, struct ozr_err *err)
{
	char identity[MAX_IDENTITY_TEXT];
	int rc = OZR_OK;

	if (!source_identity(target->path, identity))
		return ozr_fail_errno(err, errno, "look at it");
	for (size_t i = 0; i < images->n && rc == OZR_OK; i++) {
		switch (relation_to(images->image[i], identity, exception)) {
		case UNRELATED:
			break;
		case THE_WHOLE:
			rc = check_labels(target, err);
			break;
		case A_PART:
			rc = ozr_fail(err, OZR_EXISTS,
				      "image %zu was read from this store and is only a part of it "
				      "(some planes, a region, a level, or one of its images); "
				      "write it elsewhere",
				      i);
		}
	}
	return rc;
}

int target_check(struct target *target, const struct gathered *images,
		 const struct write_options *options, ExceptionInfo *exception, struct ozr_err *err)
{
	struct stat st;
	int empty;

	target->state = TARGET_FREE;
	/* what is replaced is never a link, what grows may be behind one */
	if ((options->append ? stat : lstat)(target->path, &st) != 0)
		return errno == ENOENT ? OZR_OK : ozr_fail_errno(err, errno, "look at it");
	empty = S_ISDIR(st.st_mode) ? is_empty_folder(target->path)
				    : S_ISREG(st.st_mode) && st.st_size == 0;
	if (empty < 0)
		return ozr_fail_errno(err, errno, "look at it");
	if (!options->append && !options->overwrite)
		return ozr_fail(err, OZR_EXISTS,
				"exists already; -define omezarr:overwrite=true replaces it");
	if (empty) {
		target->state = TARGET_EMPTY;
		return OZR_OK;
	}
	if (!S_ISDIR(st.st_mode))
		return ozr_fail(err, OZR_EXISTS, "is not a folder, and not replaced");
	target->state = TARGET_STORED;
	if (options->append)
		return options->rechunk ? check_labels(target, err) : OZR_OK;
	return check_parts(target, images, exception, err);
}

int target_clear(const struct target *target, struct ozr_err *err)
{
	if (target->state != TARGET_EMPTY || rmdir(target->path) == 0 || errno == ENOENT)
		return OZR_OK;
	/* only a file that is still empty: ENOTDIR */
	if (errno == ENOTDIR) {
		struct stat st;

		if (lstat(target->path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 &&
		    remove(target->path) == 0)
			return OZR_OK;
	}
	return ozr_fail_errno(err, errno, "remove what is there");
}
