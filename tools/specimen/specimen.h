/* SPDX-License-Identifier: MIT */
/*
 * A synthetic specimen: what an X-ray tomogram of an organ looks like, for the
 * demonstration, the tests and the benchmarks. An ellipsoid with a bumpy
 * surface and chambers, in a bath, in a round field of view, with the noise of
 * a camera (blosc-zstd compresses it like the HiP-CT heart that it imitates).
 *
 * Integer arithmetic only: the same values on every machine. Each voxel is a
 * pure function of (seed, z, y, x), so any box can be made alone, by any
 * thread, in any order.
 */
#ifndef OZR_SPECIMEN_H
#define OZR_SPECIMEN_H

#include <stdint.h>

struct specimen {
	int64_t shape[3]; /* z, y, x of the whole volume: places the organ */
	uint64_t seed;
};

/* Fill out (C order) with the box of count voxels per axis that begins at start. */
void specimen_box(const struct specimen *s, const int64_t start[3], const int64_t count[3],
		  uint16_t *out);

#endif
