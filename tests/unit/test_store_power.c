/* SPDX-License-Identifier: MIT */
/*
 * What a power loss leaves. Every system call of the store that changes the
 * disk is done and also noted in a model with two truths: what is there, and
 * what is surely on the disk. After each call the power fails many times in
 * thought. Then a file whose bytes were not flushed holds them, or half of
 * them, or zeros, or nothing; and of the changes of a directory since its last
 * flush, the first few are there (any number, in their order). What can then be
 * reached from the root is compared with what was promised.
 */
#include "base/sys.h"
#include "ozr/store.h"
#include "support/check.h"

static struct ozr_err err;
static struct ozr_ctx *ctx;
static char root[PATH_MAX];
static uint64_t random_state = 1;

/* --- The model of the disk --------------------------------------------------------- */

enum { NODES = 512, ENTRIES = 32, PENDING = 64, NAME = 80, BYTES = 64, FDS = 256, CRASHES = 40 };

struct view {
	struct {
		char name[NAME]; /* "" for a free slot */
		int node;
	} entry[ENTRIES];
};

enum change { ADD, REMOVE, MOVE, EXCHANGE };

struct pending {
	enum change what;
	char a[NAME], b[NAME];
	int node;
};

static struct node {
	int is_dir;
	struct view now, safe; /* of a directory */
	struct pending pending[PENDING];
	int changes;
	char bytes[BYTES]; /* of a file */
	size_t size;
	int flushed;
} nodes[NODES];
static int node_count, node_of_fd[FDS];

static int new_node(int is_dir)
{
	CHECK(node_count < NODES);
	memset(&nodes[node_count], 0, sizeof nodes[0]);
	nodes[node_count].is_dir = is_dir;
	nodes[node_count].flushed = is_dir;
	return node_count++;
}

static int find(const struct view *v, const char *name)
{
	for (int i = 0; i < ENTRIES; i++)
		if (strcmp(v->entry[i].name, name) == 0)
			return i;
	return -1;
}

static void set_entry(struct view *v, const char *name, int node)
{
	int i = find(v, name);
	if (i < 0)
		i = find(v, "");
	CHECK(i >= 0);
	snprintf(v->entry[i].name, NAME, "%s", name);
	v->entry[i].node = node;
}

static int take_entry(struct view *v, const char *name)
{
	int i = find(v, name);
	CHECK(i >= 0);
	v->entry[i].name[0] = 0;
	return v->entry[i].node;
}

static void apply(struct view *v, const struct pending *p)
{
	if (p->what == ADD) {
		set_entry(v, p->a, p->node);
	} else if (p->what == REMOVE) {
		take_entry(v, p->a);
	} else {
		int a = take_entry(v, p->a);
		if (p->what == EXCHANGE)
			set_entry(v, p->a, take_entry(v, p->b));
		set_entry(v, p->b, a);
	}
}

static void change(int dir, enum change what, const char *a, const char *b, int node)
{
	struct node *d = &nodes[dir];
	CHECK(d->is_dir && d->changes < PENDING);
	struct pending *p = &d->pending[d->changes++];
	*p = (struct pending){.what = what, .node = node};
	snprintf(p->a, NAME, "%s", a);
	snprintf(p->b, NAME, "%s", b);
	apply(&d->now, p);
}

static void flush_node(int i)
{
	nodes[i].safe = nodes[i].now;
	nodes[i].changes = 0;
	nodes[i].flushed = 1;
}

/* The node of a path, as things are now; with `last` the directory and the last name instead. */
static int walk(int dir, const char *path, const char **last)
{
	while (*path) {
		char part[NAME];
		size_t n = strcspn(path, "/");
		if (last && !path[n]) {
			*last = path;
			return dir;
		}
		snprintf(part, sizeof part, "%.*s", (int)n, path);
		path += n + (path[n] == '/');
		if (strcmp(part, ".") == 0)
			continue;
		int i = find(&nodes[dir].now, part);
		if (i < 0)
			return -1;
		dir = nodes[dir].now.entry[i].node;
	}
	return dir;
}

/* --- The power fails ------------------------------------------------------------------- */

