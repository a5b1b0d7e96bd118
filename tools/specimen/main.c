/* SPDX-License-Identifier: MIT */
/*
 * ozr_specimen Z Y X FILE: write the synthetic specimen as FILE (raw uint16,
 * plane after plane) with an ENVI header FILE.hdr, which GDAL reads as Z bands.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "specimen.h"

static int write_header(const char *path, const int64_t shape[3])
{
	char name[4096];
	if (snprintf(name, sizeof name, "%s.hdr", path) >= (int)sizeof name)
		return -1;
	FILE *f = fopen(name, "w");
	if (!f)
		return -1;
	fprintf(f,
		"ENVI\ndescription = {synthetic specimen}\nsamples = %lld\nlines = %lld\n"
		"bands = %lld\nheader offset = 0\nfile type = ENVI Standard\ndata type = 12\n"
		"interleave = bsq\nbyte order = 0\n",
		(long long)shape[2], (long long)shape[1], (long long)shape[0]);
	return fclose(f);
}

static int write_planes(const char *path, const struct specimen *s)
{
	size_t plane = (size_t)s->shape[1] * (size_t)s->shape[2];
	uint16_t *pixels = calloc(plane, sizeof *pixels);
	FILE *f = fopen(path, "wb");
	int bad = !pixels || !f;
	for (int64_t z = 0; !bad && z < s->shape[0]; z++) {
		int64_t start[3] = {z, 0, 0}, count[3] = {1, s->shape[1], s->shape[2]};
		specimen_box(s, start, count, pixels);
		bad = fwrite(pixels, sizeof *pixels, plane, f) != plane;
	}
	if (f && fclose(f))
		bad = 1;
	free(pixels);
	return bad;
}

int main(int argc, char **argv)
{
	struct specimen s = {.seed = 20260101};
	if (argc != 5) {
		fprintf(stderr, "usage: %s Z Y X FILE\n", argv[0]);
		return 2;
	}
	for (int d = 0; d < 3; d++) {
		s.shape[d] = strtoll(argv[d + 1], NULL, 10);
		if (s.shape[d] < 1 || s.shape[d] > 1 << 20) {
			fprintf(stderr, "%s: an extent must be from 1 to 1048576, found %s\n",
				argv[0], argv[d + 1]);
			return 2;
		}
	}
	if (write_planes(argv[4], &s) || write_header(argv[4], s.shape)) {
		fprintf(stderr, "%s: %s: %s\n", argv[0], argv[4], strerror(errno));
		return 1;
	}
	return 0;
}
