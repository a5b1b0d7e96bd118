/* SPDX-License-Identifier: MIT */
/*
 * What unit tests share: checks that end the program with the place and the
 * error's message, a temporary directory, and files made, read and removed by
 * plain POSIX calls (an oracle that is not the library).
 */
#ifndef OZR_TESTS_CHECK_H
#define OZR_TESTS_CHECK_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ozr/error.h"

#define MAYBE_UNUSED __attribute__((unused))

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			check_failed(__FILE__, __LINE__, #cond, "");                               \
	} while (0)
/* An expression of the library that takes &err: its code, and its message when it differs. */
#define CHECK_CODE(want, call)                                                                     \
	do {                                                                                       \
		int check_got = (call);                                                            \
		if (check_got != (want)) {                                                         \
			fprintf(stderr, "%s instead of %s\n", ozr_code_name(check_got),            \
				ozr_code_name(want));                                              \
			check_failed(__FILE__, __LINE__, #call, check_got ? err.msg : "");         \
		}                                                                                  \
	} while (0)
#define CHECK_OK(call) CHECK_CODE(OZR_OK, call)

MAYBE_UNUSED __attribute__((noreturn)) static void check_failed(const char *file, int line,
								const char *what, const char *msg)
{
	fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, msg);
	fflush(NULL);
	_exit(1);
}

/* --- Temporary directories ------------------------------------------------ */

MAYBE_UNUSED static int remove_entry(const char *path, const struct stat *st, int type,
				     struct FTW *ftw)
{
	(void)st, (void)ftw;
	return type == FTW_DP ? rmdir(path) : unlink(path);
}

MAYBE_UNUSED static void remove_tree(const char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* A new directory; the caller removes it. */
MAYBE_UNUSED static char *temp_dir(char path[PATH_MAX])
{
	const char *base = getenv("TMPDIR");
	snprintf(path, PATH_MAX, "%s/ozr-test-XXXXXX", base && *base ? base : "/tmp");
	CHECK(mkdtemp(path));
	return path;
}

/* The same on a file system in memory if there is one: for thousands of runs that need no disk. */
MAYBE_UNUSED static char *quick_temp_dir(char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "/dev/shm/ozr-test-XXXXXX");
	return mkdtemp(path) ? path : temp_dir(path);
}

/* --- Files ----------------------------------------------------------------- */

/* "a/b"; one of four buffers in turn. */
MAYBE_UNUSED static const char *join(const char *dir, const char *name)
{
	static _Thread_local char paths[4][PATH_MAX];
	static _Thread_local unsigned turn;
	char *path = paths[turn++ % 4];
	CHECK(snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX);
	return path;
}

MAYBE_UNUSED static void write_file(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && close(fd) == 0);
}

/* Bytes read, or -1 when there is no such file. */
MAYBE_UNUSED static ssize_t read_file(const char *path, void *bytes, size_t len)
{
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, bytes, len);
	close(fd);
	return n;
}

MAYBE_UNUSED static int exists(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

/* Entries of a directory whose names contain part ("" for all), without "." and "..". */
MAYBE_UNUSED static int count_entries(const char *path, const char *part)
{
	DIR *dir = opendir(path);
	int n = 0;
	if (!dir)
		return 0;
	for (const struct dirent *e; (e = readdir(dir)) != NULL;)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		     strstr(e->d_name, part) != NULL;
	closedir(dir);
	return n;
}

/* --- Random numbers: the same ones in every run --------------------------- */

MAYBE_UNUSED static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Bytes that depend on the seed and the position. */
MAYBE_UNUSED static void fill_bytes(void *bytes, size_t len, uint64_t seed)
{
	unsigned char *p = bytes;
	for (size_t i = 0; i < len; i++) {
		uint64_t s = seed * 1000003 + i / 8;
		p[i] = (unsigned char)(next_random(&s) >> (8 * (i % 8)));
	}
}

#endif