enum found { NOTHING, TORN, OLD, NEW };

struct promise {
	const char *key; /* below the root; NULL: none */
	const char *old_bytes, *new_bytes;
	unsigned allowed; /* bits 1 << enum found */
};
static struct promise promises[8];

/* What the first `count` changes leave of a directory. */
static void surviving(const struct node *d, int count, struct view *out)
{
	*out = d->safe;
	for (int i = 0; i < count; i++)
		apply(out, &d->pending[i]);
}

static enum found read_back(const struct node *f, unsigned fate, const struct promise *p)
{
	char bytes[BYTES + 1] = "";
	size_t size = f->size;
	memcpy(bytes, f->bytes, size);
	if (!f->flushed && fate == 1)
		memset(bytes, 0, size);
	if (!f->flushed && fate == 2)
		bytes[size /= 2] = 0;
	if (!f->flushed && fate == 3)
		bytes[size = 0] = 0;
	if (p->new_bytes && size == strlen(p->new_bytes) && !memcmp(bytes, p->new_bytes, size))
		return NEW;
	if (p->old_bytes && size == strlen(p->old_bytes) && !memcmp(bytes, p->old_bytes, size))
		return OLD;
	return TORN;
}

static enum found after_crash(const int *survive, const unsigned *fate, const struct promise *p)
{
	int at = 0;
	const char *path = p->key;
	while (*path) {
		struct view v;
		char part[NAME];
		size_t n = strcspn(path, "/");
		snprintf(part, sizeof part, "%.*s", (int)n, path);
		path += n + (path[n] == '/');
		surviving(&nodes[at], survive[at], &v);
		int i = find(&v, part);
		if (i < 0)
			return NOTHING;
		at = v.entry[i].node;
	}
	return nodes[at].is_dir ? NOTHING : read_back(&nodes[at], fate[at], p);
}

static long crashes;

static void power_fails(void)
{
	static int survive[NODES];
	static unsigned fate[NODES];
	for (int k = 0; k < CRASHES; k++) {
		for (int i = 0; i < node_count; i++) {
			uint64_t r = next_random(&random_state);
			/* Often nothing or all of it: what is most probable, too. */
			survive[i] = r % 3 == 0   ? 0
				     : r % 3 == 1 ? nodes[i].changes
						  : (int)(r / 3 % (unsigned)(nodes[i].changes + 1));
			fate[i] = r >> 40 & 3;
		}
		for (size_t i = 0; i < sizeof promises / sizeof *promises && promises[i].key; i++) {
			enum found f = after_crash(survive, fate, &promises[i]);
			if (!(promises[i].allowed & 1u << f)) {
				fprintf(stderr, "%s: state %d, allowed %x\n", promises[i].key, f,
					promises[i].allowed);
				CHECK(!"a promise survives a power loss");
			}
		}
		crashes++;
	}
}

/* --- The seam: do it, note it, pull the plug ----------------------------------------------- */

static int noted_open(int dir, const char *path, int flags, mode_t mode)
{
	const char *name = NULL;
	int fd = ozr_sys_real.open_beneath(dir, path, flags, mode);
	if (fd < 0)
		return fd;
	CHECK(fd < FDS);
	int node = walk(node_of_fd[dir], path, NULL);
	if (node < 0) {
		CHECK(flags & O_CREAT);
		int parent = walk(node_of_fd[dir], path, &name);
		node = new_node(0);
		change(parent, ADD, name, "", node);
	}
	node_of_fd[fd] = node;
	power_fails();
	return fd;
}

static int noted_open_root(const char *path, int flags, mode_t mode)
{
	int fd = ozr_sys_real.open(path, flags, mode);
	CHECK(fd >= 0 && fd < FDS);
	node_of_fd[fd] = 0; /* the root, whatever is opened by its full path */
	return fd;
}

static ssize_t noted_pwrite(int fd, const void *bytes, size_t n, off_t off)
{
	struct node *f = &nodes[node_of_fd[fd]];
	CHECK((size_t)off + n <= BYTES);
	memcpy(f->bytes + off, bytes, n);
	f->size = (size_t)off + n;
	f->flushed = 0;
	power_fails();
	return ozr_sys_real.pwrite(fd, bytes, n, off);
}

