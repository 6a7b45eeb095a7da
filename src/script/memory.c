#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "json_write.h"
#include "limits.h"

/* A key is a string, or an integer when text is NULL. */
struct key {
    char *text;
    size_t len;
    int64_t number;
};

struct node {
    struct key key;
    bool table;
    char *value; /* JSON text, when it is no table */
    size_t value_len;
    struct node **children; /* in order of their keys */
    size_t count, cap;
    size_t size; /* what it and all below it take */
};

struct memory {
    struct node root;
};

#define NODE_SIZE (sizeof(struct node) + sizeof(struct node *))

/* ---- nodes ---- */

static void free_children(struct node *node);

static void free_node(struct node *node)
{
    if (!node) {
        return;
    }
    free_children(node);
    free(node->key.text);
    free(node->value);
    free(node);
}

static void free_children(struct node *node)
{
    for (size_t i = 0; i < node->count; i++) {
        free_node(node->children[i]);
    }
    free(node->children);
    node->children = NULL;
    node->count = node->cap = 0;
}

/* Integers in order, then strings by bytes. */
static int compare(const struct key *a, const struct key *b)
{
    if (a->text && b->text) {
        return slice_compare(slice_make(a->text, a->len),
                             slice_make(b->text, b->len));
    }
    if (!a->text && !b->text) {
        return (a->number > b->number) - (a->number < b->number);
    }
    return a->text ? 1 : -1;
}

