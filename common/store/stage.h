/* SPDX-License-Identifier: MIT */
/*
 * The inside of stages: making and aborting (stage.c), committing
 * (stage_commit.c), names of hidden siblings of a target, and the lock that
 * tells a living stage from one whose process died (stage_life.c).
 */
#ifndef OZR_STORE_STAGE_H
#define OZR_STORE_STAGE_H

#include "store/tree.h"

struct ozr_stage {
	struct ozr_ctx *ctx; /* owned reference */
	struct ozr_target target;
	struct ozr_store *store;
	int64_t pid; /* whose stage it is: a forked child neither publishes nor removes it */
	int lock;    /* holds the stage; -1 where there are no locks */
	int replace;
	enum ozr_durability durability;
	char name[NAME_MAX + 1]; /* of the hidden directory; of the old tree once published */
};

/* stage.c: only the memory and descriptors. */
void ozr_stage_free(struct ozr_stage *st);
/* stage_commit.c: is it the staged tree that has this name? */
int ozr_stage_is_at(const struct ozr_stage *st, const char *name);

/* ".<name><mark><16 hex>", the name cut so that it fits. */
int ozr_stage_name(const struct ozr_target *t, const char *mark, char out[NAME_MAX + 1],
		   struct ozr_err *err) OZR_MUST_CHECK;

enum ozr_life {
	OZR_LIFE_HELD,    /* ours now; *lock is the descriptor that holds it */
	OZR_LIFE_BUSY,    /* somebody else's, and alive */
	OZR_LIFE_GONE,    /* the directory was removed meanwhile */
	OZR_LIFE_UNKNOWN, /* the file system has no locks */
	OZR_LIFE_ERROR    /* errno */
};
/* Whoever holds the lock file of a stage, while that file has a name, owns the stage: its maker
 * as long as it lives, then whoever comes to remove it. Never waits. */
enum ozr_life ozr_stage_hold(const struct ozr_target *t, const char *name, int *lock);

/* End a hold on a tree that stays (lock -1: there is none). */
void ozr_stage_release(const struct ozr_target *t, const char *name, int lock);

/* Remove the lock file of a published stage unless somebody uses it for its keys already;
 * closes lock (-1: there never was one). */
void ozr_stage_let_go(const struct ozr_sys *sys, int dir, const char *name, int lock);

/* Remove what dead processes left beside the target, and put a replaced tree back that one
 * of them had moved aside. Never fails: the next run will try again. */
void ozr_stage_clean(const struct ozr_target *t);

#endif