static int noted_fsync(int fd)
{
	flush_node(node_of_fd[fd]);
	power_fails();
	return 0;
}

static int noted_syncfs(int fd)
{
	(void)fd;
	for (int i = 0; i < node_count; i++)
		flush_node(i);
	power_fails();
	return 0;
}

static int noted_mkdirat(int dir, const char *name, mode_t mode)
{
	int rc = ozr_sys_real.mkdirat(dir, name, mode);
	if (rc == 0)
		change(node_of_fd[dir], ADD, name, "", new_node(1));
	power_fails();
	return rc;
}

static int noted_renameat2(int from_dir, const char *from, int to_dir, const char *to,
			   unsigned flags)
{
	int rc = ozr_sys_real.renameat2(from_dir, from, to_dir, to, flags);
	CHECK(node_of_fd[from_dir] == node_of_fd[to_dir]);
	if (rc == 0)
		change(node_of_fd[from_dir], flags & RENAME_EXCHANGE ? EXCHANGE : MOVE, from, to,
		       0);
	power_fails();
	return rc;
}

static int noted_unlinkat(int dir, const char *name, int flags)
{
	int rc = ozr_sys_real.unlinkat(dir, name, flags);
	if (rc == 0)
		change(node_of_fd[dir], REMOVE, name, "", 0);
	power_fails();
	return rc;
}

/* --- Scenarios --------------------------------------------------------------------------------- */

static void begin(void)
{
	node_count = 0;
	memset(promises, 0, sizeof promises);
	new_node(1);
	quick_temp_dir(root);
}

static struct ozr_store *open_store(enum ozr_durability durability)
{
	struct ozr_store *s = NULL;
	CHECK_OK(ozr_store_open_dir(ctx, root, OZR_UPDATE, durability, &s, &err));
	return s;
}

static void put(struct ozr_store *s, const char *key, const char *bytes)
{
	CHECK_OK(ozr_store_put(s, key, bytes, strlen(bytes), OZR_PUT_REPLACE, &err));
}

/* Each commit is flushed: whole old or whole new at any time, new once it returned. */
static void test_each(void)
{
	begin();
	struct ozr_store *s = open_store(OZR_FLUSH_EACH);
	promises[0] = (struct promise){"a/b/c", NULL, "first value", 1 << NOTHING | 1 << NEW};
	put(s, "a/b/c", "first value");
	promises[0].allowed = 1 << NEW;
	power_fails();
	/* Its directories are known by now; one beside them is not. */
	promises[1] = (struct promise){"a/d/e", NULL, "another", 1 << NOTHING | 1 << NEW};
	put(s, "a/d/e", "another");
	promises[1].allowed = 1 << NEW;
	promises[2] = (struct promise){"top", NULL, "at the root", 1 << NOTHING | 1 << NEW};
	put(s, "top", "at the root");
	promises[2].allowed = 1 << NEW;
	promises[0] = (struct promise){"a/b/c", "first value", "second", 1 << OLD | 1 << NEW};
	put(s, "a/b/c", "second");
	promises[0].allowed = 1 << NEW;
	power_fails();
	promises[0] = (struct promise){"a/b/c", "second", NULL, 1 << OLD | 1 << NOTHING};
	CHECK_OK(ozr_store_del(s, "a/b/c", &err));
	promises[0].allowed = 1 << NOTHING;
	power_fails();
	ozr_store_unref(s);
	remove_tree(root);
}

/* A directory that was on the disk is removed, and a put makes it anew. */
static void test_each_again(void)
{
	begin();
	struct ozr_store *s = open_store(OZR_FLUSH_EACH);
	put(s, "a/d/e", "old");
	CHECK_OK(ozr_store_del(s, "a/d/e", &err));
	int top = noted_open_root(root, O_RDONLY | O_DIRECTORY, 0);
	int a = noted_open(top, "a", O_RDONLY | O_DIRECTORY, 0);
	CHECK(noted_unlinkat(a, "d", AT_REMOVEDIR) == 0 && noted_fsync(a) == 0);
	close(a), close(top);
	put(s, "a/d/e", "new");
	promises[0] = (struct promise){"a/d/e", NULL, "new", 1 << NEW};
	power_fails();
	ozr_store_unref(s);
	remove_tree(root);
}

