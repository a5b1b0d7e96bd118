/* SPDX-License-Identifier: MIT */
/*
 * Appending. The images must agree with the store in all but the extent of the
 * axis that grows, which is the outermost of t and z. All of that is checked
 * before anything is written. What describes the data follows: the windows of
 * gray channels, as long as nobody has set them to something else.
 */
#include "append.h"

#include "rechunk.h"

int append_check_axes(const struct writing *w, struct ozr_err *err)
{
	if (growing_axis(w->layout.rank, w->layout.axes) < 0)
		return ozr_fail(err, OZR_BAD_ARG,
				"-define omezarr:append=true: omezarr:axes must have z or t, to "
				"grow along");
	return OZR_OK;
}

/* --- Is the store like the images? --------------------------------------- */

/* The store, as far as it matters here. */
struct grown {
	struct ozr_store *store;
	void *lock; /* NULL: a file system without locks */
	struct ozr_image *image;
	struct ozr_image_info info;
	struct ozr_array_info array; /* of level 0 */
	unsigned components;         /* 3 or 4: the channels are colors */
	int c_axis;                  /* -1: none */
	unsigned axis;               /* that grows */
};

/* Are the channels red, green, blue (and alpha)? How many. */
static unsigned count_colors(const struct grown *g)
{
	const uint64_t n = g->c_axis < 0 ? 1 : g->array.shape[g->c_axis];
	struct ozr_channel channel;

	if ((n != 3 && n != 4) || g->info.channels != n)
		return 1;
	for (unsigned i = 0; i < 3; i++) {
		if (ozr_image_channel(g->image, i, &channel, NULL) != OZR_OK || !channel.has_color)
			return 1;
		for (unsigned k = 0; k < 3; k++)
			if (channel.rgb[k] != (k == i ? 255 : 0))
				return 1;
	}
	if (n == 4 && (ozr_image_channel(g->image, 3, &channel, NULL) != OZR_OK ||
		       strcmp(channel.label, "A") != 0))
		return 1;
	return (unsigned)n;
}

static int check_axes(struct grown *g, struct ozr_err *err)
{
	const unsigned rank = g->info.rank;
	int grows = growing_axis(rank, g->info.axes);

	g->c_axis = -1;
	for (unsigned d = 0; d < rank; d++) {
		const char *name = g->info.axes[d].name;

		if (strcmp(name, "c") == 0)
			g->c_axis = (int)d;
		if (strlen(name) != 1 || !strchr("tczyx", *name))
			return ozr_fail(
				err, OZR_UNSUPPORTED,
				"it cannot grow: it has an axis '%s', only t, c, z, y and x "
				"are appended to",
				name);
	}
	if (grows < 0 || strcmp(g->info.axes[rank - 1].name, "x") != 0 ||
	    strcmp(g->info.axes[rank - 2].name, "y") != 0)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"it cannot grow: it has no axis z or t before y and x");
	g->axis = (unsigned)grows;
	return OZR_OK;
}

/* Several programs may append to one store, as jobs of a queue do: one waits for the other, and
 * begins where that has ended. What was replaced while we waited (rechunk) is opened again. */
static int lock_grown(struct writing *w, struct grown *g, struct ozr_err *err)
{
	enum { ATTEMPTS = 100 };
	int rc = OZR_OK;

	for (unsigned i = 0; i < ATTEMPTS; i++) {
		rc = ozr_store_open_dir(w->ctx, w->target.path, OZR_UPDATE, OZR_FLUSH_NONE,
					&g->store, err);
		if (rc != OZR_OK)
			return rc;
		if (ozr_image_probe(g->store, "") == 0)
			break; /* not ours: no lock file is left there; opening says what it is */
		rc = ozr_store_lock(g->store, "append", &g->lock, err);
		if (rc != OZR_CHANGED)
			break;
		ozr_store_unref(g->store);
		g->store = NULL;
	}
	return rc == OZR_UNSUPPORTED ? OZR_OK : rc;
}

static void close_grown(struct grown *g)
{
	ozr_image_close(g->image);
	if (g->lock)
		ozr_store_unlock(g->store, g->lock);
	ozr_store_unref(g->store);
}

