/* SPDX-License-Identifier: MIT */
/*
 * The context of the library, owned by the driver object, and how its errors,
 * warnings and threads meet GDAL's. Workers take over the thread-local
 * configuration of the thread that made the request (GDAL keeps credentials
 * there).
 */
#include "driver.h"

#include <atomic>
#include <cstdlib>

/* The one that was made last. Not GDAL's list: datasets may be open when somebody deregisters it. */
static std::atomic<Driver *> current{nullptr};

Driver::Driver()
{
	current = this;
}

Driver::~Driver()
{
	Driver *expected = this;
	current.compare_exchange_strong(expected, nullptr);
	ozr_ctx_unref(ctx_);
}

Driver *Driver::get()
{
	return current;
}

static void *capture(void *)
{
	return CPLGetThreadLocalConfigOptions();
}

static void enter(void *, void *snapshot)
{
	CPLSetThreadLocalConfigOptions(static_cast<char **>(snapshot));
}

static void leave(void *, void *)
{
	CPLSetThreadLocalConfigOptions(nullptr);
}

static void release(void *, void *snapshot)
{
	CSLDestroy(static_cast<char **>(snapshot));
}

ozr_ctx *Driver::context()
{
	std::lock_guard<std::mutex> guard(mutex_);
	if (ctx_ != nullptr)
		return ctx_;
	ozr_ctx_options options = {};
	ozr_err err = {};
	options.host.capture = capture;
	options.host.enter = enter;
	options.host.leave = leave;
	options.host.release = release;
	/* GDAL's ceiling for pixels in memory holds for ours too. */
	options.cache_bytes = static_cast<size_t>(
		std::max<GIntBig>(1, std::min<GIntBig>(256 << 20, GDALGetCacheMax64())));
	if (ozr_ctx_new(&options, &ctx_, &err) != OZR_OK)
		report(err);
	return ctx_;
}

static CPLErrorNum error_class(int code)
{
	switch (code) {
	case OZR_NO_MEMORY:
		return CPLE_OutOfMemory;
	case OZR_BAD_ARG:
		return CPLE_IllegalArg;
	case OZR_NOT_FOUND:
	case OZR_BAD_FORMAT:
		return CPLE_OpenFailed;
	case OZR_IO:
	case OZR_DENIED:
	case OZR_CORRUPT:
	case OZR_CHANGED:
		return CPLE_FileIO;
	case OZR_NET:
		return CPLE_HttpResponse;
	case OZR_UNSUPPORTED:
		return CPLE_NotSupported;
	case OZR_CANCELLED:
		return CPLE_UserInterrupt;
	default:
		return CPLE_AppDefined;
	}
}

void report(const ozr_err &err)
{
	CPLError(CE_Failure, error_class(err.code), "%s", err.msg);
}

void warn(void *, const char *message)
{
	CPLError(CE_Warning, CPLE_AppDefined, "%s", message);
}

unsigned thread_count(CSLConstList options)
{
	const char *text = CSLFetchNameValue(options, "NUM_THREADS");
	if (text == nullptr)
		text = CPLGetConfigOption("GDAL_NUM_THREADS", nullptr);
	if (text == nullptr || EQUAL(text, "ALL_CPUS"))
		return 0;
	long n = std::strtol(text, nullptr, 10);
	return static_cast<unsigned>(std::max(1L, std::min(n, 64L)));
}
