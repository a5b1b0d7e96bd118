/* SPDX-License-Identifier: MIT */
/*
 * Pixels in the order of the store's chunks. Planes that lie in the same
 * chunks (as those of a volume with chunks of 64 x 64 x 64) are read together
 * by one call of the library, a row of chunks at a time, so that each chunk is
 * decoded once whatever the codec. Small planes share a call too, for more
 * chunks to decode side by side.
 *
 * The buffer is bounded: where a row of chunks of all these planes does not
 * fit, there are fewer planes, then fewer rows.
 */
#include "reading.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PREFERRED = 8 << 20, MOST = 64 << 20, LEAST = 1 << 20, MOST_BOXES = 4096 };

struct job {
	struct reading *r;
	struct meter *meter;
	double from, to; /* of the meter, for all of it */
	int (*use)(struct reading *reading, const struct band *band, struct ozr_err *err);
	size_t *item;  /* plan.list in the order of reading */
	uint64_t *key; /* of each item: equal in the same chunks */
	size_t row;    /* bytes of a row of all components of a plane */
	size_t most;   /* bytes of the buffer at most, unless a single row needs more */
	size_t planes; /* in a call at most: what describes tiny ones must not outgrow them */
	unsigned char *data;
	size_t room;
	struct ozr_box *box;
	size_t boxes;
	double done, all; /* rows of planes */
};

/* --- Order ------------------------------------------------------------------ */

/* A number that planes have in common whose chunks (but for y and x) are the same. Its size is
 * bounded by the number of planes, which fits. */
static uint64_t chunk_key(const struct plan *plan, uint64_t plane)
{
	uint64_t index[OZR_MAX_RANK], key = 0;

	plan_position(plan, plane, 0, index);
	for (unsigned d = 0; d < plan->info.rank; d++) {
		if (d == plan->y_axis || d == plan->x_axis ||
		    (plan->view != VIEW_GRAY && (int)d == plan->channel_axis))
			continue;
		key = key * ((plan->shape[d] - 1) / plan->chunk[d] + 1) + index[d] / plan->chunk[d];
	}
	return key;
}

struct entry {
	uint64_t key;
	size_t item;
};

static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

/* In stream mode images follow each other: nothing is put in another order, or together. */
static int put_in_order(struct job *job, struct ozr_err *err)
{
	const struct plan *plan = &job->r->plan;
	int stream = job->r->info->stream != NULL;
	struct entry *entry;

	if (plan->n > SIZE_MAX / sizeof(*entry))
		return ozr_fail(err, OZR_NO_MEMORY, "a list of %zu planes", plan->n);
	entry = malloc(plan->n * sizeof(*entry));
	job->item = malloc(plan->n * sizeof(*job->item));
	job->key = malloc(plan->n * sizeof(*job->key));
	if (!entry || !job->item || !job->key) {
		free(entry);
		return ozr_fail(err, OZR_NO_MEMORY, "a list of %zu planes", plan->n);
	}
	for (size_t i = 0; i < plan->n; i++)
		entry[i] = (struct entry){stream ? i : chunk_key(plan, plan->list[i]), i};
	qsort(entry, plan->n, sizeof(*entry), by_key);
	for (size_t i = 0; i < plan->n; i++) {
		job->item[i] = entry[i].item;
		job->key[i] = entry[i].key;
	}
	free(entry);
	return OZR_OK;
}

/* --- One band --------------------------------------------------------------- */

static int make_room(struct job *job, size_t planes, uint64_t rows, struct ozr_err *err)
{
	size_t boxes = planes * job->r->plan.components, bytes;

	/* rows and planes were chosen to fit; a single row was checked by bands_read() */
	bytes = (size_t)rows * planes * job->row;
	if (bytes > job->room) {
		free(job->data);
		job->data = malloc(bytes);
		job->room = job->data ? bytes : 0;
		if (!job->data)
			return ozr_fail(err, OZR_NO_MEMORY, "a buffer of %zu bytes", bytes);
	}
	if (boxes > job->boxes) {
		free(job->box);
		job->box = calloc(boxes, sizeof(*job->box));
		job->boxes = job->box ? boxes : 0;
		if (!job->box)
			return ozr_fail(err, OZR_NO_MEMORY, "a list of %zu boxes", boxes);
	}
	return OZR_OK;
}

static void fill_boxes(struct job *job, const struct band *band)
{
	const struct plan *plan = &job->r->plan;
	const int64_t size = ozr_dtype_size(job->r->dtype);
	struct ozr_box *box = job->box;

	for (size_t i = 0; i < band->n; i++)
		for (unsigned j = 0; j < plan->components; j++, box++) {
			memset(box, 0, sizeof(*box));
			plan_position(plan, plan->list[band->item[i]], j, box->start);
			for (unsigned d = 0; d < plan->info.rank; d++)
				box->count[d] = 1;
			box->start[plan->y_axis] += band->y;
			box->count[plan->y_axis] = band->rows;
			box->count[plan->x_axis] = plan->columns;
			box->stride[plan->x_axis] = size;
			box->stride[plan->y_axis] = size * (int64_t)plan->columns;
			box->data = job->data + (size_t)(box - job->box) * band->size;
			box->dtype = job->r->dtype;
		}
}

