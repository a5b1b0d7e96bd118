/* SPDX-License-Identifier: MIT */
/*
 * Listing of the directory store. Names are copied out and sorted before the
 * visitor sees the first one, so that it may call back into the store. What no
 * key can name is skipped: our temporary and lock files, hidden stages, names
 * outside the key grammar, links that leave the root, sockets and the like.
 *
 * Temporary files of writers that died are removed here, by stores opened for
 * writing only (dir_temp.c says which).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ctx.h"
#include "base/mem.h"
#include "store/dir.h"

struct listing {
	struct ozr_dir_store *store;
	const char *prefix;
	int fd;               /* of the directory; belongs to its DIR */
	struct ozr_buf names; /* "<kind><name>\0"; kind is 'p' or 'v' */
	size_t count;
};

/* A link is what it leads to. *kind stays 0 for one that leads nowhere or out of the root. */
static int kind_of_link(const struct listing *l, const char *name, char *kind, struct ozr_err *err)
{
	const struct ozr_sys *sys = l->store->sys;
	char key[OZR_KEY_MAX + 1];
	struct stat st;
	if (ozr_key_join(key, l->prefix, name, NULL))
		return OZR_OK;
	int fd = ozr_dir_resolve(sys, l->store->root, key, O_PATH | O_CLOEXEC, 0);
	if (fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR || errno == EXDEV || errno == ELOOP)
			return OZR_OK;
		return ozr_dir_fail(err, errno, "list", key);
	}
	int bad = sys->fstat(fd, &st) ? errno : 0;
	sys->close(fd);
	if (bad)
		return ozr_dir_fail(err, bad, "list", key);
	*kind = S_ISDIR(st.st_mode) ? 'p' : S_ISREG(st.st_mode) ? 'v' : 0;
	return OZR_OK;
}

static int kind_of(const struct listing *l, const struct dirent *e, char *kind, struct ozr_err *err)
{
	struct stat st;
	mode_t type = DTTOIF(e->d_type);
	*kind = 0;
	if (e->d_type == DT_UNKNOWN) {
		if (l->store->sys->fstatat(l->fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			return errno == ENOENT ? OZR_OK
					       : ozr_dir_fail(err, errno, "list", e->d_name);
		type = st.st_mode & S_IFMT;
	}
	if (type == S_IFLNK)
		return kind_of_link(l, e->d_name, kind, err);
	if (type == S_IFDIR || type == S_IFREG)
		*kind = type == S_IFDIR ? 'p' : 'v';
	return OZR_OK;
}

static int note(struct listing *l, const struct dirent *e, struct ozr_err *err)
{
	const char *name = e->d_name;
	char kind;
	if (strncmp(name, OZR_TEMP_PREFIX, strlen(OZR_TEMP_PREFIX)) == 0 &&
	    l->store->base.caps & OZR_STORE_WRITE && ozr_dir_temp_is_stale(l->store, l->fd, name))
		(void)l->store->sys->unlinkat(l->fd, name, 0); /* another time, then */
	/* "." and "..", and all names that are ours, are no keys. */
	if (ozr_key_check(name, NULL))
		return OZR_OK;
	if (*name == '.' && (strstr(name, OZR_STAGE_MARK) || strstr(name, OZR_ASIDE_MARK)))
		return OZR_OK;
	int code = kind_of(l, e, &kind, err);
	if (code || !kind)
		return code;
	l->count++;
	code = ozr_buf_append(&l->names, &kind, 1, err);
	return code ? code : ozr_buf_append(&l->names, name, strlen(name) + 1, err);
}

/* Read the whole directory. No directory is no children. */
static int scan(struct listing *l, struct ozr_err *err)
{
	const struct ozr_sys *sys = l->store->sys;
	const char *shown = *l->prefix ? l->prefix : ".";
	int code = OZR_OK;
	l->fd = ozr_dir_resolve(sys, l->store->root, shown, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (l->fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? OZR_OK
			       : ozr_dir_fail(err, errno, "list", shown);
	DIR *dir = sys->fdopendir(l->fd);
	if (!dir) {
		code = ozr_dir_fail(err, errno, "list", shown);
		sys->close(l->fd);
		return code;
	}
	while (!code) {
		errno = 0;
		const struct dirent *e = sys->readdir(dir);
		if (!e && errno)
			code = ozr_dir_fail(err, errno, "list", shown);
		if (!e)
			break;
		code = note(l, e, err);
	}
	sys->closedir(dir);
	return code;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a + 1, *(const char *const *)b + 1);
}

int ozr_dir_list(struct ozr_store *s, const char *prefix,
		 int (*fn)(void *arg, const char *name, int is_prefix), void *arg,
		 struct ozr_err *err)
{
	struct listing l = {.store = ozr_dir(s), .prefix = prefix};
	const char **order = NULL;
	ozr_buf_init(&l.names, s->ctx, SIZE_MAX / 2);
	int code = scan(&l, err);
	if (code || !l.count)
		goto out;
	order = ozr_calloc(s->ctx, l.count, sizeof(*order), err);
	if (!order) {
		code = ozr_alloc_code(err);
		goto out;
	}
	const char *name = l.names.data;
	for (size_t i = 0; i < l.count; i++, name += strlen(name) + 1)
		order[i] = name;
	qsort(order, l.count, sizeof(*order), compare_names);
	for (size_t i = 0; i < l.count && !code; i++)
		code = fn(arg, order[i] + 1, order[i][0] == 'p');
out:
	ozr_free(s->ctx, order);
	ozr_buf_release(&l.names);
	return code;
}
