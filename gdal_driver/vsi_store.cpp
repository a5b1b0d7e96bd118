/* SPDX-License-Identifier: MIT */
/*
 * The store: its functions for the library (no exception leaves them), the
 * pool of opened objects, the documents that are remembered during an open.
 */
#include "vsi_store.h"

#include <ctime>
#include <functional>

#include "driver.h"

static const size_t pool_size = 256;
static const size_t document_bytes = 1 << 20; /* larger ones are read again */

uint64_t version_of(const std::string &tag, uint64_t size)
{
	return std::hash<std::string>()(tag + "/" + std::to_string(size)) | 1;
}

bool is_young(GIntBig stamp)
{
	return stamp > static_cast<GIntBig>(time(nullptr)) - 3;
}

/* --- what is kept ------------------------------------------------------------------------- */

VsiStore::~VsiStore()
{
	for (VsiObject *object : pool_)
		object->drop();
}

VsiObject *VsiStore::from_pool(const std::string &key)
{
	std::lock_guard<std::mutex> guard(mutex_);
	auto found = by_key_.find(key);
	if (found == by_key_.end())
		return nullptr;
	pool_.splice(pool_.begin(), pool_, found->second);
	pool_.front()->hold();
	return pool_.front();
}

void VsiStore::to_pool(VsiObject *object)
{
	VsiObject *out = nullptr;
	std::unique_lock<std::mutex> guard(mutex_);
	if (by_key_.count(object->key) != 0)
		return; /* another thread was faster */
	pool_.push_front(object);
	by_key_[object->key] = pool_.begin();
	object->hold();
	if (pool_.size() > pool_size) {
		out = pool_.back();
		by_key_.erase(out->key);
		pool_.pop_back();
	}
	guard.unlock();
	if (out != nullptr)
		out->drop();
}

void VsiStore::forget(const std::string &key)
{
	VsiObject *out = nullptr;
	std::unique_lock<std::mutex> guard(mutex_);
	auto found = by_key_.find(key);
	if (found != by_key_.end()) {
		out = *found->second;
		pool_.erase(found->second);
		by_key_.erase(found);
	}
	guard.unlock();
	if (out != nullptr)
		out->drop();
}

void VsiStore::remember_documents(bool yes)
{
	std::lock_guard<std::mutex> guard(mutex_);
	remembers_ = yes;
	documents_.clear();
}

/* Of several threads that read the names at once the last one's stay. */
int VsiStore::archive_has(const char *key, bool &yes, ozr_err *err)
{
	std::unique_lock<std::mutex> guard(mutex_);
	std::shared_ptr<const ArchiveNames> names = names_;
	guard.unlock();
	if (!names) {
		auto fresh = std::make_shared<ArchiveNames>();
		int rc = fresh->read(place.archive, err);
		if (rc != OZR_OK) {
			VSICurlPartialClearCache(place.archive.c_str());
			return rc;
		}
		names = fresh;
		guard.lock();
		names_ = names;
	}
	yes = names->has(place.inside + key);
	return OZR_OK;
}

/* --- opening -------------------------------------------------------------------------------- */

bool is_document(const std::string &key)
{
	std::string name = key.substr(key.rfind('/') + 1);
	return name == "zarr.json" || name == ".zattrs" || name == ".zarray" || name == ".zgroup" ||
	       name == ".zmetadata";
}

namespace
{
/* A document from memory. */
class TextObject final : public VsiObject
{
      public:
	TextObject(ozr_store *in, const char *named, const std::string &text, uint64_t seen)
	    : VsiObject(in, named), text_(text)
	{
		size = text.size();
		version = seen;
	}
	int fetch(size_t n, const ozr_range *ranges, void *const *dst, ozr_err *) override
	{
		for (size_t i = 0; i < n; i++)
			memcpy(dst[i], text_.data() + ranges[i].offset, ranges[i].length);
		return OZR_OK;
	}

      private:
	std::string text_;
};
} // namespace

static int open_anew(VsiStore &store, const char *key, const ozr_hint &hint, VsiObject **out,
		     ozr_err *err)
{
	return store.place.http ? open_http_object(store, key, hint, out, err)
				: open_file_object(store, key, hint, out, err);
}

