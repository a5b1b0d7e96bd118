/* SPDX-License-Identifier: MIT */
/*
 * Promises that need several processes, seen from the public interface only:
 *
 *   promises update DIR ROUNDS     one process rewrites level 0 box by box, another reads in a loop:
 *                                  every chunk it sees is all old or all new, and no read fails
 *   promises overwrite DIR ROUNDS  one process replaces the whole store, another reads in a loop:
 *                                  all old, all new, or the "changed" error
 *   promises writers DIR ROUNDS    two processes update different halves of every shard: nothing is lost
 *   promises fork DIR              open, read, fork: parent and child both go on reading
 *
 * Every element of a chunk holds the number of the round that wrote it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ozr/ozr.h"

enum { SIDE = 64, CHUNK = 16, SHARD = 32, CHUNKS = SIDE / CHUNK };

static void die(const char *what, const struct ozr_err *err)
{
	fprintf(stderr, "%s: %s: %s\n", what, err ? ozr_code_name(err->code) : "-",
		err ? err->msg : strerror(errno));
	_exit(1);
}

static struct ozr_ctx *context(void)
{
	struct ozr_ctx *ctx = NULL;
	struct ozr_err err = {0};
	if (ozr_ctx_new(NULL, &ctx, &err))
		die("context", &err);
	return ctx;
}

static struct ozr_image *create(struct ozr_ctx *ctx, const char *dir, int replace)
{
	struct ozr_image_options opt = {
		.dtype = OZR_UINT16, .rank = 2, .shape = {SIDE, SIDE}, .levels = 1};
	struct ozr_image *img = NULL;
	struct ozr_err err = {0};
	for (unsigned d = 0; d < 2; d++) {
		opt.axes[d] = (struct ozr_axis){.kind = OZR_AXIS_SPACE};
		opt.axes[d].name[0] = "yx"[d];
		opt.chunk[d] = CHUNK;
		opt.shard[d] = SHARD;
	}
	if (ozr_image_create_dir(ctx, dir, replace, OZR_FLUSH_NONE, &opt, &img, &err))
		die("create", &err);
	return img;
}

static struct ozr_image *open_image(struct ozr_ctx *ctx, const char *dir, int flags)
{
	struct ozr_image *img = NULL;
	struct ozr_err err = {0};
	if (ozr_image_open_dir(ctx, dir, "", flags, &img, &err))
		die("open", &err);
	return img;
}

/* A box of rows [row, row + rows) and all columns, filled with value. */
static void write_rows(struct ozr_image *img, uint64_t row, uint64_t rows, uint16_t value)
{
	static uint16_t pixels[SIDE * SIDE];
	struct ozr_box box = {.start = {row, 0}, .count = {rows, SIDE}, .dtype = OZR_UINT16};
	struct ozr_err err = {0};
	for (size_t i = 0; i < rows * SIDE; i++)
		pixels[i] = value;
	box.data = pixels;
	ozr_box_contiguous(&box, 2);
	if (ozr_array_write(ozr_image_level(img, 0), 1, &box, NULL, &err) ||
	    ozr_array_flush(ozr_image_level(img, 0), NULL, &err))
		die("write", &err);
}

static int read_all(struct ozr_image *img, uint16_t *pixels, struct ozr_err *err)
{
	struct ozr_box box = {.count = {SIDE, SIDE}, .dtype = OZR_UINT16, .data = pixels};
	ozr_box_contiguous(&box, 2);
	return ozr_array_read(ozr_image_level(img, 0), 1, &box, NULL, err);
}

/* Each chunk holds one value, 1 to last; with whole, the image does. */
static void check_even(const uint16_t *pixels, uint16_t last, int whole)
{
	for (size_t i = 0; i < (size_t)SIDE * SIDE; i++) {
		size_t y = i / SIDE, x = i % SIDE;
		size_t first = whole ? 0 : y / CHUNK * CHUNK * SIDE + x / CHUNK * CHUNK;
		if (pixels[i] != pixels[first] || pixels[i] < 1 || pixels[i] > last) {
			fprintf(stderr, "torn: (%zu, %zu) is %u, its chunk began with %u\n", y, x,
				pixels[i], pixels[first]);
			_exit(1);
		}
	}
}

static void wait_for(pid_t pid)
{
	int status = 0;
	if (waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "process %d ended with status %d\n", (int)pid, status);
		_exit(1);
	}
}

/* Runs beside the reader; its end closes the pipe's write end. */
static pid_t start_writer(const char *dir, int rounds, int done,
			  void (*writer)(const char *dir, int rounds))
{
	pid_t pid = fork();
	if (pid == 0) {
		writer(dir, rounds);
		_exit(0);
	}
	close(done);
	return pid;
}

static int still_writing(int fd)
{
	char byte;
	return read(fd, &byte, 1) < 0 && errno == EAGAIN;
}

static void updater(const char *dir, int rounds)
{
	struct ozr_ctx *ctx = context();
	struct ozr_image *img = open_image(ctx, dir, OZR_UPDATE);
	for (int r = 2; r <= rounds + 1; r++)
		for (uint64_t row = 0; row < SIDE; row += CHUNK)
			write_rows(img, row, CHUNK, (uint16_t)r);
	ozr_image_close(img);
	ozr_ctx_unref(ctx);
}

static void overwriter(const char *dir, int rounds)
{
	struct ozr_ctx *ctx = context();
	struct ozr_err err = {0};
	for (int r = 2; r <= rounds + 1; r++) {
		struct ozr_image *img = create(ctx, dir, 1);
		write_rows(img, 0, SIDE, (uint16_t)r);
		if (ozr_image_commit(img, NULL, &err))
			die("commit", &err);
		ozr_image_close(img);
	}
	ozr_ctx_unref(ctx);
}

