#include "guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct range4 {
    uint32_t first;
    int bits;
};

struct range6 {
    unsigned char first[16];
    int bits;
};

/* IANA's special-purpose registry (RFC 6890 and later), and multicast. */
static const struct range4 special4[] = {
    { 0x00000000, 8 },  /* this network */
    { 0x0a000000, 8 },  /* private */
    { 0x64400000, 10 }, /* shared: carrier-grade NAT */
    { 0x7f000000, 8 },  /* loopback */
    { 0xa9fe0000, 16 }, /* link-local: cloud metadata */
    { 0xac100000, 12 }, /* private */
    { 0xc0000000, 24 }, /* protocol assignments */
    { 0xc0000200, 24 }, /* documentation */
    { 0xc0586300, 24 }, /* 6to4 relay */
    { 0xc0a80000, 16 }, /* private */
    { 0xc6120000, 15 }, /* benchmarks */
    { 0xc6336400, 24 }, /* documentation */
    { 0xcb007100, 24 }, /* documentation */
    { 0xe0000000, 4 },  /* multicast */
    { 0xf0000000, 4 },  /* reserved, broadcast */
};

static const struct range6 global6 = { { 0x20 }, 3 };
static const struct range6 mapped6 = {
    { [10] = 0xff, [11] = 0xff }, 96 /* ::ffff:1.2.3.4 */
};
static const struct range6 nat64 = {
    { 0x00, 0x64, 0xff, 0x9b }, 96 /* 64:ff9b::1.2.3.4 */
};
/* Inside 2000::/3; what is outside is special as a whole. */
static const struct range6 special6[] = {
    { { 0x20, 0x01, 0x00 }, 23 },       /* Teredo, ORCHID, benchmarks */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
    { { 0x20, 0x02 }, 16 },             /* 6to4: any IPv4 inside */
    { { 0x3f, 0xff }, 20 },             /* documentation */
};

static bool is_public4(uint32_t address)
{
    for (size_t i = 0; i < COUNT(special4); i++) {
        uint32_t mask = UINT32_MAX << (32 - special4[i].bits);
        if ((address & mask) == special4[i].first)
            return false;
    }
    return true;
}

static bool is_in(const unsigned char *address, const struct range6 *range)
{
    int whole = range->bits / 8, rest = range->bits % 8;
    int mask = 0xff00 >> rest & 0xff;

    if (memcmp(address, range->first, (size_t)whole) != 0)
        return false;
    return rest == 0 || (address[whole] & mask) == range->first[whole];
}

static bool is_public6(const unsigned char *address)
{
    uint32_t inner;

    memcpy(&inner, address + 12, sizeof(inner));
    if (is_in(address, &mapped6) || is_in(address, &nat64))
        return is_public4(ntohl(inner));
    if (!is_in(address, &global6))
        return false;
    for (size_t i = 0; i < COUNT(special6); i++) {
        if (is_in(address, &special6[i]))
            return false;
    }
    return true;
}

bool guard_is_public(const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof(v4));
        return is_public4(ntohl(v4.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        memcpy(&v6, address, sizeof(v6));
        return is_public6(v6.sin6_addr.s6_addr);
    }
    return false;
}

static bool is_localhost(struct slice host)
{
    static const char name[] = "localhost";
    size_t len = sizeof(name) - 1;

    return host.len >= len &&
           strncasecmp(host.ptr + host.len - len, name, len) == 0 &&
           (host.len == len || host.ptr[host.len - len - 1] == '.');
}

bool guard_host_is_public(struct slice host)
{
    char text[INET6_ADDRSTRLEN + 1];
    unsigned char address[16];
    uint32_t v4;

    if (host.len > 1 && host.ptr[0] == '[') /* [::1] */
        host = slice_make(host.ptr + 1, host.len - 2);
    while (host.len > 0 && host.ptr[host.len - 1] == '.')
        host.len--;
    if (is_localhost(host))
        return false;
    if (host.len == 0)
        return false;
    if (memchr(host.ptr, '%', host.len)) /* fe80::1%eth0 */
        host.len =
            (size_t)((const char *)memchr(host.ptr, '%', host.len) - host.ptr);
    if (host.len >= sizeof(text))
        return true;
    snprintf(text, sizeof(text), "%.*s", SLICE_ARG(host));
    if (inet_pton(AF_INET, text, &v4) == 1)
        return is_public4(ntohl(v4));
    if (inet_pton(AF_INET6, text, address) == 1)
        return is_public6(address);
    return true;
}