int VsiStore::open_document(const char *key, const ozr_hint &hint, VsiObject **out, ozr_err *err)
{
	std::unique_lock<std::mutex> guard(mutex_);
	auto found = remembers_ ? documents_.find(key) : documents_.end();
	if (found != documents_.end()) {
		const Document &known = found->second;
		if (known.missing)
			return ozr_fail(err, OZR_NOT_FOUND, "%s", known.why.c_str());
		*out = new TextObject(this, key, known.text, known.version);
		return OZR_OK;
	}
	bool remembers = remembers_;
	guard.unlock();
	ozr_err local = {};
	int rc = open_anew(*this, key, hint, out, &local);
	Document fresh = {rc == OZR_NOT_FOUND, "", local.msg, rc == OZR_OK ? (*out)->version : 0};
	if (rc == OZR_OK && remembers && hint.what == OZR_FIRST_HEAD &&
	    (*out)->size <= document_bytes) {
		fresh.text.resize((*out)->size);
		ozr_range all = {0, (*out)->size};
		void *dst = &fresh.text[0];
		rc = (*out)->fetch(1, &all, &dst, &local);
		(*out)->drop();
		if (rc == OZR_OK)
			*out = new TextObject(this, key, fresh.text, fresh.version);
	} else {
		remembers = remembers && fresh.missing;
	}
	if (remembers && (rc == OZR_OK || fresh.missing)) {
		guard.lock();
		documents_[key] = fresh;
	}
	if (rc != OZR_OK && err != nullptr)
		*err = local;
	return rc;
}

int VsiStore::open_object(const char *key, const ozr_hint &hint, VsiObject **out, ozr_err *err)
{
	if (is_document(key))
		return open_document(key, hint, out, err);
	/* Who writes must see what is there now. */
	bool pooled = place.network && !options.update && hint.what != OZR_FIRST_NOTHING;
	VsiObject *known = pooled ? from_pool(key) : nullptr;
	if (known != nullptr) {
		*out = known;
		return OZR_OK;
	}
	int rc = open_anew(*this, key, hint, out, err);
	if (rc == OZR_OK && pooled)
		to_pool(*out);
	return rc;
}

/* --- the library's side ------------------------------------------------------------------------ */

static VsiStore &ours(ozr_store *store)
{
	return *static_cast<VsiStore *>(store);
}

/* C code calls us: what is thrown ends here. */
template <class Function> static int guarded(ozr_err *err, Function function)
{
	try {
		return function();
	} catch (const std::bad_alloc &) {
		return ozr_fail(err, OZR_NO_MEMORY, "out of memory");
	} catch (const std::exception &e) {
		return ozr_fail(err, OZR_IO, "%s", e.what());
	}
}

static int named(const char *key, int rc, ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	if (rc == OZR_OK)
		return rc;
	return ozr_err_context(err, rc, "'%s'", ozr_quote(quoted, key, strlen(key)));
}

static int store_open_for(ozr_store *store, const char *key, const ozr_hint *hint, ozr_object **out,
			  ozr_err *err)
{
	VsiObject *object = nullptr;
	int rc = guarded(err, [&] { return ours(store).open_object(key, *hint, &object, err); });
	if (rc == OZR_OK)
		*out = object;
	return named(key, rc, err);
}

static int store_open(ozr_store *store, const char *key, ozr_object **out, ozr_err *err)
{
	const ozr_hint nothing = {OZR_FIRST_NOTHING, 0};
	return store_open_for(store, key, &nothing, out, err);
}

static int store_read(ozr_object *object, size_t n, const ozr_range *ranges, void *const *dst,
		      ozr_err *err)
{
	return guarded(
		err, [&] { return static_cast<VsiObject *>(object)->fetch(n, ranges, dst, err); });
}

static void store_close(ozr_object *object)
{
	static_cast<VsiObject *>(object)->close();
}

static int store_put_begin(ozr_store *store, const char *key, uint64_t, ozr_put **out, ozr_err *err)
{
	return named(key, guarded(err, [&] { return begin_put(ours(store), key, out, err); }), err);
}

static int store_put_append(ozr_put *put, const void *bytes, size_t n, ozr_err *err)
{
	return guarded(err, [&] { return append_put(put, bytes, n, err); });
}

static int store_put_commit(ozr_put *put, ozr_put_mode mode, ozr_placement *, ozr_err *err)
{
	return commit_put(put, mode, err);
}

static int store_del(ozr_store *store, const char *key, ozr_err *err)
{
	return named(key, guarded(err, [&] { return delete_key(ours(store), key, err); }), err);
}

static int store_list(ozr_store *store, const char *prefix,
		      int (*fn)(void *arg, const char *name, int is_prefix), void *arg,
		      ozr_err *err)
{
	return guarded(err, [&] { return list_prefix(ours(store), prefix, fn, arg, err); });
}

static int store_clear(ozr_store *store, const char *prefix, ozr_err *err)
{
	return guarded(err, [&] { return clear_prefix(ours(store), prefix, err); });
}

static int take_lock(ozr_store *store, const char *key, bool waits, void **token, ozr_err *err)
{
	return guarded(err, [&] {
		auto held = std::make_unique<std::string>(ours(store).place.file(key));
		if (!Driver::get()->locks().hold(*held, waits))
			return ozr_fail(err, OZR_BUSY, "is held by another thread");
		*token = held.release();
		return static_cast<int>(OZR_OK);
	});
}

