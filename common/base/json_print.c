/* SPDX-License-Identifier: MIT */
/*
 * Documents as text: compact, or for people (two spaces a level, an array of
 * scalars on one line while it fits). Numbers come out as they were read.
 */
#include <stdio.h>
#include <string.h>

#include "base/json_impl.h"

enum { LINE = 96 }; /* longest array on one line, indentation included */

struct printer {
	struct ozr_buf *out;
	int pretty;
	int code; /* the first failure; nothing is printed after it */
	struct ozr_err err;
};

static void print_value(struct printer *p, const cJSON *v, unsigned depth);

static void put(struct printer *p, const char *text, size_t n)
{
	if (!p->code)
		p->code = ozr_buf_append(p->out, text, n, &p->err);
}

static void put_text(struct printer *p, const char *text)
{
	put(p, text, strlen(text));
}

static void new_line(struct printer *p, unsigned depth)
{
	if (!p->pretty)
		return;
	put(p, "\n", 1);
	for (unsigned i = 0; i < depth; i++)
		put(p, "  ", 2);
}

static void put_escaped(struct printer *p, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt", hex[] = "0123456789abcdef";
	const char *which = strchr(from, c);
	char e[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
	if (which)
		e[1] = to[which - from];
	put(p, e, which ? 2 : 6);
}

static void print_string(struct printer *p, const char *s)
{
	put(p, "\"", 1);
	while (*s) {
		size_t plain = 0;
		while ((unsigned char)s[plain] >= 0x20 && s[plain] != '"' && s[plain] != '\\')
			plain++;
		put(p, s, plain);
		s += plain;
		if (*s)
			put_escaped(p, (unsigned char)*s++);
	}
	put(p, "\"", 1);
}

static int is_scalar(const cJSON *v)
{
	return !cJSON_IsArray(v) && !cJSON_IsObject(v);
}

/* Of the line that is being printed. */
static size_t line_length(const struct printer *p)
{
	size_t n = p->out->len;
	while (n > 0 && p->out->data[n - 1] != '\n')
		n--;
	return p->out->len - n;
}

/* All of an array on this line; 0 (and nothing printed) when it is too long or nested. */
static int print_on_line(struct printer *p, const cJSON *v)
{
	size_t mark = p->out->len;
	size_t used = line_length(p);

	put(p, "[", 1);
	for (const cJSON *c = v->child; c && !p->code; c = c->next) {
		if (!is_scalar(c) || used + (p->out->len - mark) > LINE) {
			p->out->len = mark;
			return 0;
		}
		print_value(p, c, 0);
		if (c->next)
			put(p, ", ", 2);
	}
	put(p, "]", 1);
	return 1;
}

static void print_container(struct printer *p, const cJSON *v, unsigned depth)
{
	int object = cJSON_IsObject(v);

	if (!object && p->pretty && print_on_line(p, v))
		return;
	put(p, object ? "{" : "[", 1);
	for (const cJSON *c = v->child; c && !p->code; c = c->next) {
		new_line(p, depth + 1);
		if (object) {
			print_string(p, c->string);
			put_text(p, p->pretty ? ": " : ":");
		}
		print_value(p, c, depth + 1);
		if (c->next)
			put(p, ",", 1);
	}
	if (v->child)
		new_line(p, depth);
	put(p, object ? "}" : "]", 1);
}

static void print_value(struct printer *p, const cJSON *v, unsigned depth)
{
	char number[OZR_NUMBER_TEXT];
	const char *spelling = ozr_json_spelling(v);

	if (depth > OZR_JSON_RECURSION && !p->code)
		p->code = ozr_fail(&p->err, OZR_LIMIT, "JSON nested deeper than %d levels",
				   OZR_JSON_RECURSION);
	if (p->code)
		return;
	if (spelling) {
		put_text(p, spelling);
	} else if (cJSON_IsNumber(v)) {
		snprintf(number, sizeof(number), "%.0f", v->valuedouble);
		put_text(p, number);
	} else if (cJSON_IsString(v)) {
		print_string(p, v->valuestring);
	} else if (cJSON_IsBool(v)) {
		put_text(p, cJSON_IsTrue(v) ? "true" : "false");
	} else if (is_scalar(v)) {
		put_text(p, "null");
	} else {
		print_container(p, v, depth);
	}
}

int ozr_json_print(struct ozr_ctx *ctx, const struct ozr_json *v, int pretty, char **text,
		   size_t *len, struct ozr_err *err)
{
	struct ozr_buf out;
	struct printer p = {.out = &out, .pretty = pretty};

	if (!v)
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for JSON");
	ozr_buf_init(&out, ctx, SIZE_MAX / 2);
	print_value(&p, ozr_json_item(v), 0);
	if (pretty)
		put(&p, "\n", 1);
	put(&p, "", 1);
	if (p.code) {
		ozr_buf_release(&out);
		return ozr_fail(err, p.code, "%s", p.err.msg);
	}
	*text = out.data;
	if (len)
		*len = out.len - 1;
	return OZR_OK;
}
