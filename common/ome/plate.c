/* SPDX-License-Identifier: MIT */
/*
 * Kinds of groups, and plates and wells as a reader sees them: the fields must
 * be found, the rest is noted. Rows and columns are compared only up to a
 * number that no plate reaches, so that hostile lists cost nothing.
 */
#include "ome/plate.h"

#include <string.h>

#include "ome/ome_meta.h"

enum { COMPARED = 1536 }; /* rows, columns, wells or images that are compared with each other */

struct ozr_jref ozr_ome_holder(const struct ozr_jref *attributes, const char *member)
{
	struct ozr_jref ome = ozr_jget(attributes, "ome");
	struct ozr_jref inner = ozr_jget(&ome, member);

	return inner.v != NULL ? ome : *attributes;
}

struct ozr_jref ozr_labels_list(const struct ozr_jref *attributes, struct ozr_jref *holder)
{
	struct ozr_jref it, none = {0};

	*holder = ozr_ome_holder(attributes, "labels");
	struct ozr_jref list = ozr_jget(holder, "labels");
	if (!ozr_jis(&list, OZR_JSON_ARRAY))
		return none;
	for (int more = ozr_jfirst(&list, &it); more; more = ozr_jnext(&it))
		if (!ozr_jis(&it, OZR_JSON_STRING))
			return none;
	return list;
}

static int has_list(const struct ozr_jref *attributes, const char *member, const char *list)
{
	struct ozr_jref holder = ozr_ome_holder(attributes, member);
	struct ozr_jref object = ozr_jget(&holder, member);
	struct ozr_jref items = ozr_jget(&object, list);

	return ozr_jis(&items, OZR_JSON_ARRAY);
}

enum ozr_kind ozr_node_kind(const struct ozr_node *node)
{
	static const char layout_name[] = "bioformats2raw.layout";
	const struct ozr_jref *attributes = &node->attributes;
	struct ozr_jref holder;

	if (node->is_array)
		return OZR_KIND_ARRAY;
	if (ozr_ome_is_image(attributes))
		return OZR_KIND_IMAGE;
	if (has_list(attributes, "plate", "wells"))
		return OZR_KIND_PLATE;
	if (has_list(attributes, "well", "images"))
		return OZR_KIND_WELL;
	holder = ozr_ome_holder(attributes, layout_name);
	struct ozr_jref layout = ozr_jget(&holder, layout_name);
	if (ozr_jis(&layout, OZR_JSON_NUMBER))
		return OZR_KIND_SERIES;
	struct ozr_jref labels = ozr_labels_list(attributes, &holder);
	return labels.v != NULL ? OZR_KIND_LABELS : OZR_KIND_GROUP;
}

/* --- checks ------------------------------------------------------------------- */

static const char *text_of(const struct ozr_jref *obj, const char *name)
{
	struct ozr_jref r = ozr_jget(obj, name);
	const char *text;

	return r.v != NULL && ozr_jstring(&r, &text, NULL) == OZR_OK ? text : NULL;
}

