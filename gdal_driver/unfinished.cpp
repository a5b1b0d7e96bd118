/* SPDX-License-Identifier: MIT */
/*
 * Marks of updates that may not come to their end. The box of a mark grows by
 * doubling, so that it is written a few times however many pixels are.
 */
#include "unfinished.h"

#include <cstdlib>

#include "driver.h"

constexpr unsigned slots = 32; /* handles that write at the same time; more go without */

static Store share(ozr_store *store)
{
	return Store(store != nullptr ? ozr_store_ref(store) : nullptr);
}

/* Locks that end with the process, and no request for each look. */
static bool has_marks(const Store &store)
{
	return store && (store->caps & OZR_STORE_LOCK) != 0 &&
	       (store->caps & OZR_STORE_REMOTE) == 0;
}

Unfinished::~Unfinished()
{
	for (const Mark &mark : held_)
		release(mark, false);
}

std::string Unfinished::key(unsigned slot) const
{
	std::string folder = scene_.inner.empty() ? "" : scene_.inner + "/";
	return folder + ozr_image_level_path(scene_.image.get(), 0) + "/ozr-update-" +
	       std::to_string(slot);
}

/* False when somebody who lives has it. */
bool Unfinished::hold(unsigned slot, Mark &out)
{
	ozr_err err = {};
	out.key = key(slot);
	return ozr_store_try_lock(store_.get(), out.key.c_str(), &out.token, &err) == OZR_OK;
}

void Unfinished::release(const Mark &mark, bool remove)
{
	ozr_err err = {};
	if (remove && ozr_store_del(store_.get(), mark.key.c_str(), &err) != OZR_OK)
		CPLDebug("OMEZARR", "%s", err.msg);
	ozr_store_unlock(store_.get(), mark.token);
}

/* --- what others have left ---------------------------------------------------------------- */

bool Unfinished::read_mark(const std::string &key, Region &out) const
{
	ozr_err err = {};
	char *text = nullptr;
	size_t size = 0;
	ArrayInfo info = {};
	if (ozr_store_get(store_.get(), key.c_str(), 4096, &text, &size, nullptr, &err) != OZR_OK)
		return false;
	CPLStringList words(CSLTokenizeString2(text, " ", 0));
	ozr_text_free(text);
	ozr_array_get_info(ozr_image_level(scene_.image.get(), 0), &info);
	bool good = words.size() == static_cast<int>(2 * info.rank);
	for (unsigned d = 0; d < info.rank; d++) {
		out.start[d] =
			good ? std::strtoull(words[static_cast<int>(2 * d)], nullptr, 10) : 0;
		out.count[d] = good ? std::strtoull(words[static_cast<int>(2 * d + 1)], nullptr, 10)
				    : info.shape[d];
		/* it is a file: whatever it says, it is within the image */
		out.start[d] = std::min(out.start[d], info.shape[d]);
		out.count[d] = std::min(out.count[d], info.shape[d] - out.start[d]);
	}
	return true;
}

std::vector<Region> Unfinished::take_over()
{
	std::vector<Region> out;
	store_ = share(scene_.store.get());
	if (!has_marks(store_))
		return out;
	for (unsigned slot = 0; slot < slots; slot++) {
		Region region = {};
		Mark mark = {};
		/* mostly there is none, and no lock is needed to see that */
		if (!read_mark(key(slot), region) || !hold(slot, mark))
			continue;
		bool is_there = read_mark(mark.key, region); /* now it stays as it is */
		if (is_there) {
			out.push_back(region);
			held_.push_back(mark);
		} else {
			release(mark, false);
		}
	}
	return out;
}

/* --- what this handle leaves --------------------------------------------------------------- */

bool Unfinished::choose_own()
{
	Mark mark = {};
	for (unsigned slot = 0; slot < slots; slot++) {
		Region ignored = {};
		if (!hold(slot, mark))
			continue;
		if (read_mark(mark.key, ignored)) { /* of one that died since take_over() */
			release(mark, false);
			continue;
		}
		std::lock_guard<std::mutex> guard(mutex_);
		held_.push_back(mark);
		if (own_.empty())
			own_ = mark.key;
		return true;
	}
	return false;
}

/* (mutex_) True when the box had to become larger. */
bool Unfinished::grow(const ozr_box &box)
{
	ArrayInfo info = {};
	bool grown = !has_box_;
	ozr_array_get_info(ozr_image_level(scene_.image.get(), 0), &info);
	for (unsigned d = 0; d < info.rank; d++) {
		uint64_t start = box.start[d], end = start + box.count[d];
		uint64_t first = has_box_ ? box_.start[d] : start;
		uint64_t last = has_box_ ? first + box_.count[d] : end;
		uint64_t more = last - first;
		if (start >= first && end <= last && has_box_)
			continue;
		if (start < first)
			first = start - std::min(start, more);
		if (end > last)
			last = std::min(info.shape[d], end + more);
		box_.start[d] = first;
		box_.count[d] = last - first;
		grown = true;
	}
	has_box_ = true;
	return grown;
}

void Unfinished::announce(const ozr_box *boxes, size_t count)
{
	Region now = {};
	std::string key;
	{
		std::lock_guard<std::mutex> guard(mutex_);
		bool grown = false;
		for (size_t i = 0; i < count; i++)
			grown = grow(boxes[i]) || grown;
		if (cannot_ || !grown)
			return;
		if (!store_)
			store_ = share(scene_.store.get());
		key = own_;
	}
	bool good = has_marks(store_) && (!key.empty() || choose_own());
	for (bool again = good; again;) {
		std::string text;
		{
			std::lock_guard<std::mutex> guard(mutex_);
			now = box_;
			key = own_;
		}
		for (unsigned d = 0; d < scene_.info.rank; d++)
			text += std::to_string(now.start[d]) + " " + std::to_string(now.count[d]) +
				" ";
		ozr_err err = {};
		good = ozr_store_put(store_.get(), key.c_str(), text.data(), text.size(),
				     OZR_PUT_REPLACE, &err) == OZR_OK;
		std::lock_guard<std::mutex> guard(mutex_);
		/* another thread may have put an older box over a newer one */
		again = good && memcmp(&now, &box_, sizeof(now)) != 0;
	}
	std::lock_guard<std::mutex> guard(mutex_);
	cannot_ = !good;
}

void Unfinished::settle()
{
	std::vector<Mark> done;
	{
		/* another thread may write blocks of GDAL's cache meanwhile */
		std::lock_guard<std::mutex> guard(mutex_);
		done.swap(held_);
		own_.clear();
		has_box_ = false;
	}
	for (const Mark &mark : done)
		release(mark, true);
}
