/* SPDX-License-Identifier: MIT */
/*
 * Objects over plain HTTP. An open brings what the hint asks for, so that a
 * document is one request, and the index of a shard too: "the last n bytes"
 * tells the size and the version along with them. Every later answer must be
 * of that version, or the read fails (OZR_CHANGED): a shard's index and its
 * chunks never come from two.
 */
#include <cstring>

#include "driver.h"
#include "vsi_http.h"
#include "vsi_store.h"

static const uint64_t ask_whole = 16 << 20; /* a hint this long: no range is asked for */

namespace
{
class HttpObject final : public VsiObject
{
      public:
	HttpObject(VsiStore &in, const char *named, const HttpAnswer &answer)
	    : VsiObject(&in, named), store_(in), etag_(answer.etag), changed_(answer.changed)
	{
		size = answer.size;
		/* Who tells no version gets one for each open: nothing is found in a cache. */
		std::string tag = etag_ + changed_;
		version = tag.empty() ? Driver::get()->serial() : version_of(tag, size);
	}
	void keep(uint64_t offset, std::string &&bytes)
	{
		ahead_offset_ = offset;
		ahead_ = std::move(bytes);
	}
	int fetch(size_t n, const ozr_range *ranges, void *const *dst, ozr_err *err) override;
	void rest() override
	{
		std::lock_guard<std::mutex> guard(mutex_);
		std::string().swap(ahead_);
	}

      private:
	bool from_memory(const ozr_range &range, void *dst);
	bool same_version(const HttpAnswer &answer) const;
	int ask(const ozr_range &range, void *dst, ozr_err *err);

	VsiStore &store_;
	std::string etag_, changed_;
	std::mutex mutex_;
	uint64_t ahead_offset_ = 0;
	std::string ahead_; /* read with the open */
};
} // namespace

static HttpQuery query_of(const VsiStore &store, const std::string &key)
{
	HttpQuery query;
	query.url = store.place.url(key.c_str());
	query.path = store.place.file(key.c_str());
	return query;
}

/* --- reading ------------------------------------------------------------------------------ */

bool HttpObject::from_memory(const ozr_range &range, void *dst)
{
	std::lock_guard<std::mutex> guard(mutex_);
	if (range.offset < ahead_offset_ || range.offset - ahead_offset_ > ahead_.size() ||
	    range.length > ahead_.size() - (range.offset - ahead_offset_))
		return false;
	memcpy(dst, ahead_.data() + (range.offset - ahead_offset_), range.length);
	return true;
}

static bool differ(const std::string &a, const std::string &b)
{
	return !a.empty() && !b.empty() && a != b;
}

bool HttpObject::same_version(const HttpAnswer &answer) const
{
	return !differ(etag_, answer.etag) && !differ(changed_, answer.changed) &&
	       (!answer.has_size || answer.size == size);
}

int HttpObject::ask(const ozr_range &range, void *dst, ozr_err *err)
{
	HttpQuery query = query_of(store_, key);
	query.what = HttpQuery::RANGE;
	query.offset = range.offset;
	query.length = range.length;
	query.into = static_cast<char *>(dst);
	HttpAnswer answer = http_get(query);
	bool gone = answer.kind == HttpAnswer::REFUSED &&
		    (answer.status == 404 || answer.status == 410);
	bool other = (answer.kind == HttpAnswer::PART || answer.kind == HttpAnswer::OUTSIDE) &&
		     !same_version(answer);
	if (gone || other) {
		store_.forget(key);
		return ozr_fail(err, OZR_CHANGED, "was %s while it was read",
				gone ? "removed" : "replaced");
	}
	if (answer.kind == HttpAnswer::PART && answer.first == range.offset &&
	    answer.got == range.length)
		return OZR_OK;
	return http_fail(answer, err);
}

int HttpObject::fetch(size_t n, const ozr_range *ranges, void *const *dst, ozr_err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (ranges[i].length == 0 || from_memory(ranges[i], dst[i]))
			continue;
		int rc = ask(ranges[i], dst[i], err);
		if (rc != OZR_OK)
			return rc;
	}
	return OZR_OK;
}

/* --- opening ------------------------------------------------------------------------------ */

static int refuse(const VsiStore &store, const HttpAnswer &answer, ozr_err *err)
{
	if (store.options.missing_403 && answer.kind == HttpAnswer::REFUSED && answer.status == 403)
		return ozr_fail(err, OZR_NOT_FOUND, "%s, taken as missing (OMEZARR_MISSING_403)",
				answer.text.c_str());
	return http_fail(answer, err);
}

