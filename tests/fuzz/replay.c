/* SPDX-License-Identifier: MIT */
/*
 * Calls a fuzz target with its seeds and with mutations of them, the same ones
 * in every run:
 *
 *	fuzz_json ROUNDS [-v] [FILE-OR-FOLDER ...]
 *
 * Each seed goes in as it is and mutated ROUNDS times. -v numbers the inputs on
 * stderr, so that the last number names the one that ended the program. Each
 * input is in memory of its own of exactly its size.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

enum { SEEDS = 512, LARGEST = 1 << 17 };

static struct {
	uint8_t *bytes;
	size_t size;
} seed[SEEDS];
static unsigned seeds;
static uint64_t state = 1;
static unsigned long inputs;
static int verbose;

static uint64_t next_random(uint64_t below)
{
	uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return below ? z % below : z;
}

static void add_seed(const uint8_t *bytes, size_t size)
{
	FUZZ_CHECK(seeds < SEEDS);
	seed[seeds].bytes = malloc(size + 1);
	FUZZ_CHECK(seed[seeds].bytes);
	memcpy(seed[seeds].bytes, bytes, size);
	seed[seeds++].size = size;
}

static void add_file(const char *path)
{
	static uint8_t bytes[LARGEST];
	FILE *f = fopen(path, "rb");
	FUZZ_CHECK(f);
	size_t size = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	add_seed(bytes, size);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* A file, or all files of a folder, sorted: the same order everywhere. */
static void add_path(const char *path)
{
	struct dirent **list;
	struct stat st;
	char file[4096];
	FUZZ_CHECK(stat(path, &st) == 0);
	if (!S_ISDIR(st.st_mode)) {
		add_file(path);
		return;
	}
	int n = scandir(path, &list, NULL, by_name);
	FUZZ_CHECK(n >= 0);
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof file, "%s/%s", path, list[i]->d_name);
		if (list[i]->d_name[0] != '.')
			add_file(file);
		free(list[i]);
	}
	free(list);
}

static void run(const uint8_t *bytes, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);
	FUZZ_CHECK(exact);
	memcpy(exact, bytes, size);
	if (verbose)
		fprintf(stderr, "%lu: %zu bytes\n", inputs, size);
	inputs++;
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

/* --- Mutations -------------------------------------------------------------- */

/* Replace [at, at + cut) by n bytes; the new size. */
static size_t splice(uint8_t *b, size_t size, size_t at, size_t cut, const uint8_t *with, size_t n)
{
	uint8_t copy[4096];
	if (n > sizeof copy)
		n = sizeof copy;
	memcpy(copy, with, n); /* it may come from b */
	if (size - cut + n > LARGEST)
		return size;
	memmove(b + at + n, b + at + cut, size - at - cut);
	memcpy(b + at, copy, n);
	return size - cut + n;
}

static size_t put_number(uint8_t *b, size_t size, size_t at)
{
	static const int64_t odd[] = {0,         1,          -1,        127,      128,
				      255,       256,        32767,     65535,    65536,
				      INT32_MAX, UINT32_MAX, INT64_MAX, INT64_MIN};
	uint64_t v = (uint64_t)odd[next_random(sizeof odd / sizeof *odd)] + next_random(3) - 1;
	size_t n = (size_t)1 << next_random(4);
	for (size_t i = 0; i < n && at + i < size; i++)
		b[at + i] = (uint8_t)(v >> 8 * i);
	return size;
}

static size_t put_text(uint8_t *b, size_t size, size_t at)
{
	static const char *const odd[] = {"0",
					  "-1",
					  "1e999",
					  "18446744073709551615",
					  "9223372036854775808",
					  "null",
					  "true",
					  "[]",
					  "{}",
					  "\"\"",
					  "NaN",
					  "[[[[[[[[",
					  "\\ud800",
					  "\\u0000",
					  "..",
					  "/",
					  ",",
					  ":",
					  "}",
					  "]",
					  "1.5",
					  "-0",
					  "\"a\":1,",
					  "0x",
					  "\xff",
					  "\xc0\x80",
					  "    "};
	const char *text = odd[next_random(sizeof odd / sizeof *odd)];
	size_t cut = next_random(2) ? 0 : next_random(size - at < 12 ? size - at + 1 : 12);
	return splice(b, size, at, cut, (const uint8_t *)text, strlen(text));
}

static size_t mutate(uint8_t *b, size_t size)
{
	size_t at = size ? next_random(size) : 0, n;
	unsigned other = (unsigned)next_random(seeds);
	if (!size)
		return put_text(b, 0, 0);
	switch (next_random(9)) {
	case 0:
		b[at] ^= (uint8_t)(1 << next_random(8));
		return size;
	case 1:
		b[at] = (uint8_t)next_random(256);
		return size;
	case 2:
		return at; /* cut off */
	case 3:
		n = 1 + next_random(size - at < 32 ? size - at : 32);
		return splice(b, size, at, n, b, 0);
	case 4: /* again, elsewhere */
		n = next_random(size - at < 64 ? size - at + 1 : 64);
		return splice(b, size, next_random(size), 0, b + at, n);
	case 5: /* a piece of another one */
		if (!seed[other].size)
			return size;
		n = next_random(seed[other].size);
		return splice(b, size, at, 0, seed[other].bytes + n,
			      next_random(seed[other].size - n < 256 ? seed[other].size - n : 256));
	case 6:
		return put_number(b, size, at);
	default:
		return put_text(b, size, at);
	}
}

int main(int argc, char **argv)
{
	static uint8_t bytes[LARGEST];
	int at = 2;
	size_t size;
	if (argc < 2) {
		fprintf(stderr, "usage: %s ROUNDS [-v] [FILE-OR-FOLDER ...]\n", argv[0]);
		return 2;
	}
	unsigned long rounds = strtoul(argv[1], NULL, 10);
	if (at < argc && strcmp(argv[at], "-v") == 0) {
		verbose = 1;
		at++;
	}
	for (unsigned i = 0; (size = fuzz_seed(i, bytes, sizeof bytes)) != 0; i++)
		add_seed(bytes, size);
	for (; at < argc; at++)
		add_path(argv[at]);
	FUZZ_CHECK(seeds > 0);
	for (unsigned i = 0; i < seeds; i++) {
		run(seed[i].bytes, seed[i].size);
		for (unsigned long r = 0; r < rounds; r++) {
			memcpy(bytes, seed[i].bytes, seed[i].size);
			size = seed[i].size;
			for (uint64_t k = 1 + next_random(4); k > 0; k--)
				size = mutate(bytes, size);
			run(bytes, size);
		}
	}
	for (unsigned i = 0; i < seeds; i++)
		free(seed[i].bytes);
	printf("%u seeds, %lu inputs\n", seeds, inputs);
	return 0;
}