static int open_grown(struct writing *w, struct grown *g, struct ozr_err *err)
{
	int rc = lock_grown(w, g, err);

	if (rc == OZR_OK)
		rc = ozr_image_open(g->store, "", OZR_UPDATE, &g->image, err);
	if (rc != OZR_OK)
		return rc;
	ozr_image_get_info(g->image, &g->info);
	ozr_array_get_info(ozr_image_level(g->image, 0), &g->array);
	if (g->info.is_bare)
		return ozr_fail(err, OZR_UNSUPPORTED, "it is an array without OME metadata");
	rc = check_axes(g, err);
	g->components = count_colors(g);
	return rc;
}

/* 8 bits go into 16, as in a list of both; all else must be the same. */
static int check_dtype(struct writing *w, const struct grown *g, struct ozr_err *err)
{
	const enum ozr_dtype has = g->info.dtype;

	if (w->options.label && !g->info.is_label)
		return ozr_fail(err, OZR_BAD_ARG,
				"-define omezarr:label=true: the store is not a label image");
	if (!w->options.has_dtype && w->dtype == OZR_UINT8 && has == OZR_UINT16)
		w->dtype = has;
	if (w->dtype == has)
		return OZR_OK;
	return ozr_fail(err, OZR_BAD_ARG,
			"the images would be %s, the store has %s; -define omezarr:dtype=%s makes "
			"them that",
			ozr_dtype_name(w->dtype), ozr_dtype_name(has), ozr_dtype_name(has));
}

/* Gray images go into a store of colors, colors into one with alpha. */
static int check_colors(struct writing *w, const struct grown *g, struct ozr_err *err)
{
	struct listed *list = &w->images.list;
	const int separate = list->components == 1 && w->options.has_axes &&
			     strchr(w->options.axes, 'c') != NULL;

	if (separate || list->components == g->components)
		return OZR_OK;
	if (list->components > g->components)
		return ozr_fail(err, OZR_BAD_ARG,
				"the images have %u color components, the store has %s",
				list->components, g->components == 3 ? "3" : "no colors");
	list->components = g->components;
	return OZR_OK;
}

/* Options for the layout: what they leave open, the store says. */
static int adopt_axes(struct writing *w, const struct grown *g, struct ozr_err *err)
{
	static const char letters[] = "tcz"; /* as LIST_T, LIST_C, LIST_Z */
	struct write_options *o = &w->options;
	unsigned n = 0;

	if (!o->has_axes) {
		for (unsigned d = 0; d + 2 < g->info.rank; d++)
			o->axes[n++] = g->info.axes[d].name[0];
		o->axes[n] = '\0';
		o->has_axes = 1;
	}
	for (unsigned d = 0; d + 2 < g->info.rank; d++) {
		const char name = g->info.axes[d].name[0];
		uint64_t *size = &o->size[strchr(letters, name) - letters];

		if (!strchr(o->axes, name))
			return ozr_fail(err, OZR_BAD_ARG,
					"-define omezarr:axes=%syx: the store has an axis %c as "
					"well",
					o->axes, name);
		if (d != g->axis && *size == 0 && !(name == 'c' && w->images.list.components > 1))
			*size = g->array.shape[d];
	}
	return OZR_OK;
}

static int check_shape(const struct writing *w, const struct grown *g, struct ozr_err *err)
{
	if (w->layout.rank != g->info.rank)
		return ozr_fail(err, OZR_BAD_ARG, "the images have %u axes, the store has %u",
				w->layout.rank, g->info.rank);
	for (unsigned d = 0; d < w->layout.rank; d++) {
		if (strcmp(w->layout.axes[d].name, g->info.axes[d].name) != 0)
			return ozr_fail(err, OZR_BAD_ARG,
					"axis %u of the images is %s, of the store %s", d,
					w->layout.axes[d].name, g->info.axes[d].name);
		if (d != g->axis && w->layout.shape[d] != g->array.shape[d])
			return ozr_fail(err, OZR_BAD_ARG,
					"on axis %s the images have %llu elements, the store has "
					"%llu",
					w->layout.axes[d].name,
					(unsigned long long)w->layout.shape[d],
					(unsigned long long)g->array.shape[d]);
	}
	return OZR_OK;
}

static int check_like(struct writing *w, const struct grown *g, struct ozr_err *err)
{
	int rc = check_colors(w, g, err);

	if (rc == OZR_OK)
		rc = check_dtype(w, g, err);
	if (rc == OZR_OK)
		rc = adopt_axes(w, g, err);
	if (rc == OZR_OK)
		rc = layout_make(&w->images.list, &w->options, NULL, 1, &w->layout, err);
	return rc == OZR_OK ? check_shape(w, g, err) : rc;
}