static int one_band(struct job *job, size_t first, size_t n, uint64_t y, uint64_t rows,
		    struct ozr_err *err)
{
	const struct plan *plan = &job->r->plan;
	struct band band = {job->item + first, n, y, rows, NULL, 0};
	struct ozr_call call;
	int rc = make_room(job, n, rows, err);

	if (rc)
		return rc;
	band.data = job->data;
	band.size = (size_t)rows * (job->row / plan->components);
	fill_boxes(job, &band);
	job->meter->from = job->from + (job->to - job->from) * (job->done / job->all);
	job->done += (double)n * (double)rows;
	job->meter->to = job->from + (job->to - job->from) * (job->done / job->all);
	meter_call(job->meter, &call);
	call.budget = job->most;
	rc = ozr_array_read(job->r->array, n * plan->components, job->box, &call, err);
	rc = rc ? rc : job->use(job->r, &band, err);
	if (rc == OZR_OK && meter_done(job->meter) == MagickFalse)
		return ozr_fail(err, OZR_CANCELLED, "cancelled");
	return rc;
}

/* Planes [first, first + n) of one group, band by band. */
static int read_group(struct job *job, size_t first, size_t n, struct ozr_err *err)
{
	const struct plan *plan = &job->r->plan;
	const uint64_t chunk = plan->chunk[plan->y_axis], bytes = (uint64_t)job->row * n;
	uint64_t high = PREFERRED / bytes / chunk * chunk, end;
	int rc = OZR_OK;

	if (high == 0) /* a row of chunks at least, when it fits at all */
		high = chunk <= job->most / bytes ? chunk : job->most / bytes;
	if (high == 0)
		high = 1;
	for (uint64_t y = 0; y < plan->rows && rc == OZR_OK; y = end) {
		uint64_t at = plan->y + y, left = plan->rows - y;
		/* to the border of a chunk that is within reach, or the next one */
		uint64_t reach = high >= chunk ? high - at % chunk : chunk - at % chunk;

		reach = reach < high ? reach : high;
		end = y + (reach < left ? reach : left);
		rc = one_band(job, first, n, y, end - y, err);
	}
	return rc;
}

/* --- All bands -------------------------------------------------------------- */

/* Where the planes end that lie in the same chunks as the first one, or are enough for a call. */
static size_t group_end(const struct job *job, size_t first)
{
	size_t end = first + 1;

	while (end < job->r->plan.n && job->key[end] == job->key[first] &&
	       end - first < job->planes)
		end++;
	return end;
}

static int read_all(struct job *job, struct ozr_err *err)
{
	const struct plan *plan = &job->r->plan;
	const uint64_t whole =
		plan->rows <= PREFERRED / job->row ? plan->rows * job->row : UINT64_MAX;
	const uint64_t chunk = plan->chunk[plan->y_axis];
	const uint64_t rows = chunk < plan->rows ? chunk : plan->rows;
	const uint64_t together = PREFERRED / whole < job->planes ? PREFERRED / whole : job->planes;
	int stream = job->r->info->stream != NULL, rc = OZR_OK;

	for (size_t i = 0, end; i < plan->n && rc == OZR_OK; i = end) {
		end = group_end(job, i);
		if (end - i <= together) { /* small: with those that follow */
			while (!stream && end < plan->n && group_end(job, end) - i <= together)
				end = group_end(job, end);
			rc = one_band(job, i, end - i, 0, plan->rows, err);
			continue;
		}
		if (rows > job->most / job->row)
			end = i + 1;
		else if (end - i > job->most / (rows * job->row))
			end = i + (size_t)(job->most / (rows * job->row));
		rc = read_group(job, i, end - i, err);
	}
	return rc;
}

/* Within what ImageMagick allows itself; with a memory limit of 0 it puts pixels on disk, and still works. */
static int choose_room(struct job *job, struct ozr_err *err)
{
	const struct plan *plan = &job->r->plan;
	const uint64_t size = ozr_dtype_size(job->r->dtype);
	MagickSizeType memory = GetMagickResourceLimit(MemoryResource);

	job->most = memory / 8 < MOST ? (size_t)(memory / 8) : MOST;
	if (job->most < LEAST)
		job->most = LEAST;
	if (plan->columns > PTRDIFF_MAX / size / plan->components ||
	    plan->columns * size * plan->components > (memory > LEAST ? memory : LEAST))
		return ozr_fail(err, OZR_LIMIT,
				"a row of %" PRIu64 " pixels in %u channels needs more memory than "
				"the resource limit 'memory' of %" PRIu64 " bytes",
				plan->columns, plan->components, (uint64_t)memory);
	job->row = (size_t)(plan->columns * size * plan->components);
	job->planes = plan->components < MOST_BOXES ? MOST_BOXES / plan->components : 1;
	return OZR_OK;
}

int bands_read(struct reading *reading, struct meter *meter,
	       int (*use)(struct reading *reading, const struct band *band, struct ozr_err *err),
	       struct ozr_err *err)
{
	struct job job = {.r = reading,
			  .meter = meter,
			  .from = meter->from,
			  .to = meter->to,
			  .use = use,
			  .all = (double)reading->plan.n * (double)reading->plan.rows};
	int rc = choose_room(&job, err);

	rc = rc ? rc : put_in_order(&job, err);
	rc = rc ? rc : read_all(&job, err);
	free(job.item);
	free(job.key);
	free(job.data);
	free(job.box);
	return rc;
}
