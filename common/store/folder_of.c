/* SPDX-License-Identifier: MIT */
/*
 * A local file as a value: the folder that it is in as a store, and its name
 * there as the key. The host's policy is asked about the file itself, after
 * links were followed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/ctx.h"
#include "ozr/store.h"
#include "store/dir.h"

int ozr_store_open_folder_of(struct ozr_ctx *ctx, const char *path, char name[OZR_NAME_MAX],
			     struct ozr_store **out, struct ozr_err *err)
{
	const struct ozr_sys *sys = ozr_ctx_sys(ctx);
	char resolved[PATH_MAX], quoted[OZR_QUOTE_MAX];
	if (!sys->realpath(path, resolved)) {
		if (errno != ENOENT && errno != ENOTDIR)
			return ozr_dir_fail(err, errno, "open", path);
		return ozr_fail(err, OZR_NOT_FOUND, "'%s': no such file",
				ozr_quote(quoted, path, strlen(path)));
	}
	int code = ozr_ctx_allowed(ctx, resolved, OZR_READ, err);
	if (code)
		return code;
	char *slash = strrchr(resolved, '/');
	const size_t len = strlen(slash + 1);
	if (len >= OZR_NAME_MAX)
		return ozr_fail(err, OZR_UNSUPPORTED, "'%s': a name of %zu bytes, at most %d",
				ozr_quote(quoted, path, strlen(path)), len, OZR_NAME_MAX - 1);
	memcpy(name, slash + 1, len + 1);
	*slash = '\0';
	const char *folder = slash == resolved ? "/" : resolved;
	const int fd = sys->open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return ozr_dir_fail(err, errno, "open", folder);
	return ozr_dir_open_fd(ctx, fd, folder, OZR_READ, OZR_FLUSH_NONE, out, err);
}