/* Another store made the directories and has not flushed them. */
static void test_each_after_others(void)
{
	begin();
	struct ozr_store *lazy = open_store(OZR_FLUSH_NONE), *s = open_store(OZR_FLUSH_EACH);
	put(lazy, "a/b/lazy", "lost, perhaps");
	promises[0] = (struct promise){"a/b/c", NULL, "value", 1 << NOTHING | 1 << NEW};
	put(s, "a/b/c", "value");
	promises[0].allowed = 1 << NEW;
	power_fails();
	ozr_store_unref(lazy);
	ozr_store_unref(s);
	remove_tree(root);
}

/* Flushed by sync(): nothing is promised before it, all after it. */
static void test_close(void)
{
	begin();
	struct ozr_store *s = open_store(OZR_FLUSH_CLOSE);
	put(s, "a/b/c", "old value");
	put(s, "a/x", "x");
	CHECK_OK(ozr_store_sync(s, &err));
	promises[0] = (struct promise){"a/b/c", "old value", NULL, 1 << OLD};
	promises[1] = (struct promise){"a/x", "x", NULL, 1 << OLD};
	put(s, "a/b/other", "in the same directory");
	power_fails();
	memset(promises, 0, sizeof promises);
	put(s, "a/b/c", "new value");
	CHECK_OK(ozr_store_sync(s, &err));
	promises[0] = (struct promise){"a/b/c", "old value", "new value", 1 << NEW};
	power_fails();
	ozr_store_unref(s);
	remove_tree(root);
}

static void stage(enum ozr_durability durability, const char *bytes)
{
	struct ozr_stage *st = NULL;
	char target[PATH_MAX];
	snprintf(target, sizeof target, "%s", join(root, "t.zarr"));
	CHECK_OK(ozr_stage_new(ctx, target, 1, durability, &st, &err));
	put(ozr_stage_store(st), "s0/c/0", bytes);
	put(ozr_stage_store(st), "s0/zarr.json", bytes);
	put(ozr_stage_store(st), "zarr.json", bytes);
	CHECK_OK(ozr_stage_commit(st, &err));
}

/* A staged hierarchy, first alone, then in the place of an older one. */
static void test_stage(enum ozr_durability durability)
{
	static const char *const keys[] = {"t.zarr/zarr.json", "t.zarr/s0/zarr.json",
					   "t.zarr/s0/c/0"};
	begin();
	for (int i = 0; i < 3; i++)
		promises[i] = (struct promise){keys[i], NULL, "one", 1 << NOTHING | 1 << NEW};
	stage(durability, "one");
	for (int i = 0; i < 3; i++)
		promises[i].allowed = 1 << NEW;
	power_fails();
	for (int i = 0; i < 3; i++)
		promises[i] = (struct promise){keys[i], "one", "two", 1 << OLD | 1 << NEW};
	stage(durability, "two");
	for (int i = 0; i < 3; i++)
		promises[i].allowed = 1 << NEW;
	power_fails();
	remove_tree(root);
}

int main(void)
{
	struct ozr_sys noted = ozr_sys_real;
	struct ozr_ctx_options opt = {.sys = &noted};
	noted.open_beneath = noted_open;
	noted.open = noted_open_root;
	noted.pwrite = noted_pwrite;
	noted.fsync = noted.fdatasync = noted_fsync;
	noted.syncfs = noted_syncfs;
	noted.mkdirat = noted_mkdirat;
	noted.renameat2 = noted_renameat2;
	noted.unlinkat = noted_unlinkat;
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	for (int round = 0; round < 10; round++) {
		test_each();
		test_each_again();
		test_each_after_others();
		test_close();
		test_stage(OZR_FLUSH_CLOSE);
		test_stage(OZR_FLUSH_EACH);
	}
	CHECK(crashes > 10000);
	ozr_ctx_unref(ctx);
	return 0;
}
