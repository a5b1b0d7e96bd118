/* SPDX-License-Identifier: MIT */
/* See specimen.h. Value noise at four scales, thresholds, and a hash as noise source. */
#include "specimen.h"

#include <stdlib.h>

/* Three octaves of texture, and one that bends the surface. */
enum { OCTAVES = 4, SURFACE = 3 };
static const int spacing_log2[OCTAVES] = {6, 4, 2, 7};
static const int amplitude[SURFACE] = {2600, 900, 500}; /* grey levels */

enum {
	TISSUE = 25000,    /* mean grey level inside */
	BATH = 20000,      /* around it, and in the chambers */
	TISSUE_SIGMA = 60, /* of the noise, in grey levels */
	BATH_SIGMA = 50,
	RADIUS = 900,          /* of the ellipsoid, in 1/1024 of the half extent */
	FIELD_OF_VIEW = 1088,  /* same unit */
	CHAMBER_BELOW = -9000, /* coarse texture below this is a chamber */
	LATTICE_UNIT = 4096
};

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static uint64_t hash3(uint64_t seed, int64_t z, int64_t y, int64_t x)
{
	return mix(seed + (uint64_t)z * 0x9e3779b97f4a7c15u + (uint64_t)y * 0xc2b2ae3d27d4eb4fu +
		   (uint64_t)x * 0x165667b19e3779f9u);
}

/* Value of a lattice point, in [-32768, 32767]. */
static int64_t lattice(uint64_t seed, int64_t z, int64_t y, int64_t x)
{
	return (int64_t)(hash3(seed, z, y, x) >> 48) - 32768;
}

/* 3t^2 - 2t^3 over [0, LATTICE_UNIT]. */
static int64_t smooth(int64_t t)
{
	return (t * t * (3 * LATTICE_UNIT - 2 * t)) / ((int64_t)LATTICE_UNIT * LATTICE_UNIT);
}

static int64_t blend(int64_t a, int64_t b, int64_t t)
{
	return a + (b - a) * t / LATTICE_UNIT;
}

/* One row of n values, smooth between lattice points 2^k apart. */
static void noise_row(uint64_t seed, int k, int64_t z, int64_t y, int64_t x, int64_t n,
		      int32_t *out)
{
	int64_t step = (int64_t)1 << k, zi = z / step, yi = y / step, end = x + n;
	int64_t tz = smooth(z % step * LATTICE_UNIT / step);
	int64_t ty = smooth(y % step * LATTICE_UNIT / step);
	while (x < end) {
		int64_t xi = x / step, stop = (xi + 1) * step, edge[2];
		for (int i = 0; i < 2; i++) {
			int64_t near = blend(lattice(seed, zi, yi, xi + i),
					     lattice(seed, zi, yi + 1, xi + i), ty);
			int64_t far = blend(lattice(seed, zi + 1, yi, xi + i),
					    lattice(seed, zi + 1, yi + 1, xi + i), ty);
			edge[i] = blend(near, far, tz);
		}
		for (; x < stop && x < end; x++)
			*out++ = (int32_t)blend(edge[0], edge[1],
						smooth(x % step * LATTICE_UNIT / step));
	}
}

/* Distance of i from the middle of an extent, in 1/1024 of its half. */
static int64_t from_middle(int64_t i, int64_t extent)
{
	int64_t half = extent / 2 ? extent / 2 : 1;
	return (i - extent / 2) * 1024 / half;
}

/* Sum of four uniforms: nearly normal, with the given sigma. */
static int64_t camera_noise(uint64_t h, int64_t sigma)
{
	int64_t u = (int64_t)((h & 0xffff) + (h >> 16 & 0xffff) + (h >> 32 & 0xffff) + (h >> 48)) -
		    131070;
	return u * sigma * 111 / 4194304;
}

/* texture: this voxel's value in each octave; d2: squared distance from the middle. */
static uint16_t voxel(const int32_t texture[OCTAVES], int64_t d2, uint64_t h)
{
	int64_t surface = (int64_t)RADIUS * RADIUS + (int64_t)texture[SURFACE] * 12;
	int chamber = (texture[0] * 3 + texture[1]) / 4 < CHAMBER_BELOW;
	int64_t value, sigma;
	if (d2 < surface && !chamber) {
		value = TISSUE;
		for (int o = 0; o < SURFACE; o++)
			value += (int64_t)texture[o] * amplitude[o] / 32768;
		sigma = TISSUE_SIGMA;
	} else {
		value = BATH + texture[SURFACE] / 256;
		sigma = BATH_SIGMA;
	}
	value += camera_noise(h, sigma);
	return (uint16_t)(value < 0 ? 0 : value > 65535 ? 65535 : value);
}

static void row(const struct specimen *s, int64_t z, int64_t y, int64_t x0, int64_t n,
		int32_t *noise, uint16_t *out)
{
	for (int o = 0; o < OCTAVES; o++)
		noise_row(s->seed + (uint64_t)o, spacing_log2[o], z, y, x0, n, noise + o * n);
	int64_t dz = from_middle(z, s->shape[0]), dy = from_middle(y, s->shape[1]);
	uint64_t row_hash = hash3(s->seed + 9, z, y, 0);
	for (int64_t i = 0; i < n; i++) {
		int64_t dx = from_middle(x0 + i, s->shape[2]), r2 = dy * dy + dx * dx;
		if (r2 > (int64_t)FIELD_OF_VIEW * FIELD_OF_VIEW) {
			out[i] = 0;
			continue;
		}
		int32_t texture[OCTAVES];
		for (int o = 0; o < OCTAVES; o++)
			texture[o] = noise[o * n + i];
		out[i] = voxel(texture, dz * dz + r2,
			       mix(row_hash + (uint64_t)(x0 + i) * 0x9e3779b97f4a7c15u));
	}
}

void specimen_box(const struct specimen *s, const int64_t start[3], const int64_t count[3],
		  uint16_t *out)
{
	int32_t *noise = malloc(sizeof *noise * OCTAVES * (size_t)count[2]);
	if (!noise)
		return;
	for (int64_t z = 0; z < count[0]; z++)
		for (int64_t y = 0; y < count[1]; y++, out += count[2])
			row(s, start[0] + z, start[1] + y, start[2], count[2], noise, out);
	free(noise);
}
