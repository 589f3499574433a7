#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace roost {

/// Growing array of plain values that keeps its memory when it is emptied.
template <class T>
class Buffer {
public:
    Buffer() = default;
    Buffer(const Buffer &) = delete;
    Buffer &operator=(const Buffer &) = delete;
    ~Buffer() { std::free(base); }

    T *extend(size_t n) noexcept {
        if (__builtin_expect(used + n > capacity, 0)) grow(n);
        T *at = base + used;
        used += n;
        return at;
    }
    void append(const T *from, size_t n) noexcept { std::memcpy(extend(n), from, n * sizeof(T)); }
    void clear() noexcept { used = 0; }
    void truncate(size_t n) noexcept { used = n; }
    /// Gives memory back beyond what ordinary slabs need.
    void trim(size_t most) noexcept {
        if (capacity <= most) return;
        std::free(base);
        base = nullptr;
        used = capacity = 0;
    }
    T *data() const noexcept { return base; }
    size_t size() const noexcept { return used; }
    T &operator[](size_t i) const noexcept { return base[i]; }

private:
    __attribute__((noinline)) void grow(size_t n) noexcept {
        size_t wanted = capacity * 2 < 64 ? 64 : capacity * 2;
        while (wanted < used + n) wanted *= 2;
        base = static_cast<T *>(std::realloc(base, wanted * sizeof(T)));
        if (!base) std::abort();
        capacity = wanted;
    }

    T *base = nullptr;
    size_t used = 0;
    size_t capacity = 0;
};

inline uint64_t load8(const uint8_t *p) noexcept {
    uint64_t word;
    std::memcpy(&word, p, 8);
    return word;
}

/// The first `n` (1 to 7) bytes at `p`; reads eight.
inline uint64_t load_tail(const uint8_t *p, size_t n) noexcept { return load8(p) & (~0ull >> (64 - 8 * n)); }

inline uint64_t fold(uint64_t a, uint64_t b) noexcept {
    unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

/// Keyed hash, by folded multiplication; seven bytes beyond the end must be readable.
inline uint64_t hash_bytes(const uint8_t *p, size_t n, uint64_t seed) noexcept {
    uint64_t h = seed ^ (n * 0x9E3779B97F4A7C15ull);
    while (n >= 8) {
        h = fold(h ^ load8(p), seed ^ 0xA0761D6478BD642Full);
        p += 8;
        n -= 8;
    }
    if (n) h ^= load_tail(p, n);
    return fold(h, seed ^ 0xE7037ED1A0B428DBull);
}

/// Equality of two strings of one length; seven bytes beyond each end must be readable.
inline bool same_bytes(const uint8_t *a, const uint8_t *b, size_t n) noexcept {
    while (n >= 8) {
        if (load8(a) != load8(b)) return false;
        a += 8;
        b += 8;
        n -= 8;
    }
    return n == 0 || ((load8(a) ^ load8(b)) & (~0ull >> (64 - 8 * n))) == 0;
}

/// Bytes somewhere that can be read eight at a time.
struct Bytes {
    const uint8_t *data = nullptr;
    uint32_t length = 0;

    std::string_view view() const noexcept {
        return std::string_view(reinterpret_cast<const char *>(data), length);
    }
    bool equals(std::string_view other) const noexcept { return view() == other; }
};

}  // namespace roost
