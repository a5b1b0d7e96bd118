/* SPDX-License-Identifier: MIT */
/*
 * check_twin [quick|tiles|bytes] FILE...
 *
 * For each file one line: its state (none, intact, damaged), which sides are good by themselves
 * (zarr, tiff, both, neither), how many pages and tiles were looked at, and the problem. Exit
 * status: 0 when none is damaged, 1 when one is, 2 when one cannot be read.
 */
#include <stdio.h>
#include <string.h>

#include "ozr/ozr.h"
#include "ozr/twin.h"

static enum ozr_twin_depth depth_of(const char *word, int *is_depth)
{
	static const char *const words[] = {"quick", "tiles", "bytes"};
	*is_depth = 1;
	for (int i = 0; i < 3; i++)
		if (strcmp(word, words[i]) == 0)
			return (enum ozr_twin_depth)i;
	*is_depth = 0;
	return OZR_TWIN_QUICK;
}

static int check(struct ozr_ctx *ctx, const char *path, enum ozr_twin_depth depth)
{
	static const char *const states[] = {"none", "intact", "damaged"};
	struct ozr_twin_report r;
	struct ozr_err err;
	if (ozr_twin_check_file(ctx, path, depth, NULL, &r, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 2;
	}
	const char *sides = r.zarr_side   ? (r.tiff_side ? "both" : "zarr")
			    : r.tiff_side ? "tiff"
					  : "neither";
	printf("%s %s %llu %llu %s\n", states[r.state], sides, (unsigned long long)r.pages,
	       (unsigned long long)r.tiles, r.problem);
	return r.state == OZR_TWIN_DAMAGED;
}

int main(int argc, char **argv)
{
	struct ozr_ctx *ctx = NULL;
	struct ozr_err err;
	int worst = 0, is_depth = 0;
	if (argc < 2) {
		fprintf(stderr, "usage: %s [quick|tiles|bytes] FILE...\n", argv[0]);
		return 2;
	}
	const enum ozr_twin_depth depth = depth_of(argv[1], &is_depth);
	if (ozr_ctx_new(NULL, &ctx, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 2;
	}
	for (int i = 1 + is_depth; i < argc; i++) {
		const int got = check(ctx, argv[i], depth);
		worst = got > worst ? got : worst;
	}
	ozr_ctx_unref(ctx);
	return worst;
}
