/* SPDX-License-Identifier: MIT */
/*
 * image-label metadata as a table: one row for each value that has a color or
 * properties. The parsed document is kept; cells are read from it when asked
 * for, so that memory stays in proportion to the document.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ctx.h"
#include "base/mem.h"
#include "ome/plate.h"

enum { COLUMNS = 64 };

struct entry {
	int64_t value;
	size_t order;                              /* in the document */
	const struct ozr_json *color, *properties; /* the object that has the value; or NULL */
};

struct row {
	struct ozr_label label;
	int colors;                        /* entries for it */
	const struct ozr_json *properties; /* NULL: none */
};

struct column {
	const char *name; /* borrowed from the document */
	enum ozr_column_kind kind;
};

struct ozr_label_table {
	struct ozr_ctx *ctx;  /* owned reference */
	struct ozr_json *doc; /* owned */
	struct row *row;      /* [rows] */
	size_t rows;
	struct column column[COLUMNS];
	unsigned columns;
	struct ozr_notes notes;
};

/* --- rows ------------------------------------------------------------------------- */

static int parse_value(const struct ozr_jref *r, int64_t *out)
{
	uint64_t large;

	if (ozr_ji64(r, INT64_MIN, INT64_MAX, out, NULL) == OZR_OK)
		return 1;
	if (ozr_ju64(r, 0, UINT64_MAX, &large, NULL) != OZR_OK)
		return 0;
	memcpy(out, &large, sizeof(*out));
	return 1;
}

static int parse_color(const struct ozr_json *object, unsigned char rgba[4])
{
	struct ozr_jref root = ozr_jroot(object), list = ozr_jget(&root, "rgba");
	uint64_t value[4];

	if (ozr_ju64_list(&list, 0, 255, 4, NULL, value, NULL) != OZR_OK)
		return 0;
	for (int i = 0; i < 4; i++)
		rgba[i] = (unsigned char)value[i];
	return 1;
}

/* The objects of colors or properties, as entries. */
static void take_entries(struct ozr_label_table *t, const struct ozr_jref *list, int colors,
			 struct entry *entry, size_t *n)
{
	const char *what = colors ? "colors" : "properties";
	struct ozr_jref it;

	if (list->v != NULL && ozr_jcount(list) == 0)
		ozr_note(&t->notes, "image-label: %s must be a list that is not empty", what);
	for (int more = ozr_jfirst(list, &it); more && ozr_jis(list, OZR_JSON_ARRAY);
	     more = ozr_jnext(&it)) {
		struct ozr_jref value = ozr_jget(&it, "label-value");
		struct entry e = {.order = *n};
		if (!parse_value(&value, &e.value)) {
			ozr_note(&t->notes, "image-label: %s: an entry has no integer label-value",
				 what);
			continue;
		}
		if (colors)
			e.color = it.v;
		else
			e.properties = it.v;
		entry[(*n)++] = e;
	}
}