/* --- Adding -------------------------------------------------------------- */

/* Windows that show the whole range go on doing so. */
static int follow_windows(const struct grown *g, const struct seen *seen, struct ozr_err *err)
{
	struct ozr_image_changes changes = {.channels = g->info.channels};
	struct ozr_channel *channel = AcquireQuantumMemory(g->info.channels, sizeof(*channel));
	int rc = channel ? OZR_OK : ozr_fail(err, OZR_NO_MEMORY, "no memory for channels");
	int changed = 0;

	for (unsigned i = 0; rc == OZR_OK && i < g->info.channels; i++) {
		struct ozr_channel *c = &channel[i];
		int whole;

		rc = ozr_image_channel(g->image, i, c, err);
		if (rc != OZR_OK || !c->has_window || !seen[i].any ||
		    (seen[i].min >= c->min && seen[i].max <= c->max))
			continue;
		/* all of one value has a window of 1 */
		whole = c->start == c->min && (c->end == c->max || c->end == c->min + 1);
		c->min = seen[i].min < c->min ? seen[i].min : c->min;
		c->max = seen[i].max > c->max ? seen[i].max : c->max;
		c->start = whole ? c->min : c->start;
		c->end = whole ? c->max : c->end;
		changed = 1;
	}
	changes.channel = channel;
	if (rc == OZR_OK && changed)
		rc = ozr_image_change(g->image, &changes, err);
	if (channel)
		(void)RelinquishMagickMemory(channel);
	return rc;
}

static int prepare_windows(const struct grown *g, struct cache_source *source, struct ozr_err *err)
{
	const uint64_t channels = g->c_axis < 0 ? 1 : g->array.shape[g->c_axis];

	if (g->components > 1 || g->info.channels == 0 || g->info.channels != channels)
		return OZR_OK;
	source->seen = AcquireQuantumMemory(g->info.channels, sizeof(*source->seen));
	if (!source->seen)
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for channels");
	memset(source->seen, 0, g->info.channels * sizeof(*source->seen));
	source->channel_axis = g->c_axis;
	return OZR_OK;
}

static int extend(struct writing *w, const struct grown *g, struct cache_source *source,
		  struct ozr_err *err)
{
	const struct ozr_source from = {.user = source, .read = cache_source_read};
	struct ozr_err mine;
	struct ozr_call call;
	int rc;

	source->first[g->axis] = g->array.shape[g->axis];
	w->meter.to = w->options.rechunk ? 0.5 : 1;
	meter_call(&w->meter, &call);
	call.budget = writing_budget(1);
	rc = ozr_pyramid_extend_pull(g->image, g->axis, w->layout.shape[g->axis], &from, &call,
				     err);
	w->meter.from = w->meter.to;
	w->meter.to = 1;
	/* the planes are there: to say that it failed would have them added again */
	if (rc == OZR_OK && source->seen && follow_windows(g, source->seen, &mine) != OZR_OK)
		report_warning(w->exception, w->target.path,
			       "the windows of its channels stay as they were: %s", mine.msg);
	return rc;
}

int append_planes(struct writing *w, struct ozr_err *err)
{
	struct cache_source source = {0};
	struct export_rule rule;
	struct grown g = {0};
	int rc = open_grown(w, &g, err);

	if (rc == OZR_OK)
		rc = check_like(w, &g, err);
	if (rc == OZR_OK) {
		writing_rule(w, g.info.is_label, &rule);
		rc = cache_source_make(&w->images, &w->layout, &rule, w->exception, &source, err);
	}
	if (rc == OZR_OK)
		rc = prepare_windows(&g, &source, err);
	if (rc == OZR_OK)
		rc = extend(w, &g, &source, err);
	if (rc == OZR_OK)
		writing_warn_clamped(w, &source);
	w->told = source.told;
	if (source.seen)
		(void)RelinquishMagickMemory(source.seen);
	cache_source_free(&source);
	if (rc == OZR_OK && w->options.rechunk)
		rc = rechunk(w, err);
	close_grown(&g);
	return rc;
}

int append_rechunk(struct writing *w, struct ozr_err *err)
{
	struct grown g = {0};
	int rc = lock_grown(w, &g, err);

	if (rc == OZR_OK)
		rc = rechunk(w, err);
	close_grown(&g);
	return rc;
}
