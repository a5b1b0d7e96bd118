/* SPDX-License-Identifier: MIT */
/*
 * Requests by CPLHTTPFetchEx(). It does not tell the status of a success: what
 * has a Content-Range is a 206. A retry is ours to make, because it would
 * append the second body to the first.
 *
 * Connections are kept in GDAL's named sessions.
 */
#include "vsi_http.h"

#include <cpl_http.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "driver.h"
#include "vsi_place.h"

namespace
{
constexpr uint64_t slack = 1 << 20; /* of a body: an error page may be longer than a range */

/* Where a body goes: at most `most` bytes are kept; far beyond that the transfer ends. */
struct Sink {
	char *into;
	std::string *body;
	uint64_t most, kept = 0, seen = 0;
	bool out_of_memory = false;
};

size_t take(void *bytes, size_t size, size_t count, void *arg)
{
	auto &sink = *static_cast<Sink *>(arg);
	uint64_t n = static_cast<uint64_t>(size) * count;
	uint64_t keep = std::min(n, sink.most - sink.kept);
	try {
		if (sink.into != nullptr)
			memcpy(sink.into + sink.kept, bytes, keep);
		else
			sink.body->append(static_cast<char *>(bytes), keep);
	} catch (const std::bad_alloc &) {
		sink.out_of_memory = true;
		return 0;
	}
	sink.kept += keep;
	sink.seen += n;
	return sink.seen > sink.most && sink.seen - sink.most > slack ? 0 : count;
}

/* A connection for the life of this. */
class Session
{
      public:
	explicit Session(const std::string &kind)
	    : kind_(kind), name_(Driver::get()->sessions().take(kind))
	{
	}
	~Session()
	{
		Driver::get()->sessions().give(kind_, name_);
	}
	Session(const Session &) = delete;
	Session &operator=(const Session &) = delete;
	const std::string &name() const
	{
		return name_;
	}

      private:
	std::string kind_, name_;
};
} // namespace

/* --- the question ----------------------------------------------------------------------- */

/* What may be set for a path (VSISetPathSpecificOption) or as configuration. */
static void add_settings(const std::string &path, CPLStringList &options)
{
	static const struct {
		const char *setting, *option;
	} known[] = {{"GDAL_HTTP_VERSION", "HTTP_VERSION"},
		     {"GDAL_HTTP_CONNECTTIMEOUT", "CONNECTTIMEOUT"},
		     {"GDAL_HTTP_TIMEOUT", "TIMEOUT"},
		     {"GDAL_HTTP_LOW_SPEED_TIME", "LOW_SPEED_TIME"},
		     {"GDAL_HTTP_LOW_SPEED_LIMIT", "LOW_SPEED_LIMIT"},
		     {"GDAL_HTTP_USERPWD", "USERPWD"},
		     {"GDAL_HTTP_PROXY", "PROXY"},
		     {"GDAL_HTTPS_PROXY", "HTTPS_PROXY"},
		     {"GDAL_HTTP_PROXYUSERPWD", "PROXYUSERPWD"},
		     {"GDAL_PROXY_AUTH", "PROXYAUTH"},
		     {"GDAL_HTTP_NETRC", "NETRC"},
		     {"GDAL_HTTP_NETRC_FILE", "NETRC_FILE"},
		     {"GDAL_CURL_CA_BUNDLE", "CAINFO"},
		     {"GDAL_HTTP_CAPATH", "CAPATH"},
		     {"GDAL_HTTP_UNSAFESSL", "UNSAFESSL"},
		     {"GDAL_HTTP_SSL_VERIFYSTATUS", "SSL_VERIFYSTATUS"},
		     {"GDAL_HTTP_HEADER_FILE", "HEADER_FILE"},
		     {"GDAL_HTTP_AUTH", "HTTPAUTH"},
		     {"GDAL_GSSAPI_DELEGATION", "GSSAPI_DELEGATION"},
		     {"GDAL_HTTP_BEARER", "HTTP_BEARER"},
		     {"GDAL_HTTP_COOKIE", "COOKIE"},
		     {"GDAL_HTTP_COOKIEFILE", "COOKIEFILE"},
		     {"GDAL_HTTP_COOKIEJAR", "COOKIEJAR"},
		     {"GDAL_HTTP_USERAGENT", "USERAGENT"},
		     {"GDAL_HTTP_SSLCERT", "SSLCERT"},
		     {"GDAL_HTTP_SSLCERTTYPE", "SSLCERTTYPE"},
		     {"GDAL_HTTP_SSLKEY", "SSLKEY"},
		     {"GDAL_HTTP_KEYPASSWD", "KEYPASSWD"}};
	for (const auto &one : known) {
		const char *value = VSIGetPathSpecificOption(path.c_str(), one.setting, nullptr);
		if (value != nullptr)
			options.SetNameValue(one.option, value);
	}
}

