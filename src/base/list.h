#ifndef LIST_H
#define LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Doubly linked list of members embedded in structs. A head is a struct list
 * that points to itself when empty. A member may be removed while the list is
 * walked with list_each_safe. */
struct list {
    struct list *next, *prev;
};

#define list_entry(node, type, member)                                         \
    ((type *)(void *)((char *)(node)-offsetof(type, member)))
#define list_each(node, head)                                                  \
    for (struct list *node = (head)->next; node != (head); node = node->next)
#define list_each_safe(node, head)                                             \
    for (struct list *node = (head)->next, *node##_next = node->next;          \
         node != (head); node = node##_next, node##_next = node->next)

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_insert_after(struct list *at, struct list *node)
{
    node->prev = at;
    node->next = at->next;
    at->next->prev = node;
    at->next = node;
}

static inline void list_push(struct list *head, struct list *node) /* last */
{
    list_insert_after(head->prev, node);
}

static inline void list_push_front(struct list *head, struct list *node)
{
    list_insert_after(head, node);
}

/* Removing a node that is in no list, but was initialised, does nothing. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

static inline struct list *list_first(const struct list *head)
{
    return list_empty(head) ? NULL : head->next;
}

/* Removes and returns the first, or NULL. */
static inline struct list *list_pop(struct list *head)
{
    struct list *node = list_first(head);
    if (!node)
        return NULL;
    head->next = node->next;
    node->next->prev = head;
    list_init(node);
    return node;
}

#endif
