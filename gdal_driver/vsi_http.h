/* SPDX-License-Identifier: MIT */
/*
 * One HTTP request, through GDAL's HTTP client and with its settings (proxy,
 * credentials, headers, retries), but with what VSI's files do not tell: the
 * status, the range that was really sent, the version of what it is part of.
 * Nothing is cached. Any thread; connections are kept and reused.
 */
#ifndef OZR_GDAL_VSI_HTTP_H
#define OZR_GDAL_VSI_HTTP_H

#include <cstdint>
#include <string>
#include <vector>

#include "ozr/error.h"

struct HttpQuery {
	std::string url;
	std::string path; /* as VSI calls it: for options that belong to a path */
	enum { HEAD, WHOLE, RANGE, TAIL } what = WHOLE;
	uint64_t offset = 0, length = 0; /* RANGE; TAIL: length only */
	/* The body goes to memory of the caller, or (NULL) to HttpAnswer::body. */
	char *into = nullptr;
	uint64_t most = 0; /* bytes of body: RANGE and TAIL: as length; WHOLE: a limit */
};

struct HttpAnswer {
	enum Kind {
		WHOLE,    /* 200 */
		PART,     /* 206, of the bytes first ... first + got - 1 */
		OUTSIDE,  /* 416: the value is too short for the range */
		REFUSED,  /* another status: in .status */
		TOO_LONG, /* a body longer than `most`, without a word about a range */
		FAILED    /* no complete answer */
	} kind = FAILED;
	int status = 0;     /* of REFUSED */
	std::string text;   /* what to say about REFUSED and FAILED */
	std::string body;   /* when no memory was given, and of REFUSED the beginning */
	uint64_t got = 0;   /* bytes of body that were kept */
	uint64_t first = 0; /* PART */
	uint64_t size = 0;  /* of the whole value */
	bool has_size = false;
	/* ETag and Last-Modified; "" when not told, the latter also when the server's clock has not
	 * moved on since: what replaces the value could be stamped the same. */
	std::string etag, changed;
};

HttpAnswer http_get(const HttpQuery &query);

/* The code and message for an answer that is none of those that were wanted. */
int http_fail(const HttpAnswer &answer, ozr_err *err);

#endif
