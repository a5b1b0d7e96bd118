/* SPDX-License-Identifier: MIT */
/*
 * Byte shuffle for one vector width. shuffle.c includes this once for each,
 * with NAME(), TARGET, VEC, LOAD, STORE and the pair SPLIT / JOIN defined:
 *   SPLIT(a, b, even, odd)  the even and the odd bytes of a followed by b
 *   JOIN(even, odd, a, b)   the reverse
 * Items of 4 and 8 bytes are split two and three times. Each function handles
 * as many whole vectors as there are and returns the items done.
 */
static inline TARGET void NAME(split4)(VEC r[4])
{
	VEC e0, e1, o0, o1;
	SPLIT(r[0], r[1], e0, o0);
	SPLIT(r[2], r[3], e1, o1);
	SPLIT(e0, e1, r[0], r[2]);
	SPLIT(o0, o1, r[1], r[3]);
}

static inline TARGET void NAME(join4)(VEC r[4])
{
	VEC e0, e1, o0, o1;
	JOIN(r[0], r[2], e0, e1);
	JOIN(r[1], r[3], o0, o1);
	JOIN(e0, o0, r[0], r[1]);
	JOIN(e1, o1, r[2], r[3]);
}

static TARGET size_t NAME(shuffle)(unsigned item, size_t count, const unsigned char *s,
				   unsigned char *d)
{
	size_t i = 0;
	for (; item == 2 && i + sizeof(VEC) <= count; i += sizeof(VEC), s += 2 * sizeof(VEC)) {
		VEC a = LOAD(s), b = LOAD(s + sizeof(VEC)), even, odd;
		SPLIT(a, b, even, odd);
		STORE(d + i, even);
		STORE(d + count + i, odd);
	}
	for (; item == 4 && i + sizeof(VEC) <= count; i += sizeof(VEC), s += 4 * sizeof(VEC)) {
		VEC r[4];
		for (size_t k = 0; k < 4; k++)
			r[k] = LOAD(s + k * sizeof(VEC));
		NAME(split4)(r);
		for (size_t k = 0; k < 4; k++)
			STORE(d + k * count + i, r[k]);
	}
	for (; item == 8 && i + sizeof(VEC) <= count; i += sizeof(VEC), s += 8 * sizeof(VEC)) {
		VEC even[4], odd[4];
		for (size_t k = 0; k < 4; k++) {
			VEC a = LOAD(s + 2 * k * sizeof(VEC)),
			    b = LOAD(s + (2 * k + 1) * sizeof(VEC));
			SPLIT(a, b, even[k], odd[k]);
		}
		NAME(split4)(even);
		NAME(split4)(odd);
		for (size_t k = 0; k < 4; k++) {
			STORE(d + 2 * k * count + i, even[k]);
			STORE(d + (2 * k + 1) * count + i, odd[k]);
		}
	}
	return i;
}

static TARGET size_t NAME(unshuffle)(unsigned item, size_t count, const unsigned char *s,
				     unsigned char *d)
{
	size_t i = 0;
	for (; item == 2 && i + sizeof(VEC) <= count; i += sizeof(VEC), d += 2 * sizeof(VEC)) {
		VEC even = LOAD(s + i), odd = LOAD(s + count + i), a, b;
		JOIN(even, odd, a, b);
		STORE(d, a);
		STORE(d + sizeof(VEC), b);
	}
	for (; item == 4 && i + sizeof(VEC) <= count; i += sizeof(VEC), d += 4 * sizeof(VEC)) {
		VEC r[4];
		for (size_t k = 0; k < 4; k++)
			r[k] = LOAD(s + k * count + i);
		NAME(join4)(r);
		for (size_t k = 0; k < 4; k++)
			STORE(d + k * sizeof(VEC), r[k]);
	}
	for (; item == 8 && i + sizeof(VEC) <= count; i += sizeof(VEC), d += 8 * sizeof(VEC)) {
		VEC even[4], odd[4];
		for (size_t k = 0; k < 4; k++) {
			even[k] = LOAD(s + 2 * k * count + i);
			odd[k] = LOAD(s + (2 * k + 1) * count + i);
		}
		NAME(join4)(even);
		NAME(join4)(odd);
		for (size_t k = 0; k < 4; k++) {
			VEC a, b;
			JOIN(even[k], odd[k], a, b);
			STORE(d + 2 * k * sizeof(VEC), a);
			STORE(d + (2 * k + 1) * sizeof(VEC), b);
		}
	}
	return i;
}

#undef NAME
#undef TARGET
#undef VEC
#undef LOAD
#undef STORE
#undef SPLIT
#undef JOIN