/* Where the key is, or would be. */
static size_t place_of(const struct node *node, const struct key *key)
{
    size_t low = 0, high = node->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&node->children[middle]->key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct node *child_at(const struct node *node, size_t place,
                             const struct key *key)
{
    if (place < node->count && compare(&node->children[place]->key, key) == 0) {
        return node->children[place];
    }
    return NULL;
}

static int make_room(struct node *node)
{
    if (node->count < node->cap) {
        return 0;
    }
    size_t cap = node->cap ? node->cap * 2 : 4;
    struct node **grown = realloc(node->children, cap * sizeof(*grown));
    if (!grown) {
        return -1;
    }
    node->children = grown;
    node->cap = cap;
    return 0;
}

/* There is room, and nothing has that key yet. */
static void insert(struct node *node, size_t place, struct node *child)
{
    memmove(node->children + place + 1, node->children + place,
            (node->count - place) * sizeof(struct node *));
    node->children[place] = child;
    node->count++;
}

static struct node *take(struct node *node, size_t place)
{
    struct node *child = node->children[place];
    node->count--;
    memmove(node->children + place, node->children + place + 1,
            (node->count - place) * sizeof(struct node *));
    return child;
}

/* ---- keys ---- */

/* text: JSON, a string or an integer. Frees nothing on failure. */
static int read_key(struct slice text, struct key *key, struct err *err)
{
    *key = (struct key) { 0 };
    if (json_type(text) == JSON_NUMBER) {
        return json_int(text, &key->number)
                   ? 0
                   : err_set(err, ERR_MISUSE,
                             "a key of bot.memory must be a string or an "
                             "integer");
    }
    struct buf out;
    buf_init(&out, text.len);
    if (json_type(text) != JSON_STRING || json_string(text, &out) != 0) {
        buf_free(&out);
        return err_set(err, ERR_MISUSE,
                       "a key of bot.memory must be a string or an integer");
    }
    key->len = out.len;
    key->text = slice_dup(buf_slice(&out));
    buf_free(&out);
    return key->text ? 0
                     : err_set(err, ERR_SYSTEM, "bot.memory: out of memory");
}

/* ---- JSON to nodes ---- */

struct build {
    size_t left; /* bytes that may still be taken */
    struct err *err;
};

static int no_memory(const struct build *build)
{
    return err_set(build->err, ERR_SYSTEM, "bot.memory: out of memory");
}

static int charge(struct build *build, struct node *node, size_t bytes)
{
    if (bytes > build->left) {
        return err_set(build->err, ERR_LIMIT,
                       "bot.memory holds more than %zu MiB",
                       LIMIT_MEMORY_TREE / MIB(1));
    }
    build->left -= bytes;
    node->size += bytes;
    return 0;
}

static struct node *build_node(struct build *build, const struct key *key,
                               struct slice value);

/* Takes key. The value null is no child. */
static int build_child(struct build *build, struct node *node, struct key *key,
                       struct slice value)
{
    struct node *child = NULL;
    if (json_type(value) == JSON_NULL) {
        free(key->text);
        return 0;
    }
    child = build_node(build, key, value);
    if (!child) {
        return -1;
    }
    node->size += child->size;
    size_t place = place_of(node, &child->key);
    struct node *before = child_at(node, place, &child->key);
    if (before) { /* a key that comes twice: the last one counts */
        node->size -= before->size;
        node->children[place] = child;
        free_node(before);
        return 0;
    }
    if (make_room(node) != 0) {
        free_node(child);
        return no_memory(build);
    }
    insert(node, place, child);
    return 0;
}

static int build_children(struct build *build, struct node *node,
                          struct slice value)
{
    struct json_iter it = json_iter(value);
    int64_t number = 0;
    while (json_next(&it)) {
        struct key key = { .number = ++number };
        if (it.object && read_key(it.key, &key, build->err) != 0) {
            return -1;
        }
        if (build_child(build, node, &key, it.value) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Takes key, always. */
static struct node *build_node(struct build *build, const struct key *key,
                               struct slice value)
{
    struct node *node = calloc(1, sizeof(*node));
    if (!node) {
        free(key->text);
        no_memory(build);
        return NULL;
    }
    node->key = *key;
    node->table = json_type(value) >= JSON_ARRAY;
    size_t bytes = NODE_SIZE + key->len + (node->table ? 0 : value.len);
    if (charge(build, node, bytes) != 0) {
        goto fail;
    }
    if (node->table) {
        if (build_children(build, node, value) != 0) {
            goto fail;
        }
        return node;
    }
    node->value = slice_dup(value);
    node->value_len = value.len;
    if (!node->value) {
        no_memory(build);
        goto fail;
    }
    return node;
fail:
    free_node(node);
    return NULL;
}

/* ---- the tree ---- */

struct memory *memory_new(void)
{
    struct memory *memory = calloc(1, sizeof(*memory));
    if (memory) {
        memory->root.table = true;
    }
    return memory;
}

void memory_free(struct memory *memory)
{
    if (memory) {
        free_children(&memory->root);
        free(memory);
    }
}

/* The node at path, NULL when there is none; -1 for a path that is no path. */
static int find(const struct memory *memory, struct slice path,
                const struct node **found, struct err *err)
{
    const struct node *node = &memory->root;
    struct json_iter it = json_iter(path);
    if (json_type(path) != JSON_ARRAY) {
        return err_set(err, ERR_MISUSE, "bot.memory: the path must be a list");
    }
    while (json_next(&it)) {
        struct key key;
        if (read_key(it.value, &key, err) != 0) {
            return -1;
        }
        if (node) {
            node = child_at(node, place_of(node, &key), &key);
        }
        free(key.text);
    }
    *found = node;
    return 0;
}

int memory_get(const struct memory *memory, struct slice path, struct buf *out,
               struct err *err)
{
    const struct node *node = NULL;
    struct json_writer w;
    if (find(memory, path, &node, err) != 0) {
        return -1;
    }
    json_writer_init(&w, out);
    json_object_begin(&w);
    json_member_str(&w, "kind",
                    !node         ? "nil"
                    : node->table ? "table"
                                  : "value");
    if (node && !node->table) {
        json_member_raw(&w, "value", slice_make(node->value, node->value_len));
    }
    json_object_end(&w);
    return json_finish(&w, "bot.memory", err);
}

int memory_keys(const struct memory *memory, struct slice path, struct buf *out,
                struct err *err)
{
    const struct node *node = NULL;
    struct json_writer w;
    if (find(memory, path, &node, err) != 0) {
        return -1;
    }
    json_writer_init(&w, out);
    json_array_begin(&w);
    for (size_t i = 0; node && i < node->count; i++) {
        const struct key *key = &node->children[i]->key;
        if (key->text) {
            json_put_string(&w, slice_make(key->text, key->len));
        } else {
            json_put_int(&w, key->number);
        }
    }
    json_array_end(&w);
    return json_finish(&w, "bot.memory", err);
}

static int set_root(struct memory *memory, struct slice value, struct err *err)
{
    struct build build = { LIMIT_MEMORY_TREE, err };
    struct node fresh = { .table = true };
    if (json_type(value) < JSON_ARRAY && json_type(value) != JSON_NULL) {
        return err_set(err, ERR_MISUSE, "bot.memory itself must be a table");
    }
    if (json_type(value) != JSON_NULL &&
        build_children(&build, &fresh, value) != 0) {
        free_children(&fresh);
        return -1;
    }
    free_children(&memory->root);
    memory->root = fresh;
    return 0;
}

#define MOST_DEPTH LIMIT_JSON_DEPTH

/* What memory_set works on: the way down, without the root. */
struct way {
    struct node *above[MOST_DEPTH]; /* from the root to the parent */
    size_t depth;
    struct key key; /* the last one, owned */
};

static int walk(struct memory *memory, struct slice path, struct way *way,
                struct err *err)
{
    struct json_iter it = json_iter(path);
    struct node *node = &memory->root;
    way->depth = 0;
    way->key = (struct key) { 0 };
    while (json_next(&it)) {
        if (way->depth > 0) {
            node = child_at(node, place_of(node, &way->key), &way->key);
        }
        free(way->key.text);
        way->key = (struct key) { 0 };
        if (!node || !node->table) {
            return err_set(err, ERR_MISUSE,
                           "bot.memory: what a key is set in is no table");
        }
        if (way->depth == MOST_DEPTH) {
            return err_set(err, ERR_LIMIT,
                           "bot.memory is deeper than %d tables", MOST_DEPTH);
        }
        if (read_key(it.value, &way->key, err) != 0) {
            way->key = (struct key) { 0 };
            return -1;
        }
        way->above[way->depth++] = node;
    }
    return 0;
}

static void resize(struct way *way, size_t removed, size_t added)
{
    for (size_t i = 0; i < way->depth; i++) {
        way->above[i]->size += added;
        way->above[i]->size -= removed;
    }
}

/* Takes way->key. */
static int replace(struct memory *memory, struct way *way, struct slice value,
                   struct err *err)
{
    struct node *parent = way->above[way->depth - 1];
    size_t place = place_of(parent, &way->key);
    struct node *before = child_at(parent, place, &way->key);
    size_t removed = before ? before->size : 0;
    size_t added = 0;
    if (json_type(value) == JSON_NULL) {
        free(way->key.text);
        if (before) {
            free_node(take(parent, place));
        }
    } else {
        struct build build = {
            LIMIT_MEMORY_TREE - (memory->root.size - removed), err
        };
        struct node *fresh = build_node(&build, &way->key, value);
        if (!fresh) {
            return -1;
        }
        added = fresh->size;
        if (before) {
            parent->children[place] = fresh;
            free_node(before);
        } else if (make_room(parent) != 0) {
            free_node(fresh);
            return no_memory(&build);
        } else {
            insert(parent, place, fresh);
        }
    }
    resize(way, removed, added);
    return 0;
}

int memory_set(struct memory *memory, struct slice path, struct slice value,
               struct err *err)
{
    struct way way;
    if (json_type(path) != JSON_ARRAY || json_type(value) == JSON_NONE) {
        return err_set(err, ERR_MISUSE, "bot.memory: the path must be a list");
    }
    if (walk(memory, path, &way, err) != 0) {
        free(way.key.text);
        return -1;
    }
    return way.depth == 0 ? set_root(memory, value, err)
                          : replace(memory, &way, value, err);
}
