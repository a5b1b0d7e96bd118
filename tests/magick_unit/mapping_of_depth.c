/* SPDX-License-Identifier: MIT */
/*
 * Values as quanta in builds of ImageMagick that are not at hand: this file and
 * mapping.c are compiled for 8, 16 and 32 bits, with and without HDRI, against
 * the headers of one that is. Expected values are whole numbers worked out here.
 */
#include <math.h>

#include "check.h"
#include "mapping.h"

enum { HDRI = MAGICKCORE_HDRI_ENABLE };

static const uint64_t range = MAGICKCORE_QUANTUM_DEPTH == 8    ? 255
			      : MAGICKCORE_QUANTUM_DEPTH == 16 ? 65535
							       : 4294967295;

/* value / span of the range, rounded half up: what a quantum of whole numbers is. */
static uint64_t part_of_range(uint64_t value, uint64_t span)
{
	unsigned __int128 twice = (unsigned __int128)value * range * 2 + span;

	return (uint64_t)(twice / ((unsigned __int128)span * 2));
}

/* A quantum that stands for part value / span, as the build has it. */
static void expect(Quantum got, uint64_t value, uint64_t span, int line)
{
	double exact = (double)value / (double)span * (double)range;
	int same = HDRI ? fabs((double)got - exact) <= exact * 1e-7
			: (uint64_t)got == part_of_range(value, span);

	if (!same) {
		char text[120];

		(void)snprintf(text, sizeof(text), "%.9g for %.9g / %.9g", (double)got,
			       (double)value, (double)span);
		check_failed(__FILE__, line, "expect", text);
	}
}

static void one(enum ozr_dtype dtype, const void *value, uint64_t part, uint64_t span, int line)
{
	struct mapping m;
	uint64_t lost = 0;
	Quantum row[1];
	const Quantum *got;

	mapping_full(&m, dtype);
	got = mapping_apply(&m, value, 1, row, &lost);
	expect(*got, part, span, line);
	if (lost)
		check_failed(__FILE__, line, ozr_dtype_name(dtype), "was lost");
}

#define ONE(dtype, type, value, part, span) one(dtype, &(type){value}, part, span, __LINE__)

static void test_8_bits(void)
{
	for (unsigned v = 0; v < 256; v++) {
		ONE(OZR_UINT8, uint8_t, (uint8_t)v, v, 255);
		ONE(OZR_INT8, int8_t, (int8_t)((int)v - 128), v, 255);
	}
	ONE(OZR_BOOL, uint8_t, 0, 0, 1);
	ONE(OZR_BOOL, uint8_t, 1, 1, 1);
}

static void test_16_bits(void)
{
	for (unsigned v = 0; v < 65536; v++) {
		ONE(OZR_UINT16, uint16_t, (uint16_t)v, v, 65535);
		ONE(OZR_INT16, int16_t, (int16_t)((int)v - 32768), v, 65535);
	}
}

static void test_32_bits(void)
{
	for (uint64_t v = 0; v <= UINT32_MAX; v += 65521) {
		ONE(OZR_UINT32, uint32_t, (uint32_t)v, v, UINT32_MAX);
		ONE(OZR_INT32, int32_t, (int32_t)((int64_t)v - 2147483648), v, UINT32_MAX);
	}
	ONE(OZR_UINT32, uint32_t, UINT32_MAX, UINT32_MAX, UINT32_MAX);
	ONE(OZR_INT32, int32_t, INT32_MAX, UINT32_MAX, UINT32_MAX);
}

static void test_others(void)
{
	ONE(OZR_UINT64, uint64_t, UINT64_MAX, 1, 1);
	ONE(OZR_UINT64, uint64_t, 0, 0, 1);
	ONE(OZR_UINT64, uint64_t, UINT64_MAX / 5, 1, 5);
	ONE(OZR_INT64, int64_t, INT64_MIN, 0, 1);
	ONE(OZR_INT64, int64_t, INT64_MAX, 1, 1);
	ONE(OZR_FLOAT32, float, 0, 0, 1);
	ONE(OZR_FLOAT32, float, 0.625F, 5, 8);
	ONE(OZR_FLOAT64, double, 1, 1, 1);
	ONE(OZR_FLOAT64, double, 0.3125, 5, 16);
}

/* Beyond the ends: the ends, and counted; HDRI keeps what is finite. */
static void test_lost(void)
{
	const float value[] = {-1, 2, NAN, INFINITY, -INFINITY, 0.5F, -0.0F};
	Quantum row[7];
	struct mapping m;
	uint64_t lost = 0;

	mapping_full(&m, OZR_FLOAT32);
	(void)mapping_apply(&m, value, 7, row, &lost);
	CHECK(lost == (HDRI ? 3 : 5));
	if (HDRI) {
		CHECK(fabs((double)row[0] + (double)range) < 1);
		CHECK(fabs((double)row[1] / 2 - (double)range) < 1);
	} else {
		CHECK(row[0] == 0);
		expect(row[1], 1, 1, __LINE__);
	}
	CHECK(row[2] == 0);
	expect(row[3], 1, 1, __LINE__);
	CHECK(row[4] == 0);
	expect(row[5], 1, 2, __LINE__);
	CHECK(row[6] == 0);
}

/* Numbers: 300 is 300 of 65535, or of 255 where there is no more. */
static void test_raw(void)
{
	const uint64_t most = range < 65535 ? 255 : 65535;
	const uint32_t value[] = {0, 1, 200, 65535, 65536};
	Quantum row[5];
	struct mapping m;
	uint64_t lost = 0;

	mapping_raw(&m, OZR_UINT32);
	(void)mapping_apply(&m, value, 5, row, &lost);
	for (unsigned i = 0; i < 3; i++)
		expect(row[i], value[i], most, __LINE__);
	if (!HDRI) {
		expect(row[3], 1, 1, __LINE__);
		expect(row[4], 1, 1, __LINE__);
		CHECK(lost == (most == 255 ? 2 : 1));
	}
}

static void test_windows(void)
{
	const int16_t value[] = {-100, 60, 100, 50};
	const uint8_t byte[] = {10, 20, 15, 5};
	Quantum row[4];
	struct mapping m;
	uint64_t lost = 0;

	mapping_window(&m, OZR_INT16, -100, 100);
	(void)mapping_apply(&m, value, 4, row, &lost);
	expect(row[0], 0, 1, __LINE__);
	expect(row[1], 4, 5, __LINE__);
	expect(row[2], 1, 1, __LINE__);
	expect(row[3], 3, 4, __LINE__);
	mapping_window(&m, OZR_UINT8, 20, 10); /* inverted */
	(void)mapping_apply(&m, byte, 3, row, &lost);
	expect(row[0], 1, 1, __LINE__);
	expect(row[1], 0, 1, __LINE__);
	expect(row[2], 1, 2, __LINE__);
	CHECK(lost == 0);
	(void)mapping_apply(&m, byte + 3, 1, row, &lost);
	CHECK(lost == !HDRI);
	mapping_window(&m, OZR_UINT8, 7, 7);
	(void)mapping_apply(&m, byte, 1, row, &lost);
	CHECK(row[0] == 0);
}

int main(void)
{
	test_8_bits();
	test_16_bits();
	test_32_bits();
	test_others();
	test_lost();
	test_raw();
	test_windows();
	return 0;
}
