/* SPDX-License-Identifier: MIT */
/*
 * Numbers as JSON and XML spell them, whatever locale the host has set.
 */
#ifndef OZR_BASE_JSON_NUMBER_H
#define OZR_BASE_JSON_NUMBER_H

enum { OZR_NUMBER_TEXT = 40 };

double ozr_number_read(const char *text);
/* The shortest text that reads back equal, from 15 digits on. */
void ozr_number_print(char text[OZR_NUMBER_TEXT], double v);

#endif