static int is_alphanumeric(const char *text)
{
	static const char legal[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return *text != '\0' && text[strspn(text, legal)] == '\0';
}

/* Does a member of this text occur among the elements before r? */
static int occurs_before(const struct ozr_jref *r, const char *member, const char *text)
{
	struct ozr_jref it;
	size_t i = 0;

	for (int more = ozr_jfirst(r->up, &it); more && i < r->index; more = ozr_jnext(&it), i++) {
		const char *other = text_of(&it, member);
		if (other != NULL && strcmp(other, text) == 0)
			return 1;
	}
	return 0;
}

/* rows or columns: objects with unique alphanumeric names. */
static void check_names(const struct ozr_jref *plate, const char *member, struct ozr_notes *notes)
{
	struct ozr_jref list = ozr_jget(plate, member), it;
	char q[OZR_QUOTE_MAX];

	if (!ozr_jis(&list, OZR_JSON_ARRAY) || ozr_jcount(&list) == 0) {
		ozr_note(notes, "plate: %s must be a list that is not empty", member);
		return;
	}
	for (int more = ozr_jfirst(&list, &it); more && it.index < COMPARED;
	     more = ozr_jnext(&it)) {
		const char *name = text_of(&it, "name");
		if (name == NULL || !is_alphanumeric(name))
			ozr_note(notes, "plate: %s/%zu: has no name of letters and digits", member,
				 it.index);
		else if (occurs_before(&it, "name", name))
			ozr_note(notes, "plate: %s: '%s' is there twice", member,
				 ozr_quote(q, name, strlen(name)));
	}
}

/* Places are a matter of 0.4 and later. */
static int has_no_places(const struct ozr_jref *plate)
{
	const char *version = text_of(plate, "version");

	return version != NULL && strncmp(version, "0.", 2) == 0 && version[2] >= '1' &&
	       version[2] <= '3' && version[3] == '\0';
}

/* A well says its row and column; its path is "row/column". (Which of them the two say, the
 * specification's own valid examples do not agree about.) */
static void check_place(const struct ozr_jref *well, const char *path, struct ozr_notes *notes)
{
	struct ozr_jref row = ozr_jget(well, "rowIndex"), column = ozr_jget(well, "columnIndex");
	const char *slash = strchr(path, '/');
	char q[OZR_QUOTE_MAX];
	uint64_t index;

	if (ozr_ju64(&row, 0, UINT64_MAX, &index, NULL) != OZR_OK ||
	    ozr_ju64(&column, 0, UINT64_MAX, &index, NULL) != OZR_OK)
		ozr_note(notes, "plate: some wells have no rowIndex and columnIndex");
	if (slash == NULL || strchr(slash + 1, '/') != NULL)
		ozr_note(notes, "plate: the path of well '%s' is not a row and a column",
			 ozr_quote(q, path, strlen(path)));
}

static void check_count(const struct ozr_jref *obj, const char *member, uint64_t min,
			struct ozr_notes *notes)
{
	struct ozr_jref r = ozr_jget(obj, member);
	uint64_t value;

	if (r.v != NULL && ozr_ju64(&r, min, UINT64_MAX, &value, NULL) != OZR_OK)
		ozr_note(notes, "plate: %s must be an integer from %u on", member, (unsigned)min);
}

static void check_acquisitions(const struct ozr_jref *plate, struct ozr_notes *notes)
{
	struct ozr_jref list = ozr_jget(plate, "acquisitions"), it;

	for (int more = ozr_jfirst(&list, &it); more && it.index < COMPARED;
	     more = ozr_jnext(&it)) {
		struct ozr_jref id = ozr_jget(&it, "id");
		if (id.v == NULL)
			ozr_note(notes, "plate: acquisitions/%zu: has no id", it.index);
		check_count(&it, "id", 0, notes);
		check_count(&it, "maximumfieldcount", 1, notes);
		check_count(&it, "starttime", 0, notes);
		check_count(&it, "endtime", 0, notes);
	}
}

/* A list of objects with unique paths: the wells of a plate, the images of a well. */
static int check_paths(const struct ozr_jref *obj, const char *member, const char *what,
		       struct ozr_notes *notes, struct ozr_err *err)
{
	struct ozr_jref list = ozr_jget(obj, member), it;
	char q[OZR_QUOTE_MAX];
	const char *text;

	int rc = ozr_jneed(&list, OZR_JSON_ARRAY, err);
	if (rc != OZR_OK)
		return rc;
	if (ozr_jcount(&list) == 0)
		ozr_note(notes, "%s: has no %s", what, member);
	for (int more = ozr_jfirst(&list, &it); more; more = ozr_jnext(&it)) {
		struct ozr_jref path = ozr_jget(&it, "path");
		rc = ozr_jstring(&path, &text, err);
		if (rc != OZR_OK)
			return rc;
		if (it.index < COMPARED && occurs_before(&it, "path", text))
			ozr_note(notes, "%s: '%s' is there twice", what,
				 ozr_quote(q, text, strlen(text)));
	}
	return OZR_OK;
}

int ozr_plate_check(const struct ozr_jref *plate, struct ozr_notes *notes, struct ozr_err *err)
{
	struct ozr_jref wells = ozr_jget(plate, "wells"), it;

	int rc = check_paths(plate, "wells", "plate", notes, err);
	if (rc != OZR_OK)
		return rc;
	check_names(plate, "rows", notes);
	check_names(plate, "columns", notes);
	for (int more = ozr_jfirst(&wells, &it);
	     more && it.index < COMPARED && !has_no_places(plate); more = ozr_jnext(&it))
		check_place(&it, text_of(&it, "path"), notes);
	check_acquisitions(plate, notes);
	check_count(plate, "field_count", 1, notes);
	return OZR_OK;
}

int ozr_well_check(const struct ozr_jref *well, struct ozr_notes *notes, struct ozr_err *err)
{
	struct ozr_jref images = ozr_jget(well, "images"), it;

	int rc = check_paths(well, "images", "well", notes, err);
	if (rc != OZR_OK)
		return rc;
	for (int more = ozr_jfirst(&images, &it); more && it.index < COMPARED;
	     more = ozr_jnext(&it)) {
		struct ozr_jref id = ozr_jget(&it, "acquisition");
		int64_t value;
		if (id.v != NULL && ozr_ji64(&id, INT64_MIN, INT64_MAX, &value, NULL) != OZR_OK)
			ozr_note(notes, "well: acquisition must be an integer");
	}
	return OZR_OK;
}