static int by_value(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;

	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static void add_entry(struct ozr_label_table *t, const struct entry *e)
{
	struct row *last = t->rows > 0 ? &t->row[t->rows - 1] : NULL;

	if (last == NULL || last->label.value != e->value) {
		last = &t->row[t->rows++];
		last->label.value = e->value;
	}
	if (e->properties != NULL)
		last->properties = e->properties;
	if (e->color == NULL)
		return;
	if (last->colors++ > 0)
		ozr_note(&t->notes, "image-label: colors: a label-value is there twice");
	struct ozr_jref root = ozr_jroot(e->color), rgba = ozr_jget(&root, "rgba");
	if (rgba.v == NULL)
		return;
	if (parse_color(e->color, last->label.rgba))
		last->label.has_color = 1;
	else
		ozr_note(&t->notes, "image-label: rgba must be 4 integers from 0 to 255");
}

static int make_rows(struct ozr_label_table *t, const struct ozr_jref *label, struct ozr_err *err)
{
	struct ozr_jref colors = ozr_jget(label, "colors");
	struct ozr_jref properties = ozr_jget(label, "properties");
	size_t most = ozr_jcount(&colors) + ozr_jcount(&properties), n = 0;

	struct entry *entry = ozr_calloc(t->ctx, most + 1, sizeof(*entry), err);
	t->row = entry != NULL ? ozr_calloc(t->ctx, most + 1, sizeof(*t->row), err) : NULL;
	if (t->row == NULL) {
		ozr_free(t->ctx, entry);
		return ozr_alloc_code(err);
	}
	take_entries(t, &colors, 1, entry, &n);
	take_entries(t, &properties, 0, entry, &n);
	qsort(entry, n, sizeof(*entry), by_value);
	for (size_t i = 0; i < n; i++)
		add_entry(t, &entry[i]);
	ozr_free(t->ctx, entry);
	return OZR_OK;
}

/* --- columns ------------------------------------------------------------------------ */

static struct column *find_column(struct ozr_label_table *t, const char *name)
{
	for (unsigned i = 0; i < t->columns; i++)
		if (strcmp(t->column[i].name, name) == 0)
			return &t->column[i];
	return NULL;
}

/* The narrowest kind that holds a value. */
static enum ozr_column_kind kind_of(const struct ozr_jref *r)
{
	int64_t whole;

	if (ozr_jis(r, OZR_JSON_BOOL) || ozr_ji64(r, INT64_MIN, INT64_MAX, &whole, NULL) == OZR_OK)
		return OZR_COLUMN_INTEGER;
	return ozr_jis(r, OZR_JSON_NUMBER) ? OZR_COLUMN_REAL : OZR_COLUMN_TEXT;
}

static void add_columns(struct ozr_label_table *t, const struct ozr_json *properties)
{
	struct ozr_jref root = ozr_jroot(properties), it;

	for (int more = ozr_jfirst(&root, &it); more; more = ozr_jnext(&it)) {
		if (strcmp(it.name, "label-value") == 0 || ozr_jis(&it, OZR_JSON_NULL))
			continue;
		struct column *c = find_column(t, it.name);
		enum ozr_column_kind kind = kind_of(&it);
		if (c != NULL) {
			c->kind = c->kind > kind ? c->kind : kind;
		} else if (t->columns == COLUMNS) {
			ozr_note(&t->notes, "image-label: only %d properties are shown", COLUMNS);
		} else {
			t->column[t->columns++] = (struct column){it.name, kind};
		}
	}
}

/* --- life ---------------------------------------------------------------------------- */

static int parse(struct ozr_label_table *t, const char *attributes, struct ozr_err *err)
{
	int rc = ozr_json_parse(t->ctx, attributes, strlen(attributes), OZR_JSON_PYTHON, &t->doc,
				err);
	if (rc != OZR_OK)
		return rc;
	struct ozr_jref root = ozr_jroot(t->doc), holder = ozr_ome_holder(&root, "image-label");
	struct ozr_jref label = ozr_jget(&holder, "image-label");
	if (!ozr_jis(&label, OZR_JSON_OBJECT))
		return OZR_OK;
	rc = make_rows(t, &label, err);
	for (size_t i = 0; i < t->rows; i++)
		if (t->row[i].properties != NULL)
			add_columns(t, t->row[i].properties);
	return rc;
}

int ozr_label_table_parse(struct ozr_ctx *ctx, const char *attributes, struct ozr_label_table **out,
			  struct ozr_err *err)
{
	ozr_ctx_enter(ctx);
	struct ozr_label_table *t = ozr_calloc(ctx, 1, sizeof(*t), err);
	if (t == NULL)
		return ozr_alloc_code(err);
	t->ctx = ozr_ctx_ref(ctx);
	t->notes.ctx = ctx;
	int rc = parse(t, attributes, err);
	if (rc != OZR_OK)
		ozr_label_table_free(t);
	else
		*out = t;
	return rc;
}

void ozr_label_table_free(struct ozr_label_table *t)
{
	if (t == NULL)
		return;
	struct ozr_ctx *ctx = t->ctx;
	ozr_notes_release(&t->notes);
	ozr_free(ctx, t->row);
	ozr_json_free(t->doc);
	ozr_free(ctx, t);
	ozr_ctx_unref(ctx);
}

size_t ozr_label_table_rows(const struct ozr_label_table *t)
{
	return t->rows;
}

const struct ozr_label *ozr_label_table_row(const struct ozr_label_table *t, size_t row)
{
	return &t->row[row].label;
}

unsigned ozr_label_table_columns(const struct ozr_label_table *t)
{
	return t->columns;
}

const char *ozr_label_table_column(const struct ozr_label_table *t, unsigned column,
				   enum ozr_column_kind *kind)
{
	if (kind != NULL)
		*kind = t->column[column].kind;
	return t->column[column].name;
}

const char *ozr_label_table_warning(const struct ozr_label_table *t, unsigned i)
{
	return i < t->notes.count ? t->notes.text[i] : NULL;
}

/* --- cells ---------------------------------------------------------------------------- */

/* .v is NULL when there is none. root is filled: the place of the result refers to it. */
static struct ozr_jref cell(const struct ozr_label_table *t, size_t row, unsigned column,
			    struct ozr_jref *root)
{
	struct ozr_jref none = {0};

	if (t->row[row].properties == NULL)
		return none;
	*root = ozr_jroot(t->row[row].properties);
	struct ozr_jref r = ozr_jget(root, t->column[column].name);
	return ozr_jis(&r, OZR_JSON_NULL) ? none : r;
}

int ozr_label_table_integer(const struct ozr_label_table *t, size_t row, unsigned column,
			    int64_t *out)
{
	struct ozr_jref root, r = cell(t, row, column, &root);
	int yes;

	if (ozr_jis(&r, OZR_JSON_BOOL) && ozr_jbool(&r, &yes, NULL) == OZR_OK) {
		*out = yes;
		return 1;
	}
	return r.v != NULL && ozr_ji64(&r, INT64_MIN, INT64_MAX, out, NULL) == OZR_OK;
}

int ozr_label_table_real(const struct ozr_label_table *t, size_t row, unsigned column, double *out)
{
	struct ozr_jref root, r = cell(t, row, column, &root);
	int64_t whole;

	if (ozr_label_table_integer(t, row, column, &whole)) {
		*out = (double)whole;
		return 1;
	}
	return r.v != NULL && ozr_jdouble(&r, out, NULL) == OZR_OK;
}

int ozr_label_table_text(const struct ozr_label_table *t, size_t row, unsigned column, char **out)
{
	struct ozr_jref root, r = cell(t, row, column, &root);
	const char *text;
	size_t len;

	if (r.v == NULL)
		return 0;
	if (!ozr_jis(&r, OZR_JSON_STRING))
		return ozr_json_print(t->ctx, r.v, 0, out, &len, NULL) == OZR_OK;
	if (ozr_jstring(&r, &text, NULL) != OZR_OK)
		return 0;
	len = strlen(text) + 1;
	*out = ozr_text_new(t->ctx, len, NULL);
	if (*out == NULL)
		return 0;
	memcpy(*out, text, len);
	return 1;
}
