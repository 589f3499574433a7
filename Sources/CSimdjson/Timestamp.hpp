#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "Decimal.hpp"

namespace roost {

constexpr int64_t second_us = 1'000'000;
constexpr int64_t day_us = 86'400 * second_us;
/// Years 0001 to 9999: Core's `EventTime.earliestAccepted` and `latestAccepted`.
constexpr int64_t earliest_us = -62'135'596'800'000'000;
constexpr int64_t latest_us = 253'402'300'799'999'999;

/// Core's `Zone`: from wall time to instant.
class ZoneTable {
public:
    ZoneTable(const int64_t *starts, const int64_t *offsets, size_t count)
        : starts(starts, starts + count), offsets(offsets, offsets + count) {
        for (int64_t offset : this->offsets) {
            int64_t size = offset < 0 ? -offset : offset;
            if (size > widest) widest = size;
        }
    }

    /// As `Zone.instant(wallMicroseconds:)`: the earlier of two, the first after a gap.
    int64_t instant(int64_t wall) const noexcept {
        size_t count = starts.size();
        if (count == 1) return wall - offsets[0];
        // No row that ends before the wall time less the widest offset can hold it.
        size_t low = 0, high = count;
        while (high - low > 1) {
            size_t middle = (low + high) / 2;
            if (starts[middle] <= wall - widest) low = middle; else high = middle;
        }
        for (size_t row = low; row < count; row++) {
            int64_t candidate = wall - offsets[row];
            if (row + 1 == count || candidate < starts[row + 1])
                return candidate > starts[row] ? candidate : starts[row];
        }
        return wall - offsets[count - 1];
    }

private:
    std::vector<int64_t> starts, offsets;
    int64_t widest = 0;
};

/// Days since 1970-01-01. Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
inline int64_t day_number(int year, int month, int day) noexcept {
    year -= month <= 2;
    int era = (year >= 0 ? year : year - 399) / 400;
    int year_of_era = year - era * 400;
    int day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return static_cast<int64_t>(era) * 146'097 + day_of_era - 719'468;
}

inline int days_in_month(int year, int month) noexcept {
    static constexpr uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = month == 2 && (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    return days[month - 1] + leap;
}

/// Two digits, or a number above 99 where they are none.
inline unsigned two_digits(const char *p) noexcept {
    unsigned high = static_cast<unsigned char>(p[0]) - '0', low = static_cast<unsigned char>(p[1]) - '0';
    return high > 9 || low > 9 ? 1000 : high * 10 + low;
}

inline bool within_accepted(int64_t time) noexcept { return time >= earliest_us && time <= latest_us; }

/// Fraction behind the point, cut to microseconds; moves `p` behind it. False where no digit follows.
inline bool read_fraction(const char *&p, const char *end, int64_t &microseconds) noexcept {
    const char *first = p;
    int64_t weight = 100'000;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        microseconds += (*p - '0') * weight;
        weight /= 10;
    }
    return p > first;
}

/// The date that was read last, whose lines come in numbers.
struct DateMemory {
    uint64_t head = 0;
    uint16_t tail = 0;
    int64_t wall = 0;
};

/// Midnight of `YYYY-MM-DD` on the wall, in the ten bytes at `p`.
inline bool parse_date(const char *p, DateMemory &memory, int64_t &wall) noexcept {
    uint64_t head;
    uint16_t tail;
    std::memcpy(&head, p, 8);
    std::memcpy(&tail, p + 8, 2);
    if (head == memory.head && tail == memory.tail) {
        wall = memory.wall;
        return true;
    }
    if (p[4] != '-' || p[7] != '-') return false;
    unsigned century = two_digits(p), of_century = two_digits(p + 2);
    unsigned month = two_digits(p + 5), day = two_digits(p + 8);
    if (century > 99 || of_century > 99 || month < 1 || month > 12 || day < 1) return false;
    int year = static_cast<int>(century * 100 + of_century);
    if (static_cast<int>(day) > days_in_month(year, static_cast<int>(month))) return false;
    wall = day_number(year, static_cast<int>(month), static_cast<int>(day)) * day_us;
    memory = DateMemory{head, tail, wall};
    return true;
}

/// `YYYY-MM-DD[(T| )HH:MM:SS[.f][Z|±hh:mm]]`; without offset the zone's wall. A leap second is the next second.
inline bool parse_timestamp(
    std::string_view text, const ZoneTable &zone, DateMemory &memory, int64_t &out) noexcept {
    const char *p = text.data(), *end = p + text.size();
    int64_t wall;
    if (text.size() < 10 || !parse_date(p, memory, wall)) return false;
    if (text.size() == 10) {
        out = zone.instant(wall);
        return within_accepted(out);
    }
    if (text.size() < 19 || (p[10] != 'T' && p[10] != 't' && p[10] != ' ') || p[13] != ':' || p[16] != ':')
        return false;
    unsigned hour = two_digits(p + 11), minute = two_digits(p + 14), second = two_digits(p + 17);
    if (hour > 23 || minute > 59 || second > 60) return false;
    wall += static_cast<int64_t>(hour * 3600 + minute * 60 + second) * second_us;
    p += 19;
    if (p < end && *p == '.') {
        p++;
        if (!read_fraction(p, end, wall)) return false;
    }
    if (p == end) {
        out = zone.instant(wall);
    } else if (p + 1 == end && (*p == 'Z' || *p == 'z')) {
        out = wall;
    } else {
        if (end - p != 6 || (*p != '+' && *p != '-') || p[3] != ':') return false;
        unsigned hours = two_digits(p + 1), minutes = two_digits(p + 4);
        if (hours > 23 || minutes > 59) return false;
        int64_t offset = static_cast<int64_t>(hours * 3600 + minutes * 60) * second_us;
        out = *p == '+' ? wall - offset : wall + offset;
    }
    return within_accepted(out);
}

/// An epoch's unit follows from its size: below 10^11 seconds, 10^14 milliseconds, 10^17 microseconds.
inline bool epoch_from_integer(int64_t value, int64_t &out) noexcept {
    if (value == INT64_MIN) return false;
    int64_t size = value < 0 ? -value : value;
    if (size < 100'000'000'000) out = value * 1'000'000;
    else if (size < 100'000'000'000'000) out = value * 1'000;
    else if (size < 100'000'000'000'000'000) out = value;
    else return false;
    return within_accepted(out);
}

/// The same from a number's text; what is finer than a microsecond is cut.
inline bool epoch_from_text(std::string_view text, int64_t &out) noexcept {
    int64_t whole;
    if (!decimal_scaled(text, 0, Rounding::cut, whole)) return false;
    int64_t size = whole < 0 ? -whole : whole;
    int scale = size < 100'000'000'000 ? 6 : size < 100'000'000'000'000 ? 3 : 0;
    if (size >= 100'000'000'000'000'000) return false;
    return decimal_scaled(text, scale, Rounding::cut, out) && within_accepted(out);
}

}  // namespace roost
