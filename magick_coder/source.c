/* SPDX-License-Identifier: MIT */
/*
 * See source.h.
 */
#include "source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LISTED = 4 }; /* images that a message names */

int source_identity(const char *folder, char out[MAX_IDENTITY_TEXT])
{
	struct stat st;

	if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
		return 0;
	(void)snprintf(out, MAX_IDENTITY_TEXT, "%" PRIu64 ":%" PRIu64, (uint64_t)st.st_dev,
		       (uint64_t)st.st_ino);
	return 1;
}

static int has_metadata(const char *folder)
{
	static const char *const names[] = {"zarr.json", ".zgroup", ".zattrs"};
	char path[MAX_PATH_TEXT + MAX_KEY_TEXT];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int n = snprintf(path, sizeof(path), "%s/%s", folder, names[i]);

		if (n > 0 && (size_t)n < sizeof(path) && access(path, F_OK) == 0)
			return 1;
	}
	return 0;
}

/* Fills lineage. A row of a plate need not be a group, hence no stop at the first that is none. */
static void find_lineage(const char *folder, struct source *out)
{
	char above[MAX_PATH_TEXT + MAX_KEY_TEXT], identity[MAX_IDENTITY_TEXT];
	int n = snprintf(above, sizeof(above), "%s%s%s", folder, *out->path ? "/" : "", out->path);
	size_t used = 0;

	for (unsigned i = 0; i < MAX_LINEAGE; i++) {
		if (n < 0 || (size_t)n + 4 > sizeof(above) || !source_identity(above, identity))
			break;
		if (i == 0 || has_metadata(above))
			used += (size_t)snprintf(out->lineage + used, sizeof(out->lineage) - used,
						 "%s%s", i ? " " : "", identity);
		n += snprintf(above + n, sizeof(above) - (size_t)n, "/..");
	}
}

static int check_folder(const char *folder, struct ozr_err *err)
{
	struct stat st;

	if (stat(folder, &st) != 0)
		return ozr_fail_errno(err, errno, "cannot be opened");
	if (!S_ISDIR(st.st_mode))
		return ozr_fail(err, OZR_UNSUPPORTED,
				"is not a folder: an OME-Zarr store is one (stores in a single "
				"file, .ozx, cannot be read)");
	return OZR_OK;
}

/* path, then name, with a slash between when there is a path. */
static int join(char out[MAX_KEY_TEXT], const char *path, const char *name, struct ozr_err *err)
{
	int n = snprintf(out, MAX_KEY_TEXT, "%s%s%s", path, *path ? "/" : "", name);

	if (n < 0 || n >= MAX_KEY_TEXT)
		return ozr_fail(err, OZR_LIMIT, "the path of the image is longer than %d bytes",
				MAX_KEY_TEXT - 1);
	return OZR_OK;
}

/* The message that lists images of a collection as names to use. */
static int choose_one(const struct ozr_collection *c, const char *folder, struct ozr_err *err)
{
	size_t n = ozr_collection_count(c), used = 0;
	char text[360];

	for (size_t i = 0; i < n && i < LISTED; i++) {
		int k = snprintf(text + used, sizeof(text) - used, "%s'OMEZARR:%s/%s'",
				 i ? ", " : "", folder, ozr_collection_member(c, i)->path);

		if (k < 0 || (size_t)k >= sizeof(text) - used)
			break; /* a long name: what fits is an example */
		used += (size_t)k;
	}
	text[used] = '\0';
	return ozr_fail(err, OZR_BAD_ARG, "holds several images; choose one: %s%s", text,
			n > LISTED ? ", ..." : "");
}

/* The path of the only image in the collection at path. */
static int only_member(struct ozr_store *store, const char *folder, char path[MAX_KEY_TEXT],
		       struct ozr_err *err)
{
	struct ozr_collection *c;
	char joined[MAX_KEY_TEXT];
	int rc = ozr_collection_open(store, path, LISTED + 1, NULL, &c, err);

	if (rc)
		return rc;
	if (ozr_collection_count(c) == 0)
		rc = ozr_fail(err, OZR_NOT_FOUND, "holds a list of images, and none of them");
	else if (ozr_collection_count(c) > 1)
		rc = choose_one(c, folder, err);
	else
		rc = join(joined, path, ozr_collection_member(c, 0)->path, err);
	ozr_collection_close(c);
	if (rc == OZR_OK)
		memcpy(path, joined, sizeof(joined));
	return rc;
}