/* The user's own headers: ours take their place, or in GDAL 3.6 hide those of the path. */
static std::string users_headers(const std::string &path)
{
	const char *text = VSIGetPathSpecificOption(path.c_str(), "GDAL_HTTP_HEADERS", nullptr);
	if (text == nullptr || *text == '\0')
		return "";
	if (strstr(text, "\r\n") != nullptr)
		return std::string(text) + "\r\n";
	const char *comma = strchr(text, ',');
	if (comma != nullptr && strchr(comma, ':') == nullptr) /* "Accept: a, b" is one header */
		return std::string(text) + "\r\n";
	std::string out;
	CPLStringList list(CSLTokenizeString2(text, ",", CSLT_HONOURSTRINGS));
	for (int i = 0; i < list.size(); i++)
		out += std::string(list[i]) + "\r\n";
	return out;
}

/* What is set for a connection stays set: it serves the same server with the same settings. */
static std::string kind_of(const HttpQuery &query, const CPLStringList &settings)
{
	size_t host = query.url.find("://");
	std::string kind = query.url.substr(0, query.url.find('/', host + 3));
	kind += query.what == HttpQuery::HEAD ? "\nHEAD" : "\nGET";
	for (int i = 0; i < settings.size(); i++)
		kind += std::string("\n") + settings[i];
	return kind;
}

static CPLStringList options_of(const HttpQuery &query, const CPLStringList &settings,
				const std::string &session)
{
	CPLStringList options(settings);
	/* A compressed answer would have another size than the value. */
	std::string headers = users_headers(query.path) + "Accept-Encoding: identity";
	if (query.what == HttpQuery::RANGE)
		headers += "\r\nRange: bytes=" + std::to_string(query.offset) + "-" +
			   std::to_string(query.offset + query.length - 1);
	else if (query.what == HttpQuery::TAIL)
		headers += "\r\nRange: bytes=-" + std::to_string(query.length);
	options.SetNameValue("HEADERS", headers.c_str());
	if (query.what == HttpQuery::HEAD)
		options.SetNameValue("NO_BODY", "YES");
	options.SetNameValue("MAX_RETRY", "0");
	options.SetNameValue("PERSISTENT", session.c_str());
	return options;
}

/* --- the answer --------------------------------------------------------------------------- */

/* The last one of that name: before it come those of redirections. */
static const char *header(const CPLHTTPResult &result, const char *name)
{
	const char *found = nullptr;
	size_t n = strlen(name);
	for (char **h = result.papszHeaders; h != nullptr && *h != nullptr; h++)
		if (EQUALN(*h, name, n) && (*h)[n] == '=')
			found = *h + n + 1;
	return found;
}

static bool number(const char *&text, uint64_t &out)
{
	if (*text < '0' || *text > '9')
		return false;
	char *end = nullptr;
	errno = 0;
	out = strtoull(text, &end, 10);
	text = end;
	return errno == 0;
}

/* "bytes 0-99/1234", also with an unknown size, or unsatisfied: "bytes * /1234". */
static bool parse_range(const char *text, HttpAnswer &out, uint64_t &last)
{
	bool has_bytes = false;
	if (!STARTS_WITH_CI(text, "bytes"))
		return false;
	text += strlen("bytes");
	while (*text == ' ' || *text == '=')
		text++;
	if (*text == '*') {
		text++;
	} else {
		if (!number(text, out.first) || *text++ != '-' || !number(text, last))
			return false;
		has_bytes = true;
	}
	if (*text++ != '/')
		return false;
	out.has_size = *text != '*' && number(text, out.size);
	return has_bytes;
}

static void read_version(const CPLHTTPResult &result, HttpAnswer &out)
{
	const char *etag = header(result, "ETag"), *changed = header(result, "Last-Modified");
	out.etag = etag != nullptr ? etag : "";
	const char *now = header(result, "Date");
	bool settled = changed != nullptr && now != nullptr && !EQUAL(changed, now);
	out.changed = settled ? changed : "";
}

static void read_success(const HttpQuery &query, const CPLHTTPResult &result, const Sink &sink,
			 HttpAnswer &out)
{
	const char *range = header(result, "Content-Range");
	uint64_t last = 0;
	read_version(result, out);
	out.got = sink.kept;
	if (range == nullptr) {
		const char *length = header(result, "Content-Length");
		out.kind = sink.seen > sink.most ? HttpAnswer::TOO_LONG : HttpAnswer::WHOLE;
		if (query.what == HttpQuery::HEAD || out.kind == HttpAnswer::TOO_LONG) {
			out.has_size = length != nullptr && number(length, out.size);
		} else {
			out.has_size = true;
			out.size = sink.kept;
		}
		return;
	}
	if (!parse_range(range, out, last) || last < out.first ||
	    last - out.first + 1 != sink.seen || sink.seen > sink.most) {
		out.kind = HttpAnswer::FAILED;
		out.text = CPLSPrintf("the server sent %llu bytes as the range '%.60s'",
				      static_cast<unsigned long long>(sink.seen), range);
		return;
	}
	out.kind = HttpAnswer::PART;
}

