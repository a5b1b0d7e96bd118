/* SPDX-License-Identifier: MIT */
/*
 * Joining is greedy, one axis after the other, the last one first: boxes that
 * agree on all other axes and meet on this one become one. For what programs
 * write (lines, tiles, planes, everything) that gives the fewest.
 */
#include "dirty.h"

constexpr size_t most_tiles = 1 << 18;

void DirtySet::start(unsigned rank, const Indices &tile)
{
	rank_ = rank;
	tile_ = tile;
	tiles_.clear();
}

/* Twice as large on the axis that has the most of them. */
void DirtySet::enlarge_tiles()
{
	Indices most = {};
	for (const auto &item : tiles_)
		for (unsigned d = 0; d < rank_; d++)
			most[d] = std::max(most[d], item.first[d]);
	tile_[std::max_element(most.begin(), most.begin() + rank_) - most.begin()] *= 2;
	std::map<Indices, Span> old;
	old.swap(tiles_);
	for (const auto &item : old) {
		Indices count = {};
		for (unsigned d = 0; d < rank_; d++)
			count[d] = item.second.end[d] - item.second.first[d];
		add(item.second.first, count);
	}
}

void DirtySet::add(const Indices &start, const Indices &count)
{
	Indices first = {}, last = {}, at;
	for (unsigned d = 0; d < rank_; d++) {
		if (count[d] == 0)
			return;
		first[d] = start[d] / tile_[d];
		last[d] = (start[d] + count[d] - 1) / tile_[d];
	}
	at = first;
	for (bool more = true; more;) {
		Span span = {};
		for (unsigned d = 0; d < rank_; d++) {
			span.first[d] = std::max(start[d], at[d] * tile_[d]);
			span.end[d] = std::min(start[d] + count[d], (at[d] + 1) * tile_[d]);
		}
		auto found = tiles_.emplace(at, span);
		for (unsigned d = 0; d < rank_ && !found.second; d++) {
			Span &old = found.first->second;
			old.first[d] = std::min(old.first[d], span.first[d]);
			old.end[d] = std::max(old.end[d], span.end[d]);
		}
		more = false;
		for (unsigned d = rank_; d-- > 0 && !more;) {
			more = at[d] < last[d];
			at[d] = more ? at[d] + 1 : first[d];
		}
	}
	if (tiles_.size() > most_tiles)
		enlarge_tiles();
}

std::vector<Region> DirtySet::regions() const
{
	std::vector<Region> out;
	for (const auto &item : tiles_) {
		Region region = {};
		for (unsigned d = 0; d < rank_; d++) {
			region.start[d] = item.second.first[d];
			region.count[d] = item.second.end[d] - item.second.first[d];
		}
		out.push_back(region);
	}
	for (unsigned axis = rank_; axis-- > 0;) {
		/* Order: all other axes, then this one; neighbours are then next to each other. */
		auto alike = [&](const Region &a, const Region &b) {
			for (unsigned d = 0; d < rank_; d++)
				if (d != axis &&
				    (a.start[d] != b.start[d] || a.count[d] != b.count[d]))
					return false;
			return true;
		};
		std::sort(out.begin(), out.end(), [&](const Region &a, const Region &b) {
			for (unsigned d = 0; d < rank_; d++) {
				if (d != axis && a.start[d] != b.start[d])
					return a.start[d] < b.start[d];
				if (d != axis && a.count[d] != b.count[d])
					return a.count[d] < b.count[d];
			}
			return a.start[axis] < b.start[axis];
		});
		size_t kept = 0;
		for (size_t i = 1; i < out.size(); i++) {
			Region &last = out[kept];
			if (alike(last, out[i]) &&
			    last.start[axis] + last.count[axis] == out[i].start[axis])
				last.count[axis] += out[i].count[axis];
			else
				out[++kept] = out[i];
		}
		if (!out.empty())
			out.resize(kept + 1);
	}
	return out;
}