/* There is no such label: which are there? */
static int no_label(struct ozr_store *store, const char *label, struct ozr_err *err)
{
	struct ozr_collection *c;
	char text[300], quoted[OZR_QUOTE_MAX];
	size_t n, used = 0;

	if (ozr_collection_open(store, "", LISTED + 1, NULL, &c, err))
		return err->code;
	n = ozr_collection_count(c);
	text[0] = '\0';
	for (size_t i = 0; i < n && i < LISTED; i++) {
		const char *name = strrchr(ozr_collection_member(c, i)->path, '/');
		int k = snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "",
				 name ? name + 1 : ozr_collection_member(c, i)->path);

		if (k < 0 || (size_t)k >= sizeof(text) - used)
			break;
		used += (size_t)k;
	}
	text[used] = '\0';
	ozr_collection_close(c);
	ozr_quote(quoted, label, strlen(label));
	if (n == 0)
		return ozr_fail(err, OZR_NOT_FOUND, "has no label %s, and no other", quoted);
	return ozr_fail(err, OZR_NOT_FOUND, "has no label %s; labels: %s%s", quoted, text,
			n > LISTED ? ", ..." : "");
}

/* Open what is at out->path, or below it. */
static int open_image(const struct location *location, struct source *out, struct ozr_err *err)
{
	int rc = ozr_image_open(out->store, out->path, OZR_READ, &out->image, err);

	if (rc == OZR_OK)
		return rc;
	if (rc == OZR_NOT_FOUND && *location->label &&
	    ozr_kind_probe(out->store, out->path) == OZR_KIND_NOTHING &&
	    ozr_kind_probe(out->store, "") == OZR_KIND_IMAGE)
		return no_label(out->store, location->label, err);
	switch (ozr_kind_probe(out->store, out->path)) {
	case OZR_KIND_LABELS:
	case OZR_KIND_SERIES:
	case OZR_KIND_PLATE:
	case OZR_KIND_WELL:
		break;
	default:
		return rc; /* what it said first */
	}
	rc = only_member(out->store, location->folder, out->path, err);
	if (rc)
		return rc;
	rc = ozr_image_open(out->store, out->path, OZR_READ, &out->image, err);
	if (rc)
		return ozr_err_context(
			err, rc, "image '%s'",
			ozr_quote((char[OZR_QUOTE_MAX]){0}, out->path, strlen(out->path)));
	return OZR_OK;
}

/* Does the path, or the folder's, end in labels/NAME? */
static int stands_under_labels(const char *folder, const char *path)
{
	static const char parent[] = "labels";
	char all[MAX_PATH_TEXT + MAX_KEY_TEXT];
	const size_t n = sizeof(parent) - 1;
	char *last;

	(void)snprintf(all, sizeof(all), "%s%s%s", folder, *path ? "/" : "", path);
	last = strrchr(all, '/');
	if (!last || (size_t)(last - all) < n)
		return 0;
	return memcmp(last - n, parent, n) == 0 &&
	       (last - n == all || last[-(ptrdiff_t)n - 1] == '/');
}

/* Never a name that would be taken for a pipe, a URL or an option. */
static int find_document(const char *folder, struct source *out, struct ozr_err *err)
{
	static const char *const names[] = {"zarr.json", ".zattrs", ".zarray", ".zgroup"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int n = snprintf(out->document, sizeof(out->document), "%s%s/%s%s%s",
				 *folder == '/' ? "" : "./", folder, out->path,
				 *out->path ? "/" : "", names[i]);

		if (n > 0 && (size_t)n < sizeof(out->document) && access(out->document, R_OK) == 0)
			return OZR_OK;
	}
	return ozr_fail(err, OZR_NOT_FOUND, "its metadata are gone");
}

int source_open(struct ozr_ctx *ctx, const struct location *location, struct source *out,
		struct ozr_err *err)
{
	struct ozr_image_info info;
	int rc = check_folder(location->folder, err);

	memset(out, 0, sizeof(*out));
	if (rc)
		return rc;
	rc = ozr_store_open_dir(ctx, location->folder, OZR_READ, OZR_FLUSH_NONE, &out->store, err);
	if (rc)
		return rc;
	if (*location->label)
		rc = join(out->path, "labels", location->label, err);
	rc = rc ? rc : open_image(location, out, err);
	rc = rc ? rc : find_document(location->folder, out, err);
	if (rc) {
		source_close(out);
		return rc;
	}
	find_lineage(location->folder, out);
	ozr_image_get_info(out->image, &info);
	out->is_label = info.is_label || stands_under_labels(location->folder, out->path);
	return OZR_OK;
}

void source_close(struct source *source)
{
	ozr_image_close(source->image);
	ozr_store_unref(source->store);
	source->image = NULL;
	source->store = NULL;
}
