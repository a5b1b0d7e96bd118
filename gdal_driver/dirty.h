/* SPDX-License-Identifier: MIT */
/*
 * A set of elements of level 0 that have changed: for each tile of a coarse
 * grid the smallest box around them. Memory is bounded: when there are too many
 * tiles, tiles become larger. Writes of lines, tiles and planes stay exact.
 *
 * Threads: none; the owner locks.
 */
#ifndef OZR_GDAL_DIRTY_H
#define OZR_GDAL_DIRTY_H

#include <map>
#include <vector>

#include "ozr/pyramid.h"
#include "scene.h"

using Region = ozr_region;

class DirtySet
{
      public:
	/* tile: extents of the grid's tiles. */
	void start(unsigned rank, const Indices &tile);
	void add(const Indices &start, const Indices &count);
	bool empty() const
	{
		return tiles_.empty();
	}
	void clear()
	{
		tiles_.clear();
	}
	/* Disjoint boxes, as large as they can be made by joining neighbours. */
	std::vector<Region> regions() const;

      private:
	struct Span {
		Indices first, end;
	};
	void enlarge_tiles();

	unsigned rank_ = 0;
	Indices tile_ = {};
	std::map<Indices, Span> tiles_; /* by the tile's place on the grid */
};

#endif
