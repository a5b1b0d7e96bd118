/* SPDX-License-Identifier: MIT */
/*
 * Units of axes. The specification's list is nineteen decimal prefixes before
 * "meter" and "second", and a few units of their own. Symbols are compared as
 * they are ("mm" is not "Mm"), words in any case and also in the plural.
 */
#include "ome/units.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *word, *symbol;
	double factor;
} prefixes[] = {
	{"yocto", "y", 1e-24}, {"zepto", "z", 1e-21}, {"atto", "a", 1e-18}, {"femto", "f", 1e-15},
	{"pico", "p", 1e-12},  {"nano", "n", 1e-9},   {"micro", "u", 1e-6}, {"milli", "m", 1e-3},
	{"centi", "c", 1e-2},  {"deci", "d", 1e-1},   {"", "", 1.0},        {"hecto", "h", 1e2},
	{"kilo", "k", 1e3},    {"mega", "M", 1e6},    {"giga", "G", 1e9},   {"tera", "T", 1e12},
	{"peta", "P", 1e15},   {"exa", "E", 1e18},    {"zetta", "Z", 1e21}, {"yotta", "Y", 1e24},
};

/* Both code points of the micro sign, in UTF-8. */
#define MICRO_SIGN "\xC2\xB5"
#define GREEK_MU   "\xCE\xBC"

static const struct {
	enum ozr_axis_kind kind;
	const char *name;
	double factor;
	const char *synonyms[6];
} special[] = {
	{OZR_AXIS_SPACE, "angstrom", 1e-10, {"angstroms", "\xC3\x85", "\xE2\x84\xAB", "A"}},
	{OZR_AXIS_SPACE, "inch", 0.0254, {"inches", "in", "\""}},
	{OZR_AXIS_SPACE, "foot", 0.3048, {"feet", "ft"}},
	{OZR_AXIS_SPACE, "yard", 0.9144, {"yards", "yd"}},
	{OZR_AXIS_SPACE, "mile", 1609.344, {"miles", "mi"}},
	{OZR_AXIS_SPACE, "parsec", 3.0856775814913673e16, {"parsecs", "pc"}},
	{OZR_AXIS_SPACE, "micrometer", 1e-6, {"micron", "microns"}},
	{OZR_AXIS_TIME, "minute", 60.0, {"minutes", "min", "mins"}},
	{OZR_AXIS_TIME, "hour", 3600.0, {"hours", "h", "hr", "hrs"}},
	{OZR_AXIS_TIME, "day", 86400.0, {"days", "d"}},
};

static enum ozr_unit_match find_special(const char *unit, enum ozr_axis_kind kind, char name[32],
					double *factor)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		int match = OZR_UNIT_UNKNOWN;
		if (special[i].kind != kind)
			continue;
		if (strcmp(unit, special[i].name) == 0)
			match = OZR_UNIT_EXACT;
		else if (strcasecmp(unit, special[i].name) == 0)
			match = OZR_UNIT_SYNONYM;
		for (size_t s = 0; s < 6 && special[i].synonyms[s] != NULL; s++)
			if (strcmp(unit, special[i].synonyms[s]) == 0)
				match = OZR_UNIT_SYNONYM;
		if (match == OZR_UNIT_UNKNOWN)
			continue;
		snprintf(name, 32, "%s", special[i].name);
		*factor = special[i].factor;
		return (enum ozr_unit_match)match;
	}
	return OZR_UNIT_UNKNOWN;
}

/* Is text = prefix + base, where the base has the given words (any case) or symbol? */
static int is_word(const char *text, const char *prefix, const char *const *words)
{
	size_t n = strlen(prefix);
	if (strncasecmp(text, prefix, n) != 0)
		return 0;
	for (; *words != NULL; words++)
		if (strcasecmp(text + n, *words) == 0)
			return 1;
	return 0;
}

static int is_symbol(const char *text, const char *prefix, const char *symbol)
{
	size_t n = strlen(prefix);
	return strncmp(text, prefix, n) == 0 && strcmp(text + n, symbol) == 0;
}

static int is_synonym(const char *unit, size_t prefix, const char *const *words, const char *symbol)
{
	const char *p = prefixes[prefix].symbol;
	if (is_word(unit, prefixes[prefix].word, words) || is_symbol(unit, p, symbol))
		return 1;
	return *p == 'u' &&
	       (is_symbol(unit, MICRO_SIGN, symbol) || is_symbol(unit, GREEK_MU, symbol));
}

enum ozr_unit_match ozr_unit_find(const char *unit, enum ozr_axis_kind kind, char name[32],
				  double *factor)
{
	static const char *const meters[] = {"meter", "meters", "metre", "metres", NULL};
	static const char *const seconds[] = {"second", "seconds", "sec", "secs", NULL};
	const char *const *words = kind == OZR_AXIS_SPACE ? meters : seconds;

	if (kind != OZR_AXIS_SPACE && kind != OZR_AXIS_TIME)
		return OZR_UNIT_UNKNOWN;
	enum ozr_unit_match match = find_special(unit, kind, name, factor);
	if (match != OZR_UNIT_UNKNOWN)
		return match;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		char exact[32];
		if (!is_synonym(unit, i, words, kind == OZR_AXIS_SPACE ? "m" : "s"))
			continue;
		snprintf(exact, sizeof(exact), "%s%s", prefixes[i].word, words[0]);
		memcpy(name, exact, sizeof(exact));
		*factor = prefixes[i].factor;
		return strcmp(unit, exact) == 0 ? OZR_UNIT_EXACT : OZR_UNIT_SYNONYM;
	}
	return OZR_UNIT_UNKNOWN;
}
