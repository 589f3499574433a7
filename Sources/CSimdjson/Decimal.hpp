#pragma once

#include <cstdint>
#include <string_view>

namespace roost {

enum class Rounding { half_away, cut };

/// The decimal places of one unit: 10^6 millionths.
constexpr int64_t million = 1'000'000;
/// Largest amount of money, in millionths: 10^12.
constexpr int64_t money_most = million * million * million;

/// Exponent of a JSON number's text from behind its `e`, kept within ±10^9.
inline int64_t decimal_exponent(const char *p, const char *end) noexcept {
    bool negative = *p == '-';
    if (*p == '-' || *p == '+') p++;
    int64_t exponent = 0;
    for (; p < end; p++)
        if (exponent < 1'000'000'000) exponent = exponent * 10 + (*p - '0');
    return negative ? -exponent : exponent;
}

/// The value of a JSON number's text times 10^`scale` as an integer, exactly. False where it does not fit.
inline bool decimal_scaled(std::string_view text, int scale, Rounding rounding, int64_t &out) noexcept {
    const char *p = text.data(), *end = p + text.size();
    bool negative = *p == '-';
    p += negative;
    const char *digits_end = p;
    while (digits_end < end && *digits_end != 'e' && *digits_end != 'E') digits_end++;
    int64_t exponent = digits_end < end ? decimal_exponent(digits_end + 1, end) : 0;
    const char *point = p;
    while (point < digits_end && *point != '.') point++;

    // Weight of the next digit, as a power of ten of the result's unit.
    int64_t weight = (point - p) - 1 + exponent + scale;
    uint64_t value = 0;
    bool up = false;
    for (; p < digits_end && weight >= -1; p++) {
        if (*p == '.') continue;
        unsigned digit = static_cast<unsigned>(*p - '0');
        if (weight == -1) {
            up = digit >= 5;
        } else {
            if (value > (static_cast<uint64_t>(INT64_MAX) - digit) / 10) return false;
            value = value * 10 + digit;
        }
        weight--;
    }
    if (value)
        for (; weight >= 0; weight--)
            if (__builtin_mul_overflow(value, 10ull, &value) || value > INT64_MAX) return false;
    if (up && rounding == Rounding::half_away) value++;
    if (value > INT64_MAX) return false;
    out = negative ? -static_cast<int64_t>(value) : static_cast<int64_t>(value);
    return true;
}

/// Is the text a number by JSON's grammar?
inline bool is_json_number(std::string_view text) noexcept {
    size_t i = 0, n = text.size();
    auto digits = [&] {
        size_t from = i;
        while (i < n && text[i] >= '0' && text[i] <= '9') i++;
        return i > from;
    };
    if (i < n && text[i] == '-') i++;
    size_t first = i;
    if (!digits()) return false;
    if (text[first] == '0' && i > first + 1) return false;
    if (i < n && text[i] == '.') {
        i++;
        if (!digits()) return false;
    }
    if (i < n && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        if (i < n && (text[i] == '+' || text[i] == '-')) i++;
        if (!digits()) return false;
    }
    return i == n;
}

}  // namespace roost