static void first_version(const char *dir)
{
	struct ozr_ctx *ctx = context();
	struct ozr_err err = {0};
	struct ozr_image *img = create(ctx, dir, 0);
	write_rows(img, 0, SIDE, 1);
	if (ozr_image_commit(img, NULL, &err))
		die("commit", &err);
	ozr_image_close(img);
	ozr_ctx_unref(ctx);
}

/* Read until the writer ends. With reopen, "changed" is fine and each round opens again. */
static void read_loop(const char *dir, int rounds, int reopen, int writing)
{
	static uint16_t pixels[SIDE * SIDE];
	struct ozr_ctx *ctx = context();
	struct ozr_image *img = open_image(ctx, dir, OZR_READ);
	long reads = 0, changed = 0;
	int more = 1;
	while (more) {
		struct ozr_err err = {0};
		more = still_writing(writing); /* so that the last read is after the last write */
		int code = read_all(img, pixels, &err);
		if (code == OZR_OK)
			check_even(pixels, (uint16_t)(rounds + 1), reopen);
		else if (!reopen || code != OZR_CHANGED)
			die("read", &err);
		reads += code == OZR_OK;
		changed += code != OZR_OK;
		if (reopen) {
			ozr_image_close(img);
			img = NULL;
			while (ozr_image_open_dir(ctx, dir, "", OZR_READ, &img, &err))
				if (err.code != OZR_CHANGED && err.code != OZR_NOT_FOUND)
					die("open", &err);
		}
	}
	if (pixels[0] != rounds + 1)
		die("the last round was not seen", NULL);
	printf("%ld reads, %ld said that the store changed\n", reads, changed);
	ozr_image_close(img);
	ozr_ctx_unref(ctx);
}

static void reader_and_writer(const char *dir, int rounds, int reopen)
{
	int ends[2];
	first_version(dir);
	if (pipe2(ends, O_NONBLOCK))
		die("pipe", NULL);
	pid_t pid = start_writer(dir, rounds, ends[1], reopen ? overwriter : updater);
	read_loop(dir, rounds, reopen, ends[0]);
	wait_for(pid);
}

/* Writer `half` owns the columns with (x / (CHUNK / 2)) % 2 == half: parts of every chunk. */
static void half_writer(const char *dir, int rounds, unsigned half)
{
	static uint16_t pixels[SIDE * CHUNK / 2];
	struct ozr_ctx *ctx = context();
	struct ozr_image *img = open_image(ctx, dir, OZR_UPDATE);
	struct ozr_err err = {0};
	for (int r = 2; r <= rounds + 1; r++) {
		for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++)
			pixels[i] = (uint16_t)r;
		for (uint64_t x = half * CHUNK / 2; x < SIDE; x += CHUNK) {
			struct ozr_box box = {.start = {0, x},
					      .count = {SIDE, CHUNK / 2},
					      .dtype = OZR_UINT16,
					      .data = pixels};
			ozr_box_contiguous(&box, 2);
			if (ozr_array_write(ozr_image_level(img, 0), 1, &box, NULL, &err))
				die("write", &err);
		}
		if (ozr_array_flush(ozr_image_level(img, 0), NULL, &err))
			die("flush", &err);
		/* What this process wrote is there, whatever the other one did since. */
		static uint16_t all[SIDE * SIDE];
		if (read_all(img, all, &err))
			die("read", &err);
		for (size_t i = 0; i < (size_t)SIDE * SIDE; i++)
			if (i % SIDE / (CHUNK / 2) % 2 == half && all[i] != r)
				die("an update was lost", NULL);
	}
	ozr_image_close(img);
	ozr_ctx_unref(ctx);
}

static void two_writers(const char *dir, int rounds)
{
	pid_t pid[2];
	first_version(dir);
	for (unsigned half = 0; half < 2; half++) {
		pid[half] = fork();
		if (pid[half] == 0) {
			half_writer(dir, rounds, half);
			_exit(0);
		}
	}
	wait_for(pid[0]);
	wait_for(pid[1]);
}

static void fork_and_read(const char *dir)
{
	static uint16_t pixels[SIDE * SIDE];
	struct ozr_err err = {0};
	first_version(dir);
	struct ozr_ctx *ctx = context();
	struct ozr_image *img = open_image(ctx, dir, OZR_READ);
	if (read_all(img, pixels, &err))
		die("read before the fork", &err);
	pid_t pid = fork();
	for (int i = 0; i < 20; i++) {
		memset(pixels, 0, sizeof pixels);
		if (read_all(img, pixels, &err))
			die(pid ? "read in the parent" : "read in the child", &err);
		check_even(pixels, 1, 1);
	}
	struct ozr_image *again = open_image(ctx, dir, OZR_READ);
	ozr_image_close(again);
	ozr_image_close(img);
	ozr_ctx_unref(ctx);
	if (pid == 0)
		_exit(0);
	wait_for(pid);
}

int main(int argc, char **argv)
{
	int rounds = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 0;
	if (argc > 3 && strcmp(argv[1], "update") == 0)
		reader_and_writer(argv[2], rounds, 0);
	else if (argc > 3 && strcmp(argv[1], "overwrite") == 0)
		reader_and_writer(argv[2], rounds, 1);
	else if (argc > 3 && strcmp(argv[1], "writers") == 0)
		two_writers(argv[2], rounds);
	else if (argc > 2 && strcmp(argv[1], "fork") == 0)
		fork_and_read(argv[2]);
	else
		return fprintf(stderr, "usage: see the top of promises.c\n"), 2;
	puts("ok");
	return 0;
}