static void read_answer(const HttpQuery &query, const CPLHTTPResult &result, const Sink &sink,
			HttpAnswer &out)
{
	static const char status[] = "HTTP error code : ";
	uint64_t ignored = 0;
	if (result.pszErrBuf != nullptr && STARTS_WITH(result.pszErrBuf, status)) {
		out.kind = HttpAnswer::REFUSED;
		out.status = static_cast<int>(
			std::strtol(result.pszErrBuf + strlen(status), nullptr, 10));
		out.text = "HTTP status " + std::to_string(out.status);
		const char *range = header(result, "Content-Range");
		if (out.status == 416) {
			out.kind = HttpAnswer::OUTSIDE;
			if (range != nullptr)
				parse_range(range, out, ignored);
		}
		read_version(result, out);
	} else if (sink.out_of_memory) {
		throw std::bad_alloc();
	} else if (sink.seen > sink.most && sink.seen - sink.most > slack) {
		read_success(query, result, sink, out); /* we have ended it */
	} else if (result.nStatus != 0 || result.pszErrBuf != nullptr) {
		out.kind = HttpAnswer::FAILED;
		out.text = result.pszErrBuf != nullptr
				   ? result.pszErrBuf
				   : "transfer error " + std::to_string(result.nStatus);
	} else {
		read_success(query, result, sink, out);
	}
}

static HttpAnswer ask_once(const HttpQuery &query)
{
	HttpAnswer out;
	CPLStringList settings;
	add_settings(query.path, settings);
	Session session(kind_of(query, settings));
	Muted mute;
	uint64_t most = query.what == HttpQuery::HEAD    ? 0
			: query.what == HttpQuery::WHOLE ? query.most
							 : query.length;
	Sink sink = {query.into, &out.body, most};
	CPLStringList options = options_of(query, settings, session.name());
	LocalOption told("GDAL_HTTP_HEADERS", ""); /* they are among ours */
	CPLHTTPResult *result =
		CPLHTTPFetchEx(query.url.c_str(), options.List(), nullptr, nullptr, take, &sink);
	if (result == nullptr) {
		out.text = "this GDAL was built without an HTTP client";
		return out;
	}
	try {
		read_answer(query, *result, sink, out);
	} catch (...) {
		CPLHTTPDestroyResult(result);
		throw;
	}
	CPLHTTPDestroyResult(result);
	return out;
}

static bool worth_retrying(const HttpAnswer &answer)
{
	if (answer.kind == HttpAnswer::FAILED)
		return true;
	return answer.kind == HttpAnswer::REFUSED &&
	       (answer.status == 429 || answer.status == 500 ||
		(answer.status >= 502 && answer.status <= 504));
}

HttpAnswer http_get(const HttpQuery &query)
{
	const char *path = query.path.c_str();
	long retries = std::strtol(VSIGetPathSpecificOption(path, "GDAL_HTTP_MAX_RETRY", "0"),
				   nullptr, 10);
	double delay = CPLAtof(VSIGetPathSpecificOption(path, "GDAL_HTTP_RETRY_DELAY", "30"));
	for (long i = 0;; i++) {
		HttpAnswer answer = ask_once(query);
		if (i >= retries || !worth_retrying(answer))
			return answer;
		CPLDebug("OMEZarr", "%s: %s, again in %.1f s", path, answer.text.c_str(), delay);
		CPLSleep(delay);
		delay *= 2;
	}
}

/* S3's own reason, when the body is its XML. */
static std::string reason(const HttpAnswer &answer)
{
	size_t from = answer.body.find("<Code>"), to = answer.body.find("</Code>");
	if (from == std::string::npos || to == std::string::npos || to < from + 6 || to - from > 80)
		return "";
	return " (" + answer.body.substr(from + 6, to - from - 6) + ")";
}

int http_fail(const HttpAnswer &answer, ozr_err *err)
{
	int code = OZR_NET;
	switch (answer.kind) {
	case HttpAnswer::REFUSED:
		if (answer.status == 404 || answer.status == 410)
			code = OZR_NOT_FOUND;
		else if (answer.status == 401 || answer.status == 403 || answer.status == 407)
			code = OZR_DENIED;
		return ozr_fail(err, code, "%s%s", answer.text.c_str(), reason(answer).c_str());
	case HttpAnswer::FAILED:
		return ozr_fail(err, OZR_NET, "%s", answer.text.c_str());
	case HttpAnswer::OUTSIDE:
		return ozr_fail(err, OZR_CORRUPT, "the server has no such range (HTTP status 416)");
	case HttpAnswer::WHOLE:
	case HttpAnswer::TOO_LONG:
		return ozr_fail(err, OZR_CORRUPT,
				"the server ignores the range of bytes that is asked for");
	default:
		return ozr_fail(err, OZR_CORRUPT, "the server sent another range than asked for");
	}
}
