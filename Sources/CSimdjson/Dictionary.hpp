#pragma once

#include "Buffer.hpp"
#include "CSimdjson.h"

namespace roost {

/// Strings of one batch that repeat, numbered in the order of their first use.
class Dictionary {
public:
    /// Indices are 16 bits, and 0xFFFF says absent.
    static constexpr size_t most = 65534;

    explicit Dictionary(uint64_t seed) noexcept : seed(seed) { reset(); }

    bool has_room(size_t entries) const noexcept { return ranges.size() + entries <= most; }

    uint16_t intern(Bytes string) noexcept {
        uint64_t hash = hash_bytes(string.data, string.length, seed);
        uint32_t tag = static_cast<uint32_t>(hash >> 32);
        for (size_t at = hash & mask;; at = (at + 1) & mask) {
            uint16_t entry = slots[at];
            if (entry == 0) return add(string, tag, at);
            const text_range &range = ranges[entry - 1];
            if (tags[entry - 1] == tag && range.length == string.length &&
                same_bytes(text.data() + range.offset, string.data, string.length))
                return static_cast<uint16_t>(entry - 1);
        }
    }

    void reset() noexcept {
        ranges.clear();
        tags.clear();
        text.trim(1 << 20);
        text.clear();
        if (slots.size() > ordinary) slots.clear();
        resize(slots.size() ? slots.size() : ordinary);
    }

    Buffer<text_range> ranges;
    /// Seven spare bytes are kept behind the last.
    Buffer<uint8_t> text;

private:
    static constexpr size_t ordinary = 1024;

    __attribute__((noinline)) uint16_t add(Bytes string, uint32_t tag, size_t at) noexcept {
        uint32_t offset = static_cast<uint32_t>(text.size());
        std::memcpy(text.extend(string.length + 8), string.data, string.length);
        text.truncate(offset + string.length);
        *ranges.extend(1) = text_range{offset, string.length};
        *tags.extend(1) = tag;
        slots[at] = static_cast<uint16_t>(ranges.size());
        if (ranges.size() * 2 > slots.size()) rehash();
        return static_cast<uint16_t>(ranges.size() - 1);
    }

    void resize(size_t count) noexcept {
        slots.clear();
        std::memset(slots.extend(count), 0, count * sizeof(uint16_t));
        mask = count - 1;
    }

    void rehash() noexcept {
        resize(slots.size() * 2);
        for (size_t entry = 0; entry < ranges.size(); entry++) {
            size_t at = hash_bytes(text.data() + ranges[entry].offset, ranges[entry].length, seed) & mask;
            while (slots[at]) at = (at + 1) & mask;
            slots[at] = static_cast<uint16_t>(entry + 1);
        }
    }

    uint64_t seed;
    size_t mask = 0;
    /// Entry number + 1, 0 where free.
    Buffer<uint16_t> slots;
    Buffer<uint32_t> tags;
};

}  // namespace roost