static int store_lock(ozr_store *store, const char *key, void **token, ozr_err *err)
{
	return take_lock(store, key, true, token, err);
}

static int store_try_lock(ozr_store *store, const char *key, void **token, ozr_err *err)
{
	return take_lock(store, key, false, token, err);
}

static void store_unlock(ozr_store *, void *token)
{
	std::unique_ptr<std::string> held(static_cast<std::string *>(token));
	Driver::get()->locks().release(*held);
}

static void store_destroy(ozr_store *store)
{
	VsiStore *mine = &ours(store);
	ozr_ctx *ctx = ozr_ctx_ref(store->ctx);
	ozr_store_release(store);
	delete mine;
	ozr_ctx_unref(ctx);
}

static constexpr ozr_store_ops functions()
{
	ozr_store_ops ops = {};
	ops.name = "VSI";
	ops.open = store_open;
	ops.open_for = store_open_for;
	ops.read = store_read;
	ops.close = store_close;
	ops.put_begin = store_put_begin;
	ops.put_append = store_put_append;
	ops.put_commit = store_put_commit;
	ops.put_abort = abort_put;
	ops.del = store_del;
	ops.list = store_list;
	ops.clear = store_clear;
	ops.lock = store_lock;
	ops.try_lock = store_try_lock;
	ops.unlock = store_unlock;
	ops.destroy = store_destroy;
	return ops; /* no sync: what is put is there */
}

static constexpr ozr_store_ops vsi_ops = functions();

static unsigned caps_of(const Place &place, const VsiOptions &options)
{
	unsigned caps = 0;
	if (place.network)
		caps |= OZR_STORE_REMOTE;
	if (place.objects || !place.network)
		caps |= OZR_STORE_LIST;
	if (options.update)
		caps |= OZR_STORE_WRITE | OZR_STORE_DELETE;
	/* ours hold against threads of this process: memory belongs to nobody else */
	if (options.update && (!place.network || options.single_writer))
		caps |= OZR_STORE_LOCK;
	return caps;
}

/* What tells an archive from another that takes its place: its members' time stamps do not. */
static std::string archive_version(const std::string &path)
{
	VSIStatBufL stat = {};
	Muted mute; /* whoever reads will meet it again */
	LocalOption no_listing("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR");
	size_t from = path.find("/vsizip/{") == 0   ? strlen("/vsizip/{")
		      : path.find("/vsitar/{") == 0 ? strlen("/vsitar/{")
						    : std::string::npos;
	if (from != std::string::npos) {
		size_t end = path.find('}', from);
		if (VSIStatL(path.substr(from, end - from).c_str(), &stat) != 0)
			return "";
	} else if (path.find("/vsizip/") == 0 || path.find("/vsitar/") == 0) {
		size_t end = strlen("/vsizip/");
		do { /* the part of the path that is a file */
			end = path.find('/', end + 1);
			if (VSIStatL(path.substr(strlen("/vsizip/"), end - strlen("/vsizip/"))
					     .c_str(),
				     &stat) == 0 &&
			    VSI_ISREG(stat.st_mode))
				break;
		} while (end != std::string::npos);
	}
	if (stat.st_mtime == 0)
		return "";
	return std::to_string(stat.st_size) + "/" + std::to_string(stat.st_mtime) + "/" +
	       std::to_string(is_young(stat.st_mtime) ? Driver::get()->serial() : 0);
}

int open_vsi_store(ozr_ctx *ctx, const std::string &path, const VsiOptions &options,
		   ozr_store **out, ozr_err *err)
{
	return guarded(err, [&] {
		Place place(path);
		if (!place.archive.empty()) /* it may be another one now */
			VSICurlPartialClearCache(place.archive.c_str());
		if (options.update && !place.memory && !place.objects)
			return ozr_fail(err, OZR_DENIED,
					"is read-only: images are written to local folders, "
					"/vsimem/, /vsis3/, /vsigs/, /vsiaz/ and /vsioss/");
		auto store = std::make_unique<VsiStore>(place, options);
		int rc = ozr_store_init(store.get(), &vsi_ops, ctx, place.location().c_str(),
					caps_of(place, options), err);
		if (rc != OZR_OK)
			return rc;
		std::string identity = place.file("") + " " + archive_version(path);
		store->identity[0] = std::hash<std::string>()("vsi " + identity);
		store->identity[1] = std::hash<std::string>()(identity + " vsi");
		store->io_width = place.network ? options.io_threads : 0;
		*out = store.release();
		return static_cast<int>(OZR_OK);
	});
}
