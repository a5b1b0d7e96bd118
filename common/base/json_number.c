/* SPDX-License-Identifier: MIT */
/*
 * Numbers as JSON spells them. The host may have set a locale with another
 * decimal point; the "C" locale is put in place for this thread only, for as
 * long as one conversion takes.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_number.h"

struct c_locale {
	locale_t c, before;
};

static struct c_locale enter_c_locale(void)
{
	struct c_locale l = {newlocale(LC_ALL_MASK, "C", (locale_t)0), (locale_t)0};
	if (l.c)
		l.before = uselocale(l.c);
	return l;
}

static void leave_c_locale(struct c_locale l)
{
	if (!l.c)
		return;
	uselocale(l.before);
	freelocale(l.c);
}

double ozr_number_read(const char *text)
{
	struct c_locale l = enter_c_locale();
	double v = strtod(text, NULL);
	leave_c_locale(l);
	return v;
}

void ozr_number_print(char text[OZR_NUMBER_TEXT], double v)
{
	struct c_locale l = enter_c_locale();
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, OZR_NUMBER_TEXT, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	leave_c_locale(l);
	/* As an integer it would lose its sign in many readers. */
	if (strcmp(text, "-0") == 0)
		memcpy(text, "-0.0", 5);
}
