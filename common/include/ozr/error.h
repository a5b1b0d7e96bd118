/* SPDX-License-Identifier: MIT */
/*
 * Errors: a code that says what the caller can do, and a message that says
 * what happened. Every fallible function of the library returns one of these
 * codes and takes a struct ozr_err * (which may be NULL) as its last argument.
 *
 * The lowest layer that knows the fact writes the message (the thing, the
 * value found, the value allowed); upper layers prefix the place:
 *   open 'cells.ome.zarr': level 2 ('2'): zarr.json: /shape/1: must be ...
 * Messages have no final period, no "failed to"; text from outside is escaped
 * and cut by ozr_quote(). Threads: a struct ozr_err belongs to one thread.
 */
#ifndef OZR_ERROR_H
#define OZR_ERROR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define OZR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define OZR_MUST_CHECK   __attribute__((warn_unused_result))
#define OZR_API          __attribute__((visibility("default")))
#else
#define OZR_PRINTF(f, a)
#define OZR_MUST_CHECK
#define OZR_API
#endif

enum ozr_code {
	OZR_OK = 0,
	OZR_NOT_FOUND = -1,   /* the store answered, and the key does not exist */
	OZR_NO_MEMORY = -2,   /* an allocation failed; nothing was changed */
	OZR_BAD_ARG = -3,     /* the caller broke the contract of the function */
	OZR_IO = -4,          /* the operating system said no; err->sys is errno */
	OZR_NET = -5,         /* transport failure after all retries */
	OZR_DENIED = -6,      /* permission, host policy, or a path leaving the root */
	OZR_BAD_FORMAT = -7,  /* metadata is not what the specification allows */
	OZR_CORRUPT = -8,     /* bytes contradict their checksum or declared size */
	OZR_UNSUPPORTED = -9, /* valid, but this build cannot do it */
	OZR_LIMIT = -10,      /* a limit in struct ozr_limits was reached */
	OZR_BUSY = -11,       /* another writer holds the lock */
	OZR_CANCELLED = -12,  /* the host said stop */
	OZR_CHANGED = -13,    /* the store was replaced or removed while it was read */
	OZR_EXISTS = -14      /* the target is there and must not be replaced */
};

/* Owned by the caller, usually on the stack. Fixed size, so that reporting
 * "out of memory" needs no memory. Only meaningful after a call that failed. */
struct ozr_err {
	int code;      /* enum ozr_code */
	int sys;       /* errno of the failed system call, or 0 */
	char msg[500]; /* NUL-terminated, valid UTF-8 when the inputs were */
};

/* Fill err (which may be NULL) and return code: "return ozr_fail(...)". */
OZR_API int ozr_fail(struct ozr_err *err, int code, const char *fmt, ...) OZR_PRINTF(3, 4);
/* The same for a failed system call: appends strerror(sys), stores sys, and
 * picks the code from it (ENOENT: NOT_FOUND, EACCES/EPERM/EROFS: DENIED,
 * ENOMEM: NO_MEMORY, EEXIST: EXISTS, anything else: IO). */
OZR_API int ozr_fail_errno(struct ozr_err *err, int sys, const char *fmt, ...) OZR_PRINTF(3, 4);
/* Put "where: " in front of the message on the way up. Returns code. */
OZR_API int ozr_err_context(struct ozr_err *err, int code, const char *fmt, ...) OZR_PRINTF(3, 4);
/* "NOT_FOUND" for OZR_NOT_FOUND; never NULL. */
OZR_API const char *ozr_code_name(int code);
/* Copy text from outside for a message: control bytes as \xNN, at most 80
 * bytes of it. Returns buf. */
#define OZR_QUOTE_MAX 100
OZR_API const char *ozr_quote(char buf[OZR_QUOTE_MAX], const char *text, size_t len);

#ifdef __cplusplus
}
#endif
#endif