static int finish(VsiStore &store, const char *key, HttpAnswer &answer, VsiObject **out,
		  ozr_err *err)
{
	if (!answer.has_size)
		return ozr_fail(err, OZR_NET, "the server does not tell the size");
	auto object = std::make_unique<HttpObject>(store, key, answer);
	if (answer.got > 0)
		object->keep(answer.first, std::move(answer.body));
	*out = object.release();
	return OZR_OK;
}

/* Size and version only. Not every server takes HEAD, nor tells a size then. */
static int open_bare(VsiStore &store, const char *key, VsiObject **out, ozr_err *err)
{
	HttpQuery query = query_of(store, key);
	query.what = HttpQuery::HEAD;
	HttpAnswer answer = http_get(query);
	bool no_head = answer.kind == HttpAnswer::REFUSED &&
		       (answer.status == 405 || answer.status == 501);
	if (no_head || (answer.kind == HttpAnswer::WHOLE && !answer.has_size)) {
		query.what = HttpQuery::RANGE;
		query.length = 1;
		answer = http_get(query);
	}
	if (answer.kind == HttpAnswer::OUTSIDE) { /* of an empty value */
		answer.size = 0;
		answer.has_size = true;
	} else if (answer.kind != HttpAnswer::WHOLE && answer.kind != HttpAnswer::PART &&
		   answer.kind != HttpAnswer::TOO_LONG) {
		return refuse(store, answer, err);
	}
	return finish(store, key, answer, out, err);
}

static int open_head(VsiStore &store, const char *key, uint64_t bytes, VsiObject **out,
		     ozr_err *err)
{
	HttpQuery query = query_of(store, key);
	query.what = bytes >= ask_whole ? HttpQuery::WHOLE : HttpQuery::RANGE;
	query.length = query.most = bytes;
	HttpAnswer answer = http_get(query);
	switch (answer.kind) {
	case HttpAnswer::WHOLE: /* also instead of a range: all is there */
		break;
	case HttpAnswer::TOO_LONG: /* who reads on will be told what is wrong */
		answer.got = 0;
		break;
	case HttpAnswer::PART:
		if (answer.first != 0 || !answer.has_size ||
		    answer.got != std::min(bytes, answer.size))
			return http_fail(answer, err);
		break;
	case HttpAnswer::OUTSIDE:
		answer.size = 0;
		answer.has_size = true;
		break;
	default:
		return refuse(store, answer, err);
	}
	return finish(store, key, answer, out, err);
}

static int open_tail(VsiStore &store, const char *key, uint64_t bytes, VsiObject **out,
		     ozr_err *err)
{
	if (store.no_tails)
		return open_bare(store, key, out, err);
	HttpQuery query = query_of(store, key);
	query.what = HttpQuery::TAIL;
	query.length = bytes;
	HttpAnswer answer = http_get(query);
	switch (answer.kind) {
	case HttpAnswer::WHOLE: /* it is that short */
		break;
	case HttpAnswer::PART:
		if (!answer.has_size || answer.got != std::min(bytes, answer.size) ||
		    answer.first != answer.size - answer.got)
			return http_fail(answer, err);
		break;
	case HttpAnswer::OUTSIDE:
		if (!answer.has_size || answer.size > 0) {
			store.no_tails = true;
			return open_bare(store, key, out, err);
		}
		break;
	case HttpAnswer::TOO_LONG: /* Azure sends all; ranges from the start may do */
		store.no_tails = true;
		if (!answer.has_size)
			return open_bare(store, key, out, err);
		answer.got = 0;
		break;
	case HttpAnswer::REFUSED:
		if (answer.status == 400 || answer.status == 501) {
			store.no_tails = true;
			return open_bare(store, key, out, err);
		}
		return refuse(store, answer, err);
	default:
		return refuse(store, answer, err);
	}
	return finish(store, key, answer, out, err);
}

int open_http_object(VsiStore &store, const char *key, const ozr_hint &hint, VsiObject **out,
		     ozr_err *err)
{
	if (hint.what == OZR_FIRST_HEAD && hint.bytes > 0)
		return open_head(store, key, hint.bytes, out, err);
	if (hint.what == OZR_FIRST_TAIL && hint.bytes > 0)
		return open_tail(store, key, hint.bytes, out, err);
	return open_bare(store, key, out, err);
}
